//! Gemini CLI chats: recordings of real clients against what the provider sent, and what the client does to its files.
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

use agentmon_core::model::{
    AgentKind, Batch, EventKind, EventStatus, Relation, SessionKey, SessionPatch, Timestamp,
    TitleKind, Usage,
};
use agentmon_core::session::Signal;
use agentmon_core::source::gemini::Gemini;
use agentmon_core::source::{Env, FileFormat, FileInfo, FileRole, Want};
use common::{assert_same, by_session, copy, files, fixture, monitor, refresh, shared};
use serde_json::Value;

const ALL: Want = Want {
    accounting: true,
    evidence: true,
    content: true,
};
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A home as the recordings left it: chats of both kinds side by side.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join(".gemini");
    copy(&fixture("gemini/tmp"), &root.join("tmp"));
    copy(&fixture("gemini/legacy/tmp"), &root.join("tmp"));
    fs::copy(fixture("gemini/projects.json"), root.join("projects.json")).unwrap();
    home
}

fn parse(root: &Path, path: &Path) -> Batch {
    let role = Gemini.role(path.strip_prefix(root).unwrap()).unwrap();
    let info = FileInfo {
        root: root.to_owned(),
        path: path.to_owned(),
        role,
        born: NOW,
        modified: NOW,
    };
    let mut out = Batch::default();
    Gemini
        .start(&info)
        .feed(0, &fs::read(path).unwrap(), ALL, NOW, &mut out);
    out
}

/// The chat whose name holds the beginning of a session's id.
fn chat(id: &str) -> Batch {
    let root = fixture("gemini");
    let found: Vec<PathBuf> = files(&root.join("tmp"))
        .into_iter()
        .filter(|path| path.file_name().unwrap().to_str().unwrap().contains(id))
        .collect();
    let [path] = &found[..] else {
        panic!("{found:?}");
    };
    parse(&root, path)
}

fn lines(text: &str) -> Batch {
    let info = FileInfo {
        root: "/r".into(),
        path: "/r/tmp/x/chats/session-2026-11-21T10-00-0a1b2c3d.jsonl".into(),
        role: FileRole::Lines,
        born: NOW,
        modified: NOW,
    };
    let mut out = Batch::default();
    Gemini
        .start(&info)
        .feed(0, text.as_bytes(), ALL, NOW, &mut out);
    out
}

fn patch<'a>(batch: &'a Batch, id: &str) -> &'a SessionPatch {
    let key = SessionKey::new(AgentKind::Gemini, id);
    batch
        .sessions
        .iter()
        .find(|patch| patch.key == key)
        .unwrap()
}

fn last_signal(batch: &Batch) -> &Signal {
    &batch.evidence.last().unwrap().1.signal
}

#[test]
fn every_recorded_session_counts_to_the_last_token() {
    let home = home();
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let expected: Value =
        serde_json::from_slice(&fs::read(fixture("gemini/expected.json")).unwrap()).unwrap();
    let mut wanted = BTreeMap::new();
    for recording in expected["recordings"].as_array().unwrap() {
        for (session, entry) in recording["sessions"].as_object().unwrap() {
            for (model, tokens) in entry["models"].as_object().unwrap() {
                let count = |name: &str| tokens[name].as_u64().unwrap();
                let usage = Usage {
                    input: count("input") - count("cached") + count("tool"),
                    cache_read: count("cached"),
                    output: count("output") + count("thoughts"),
                    reasoning: count("thoughts"),
                    ..Usage::default()
                };
                assert_eq!(usage.total(), count("total"));
                wanted.insert((session.clone(), model.clone()), (count("calls"), usage));
            }
        }
    }
    assert_eq!(wanted.len(), 23);
    let found = by_session(&monitor)
        .into_iter()
        .map(|(key, sums)| (key, (sums.requests, sums.usage)))
        .collect();
    assert_same("gemini", &found, &wanted);
    for source in monitor.sources().unwrap() {
        assert_eq!(source.problems, [], "{:?}", source.agent);
    }
}

#[test]
fn sessions_know_their_folder_parent_title_and_model() {
    let home = home();
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let list = monitor.sessions(&Default::default()).unwrap();
    for session in &list.sessions {
        // The old folder is named by the hash of its project.
        assert_eq!(session.cwd.as_deref(), Some("/home/user/project"));
    }
    let of = |start: &str| {
        let mut found = list
            .sessions
            .iter()
            .filter(|session| session.key.native_id.starts_with(start));
        found.next().unwrap()
    };
    let child = of("951607d0");
    let parent = of("2735f89c");
    assert_eq!(child.parent, Some((parent.key.clone(), Relation::Spawned)));
    assert_eq!(child.role.as_deref(), Some("codebase_investigator"));
    assert_eq!(
        child.title.as_deref(),
        Some("Look around. [[scenario:shell]]")
    );
    assert_eq!(
        parent.title.as_deref(),
        Some("Ask the helper. [[scenario:subagent]]")
    );
    let resumed = of("6eebcefe");
    assert_eq!(resumed.model.as_deref(), Some("gemini-2.5-pro"));
    assert_eq!(
        resumed.title.as_deref(),
        Some("First question. [[scenario:simple]]")
    );
    let old = of("199371a4");
    assert_eq!(
        old.title.as_deref(),
        Some("Look around. [[scenario:shell]]")
    );
}

