//! The store: everything that agentmon remembers. `sqlite` is the only place with SQL (I4).
//!
//! One process writes, any number read. There is one backend so far and therefore no trait: a second backend will
//! show where its seam runs, and brings the shared story of tests with it.

mod lock;
pub mod sqlite;

pub use lock::{LockError, WriterLock};

use std::path::PathBuf;

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder for agentmon's own files cannot be used.
    #[error("cannot use the data folder {}: {source}; choose another with --data-dir or AGENTMON_DATA_DIR", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A copy of the database cannot be written.
    #[error("cannot write the copy {}: {source}", path.display())]
    Copy {
        /// The copy.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database is not a database or is damaged, and could not be moved aside.
    #[error("the database {} is damaged and could not be moved aside: {source}", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The database turned out to be damaged while it was used.
    #[error(
        "the database is damaged ({0}): start agentmon again, and it moves the file aside and reads the agents' files anew"
    )]
    Damaged(#[source] rusqlite::Error),
    /// A newer agentmon wrote this database.
    #[error(
        "the database {} has schema version {found}, this agentmon knows up to {known}: update agentmon or use another --data-dir",
        path.display()
    )]
    TooNew {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that this program knows.
        known: u32,
    },
    /// An older agentmon wrote this database, or none yet, and this process may not change it.
    #[error(
        "the database {} has schema version {found}, this agentmon reads {known}: let it write once, after the agentmon that writes now has ended",
        path.display()
    )]
    TooOld {
        /// The database.
        path: PathBuf,
        /// Its version; 0 when nothing was written yet.
        found: u32,
        /// The version that this program reads.
        known: u32,
    },
    /// The disk is full. Nothing of the last change was stored.
    #[error(
        "the disk is full: nothing of the last change was stored; free some space and try again"
    )]
    Full(#[source] rusqlite::Error),
    /// Another process holds the database for longer than agentmon waits.
    #[error("the database is locked by another process; try again, or see `agentmon doctor`")]
    Busy(#[source] rusqlite::Error),
    /// This process only reads: another one writes.
    #[error("process {pid} writes to this database; this one only reads")]
    ReadOnly {
        /// The writer.
        pid: u32,
    },
    /// Anything else that SQLite reports.
    #[error("database error: {0}")]
    Sqlite(#[source] rusqlite::Error),
    /// A value in the database cannot be read.
    #[error(
        "the database holds a {what} that cannot be read: {source}; `agentmon db check` tells more"
    )]
    Value {
        /// What it is.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{
            DatabaseBusy, DatabaseCorrupt, DatabaseLocked, DiskFull, NotADatabase,
        };
        // The file that writer and readers share could not be made as long as it must be.
        let no_room = |error: &rusqlite::Error| {
            error.sqlite_error().map(|error| error.extended_code)
                == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
        };
        match error.sqlite_error_code() {
            Some(_) if no_room(&error) => Self::Full(error),
            Some(DiskFull) => Self::Full(error),
            Some(DatabaseBusy | DatabaseLocked) => Self::Busy(error),
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}
