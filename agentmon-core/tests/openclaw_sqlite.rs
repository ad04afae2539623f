//! OpenClaw's databases: a recorded state folder, and what happens to one while it is read.
#![cfg(feature = "monitor")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail and say what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{EventKind, ProblemKind, Relation, Timestamp, Usage};
use agentmon_core::query::{EventFilter, SessionView};
use agentmon_core::source::Env;
use common::{assert_same, by_session, copy, fixture, refresh};
use rusqlite::Connection;
use serde_json::Value;

const MAIN: &str = "agents/main/agent/openclaw-agent.sqlite";
const STATE: &str = "state/openclaw.sqlite";
/// When the recording was almost over.
const SOON: &str = "2026-11-21T09:43:10Z";

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join(".openclaw");
        let recording = fixture("openclaw/openclaw-2026.9.6");
        copy(&recording, &root);
        for name in [MAIN, STATE] {
            let packed = root.join(format!("{name}.zst"));
            let bytes = zstd::decode_all(&*fs::read(&packed).unwrap()).unwrap();
            fs::write(root.join(name), bytes).unwrap();
            fs::remove_file(packed).unwrap();
        }
        Self(home)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(".openclaw").join(name)
    }

    fn open(&self, name: &str) -> Connection {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        Connection::open(path).unwrap()
    }

    fn monitor(&self, time: &str) -> Monitor {
        let env = Env::at(self.0.path());
        Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .clock(ManualClock::at(Timestamp::parse(time).unwrap()))
            .in_memory()
            .open()
            .unwrap()
    }

    fn refreshed(&self, time: &str) -> Monitor {
        let monitor = self.monitor(time);
        refresh(&monitor).unwrap();
        monitor
    }
}

type Totals = BTreeMap<(String, String), (u64, Usage)>;

fn found(monitor: &Monitor) -> Totals {
    by_session(monitor)
        .into_iter()
        .map(|(key, sums)| (key, (sums.requests, sums.usage)))
        .collect()
}

fn expected() -> Totals {
    let path = fixture("openclaw/own-count-2026.9.6.json");
    let expected: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let mut wanted = Totals::new();
    for (session, models) in expected.as_object().unwrap() {
        for (model, tokens) in models.as_object().unwrap() {
            let count = |name: &str| tokens[name].as_u64().unwrap();
            let usage = Usage {
                input: count("input"),
                cache_read: count("cache_read"),
                cache_creation_5m: count("cache_write"),
                output: count("output"),
                ..Usage::default()
            };
            wanted.insert((session.clone(), model.clone()), (count("calls"), usage));
        }
    }
    wanted
}

fn session(monitor: &Monitor, id: &str) -> SessionView {
    let list = monitor.sessions(&Default::default()).unwrap();
    let mut found = list.sessions.into_iter();
    found
        .find(|session| session.key.native_id.starts_with(id))
        .unwrap_or_else(|| panic!("no {id}"))
}

fn state(monitor: &Monitor, id: &str) -> String {
    let session = session(monitor, id);
    format!("{}/{}", session.state.as_str(), session.reason)
}

fn problems(monitor: &Monitor) -> Vec<(ProblemKind, String, u64)> {
    let sources = monitor.sources().unwrap();
    let problems = sources.into_iter().flat_map(|source| source.problems);
    problems
        .map(|problem| (problem.kind, problem.detail.to_string(), problem.count))
        .collect()
}

#[test]
fn every_transcript_is_counted_and_archives_are_not_counted_again() {
    let home = Home::new();
    let monitor = home.refreshed(SOON);
    assert_same("databases", &found(&monitor), &expected());
    assert_eq!(problems(&monitor), []);
}

