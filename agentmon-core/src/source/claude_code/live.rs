//! `sessions/<pid>.json` -> evidence.

use std::path::Path;
use std::sync::Arc;

use crate::model::{Batch, Timestamp};
use crate::source::process::ProcessTable;
use crate::source::{FileInfo, Parser, Want};

/// Whether a path relative to the root is a live file. Never true for the `*.key` files beside them, which are secret.
#[must_use]
pub fn is_live(relative: &Path) -> bool {
    let mut parts = relative.iter().filter_map(|part| part.to_str());
    let (Some("sessions"), Some(name), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    name.strip_suffix(".json")
        .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Reads one live file.
#[derive(Debug)]
pub struct LiveParser {
    processes: Arc<dyn ProcessTable>,
}

impl LiveParser {
    /// A parser for a file that was not read before.
    #[must_use]
    pub fn start(processes: Arc<dyn ProcessTable>) -> Self {
        Self { processes }
    }

    /// A parser that knows what it said before, or `None` when `state` is not of this version.
    #[must_use]
    pub fn resume(state: &[u8], processes: Arc<dyn ProcessTable>) -> Option<Self> {
        let _ = state;
        Some(Self { processes })
    }
}

impl Parser for LiveParser {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch) {
        let _ = (base, bytes, want, now, out, &self.processes);
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The file is gone: the client removes it when it exits in order.
pub fn removed(
    file: &FileInfo,
    state: &[u8],
    now: Timestamp,
    processes: &dyn ProcessTable,
    out: &mut Batch,
) {
    let _ = (file, state, now, processes, out);
}