#[test]
fn the_log_tells_what_the_session_does() {
    let ended = Signal::TurnEnded {
        background: 0,
        scheduled: None,
    };
    assert_eq!(last_signal(&chat("7fb88389")), &ended);
    // Killed, or stopped by a signal, before the model answered.
    assert_eq!(last_signal(&chat("d769ba64")), &Signal::PromptSubmitted);
    let done = Signal::SessionEnded {
        reason: "complete_task".into(),
    };
    assert_eq!(last_signal(&chat("951607d0")), &done);

    let batch = chat("9620d888");
    let signals: Vec<String> = batch
        .evidence
        .iter()
        .map(|(_, evidence)| evidence.signal.to_string())
        .collect();
    assert_eq!(
        signals,
        [
            "session_started(startup)",
            "prompt_submitted",
            // An approval is awaited: the log holds no tool before it has finished.
            "model_active",
            "tool_started(run_shell_command)",
            "tool_finished",
            "model_active",
            "model_active",
            "turn_ended",
            "prompt_submitted",
            "interrupted",
            "compacted",
            "activity",
        ]
    );
    let resumed = chat("6eebcefe");
    let started = resumed
        .evidence
        .iter()
        .filter(|(_, evidence)| matches!(evidence.signal, Signal::SessionStarted { .. }));
    assert_eq!(started.count(), 2);
    let compacted = |(_, evidence): &(_, agentmon_core::session::Evidence)| {
        evidence.signal == Signal::Compacted
    };
    assert!(!resumed.evidence.iter().any(compacted), "a resume is none");

    let failed = lines(concat!(
        r#"{"sessionId":"s","projectHash":"h","startTime":"2026-11-21T10:00:00.000Z","kind":"main"}"#,
        "\n",
        r#"{"id":"1","timestamp":"2026-11-21T10:00:01.000Z","type":"error","content":"API Error: 400"}"#,
        "\n",
    ));
    let Signal::TurnFailed { message, .. } = last_signal(&failed) else {
        panic!("{:?}", failed.evidence);
    };
    assert_eq!(message.as_deref(), Some("API Error: 400"));
}

#[test]
fn timelines_hold_prompts_thoughts_answers_and_tools_once() {
    let batch = chat("6eebcefe");
    let mut events = BTreeMap::new();
    for event in &batch.events {
        events.entry(format!("{:?}", event.key)).or_insert(event);
    }
    let count = |kind| events.values().filter(|event| event.kind == kind).count();
    assert_eq!(count(EventKind::UserPrompt), 2);
    assert_eq!(count(EventKind::Thinking), 4);
    assert_eq!(count(EventKind::Response), 3);
    assert_eq!(count(EventKind::ToolUse), 2);
    assert_eq!(count(EventKind::ToolResult), 2);
    let tool = events
        .values()
        .filter(|event| event.kind == EventKind::ToolUse)
        .min_by_key(|event| event.at)
        .unwrap();
    assert_eq!(tool.tool.as_deref(), Some("run_shell_command"));
    assert_eq!(&*tool.text, "ls -la");
    let result = events
        .values()
        .find(|event| event.kind == EventKind::ToolResult && event.call == tool.call)
        .unwrap();
    assert!(result.text.starts_with("total 20"));
    assert_eq!(result.duration_ms, Some(63));
    let failed = chat("32baf1ef");
    let errors = failed
        .events
        .iter()
        .filter(|event| event.status == EventStatus::Error);
    assert!(errors.count() >= 1);
}

#[test]
fn an_old_chat_is_told_once_although_it_is_replaced_as_a_whole() {
    let root = fixture("gemini/legacy");
    let path = files(&root)
        .into_iter()
        .find(|path| path.to_str().unwrap().contains("199371a4"))
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let info = FileInfo {
        root,
        path,
        role: FileRole::Document,
        born: NOW,
        modified: NOW,
    };
    let mut parser = Gemini.start(&info);
    let mut first = Batch::default();
    parser.feed(0, &bytes, Want::LIVE, NOW, &mut first);
    assert_eq!(first.calls.len(), 3);
    assert!(first.events.is_empty());
    let told = patch(&first, "199371a4-de53-45e1-9d2f-7f3a5491f28d");
    assert_eq!(told.title.as_ref().unwrap().kind, TitleKind::FirstPrompt);
    let mut parser = Gemini.resume(&info, &parser.state()).unwrap();
    let mut second = Batch::default();
    parser.feed(0, &bytes, Want::LIVE, NOW, &mut second);
    let facts = |batch: &Batch| -> Vec<_> { batch.calls.iter().map(|call| call.fact).collect() };
    assert_eq!(facts(&second), facts(&first));
    // The last message may have been completed; what was before it is known.
    assert!(first.evidence.len() > 5);
    assert_eq!(second.evidence.len(), 1);
}