#[test]
fn rows_and_transcripts_tell_the_facts() {
    let home = Home::new();
    let monitor = home.refreshed(SOON);
    let main = session(&monitor, "main/e4cf2923");
    assert_eq!(
        main.title.as_deref(),
        Some("Good morning. What is on the list today?")
    );
    assert_eq!(main.cwd.as_deref(), Some("/home/user/.openclaw/workspace"));
    assert_eq!(main.model.as_deref(), Some("mock-large"));
    assert_eq!(main.transcript, Some(home.path(MAIN)));
    let child = session(&monitor, "main/39cd2c51");
    assert_eq!(child.parent, Some((main.key.clone(), Relation::Spawned)));
    assert_eq!(child.role.as_deref(), Some("orchestrator"));
    assert_eq!(child.entrypoint.as_deref(), Some("subagent"));
    assert_eq!(
        child.title.as_deref(),
        Some("Summarise the notes file in one line")
    );
    // A compressed event is a prompt like any other.
    let long = EventFilter {
        sessions: vec!["main/5722c807-6652-42e2-8eae-664afcd23b05".into()],
        ..EventFilter::default()
    };
    let events = monitor.events(&long).unwrap().events;
    let prompt = events
        .iter()
        .find(|it| it.kind == EventKind::UserPrompt)
        .unwrap();
    assert!(prompt.text.len() > 1000);
    let result = events
        .iter()
        .find(|it| it.kind == EventKind::ToolResult)
        .unwrap();
    assert_eq!(result.tool.as_deref(), Some("exec"));
}

#[test]
fn rows_and_transcripts_tell_the_state() {
    let home = Home::new();
    let monitor = home.refreshed("2026-11-21T09:26:30Z");
    for (id, expected) in [
        ("main/eb9995e0", "idle/turn_done"),
        ("main/37fbedc6", "failed/api_error"),
        ("main/e4cf2923", "terminated/aborted"),
        ("main/777ba9b9", "completed/session_end"),
    ] {
        let found = state(&monitor, id);
        assert!(found.starts_with(expected), "{id}: {found}, not {expected}");
    }
}

#[test]
fn a_folder_with_files_and_databases_gives_each_fact_once() {
    let home = Home::new();
    let before = found(&home.refreshed(SOON));
    // What the files were before they were imported: the same entries under the same ids.
    let connection = home.open(MAIN);
    let mut select = connection
        .prepare("SELECT session_id, event_json, event_zstd FROM transcript_events ORDER BY session_id, seq")
        .unwrap();
    let mut rows = select.query([]).unwrap();
    let folder = home.path("agents/main/sessions");
    let mut texts: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some(row) = rows.next().unwrap() {
        let text = texts.entry(row.get(0).unwrap()).or_default();
        match row.get::<_, Option<String>>(1).unwrap() {
            Some(json) => text.extend(json.into_bytes()),
            None => text.extend(zstd::decode_all(&*row.get::<_, Vec<u8>>(2).unwrap()).unwrap()),
        }
        text.push(b'\n');
    }
    for (session, text) in texts {
        fs::write(folder.join(format!("{session}.jsonl")), text).unwrap();
    }
    let mut select = connection
        .prepare("SELECT session_key, entry_json FROM session_nodes")
        .unwrap();
    let rows = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let table: serde_json::Map<String, Value> = rows
        .map(|row| row.unwrap())
        .map(|(key, entry): (String, String)| (key, serde_json::from_str(&entry).unwrap()))
        .collect();
    fs::write(
        folder.join("sessions.json"),
        serde_json::to_vec(&table).unwrap(),
    )
    .unwrap();
    let monitor = home.refreshed(SOON);
    assert_same("both", &found(&monitor), &before);
    let count = monitor.sessions(&Default::default()).unwrap().matching;
    let alone = Home::new().refreshed(SOON);
    assert_eq!(count, alone.sessions(&Default::default()).unwrap().matching);
}

/// Adds an answer to a transcript.
fn answer(connection: &Connection, session: &str, seq: i64, output: u64) {
    let event = format!(
        r#"{{"type":"message","id":"new-{seq}","timestamp":"2026-11-21T09:50:{:02}.000Z","message":{{"role":"assistant",
            "content":[{{"type":"text","text":"more"}}],"provider":"mock","model":"mock-large","timestamp":{seq},
            "usage":{{"input":1,"output":{output},"cacheRead":0,"cacheWrite":0}},"stopReason":"stop"}}}}"#,
        seq % 60
    )
    .replace('\n', " ");
    connection
        .execute(
            "INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?1, ?2, ?3, ?2)",
            (session, seq, event),
        )
        .unwrap();
}

