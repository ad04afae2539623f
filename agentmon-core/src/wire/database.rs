//! `agentmon.db.v1`: one object for each of the four commands, told apart by `command`.

use serde::Serialize;

use super::part::Time;
use crate::query::{DbBackup, DbCheck, DbStats, DbVacuum};

const SCHEMA: &str = "agentmon.db.v1";

/// Size and content.
#[must_use]
pub fn db_stats(stats: &DbStats) -> impl Serialize + '_ {
    Stats {
        schema: SCHEMA,
        command: "stats",
        path: stats.path.as_ref().map(|path| path.display().to_string()),
        bytes: stats.bytes,
        wal_bytes: stats.wal_bytes,
        free_bytes: stats.free_bytes,
        schema_version: stats.schema_version,
        rows: stats
            .tables
            .iter()
            .map(|table| Table {
                table: &table.name,
                rows: table.rows,
            })
            .collect(),
        oldest_call_at: stats.oldest.map(Time),
        newest_call_at: stats.newest.map(Time),
        writer_pid: stats.writer_pid,
    }
}

/// A finished backup.
#[must_use]
pub fn db_backup(backup: &DbBackup) -> impl Serialize + use<> {
    Backup {
        schema: SCHEMA,
        command: "backup",
        path: backup.path.display().to_string(),
        bytes: backup.bytes,
    }
}

/// A finished vacuum.
#[must_use]
pub fn db_vacuum(vacuum: DbVacuum) -> impl Serialize + use<> {
    Vacuum {
        schema: SCHEMA,
        command: "vacuum",
        bytes_before: vacuum.before,
        bytes_after: vacuum.after,
    }
}

/// The result of a check.
#[must_use]
pub fn db_check(check: &DbCheck) -> impl Serialize + '_ {
    Check {
        schema: SCHEMA,
        command: "check",
        ok: check.problems.is_empty(),
        problems: &check.problems,
    }
}

#[derive(Serialize)]
struct Stats<'a> {
    schema: &'static str,
    command: &'static str,
    path: Option<String>,
    bytes: u64,
    wal_bytes: u64,
    free_bytes: u64,
    schema_version: u32,
    rows: Vec<Table<'a>>,
    oldest_call_at: Option<Time>,
    newest_call_at: Option<Time>,
    writer_pid: Option<u32>,
}

#[derive(Serialize)]
struct Table<'a> {
    table: &'a str,
    rows: u64,
}

#[derive(Serialize)]
struct Backup {
    schema: &'static str,
    command: &'static str,
    path: String,
    bytes: u64,
}

#[derive(Serialize)]
struct Vacuum {
    schema: &'static str,
    command: &'static str,
    bytes_before: u64,
    bytes_after: u64,
}

#[derive(Serialize)]
struct Check<'a> {
    schema: &'static str,
    command: &'static str,
    ok: bool,
    problems: &'a [Box<str>],
}