#[test]
fn a_chat_read_in_two_goes_says_the_same_and_a_torn_line_breaks_nothing() {
    let root = fixture("gemini");
    let path = files(&root.join("tmp"))
        .into_iter()
        .find(|path| path.to_str().unwrap().contains("6eebcefe"))
        .unwrap();
    let bytes = fs::read(&path).unwrap();
    let info = FileInfo {
        root,
        path,
        role: FileRole::Lines,
        born: NOW,
        modified: NOW,
    };
    type Said = (Vec<SessionPatch>, Vec<String>, Vec<String>);
    let said = |batches: &[Batch]| -> Said {
        let mut patches: Vec<SessionPatch> = Vec::new();
        for patch in batches.iter().flat_map(|batch| &batch.sessions) {
            match patches.iter_mut().find(|known| known.key == patch.key) {
                Some(known) => {
                    known.merge(patch);
                }
                None => patches.push(patch.clone()),
            }
        }
        let calls = batches.iter().flat_map(|batch| &batch.calls);
        let evidence = batches.iter().flat_map(|batch| &batch.evidence);
        (
            patches,
            calls
                .map(|call| format!("{:?} {:?}", call.fact, call.usage))
                .collect(),
            evidence
                .map(|(_, evidence)| format!("{evidence:?}"))
                .collect(),
        )
    };
    let read = |state: Option<&[u8]>, base: usize, end: usize| {
        let mut out = Batch::default();
        let mut parser = match state {
            Some(state) => Gemini.resume(&info, state).unwrap(),
            None => Gemini.start(&info),
        };
        parser.feed(base as u64, &bytes[base..end], ALL, NOW, &mut out);
        (out, parser.state())
    };
    let whole = said(&[read(None, 0, bytes.len()).0]);
    for cut in memchr::memchr_iter(b'\n', &bytes).map(|at| at + 1) {
        let (first, state) = read(None, 0, cut);
        let (second, _) = read(Some(&state), cut, bytes.len());
        assert_eq!(said(&[first, second]), whole, "cut at {cut}");
    }
    for cut in (0..bytes.len()).step_by(7) {
        let torn = read(None, 0, cut).0;
        assert!(torn.problems.len() <= 1, "cut at {cut}");
    }
}

#[test]
fn the_home_may_be_elsewhere() {
    let roots = Gemini.roots(&Env::at("/home/u").with("GEMINI_CLI_HOME", "~/other"));
    assert_eq!(roots[0].path, Path::new("/home/u/other/.gemini"));
    for (path, role) in [
        ("tmp/p/chats/session-1.jsonl", Some(FileRole::Lines)),
        ("tmp/p/chats/parent/child.jsonl", Some(FileRole::Lines)),
        ("tmp/p/chats/session-1.json", Some(FileRole::Document)),
        ("tmp/p/logs.json", None),
        ("tmp/p/chats/checkpoint.json", None),
        ("settings.json", None),
    ] {
        assert_eq!(Gemini.role(Path::new(path)), role, "{path}");
    }
}

#[test]
fn public_chats_are_read_and_every_skipped_line_is_counted() {
    let Some(folder) = shared("fixtures/gemini/public") else {
        return;
    };
    let mut calls = 0;
    let mut problems = BTreeMap::new();
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let role = match name.rsplit_once('.').unwrap().1 {
            "jsonl" => FileRole::Lines,
            "json" => FileRole::Document,
            _ => continue,
        };
        let info = FileInfo {
            root: folder.clone(),
            path: path.clone(),
            role,
            born: NOW,
            modified: NOW,
        };
        let mut out = Batch::default();
        Gemini
            .start(&info)
            .feed(0, &fs::read(&path).unwrap(), ALL, NOW, &mut out);
        calls += out.calls.len();
        if !out.problems.is_empty() {
            let details: Vec<_> = out
                .problems
                .iter()
                .map(|problem| &*problem.detail)
                .collect();
            problems.insert(name.to_owned(), details.join(", "));
        }
    }
    assert!(calls >= 80, "only {calls} calls");
    let model = r#"message type "model", message type "model""#;
    let expected = [("large.json", model), ("schema_drift.json", "messages")];
    let expected = expected.map(|(file, what)| (file.to_owned(), what.to_owned()));
    assert_eq!(problems, expected.into());
}