const QUEUE: &str = "eb9995e0-3265-4624-971f-fbf3a6b60eee";

#[test]
fn only_what_is_new_is_read_again() {
    let home = Home::new();
    let connection = home.open(MAIN);
    connection
        .execute_batch("PRAGMA journal_mode = WAL")
        .unwrap();
    let monitor = home.refreshed(SOON);
    let key = (format!("main/{QUEUE}"), "mock-large".to_owned());
    let before = found(&monitor)[&key];
    answer(&connection, QUEUE, 100, 5);
    refresh(&monitor).unwrap();
    assert_eq!(found(&monitor)[&key].0, before.0 + 1);
    assert_eq!(found(&monitor)[&key].1.output, before.1.output + 5);
    // A rewrite may give the numbers of events again: only the generation tells.
    connection
        .execute(
            "DELETE FROM transcript_events WHERE session_id = ?1 AND seq > 2",
            [QUEUE],
        )
        .unwrap();
    for seq in [3, 100] {
        answer(&connection, QUEUE, seq, 7);
    }
    connection
        .execute(
            "INSERT OR REPLACE INTO transcript_rewrite_watermarks VALUES (?1, 'new', 1)",
            [QUEUE],
        )
        .unwrap();
    refresh(&monitor).unwrap();
    // What was deleted was billed; of the answer under the id known before, the larger count stands.
    assert_eq!(found(&monitor)[&key].0, before.0 + 2);
    assert_eq!(found(&monitor)[&key].1.output, before.1.output + 14);
    // A deleted session keeps its history here.
    connection
        .execute(
            "DELETE FROM transcript_events WHERE session_id = ?1",
            [QUEUE],
        )
        .unwrap();
    refresh(&monitor).unwrap();
    assert_eq!(found(&monitor)[&key].0, before.0 + 2);
    assert_eq!(problems(&monitor), []);
}

#[test]
fn parents_are_found_across_agents_and_before_their_key_was_given_to_another_session() {
    let home = Home::new();
    let entry = |at: i64| {
        format!(
            r#"{{"sessionId":"child","sessionStartedAt":{at},"updatedAt":{at},"spawnedBy":"agent:main:main"}}"#
        )
    };
    // While `main` stood for its session, and long before it did.
    let begun = 1_795_253_067_971;
    for (agent, at) in [("research", begun + 5000), ("early", begun - 60_000)] {
        let connection = home.open(&format!("agents/{agent}/agent/openclaw-agent.sqlite"));
        connection
            .execute_batch(
                "CREATE TABLE session_nodes (session_key TEXT PRIMARY KEY, current_session_id TEXT, entry_json TEXT,
                     updated_at INTEGER);
                 CREATE TABLE session_windows (session_id TEXT PRIMARY KEY, session_key TEXT, created_at INTEGER,
                     updated_at INTEGER);
                 CREATE TABLE transcript_events (session_id TEXT, seq INTEGER, event_json TEXT);
                 PRAGMA journal_mode = WAL;",
            )
            .unwrap();
        connection
            .execute(
                "INSERT INTO session_nodes VALUES (?1, 'child', ?2, ?3)",
                (format!("agent:{agent}:subagent:x"), entry(at), at),
            )
            .unwrap();
    }
    // The versions with files know the other agent's file.
    let rows = |name: &str| home.path(&format!("agents/{name}/sessions/sessions.json"));
    for (agent, text) in [
        (
            "old",
            format!(
                r#"{{"agent:old:subagent:y":{}}}"#,
                entry(5).replace(":main:main", ":boss:main")
            ),
        ),
        (
            "boss",
            r#"{"agent:boss:main":{"sessionId":"b","sessionStartedAt":3,"updatedAt":3}}"#
                .to_owned(),
        ),
    ] {
        fs::create_dir_all(rows(agent).parent().unwrap()).unwrap();
        fs::write(rows(agent), text).unwrap();
    }
    let monitor = home.refreshed(SOON);
    let parent = |id: &str| {
        let (key, relation) = session(&monitor, id).parent?;
        assert_eq!(relation, Relation::Spawned);
        Some(key.native_id.to_string())
    };
    let main = Some("main/e4cf2923-58c1-42a4-88cd-439b11b4d83b".to_owned());
    assert_eq!(parent("research/child"), main);
    assert_eq!(parent("early/child"), None);
    assert_eq!(parent("old/child"), Some("boss/b".to_owned()));
    assert_eq!(problems(&monitor), []);
}

