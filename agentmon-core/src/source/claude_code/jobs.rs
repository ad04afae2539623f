//! `jobs/<id>/state.json` (background sessions) -> evidence.

use std::path::Path;

use crate::model::{Batch, Timestamp};
use crate::source::{FileInfo, Parser, Want};

/// Whether a path relative to the root is the state of a background session.
#[must_use]
pub fn is_job(relative: &Path) -> bool {
    let mut parts = relative.iter().filter_map(|part| part.to_str());
    matches!(
        (parts.next(), parts.next(), parts.next(), parts.next()),
        (Some("jobs"), Some(_), Some("state.json"), None)
    )
}

/// Reads the state of one background session.
#[derive(Debug, Default)]
pub struct JobParser {}

impl JobParser {
    /// A parser for a file that was not read before.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }

    /// A parser that knows what it said before, or `None` when `state` is not of this version.
    #[must_use]
    pub fn resume(state: &[u8]) -> Option<Self> {
        let _ = state;
        Some(Self::default())
    }
}

impl Parser for JobParser {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch) {
        let _ = (base, bytes, want, now, out);
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

/// The file is gone: the job was dismissed.
pub fn removed(file: &FileInfo, state: &[u8], now: Timestamp, out: &mut Batch) {
    let _ = (file, state, now, out);
}
