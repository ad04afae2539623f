//! Codex's hooks and `notify`, as they came in recorded runs: what they say of each thread without its rollout.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and says so"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use agentmon_core::model::{Batch, EventKind, ProblemKind, SessionKey, Timestamp};
use agentmon_core::session::{Input, Session, StatePolicy};
use agentmon_core::source::codex::hook;
use serde::Deserialize;

const START: Timestamp = Timestamp(1_795_253_000_000);

/// A payload, and when it came: seconds since the first.
#[derive(Deserialize)]
struct Line {
    t: f64,
    source: String,
    data: serde_json::Value,
}

/// Plays a run; returns the states of each thread, by the end of its id, and all that was read.
fn play(run: &str) -> (BTreeMap<String, String>, Vec<Batch>) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/codex/hooks")
        .join(format!("{run}.jsonl"));
    let policy = StatePolicy::default();
    let mut sessions: BTreeMap<SessionKey, Session> = BTreeMap::new();
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut batches = Vec::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let line: Line = serde_json::from_str(line).unwrap();
        let now = Timestamp(START.0 + (line.t * 1000.0) as i64);
        let payload = line.data.to_string();
        let mut batch = Batch::default();
        if line.source == "hook" {
            hook::parse(payload.as_bytes(), now, &mut batch).unwrap();
        } else {
            let known = |key: &SessionKey| sessions.contains_key(key);
            hook::notify(payload.as_bytes(), now, &known, &mut batch).unwrap();
        }
        for patch in &batch.sessions {
            let session = sessions
                .entry(patch.key.clone())
                .or_insert_with(|| Session::new(patch.key.clone()));
            session.apply(Input::Facts(patch), now, &policy, &mut Vec::new());
        }
        for (index, evidence) in &batch.evidence {
            let key = &batch.sessions[index.0 as usize].key;
            let session = sessions.get_mut(key).unwrap();
            session.apply(Input::Evidence(evidence), now, &policy, &mut Vec::new());
            let id = key.native_id[key.native_id.len() - 4..].to_owned();
            let is = format!("{} {}", session.verdict.state, session.verdict.reason);
            let told = told.entry(id).or_default();
            if told.last() != Some(&is) {
                told.push(is);
            }
        }
        batches.push(batch);
    }
    let told = told
        .into_iter()
        .map(|(id, told)| (id, told.join(", ")))
        .collect();
    (told, batches)
}

#[test]
fn hooks_tell_what_each_thread_does() {
    const DONE: &str = "idle turn_done(unseen), completed session_end";
    for (run, expected) in [
        (
            // Approved, refused with Esc, interrupted, compacted; then `/new`. Titles are made up in threads of their
            // own, of which only `notify` tells.
            "tui",
            vec![
                ("3e1b", format!("idle fresh, working model, {DONE}")),
                (
                    "647c",
                    "idle fresh, working model, working tool(Bash), needs_input permission(Bash), working model, \
                     idle turn_done(unseen), working model, working tool(Bash), needs_input permission(Bash), \
                     idle interrupted, working model, working tool(Bash), idle interrupted, working compacting, \
                     idle interrupted, completed session_end"
                        .into(),
                ),
            ],
        ),
        (
            "subagent_v2",
            vec![
                (
                    "cf90",
                    "working model, working tool(Bash), working model, working tool(Bash), working model, \
                     completed session_end"
                        .into(),
                ),
                (
                    "e475",
                    format!(
                        "idle fresh, working model, working tool(spawn_agent), working model, working subagents(1), \
                         working tool(wait_agent), working model, {DONE}"
                    ),
                ),
            ],
        ),
        (
            // A review runs in a thread of its own, of which hooks know the rollout alone.
            "review",
            vec![
                ("1570", "completed session_end".into()),
                ("7f44", "working model".into()),
            ],
        ),
        ("ephemeral", vec![("8bae", format!("idle fresh, working model, {DONE}"))]),
        (
            "interrupted",
            vec![(
                "8216",
                "idle fresh, working model, working tool(Bash), idle interrupted, completed session_end".into(),
            )],
        ),
        (
            "compact_midturn",
            vec![(
                "f13c",
                format!(
                    "idle fresh, working model, working tool(Bash), working model, working compacting, \
                     working model, {DONE}"
                ),
            )],
        ),
    ] {
        let (told, batches) = play(run);
        let expected: BTreeMap<String, String> = expected
            .into_iter()
            .map(|(id, states)| (id.to_owned(), states))
            .collect();
        assert_eq!(told, expected, "{run}");
        let problems: Vec<_> = batches.iter().flat_map(|batch| &batch.problems).collect();
        assert!(problems.is_empty(), "{run}: {problems:?}");
    }
}

#[test]
fn a_request_shows_the_command_and_why() {
    let (_, batches) = play("tui");
    let asked = batches
        .iter()
        .flat_map(|batch| &batch.evidence)
        .find_map(|(_, evidence)| match &evidence.signal {
            agentmon_core::session::Signal::NeedsInput { detail, .. } => detail.clone(),
            _ => None,
        });
    assert_eq!(
        asked.as_deref(),
        Some("touch approved.txt\nAllow the mock to touch a file?")
    );
}

#[test]
fn only_a_thread_without_a_rollout_has_its_events_from_hooks() {
    let kinds = |run| {
        let (_, batches) = play(run);
        let events = batches.into_iter().flat_map(|batch| batch.events);
        events.map(|event| event.kind).collect::<Vec<_>>()
    };
    assert_eq!(
        kinds("ephemeral"),
        [
            EventKind::SessionStart,
            EventKind::UserPrompt,
            EventKind::SessionEnd
        ]
    );
    assert_eq!(kinds("subagent_v1"), []);
}

#[test]
fn what_is_no_payload_is_refused_and_what_is_unknown_is_counted() {
    let parse = |payload: &str| hook::parse(payload.as_bytes(), START, &mut Batch::default());
    let notify =
        |payload: &str| hook::notify(payload.as_bytes(), START, &|_| true, &mut Batch::default());
    for (payload, kind) in [
        ("", ProblemKind::Malformed),
        ("[]", ProblemKind::BadField),
        ("{}", ProblemKind::BadField),
        (
            r#"{"session_id":"","hook_event_name":"Stop"}"#,
            ProblemKind::BadField,
        ),
        (
            r#"{"type":"agent-turn-complete","thread-id":""}"#,
            ProblemKind::BadField,
        ),
    ] {
        assert_eq!(parse(payload).unwrap_err().kind, kind, "{payload}");
        assert_eq!(notify(payload).unwrap_err().kind, kind, "{payload}");
    }
    let mut out = Batch::default();
    hook::parse(
        br#"{"session_id":"s","hook_event_name":"New"}"#,
        START,
        &mut out,
    )
    .unwrap();
    hook::notify(
        br#"{"type":"new","thread-id":"s"}"#,
        START,
        &|_| true,
        &mut out,
    )
    .unwrap();
    let details: Vec<_> = out
        .problems
        .iter()
        .map(|problem| &*problem.detail)
        .collect();
    assert_eq!(details, ["hook:New", "notify:new"]);
    assert!(out.evidence.is_empty());
}
