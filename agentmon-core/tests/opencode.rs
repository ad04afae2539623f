//! opencode's database and its files of before: recordings of real clients against what the provider sent, and a
//! database that is written while it is read.
#![cfg(feature = "monitor")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail and say what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{EventKind, EventStatus, ProblemKind, Relation, Timestamp, Usage};
use agentmon_core::query::{EventFilter, SessionView};
use agentmon_core::source::opencode::OpenCode;
use agentmon_core::source::{Env, FileFormat, FileRole};
use common::{assert_same, by_session, copy, fixture, monitor, refresh};
use rusqlite::Connection;
use serde_json::Value;

/// A home with the database, the old files, or both.
fn home(database: bool, files: bool) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join(".local/share/opencode");
    fs::create_dir_all(&root).unwrap();
    if database {
        let bytes = fs::read(fixture("opencode/opencode.db.zst")).unwrap();
        let bytes = zstd::decode_all(&*bytes).unwrap();
        fs::write(root.join("opencode.db"), bytes).unwrap();
    }
    if files {
        copy(&fixture("opencode/storage"), &root.join("storage"));
    }
    home
}

fn database(home: &Path) -> Connection {
    Connection::open(home.join(".local/share/opencode/opencode.db")).unwrap()
}

/// A monitor that looks soon after the recordings ended, when states still matter.
fn monitor_at(home: &Path, time: &str) -> Monitor {
    let env = Env::at(home);
    Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(ManualClock::at(Timestamp::parse(time).unwrap()))
        .in_memory()
        .open()
        .unwrap()
}

fn session(monitor: &Monitor, id: &str) -> SessionView {
    let list = monitor.sessions(&Default::default()).unwrap();
    let mut found = list.sessions.into_iter();
    found
        .find(|session| session.key.native_id.starts_with(id))
        .unwrap()
}

/// Sums as the provider sent them, of sessions of a client's version.
fn expected(version: &str) -> BTreeMap<(String, String), (u64, Usage)> {
    let expected: Value =
        serde_json::from_slice(&fs::read(fixture("opencode/expected.json")).unwrap()).unwrap();
    let recordings = expected["recordings"].as_array().unwrap();
    let recording = recordings
        .iter()
        .find(|it| it["version"] == version)
        .unwrap();
    let mut wanted = BTreeMap::new();
    for (session, entry) in recording["sessions"].as_object().unwrap() {
        if entry["unrecorded_on_disk"] == true {
            // Killed before the client wrote the call down: nothing on disk can tell.
            continue;
        }
        for (model, tokens) in entry["models"].as_object().unwrap() {
            let count = |name: &str| tokens[name].as_u64().unwrap();
            let usage = Usage {
                input: count("prompt_tokens") - count("cached_tokens"),
                cache_read: count("cached_tokens"),
                output: count("completion_tokens"),
                reasoning: count("reasoning_tokens"),
                ..Usage::default()
            };
            wanted.insert((session.clone(), model.clone()), (count("calls"), usage));
        }
    }
    wanted
}

fn found(monitor: &Monitor) -> BTreeMap<(String, String), (u64, Usage)> {
    by_session(monitor)
        .into_iter()
        .map(|(key, sums)| (key, (sums.requests, sums.usage)))
        .collect()
}

#[test]
fn every_recorded_session_counts_to_the_last_token() {
    let home = home(true, true);
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let mut wanted = expected("1.18.33");
    wanted.extend(expected("1.0.185"));
    assert_eq!(wanted.len(), 19);
    assert_same("opencode", &found(&monitor), &wanted);
    for source in monitor.sources().unwrap() {
        assert_eq!(source.problems, [], "{:?}", source.agent);
    }
    // What the client itself reckons, which knows its provider's price.
    let serve = session(&monitor, "ses_e0273bd44ffe");
    assert_eq!(serve.title.as_deref(), Some("Served session"));
}

