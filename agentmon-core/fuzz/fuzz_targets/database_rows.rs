//! Databases of opencode and OpenClaw in whose rows stands what no agent would write.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use agentmon_core::model::Batch;
use agentmon_core::source::opencode::OpenCode;
use agentmon_core::source::openclaw::OpenClawSqlite;
use agentmon_core::source::{Database, FileFormat, FileInfo, FileRole, Request, Want};
use agentmon_core_fuzz::{NOW, file, holds, records};
use libfuzzer_sys::fuzz_target;
use rusqlite::{Connection, types::Value};

macro_rules! recorded {
    ($path:literal) => {
        include_bytes!(concat!("../../tests/fixtures/", $path))
    };
}

/// A recorded database, its place below the agent's folder, and the columns that are overwritten.
struct Case {
    format: &'static dyn FileFormat,
    path: &'static str,
    database: Vec<u8>,
    columns: &'static [(&'static str, &'static str)],
}

static CASES: LazyLock<[Case; 2]> = LazyLock::new(|| {
    let unpack = |packed: &[u8]| zstd::decode_all(packed).expect("the recording is whole");
    [
        Case {
            format: &OpenCode,
            path: "opencode.db",
            database: unpack(recorded!("opencode/opencode.db.zst")),
            columns: &[("message", "data"), ("part", "data"), ("session", "title")],
        },
        Case {
            format: &OpenClawSqlite,
            path: "agents/main/agent/openclaw-agent.sqlite",
            database: unpack(recorded!(
                "openclaw/openclaw-2026.9.6/agents/main/agent/openclaw-agent.sqlite.zst"
            )),
            columns: &[
                ("transcript_events", "event_json"),
                ("transcript_events", "event_zstd"),
                ("session_transcript_archives", "archive_blob"),
            ],
        },
    ]
});

/// Where the databases lie: in memory where the system has such a place.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
    base.join(format!("agentmon-fuzz-{}", std::process::id()))
});

/// Puts the records of an input where the agent's own stood.
fn overwrite(case: &Case, path: &PathBuf, data: &[u8]) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA ignore_check_constraints = ON; PRAGMA synchronous = OFF")?;
    let changes = connection.transaction()?;
    for (number, record) in records(data).enumerate().take(64) {
        let (table, column) = case.columns[number % case.columns.len()];
        let value = match str::from_utf8(record) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Blob(record.to_owned()),
        };
        let sql = format!(
            "UPDATE {table} SET {column} = ?1 WHERE rowid = (SELECT rowid FROM {table} LIMIT 1 OFFSET ?2)"
        );
        // A constraint of the agent's own may refuse it.
        let row = i64::try_from(number / case.columns.len()).unwrap_or(i64::MAX);
        let _ = changes.execute(&sql, (value, row));
    }
    changes.commit()
}

fn read(case: &Case, info: &FileInfo, want: Want) {
    let mut parser = case.format.start(info);
    let mut out = Batch::default();
    let request = Request { want, now: NOW };
    for _ in 0..10_000 {
        let database = Database::open(&info.path).expect("the database is there");
        match parser.query(&database, request, &mut out) {
            Ok(true) => {}
            Ok(false) | Err(_) => break,
        }
    }
    holds(&out);
    let state = parser.state();
    assert!(case.format.resume(info, &state).is_some());
}

fuzz_target!(|data: &[u8]| {
    let case = &CASES[data.len() % CASES.len()];
    let mut info = file(FileRole::Database, case.path);
    info.path = FOLDER.join(case.path);
    info.root = FOLDER.clone();
    fs::create_dir_all(info.path.parent().expect("it lies in a folder")).expect("a folder");
    fs::write(&info.path, &case.database).expect("a copy");
    overwrite(case, &info.path, data).expect("the recording is sound");
    for want in [Want::ACCOUNTING, Want::LIVE, Want::CONTENT] {
        read(case, &info, want);
    }
    let _ = fs::remove_dir_all(&*FOLDER);
});