#[test]
fn an_approval_that_waits_is_known_with_its_command() {
    let home = Home::new();
    let connection = home.open(STATE);
    connection
        .execute_batch(
            "UPDATE operator_approvals SET status = 'pending', decision = NULL, terminal_reason = NULL,
                 resolved_at_ms = NULL, resolver_kind = NULL, resolver_id = NULL, consumed_at_ms = NULL,
                 consumed_by = NULL, updated_at_ms = created_at_ms
             WHERE approval_id = '038b5bfc-644b-45bf-bcb3-855a69e16539'",
        )
        .unwrap();
    let agent = home.open(MAIN);
    // The answer to it was not written yet.
    agent
        .execute_batch(
            "DELETE FROM transcript_events WHERE session_id LIKE '6095afc0%' AND seq > 12;
             UPDATE session_nodes SET entry_json = json_set(entry_json, '$.status', 'running', '$.updatedAt', 1795253145003)
             WHERE session_key = 'agent:main:careful'",
        )
        .unwrap();
    let monitor = home.refreshed("2026-11-21T09:25:50Z");
    let careful = session(&monitor, "main/6095afc0");
    assert_eq!(
        state(&monitor, "main/6095afc0"),
        "needs_input/permission(exec)"
    );
    assert_eq!(careful.detail.as_deref(), Some("curl --version | head -1"));
    // Answered meanwhile.
    connection
        .execute_batch(
            "UPDATE operator_approvals SET status = 'denied', decision = 'deny', terminal_reason = 'user',
                 resolved_at_ms = created_at_ms + 500, resolver_kind = 'runtime', updated_at_ms = created_at_ms + 500
             WHERE status = 'pending'",
        )
        .unwrap();
    refresh(&monitor).unwrap();
    assert!(state(&monitor, "main/6095afc0").starts_with("working/"));
}

#[test]
fn another_schema_is_told_once_and_read_as_far_as_it_is_known() {
    let home = Home::new();
    let connection = home.open(MAIN);
    connection
        .execute_batch("PRAGMA user_version = 99")
        .unwrap();
    let monitor = home.refreshed(SOON);
    let told = (
        ProblemKind::UnknownVersion,
        "schema version 99 of an agent's database".to_owned(),
        1,
    );
    assert_same("newer", &found(&monitor), &expected());
    assert_eq!(problems(&monitor), std::slice::from_ref(&told));
    answer(&connection, QUEUE, 100, 5);
    refresh(&monitor).unwrap();
    assert_eq!(problems(&monitor), std::slice::from_ref(&told));

    connection
        .execute_batch("ALTER TABLE transcript_events RENAME TO events_of_tomorrow")
        .unwrap();
    let monitor = home.refreshed(SOON);
    // What was put away has files that are read all the same.
    assert_eq!(found(&monitor).len(), 1);
    assert_eq!(problems(&monitor), [told]);
}

#[test]
fn a_damaged_database_is_a_problem_and_stops_nothing() {
    let home = Home::new();
    let path = home.path(MAIN);
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[8192..] {
        *byte ^= 0x5a;
    }
    fs::write(&path, bytes).unwrap();
    let monitor = home.refreshed(SOON);
    let problems = problems(&monitor);
    assert!(!problems.is_empty());
    assert!(problems.iter().all(|it| it.0 == ProblemKind::Unreadable));
    assert_eq!(found(&monitor).len(), 1);
    assert!(Path::new(&path).exists());
}