#[test]
fn sessions_know_their_folder_parent_title_and_version() {
    let home = home(true, true);
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    for (child, parent, version) in [
        ("ses_e02746f72ffe", "ses_e027475abffe", "1.18.33"),
        ("ses_e026aeabfffe", "ses_e026aeb19ffe", "1.0.185"),
    ] {
        let (child, parent) = (session(&monitor, child), session(&monitor, parent));
        assert_eq!(child.parent, Some((parent.key, Relation::Spawned)));
        assert_eq!(child.title.as_deref(), Some("sub work (@general subagent)"));
        assert_eq!(child.version.as_deref(), Some(version));
        assert_eq!(child.cwd.as_deref(), Some("/home/user/project"));
        assert_eq!(child.model.as_deref(), Some("mock-model"));
        assert_eq!(parent.title.as_deref(), Some("Mock session title"));
    }
    let fork = session(&monitor, "ses_e027487a9ffe");
    assert_eq!(fork.parent, None);
    let child = session(&monitor, "ses_e02746f72ffe");
    assert_eq!(child.role.as_deref(), Some("general"));
}

#[test]
fn the_database_tells_what_a_session_does() {
    let home = home(true, false);
    let monitor = monitor_at(home.path(), "2026-11-21T10:01:00Z");
    refresh(&monitor).unwrap();
    for (id, state) in [
        ("ses_e02751f3bffe", "idle/turn_done"),
        ("ses_e02750b90ffe", "idle/turn_done"),
        // Refused, aborted, failed, killed in the middle of a tool.
        ("ses_e0274f09fffe", "idle/interrupted"),
        ("ses_e0273d821ffe", "idle/interrupted"),
        ("ses_e0273bd44ffe", "idle/interrupted"),
        ("ses_e02744e03ffe", "failed/api_error(APIError)"),
        ("ses_e0273fb5fffe", "working/tool(bash)"),
        ("ses_e02744059ffe", "idle/turn_done"),
    ] {
        let session = session(&monitor, id);
        let found = format!("{}/{}", session.state.as_str(), session.reason);
        assert!(found.starts_with(state), "{id}: {found}, not {state}");
    }
}

#[test]
fn timelines_hold_what_was_said_and_done() {
    for (home, id) in [
        (home(true, false), "ses_e02750b90ffe9J3Cvwz1Z65V6j"),
        (home(false, true), "ses_e026af589ffevoypTW1jEDeuNW"),
    ] {
        let monitor = monitor(home.path());
        refresh(&monitor).unwrap();
        let filter = EventFilter {
            sessions: vec![id.into()],
            ..EventFilter::default()
        };
        let events = monitor.events(&filter).unwrap().events;
        let of = |kind| events.iter().filter(move |event| event.kind == kind);
        assert!(of(EventKind::UserPrompt).all(|event| event.text.contains("[[scenario:")));
        assert!(of(EventKind::UserPrompt).count() >= 1);
        assert!(of(EventKind::Response).any(|it| &*it.text == "I will list the files."));
        assert!(of(EventKind::ToolUse).any(|event| &*event.text == "ls -la"));
        let result = of(EventKind::ToolResult).find(|it| it.text.starts_with("hello world"));
        assert_eq!(result.unwrap().status, EventStatus::Success);
    }
}

#[test]
fn old_files_that_were_copied_into_the_database_count_once() {
    let home = home(true, true);
    let connection = database(home.path());
    connection
        .execute_batch(
            "INSERT INTO session (id, project_id, slug, directory, title, version, time_created, time_updated)
             SELECT 'ses_e026afa5bffeus9tQkH650DFvm', project_id, 'x', directory, title, '1.0.185', 1795255764388,
                 1795255764388 FROM session LIMIT 1",
        )
        .unwrap();
    let path = fixture("opencode/storage/message/ses_e026afa5bffeus9tQkH650DFvm");
    for entry in fs::read_dir(path).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let message: Value = serde_json::from_str(&text).unwrap();
        connection
            .execute(
                "INSERT INTO message VALUES (?1, ?2, ?3, ?3, ?4)",
                (
                    message["id"].as_str().unwrap(),
                    message["sessionID"].as_str().unwrap(),
                    message["time"]["created"].as_i64().unwrap(),
                    text,
                ),
            )
            .unwrap();
    }
    drop(connection);
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let mut wanted = expected("1.18.33");
    wanted.extend(expected("1.0.185"));
    assert_same("opencode", &found(&monitor), &wanted);
}

/// Adds an answer to a session; `tokens` of output.
fn answer(connection: &Connection, session: &str, id: &str, at: i64, tokens: u64) {
    let data = format!(
        r#"{{"role":"assistant","modelID":"mock-model","time":{{"created":{at},"completed":{at}}},"finish":"stop",
            "tokens":{{"total":{tokens},"input":0,"output":{tokens},"reasoning":0,"cache":{{"read":0,"write":0}}}}}}"#
    );
    connection
        .execute(
            "INSERT OR REPLACE INTO message VALUES (?1, ?2, ?3, ?4, ?5)",
            (id, session, at, at + 1, data),
        )
        .unwrap();
}

