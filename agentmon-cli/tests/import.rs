//! `agentmon import`: everything that is known on one machine, and all that agents left there, taken in on another.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// Recordings of the agents, and where they belong below a home folder.
const AGENTS: [(&str, &str); 9] = [
    ("claude_code/home", ""),
    ("codex/sessions", ".codex/sessions"),
    ("codex/archived_sessions", ".codex/archived_sessions"),
    ("codex/legacy/0.45.0", ".codex"),
    ("gemini", ".gemini"),
    ("gemini/legacy", ".gemini"),
    ("opencode", ".local/share/opencode"),
    ("openclaw/openclaw-2026.9.6", ".openclaw"),
    ("further/home", ""),
];

/// Copies a folder; databases are recorded in little space.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let database = name
            .strip_suffix(".zst")
            .filter(|name| name.ends_with(".db") || name.ends_with(".sqlite"));
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
            continue;
        }
        let mut content = fs::read(entry.path()).unwrap();
        if database.is_some() {
            content = zstd::decode_all(&*content).unwrap();
        }
        let target = to.join(database.unwrap_or(&name));
        fs::write(&target, content).unwrap();
        // What changed a moment ago is looked at twice, and some figures are dated by their file: 2026-11-21T12:00:00Z.
        let written = UNIX_EPOCH + Duration::from_secs(1_795_262_400);
        let file = File::options().write(true).open(&target).unwrap();
        file.set_modified(written).unwrap();
    }
}

/// A folder with recordings of agents.
fn recorded(agents: &[(&str, &str)]) -> TempDir {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../agentmon-core/tests/fixtures");
    let home = tempfile::tempdir().unwrap();
    for (from, to) in agents {
        copy(&fixtures.join(from), &home.path().join(to));
    }
    home
}

fn stdout(home: &Path, arguments: &[&str]) -> String {
    let output = Command::cargo_bin("agentmon")
        .unwrap()
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .args(arguments)
        .assert()
        .success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn json(home: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(home, &[arguments, &["--json"]].concat())).unwrap()
}

/// All that two homes must agree on: usage to the token, the facts of sessions, events.
fn known(home: &Path) -> BTreeMap<String, Value> {
    let mut known = BTreeMap::new();
    let by = ["usage", "daily", "--by", "agent,model,project,session"];
    let usage = json(home, &by);
    for part in ["totals", "unattributed", "unpriced"] {
        known.insert(part.to_owned(), usage[part].clone());
    }
    for row in usage["rows"].as_array().unwrap() {
        let name = [&row["period"], &row["session_id"], &row["model"]];
        known.insert(format!("usage {name:?}"), row.clone());
    }
    let sessions = json(home, &["sessions", "--subagents"]);
    for session in sessions["sessions"].as_array().unwrap() {
        let mut session = session.clone();
        let fields = session.as_object_mut().unwrap();
        // What it does now, and where its files are, holds on one machine.
        for here in [
            "state",
            "reason",
            "detail",
            "since",
            "liveness",
            "pid",
            "transcript",
            "blocked_ms",
        ] {
            fields.remove(here);
        }
        known.insert(format!("session {}", session["id"]), session);
    }
    for line in stdout(home, &["export", "events"]).lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        event.as_object_mut().unwrap().remove("id");
        known.insert(format!("event {}", event["key"]), event);
    }
    known
}

fn assert_same(known: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>, what: &str) {
    for (name, value) in expected {
        assert_eq!(known.get(name), Some(value), "{what}: {name}");
    }
    let more = known.keys().find(|name| !expected.contains_key(*name));
    assert_eq!(more, None, "{what}");
}

/// What an import added.
fn added(report: &Value) -> [u64; 3] {
    ["new_sessions", "new_calls", "new_events"].map(|new| report[new].as_u64().unwrap())
}

#[test]
fn what_is_exported_is_imported_exactly_and_once() {
    let home = recorded(&AGENTS);
    let expected = known(home.path());
    assert!(expected.len() > 500, "{}", expected.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("everything.jsonl");
    let path = file.to_str().unwrap();
    stdout(home.path(), &["export", "all", "--out", path]);
    let whole = fs::read(&file).unwrap();

    let elsewhere = tempfile::tempdir().unwrap();
    // Cut off in the middle of a line, then whole, then again.
    fs::write(&file, &whole[..whole.len() / 3]).unwrap();
    assert!(added(&json(elsewhere.path(), &["import", path]))[0] > 0);
    fs::write(&file, &whole).unwrap();
    let report = json(elsewhere.path(), &["import", path]);
    assert_eq!(report["problems"], 0, "{report}");
    assert_same(&known(elsewhere.path()), &expected, "imported");
    let again = json(elsewhere.path(), &["import", path]);
    assert_eq!((added(&again), &again["bytes_read"]), ([0; 3], &0.into()));
    // A second copy, and the transcripts themselves, tell nothing new.
    let copy = folder.path().join("copy.jsonl");
    fs::copy(&file, &copy).unwrap();
    let again = json(elsewhere.path(), &["import", copy.to_str().unwrap()]);
    assert_eq!(added(&again), [0; 3]);
    let transcripts = json(elsewhere.path(), &["import", home.path().to_str().unwrap()]);
    assert_eq!(added(&transcripts)[1..], [0; 2]);
    assert_eq!(known(elsewhere.path())["totals"], expected["totals"]);
    // Nor do they where the agents ran.
    assert_eq!(added(&json(home.path(), &["import", path])), [0; 3]);
    assert_same(
        &known(home.path()),
        &expected,
        "imported where it came from",
    );
}

#[test]
fn kinds_that_are_exported_apart_are_imported_in_any_order() {
    let home = recorded(&AGENTS[..4]);
    let expected = known(home.path());
    let elsewhere = tempfile::tempdir().unwrap();
    for what in ["events", "calls", "sessions"] {
        let file = elsewhere.path().join(format!("{what}.jsonl"));
        stdout(
            home.path(),
            &["export", what, "--out", file.to_str().unwrap()],
        );
        json(elsewhere.path(), &["import", file.to_str().unwrap()]);
    }
    assert_same(&known(elsewhere.path()), &expected, "in parts");
    // Sums are no facts.
    let sums = elsewhere.path().join("usage.jsonl");
    let path = sums.to_str().unwrap();
    stdout(home.path(), &["export", "usage", "--out", path]);
    let text = stdout(elsewhere.path(), &["import", path]);
    assert!(text.contains("export calls"), "{text}");
    assert_same(&known(elsewhere.path()), &expected, "sums");
}

#[test]
fn folders_of_every_agent_are_imported_from_anywhere() {
    for agent in AGENTS {
        let home = recorded(&[agent]);
        let expected = json(home.path(), &["usage", "--by", "agent,model"]);
        let elsewhere = tempfile::tempdir().unwrap();
        let backup = elsewhere.path().join("backups/of a machine");
        fs::create_dir_all(backup.parent().unwrap()).unwrap();
        fs::remove_dir_all(home.path().join(".local/share/agentmon")).unwrap();
        copy(home.path(), &backup);
        let path = backup.to_str().unwrap();
        let report = json(elsewhere.path(), &["import", path]);
        assert!(added(&report)[2] > 0, "{agent:?}: {report}");
        let imported = json(elsewhere.path(), &["usage", "--by", "agent,model"]);
        assert_eq!(imported, expected, "{agent:?}");
        let again = json(elsewhere.path(), &["import", path]);
        assert_eq!(added(&again), [0; 3], "{agent:?}");
        assert_eq!(again["bytes_read"], 0, "{agent:?}");
    }
}
