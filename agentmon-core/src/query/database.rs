//! What `agentmon db` tells of the database.

use std::path::PathBuf;

use crate::model::Timestamp;

/// Size and content of the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DbStats {
    /// The file; `None` in memory.
    pub path: Option<PathBuf>,
    /// Its size in bytes.
    pub bytes: u64,
    /// Size of its write-ahead log in bytes.
    pub wal_bytes: u64,
    /// Bytes that a vacuum would free.
    pub free_bytes: u64,
    /// The schema's version.
    pub schema_version: u32,
    /// Rows by table, in a fixed order.
    pub tables: Vec<TableStats>,
    /// The earliest call.
    pub oldest: Option<Timestamp>,
    /// The latest call.
    pub newest: Option<Timestamp>,
    /// The process that writes to it, if another one does.
    pub writer_pid: Option<u32>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStats {
    /// What it holds (`sessions`, `calls`, `events`, ...).
    pub name: Box<str>,
    /// Rows.
    pub rows: u64,
}

/// A finished backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DbBackup {
    /// The copy.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
}

/// A finished vacuum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbVacuum {
    /// Size before, in bytes.
    pub before: u64,
    /// Size after, in bytes.
    pub after: u64,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DbCheck {
    /// What is wrong; empty when all is well.
    pub problems: Vec<Box<str>>,
}