const SESSION: &str = "ses_e02751f3bffep5tvzubolNcxqW";

#[test]
fn only_what_is_new_is_read_again() {
    let home = home(true, false);
    let connection = database(home.path());
    connection
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let before = found(&monitor);
    let key = (SESSION.to_owned(), "mock-model".to_owned());
    // The newest session is written without being touched itself, an old one is resumed.
    let newest = "ses_e0273bd44ffepU7XQ6WVkIuWAD";
    answer(&connection, newest, "msg_zz1", 1_795_255_300_000, 7);
    answer(&connection, SESSION, "msg_zz2", 1_795_255_300_000, 11);
    connection
        .execute(
            "UPDATE session SET time_updated = 1795255300001 WHERE id = ?1",
            [SESSION],
        )
        .unwrap();
    refresh(&monitor).unwrap();
    let after = found(&monitor);
    assert_eq!(after[&key].0, before[&key].0 + 1);
    assert_eq!(after[&key].1.output, before[&key].1.output + 11);
    let newest = (newest.to_owned(), "mock-model".to_owned());
    assert_eq!(after[&newest].1.output, before[&newest].1.output + 7);
    // An answer grows in place.
    answer(&connection, SESSION, "msg_zz2", 1_795_255_300_005, 13);
    refresh(&monitor).unwrap();
    assert_eq!(found(&monitor)[&key].1.output, before[&key].1.output + 13);
}

#[test]
fn watching_notices_what_is_in_the_log_alone() {
    let home = home(true, false);
    let connection = database(home.path());
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0")
        .unwrap();
    let monitor = monitor(home.path());
    let watching = monitor.start().unwrap();
    let key = (SESSION.to_owned(), "mock-model".to_owned());
    let wait = |requests: u64| {
        let end = Instant::now() + Duration::from_secs(20);
        while found(&monitor)
            .get(&key)
            .is_none_or(|sums| sums.0 != requests)
        {
            assert!(Instant::now() < end, "not noticed: {:?}", found(&monitor));
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait(1);
    let begin = Instant::now();
    for number in 2..5 {
        let at = 1_795_255_300_000 + number as i64;
        answer(&connection, SESSION, &format!("msg_zz{number}"), at, 7);
        connection
            .execute(
                "UPDATE session SET time_updated = ?2 WHERE id = ?1",
                (SESSION, at),
            )
            .unwrap();
        wait(number);
    }
    // Sweeps come every half minute: these were notifications.
    assert!(begin.elapsed() < Duration::from_secs(15));
    drop(watching);
}

#[test]
fn another_schema_is_one_problem_and_no_more() {
    let home = home(true, false);
    let connection = database(home.path());
    connection
        .execute_batch("ALTER TABLE message RENAME COLUMN data TO body")
        .unwrap();
    let monitor = monitor(home.path());
    for _ in 0..2 {
        refresh(&monitor).unwrap();
        assert!(found(&monitor).is_empty());
        let sources = monitor.sources().unwrap();
        let problems: Vec<_> = sources.iter().flat_map(|it| &it.problems).collect();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].kind, ProblemKind::UnknownVersion);
        assert_eq!(problems[0].count, 1);
    }
}

#[test]
fn the_data_may_lie_elsewhere() {
    let env = Env::at("/home/u").with("XDG_DATA_HOME", "/data");
    let roots = OpenCode.roots(&env.with("OPENCODE_DB", "~/oc/opencode-x.db"));
    let paths: Vec<_> = roots.iter().map(|root| root.path.as_path()).collect();
    assert_eq!(
        paths,
        [Path::new("/home/u/oc"), Path::new("/data/opencode")]
    );
    for (path, role) in [
        ("opencode.db", Some(FileRole::Database)),
        ("opencode-dev.db", Some(FileRole::Database)),
        ("opencode.db-wal", None),
        ("auth.json", None),
        ("storage/session/p/ses_1.json", Some(FileRole::Snapshot)),
        ("storage/message/ses_1/msg_1.json", Some(FileRole::Document)),
        ("storage/part/msg_1/prt_1.json", None),
    ] {
        assert_eq!(OpenCode.role(Path::new(path)), role, "{path}");
    }
}
