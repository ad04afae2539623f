//! One writer per data folder: a lock file that names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The right to write to a data folder. Given back when dropped, also by a crash: the system drops the lock.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

/// Why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("process {pid} has it")]
    Held {
        /// The holder, or 0 when it has not said.
        pid: u32,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl WriterLock {
    /// Takes the lock `path`, creating the file when it is missing.
    ///
    /// # Errors
    /// [`LockError::Held`] when another process has it.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {
                // Who holds it is a courtesy: a full disk must not keep its database from being read.
                let _ = say_who(&mut file);
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing just now: an unreadable pid is no reason to fail.
                let _ = file.take(32).read_to_string(&mut text);
                Err(LockError::Held {
                    pid: text.trim().parse().unwrap_or(0),
                })
            }
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

fn say_who(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}
