//! What hooks told while no server listened: a folder of files, one for each, named by time, agent and process.
//!
//! They are read in the order of their times by whoever opens the store for writing next, and deleted when what they
//! hold is committed. A crash in between delivers a file twice: its time is part of the identity of what it tells, so it
//! is stored once. The same holds for a hook that a server took in without being able to say so.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::HookAgent;
use super::hand_over::MAX_PAYLOAD;
use super::running::write_private;
use crate::Monitor;
use crate::ingest::{Delivery, IngestError};
use crate::model::{Batch, SessionKey, Timestamp};

/// The folder in the data folder.
const FOLDER: &str = "spool";
/// What the files' names end with.
const SUFFIX: &str = ".json";
/// Files that may wait.
const MAX_FILES: usize = 4096;
/// Bytes that may wait.
const MAX_BYTES: u64 = 64 << 20;
/// Files that are stored together.
const GROUP: usize = 256;

/// Leaves what `agent` told at `at`.
///
/// # Errors
/// The folder is full or cannot be written.
pub fn put(data_dir: &Path, agent: HookAgent, payload: &[u8], at: Timestamp) -> io::Result<()> {
    let folder = data_dir.join(FOLDER);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&folder)?;
    let mut files = 0;
    let mut bytes = payload.len() as u64;
    for entry in fs::read_dir(&folder)?.flatten() {
        files += 1;
        bytes += entry.metadata().map_or(0, |file| file.len());
    }
    if files >= MAX_FILES || bytes > MAX_BYTES {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let name = format!(
        "{:015}.{}.{}{SUFFIX}",
        at.0.max(0),
        agent.as_str(),
        std::process::id()
    );
    write_private(&folder, &name, payload)
}

/// A file of the spool.
#[derive(Debug)]
struct Spooled {
    path: PathBuf,
    at: Timestamp,
    agent: HookAgent,
}

/// The files that wait, the oldest first.
fn waiting(data_dir: &Path) -> Vec<Spooled> {
    let Ok(entries) = fs::read_dir(data_dir.join(FOLDER)) else {
        return Vec::new();
    };
    let mut files: Vec<Spooled> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let mut parts = name.strip_suffix(SUFFIX)?.split('.');
            let at = Timestamp(parts.next()?.parse().ok()?);
            let agent = HookAgent::parse(parts.next()?)?;
            let path = entry.path();
            Some(Spooled { path, at, agent })
        })
        .collect();
    files.sort_by(|a, b| (a.at, &a.path).cmp(&(b.at, &b.path)));
    files
}

/// Stores what hooks left in a data folder. Returns how many there were.
///
/// # Errors
/// [`IngestError`]: what is not stored yet stays where it is.
pub fn replay(monitor: &Monitor, data_dir: &Path) -> Result<usize, IngestError> {
    let files = waiting(data_dir);
    let known = |key: &SessionKey| monitor.knows(key);
    for group in files.chunks(GROUP) {
        let mut batch = Batch::default();
        for file in group {
            // What cannot be read now cannot be read later.
            match read(&file.path) {
                Ok(payload) => {
                    if let Err(problem) = file.agent.read(&payload, file.at, &known, &mut batch) {
                        tracing::warn!(file = %file.path.display(), detail = %problem.detail, "a spooled hook is none");
                    }
                }
                Err(error) => {
                    tracing::warn!(file = %file.path.display(), %error, "cannot read a spooled hook");
                }
            }
        }
        monitor.ingest_blocking(Delivery::Observed(Box::new(batch)))?;
        for file in group {
            if let Err(error) = fs::remove_file(&file.path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(file = %file.path.display(), %error, "cannot delete a spooled hook");
            }
        }
    }
    Ok(files.len())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Nobody but a hook writes here, and hooks write no more.
    if fs::symlink_metadata(path)?.len() > MAX_PAYLOAD as u64 {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read(path)
}
