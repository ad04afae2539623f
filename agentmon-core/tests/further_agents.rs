//! Copilot, Qwen Code, Kimi Code, Droid, Cline and Roo Code: small homes as the clients left them (see
//! `docs/sources.md` for which were recorded and which were written by hand), counted to the token.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::BTreeMap;
use std::fs;

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{EventKind, Timestamp, Usage};
use agentmon_core::query::{EventFilter, SessionFilter, SessionView};
use agentmon_core::source::Env;
use common::{assert_same, by_session, fixture, refresh};
use serde_json::Value;

/// A monitor of the home shortly after the last session in it.
fn monitor() -> Monitor {
    let env = Env::at(fixture("further/home"));
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(ManualClock::at(
            Timestamp::parse("2026-11-21T14:52:00Z").unwrap(),
        ))
        .in_memory()
        .open()
        .unwrap();
    refresh(&monitor).unwrap();
    monitor
}

fn sessions(monitor: &Monitor) -> Vec<SessionView> {
    let all = SessionFilter {
        within: true,
        ..SessionFilter::default()
    };
    monitor.sessions(&all).unwrap().sessions
}

#[test]
fn every_session_is_counted_to_the_token() {
    let expected = fs::read(fixture("further/expected.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&expected).unwrap();
    let wanted: BTreeMap<_, _> = expected
        .into_iter()
        .map(|(session, truth)| {
            let count = |name: &str| truth[name].as_u64().unwrap();
            let usage = Usage {
                input: count("input"),
                cache_read: count("cache_read"),
                cache_creation_5m: count("cache_write"),
                cache_creation_1h: 0,
                output: count("output"),
                reasoning: count("reasoning"),
            };
            let model = truth["model"].as_str().unwrap().to_owned();
            ((session, model), (count("requests"), usage))
        })
        .collect();
    let monitor = monitor();
    let found: BTreeMap<_, _> = by_session(&monitor)
        .into_iter()
        .map(|(key, sums)| (key, (sums.requests, sums.usage)))
        .collect();
    assert_same("sessions", &found, &wanted);
}

/// Session (id, or a beginning of it that is enough), state and reason, title, parent.
const SESSIONS: [(&str, &str, &str, &str); 33] = [
    (
        "cline:1795272000000",
        "idle (turn_done(unseen))",
        "Count the words in the notes",
        "",
    ),
    (
        "cline:1795272596676_b4j0u",
        "completed (session_end)",
        "List the files",
        "",
    ),
    (
        "cline:1795272609388_ab0i3",
        "completed (session_end)",
        "Let a helper",
        "",
    ),
    (
        "cline:1795272609388_ab0i3/agent_",
        "idle (turn_done(unseen))",
        "Report what is here",
        "Within 1795272609388_ab0i3",
    ),
    (
        "cline:1795272615093_jk9ja",
        "failed (api_error(error))",
        "This will be refused",
        "",
    ),
    (
        "cline:1795272620504_ya7ox",
        "working (tool(run_commands))",
        "Wait a while",
        "",
    ),
    (
        "cline:1795275290151",
        "completed (session_end)",
        "How are things?",
        "",
    ),
    (
        "copilot:51af9739",
        "completed (session_end)",
        "How are things?",
        "",
    ),
    (
        "copilot:76d09107",
        "failed (api_error(http_400))",
        "This will be refused",
        "",
    ),
    (
        "copilot:9c696436-bca3-4224-83b1-96ffdd255724",
        "completed (session_end)",
        "Let a helper",
        "",
    ),
    (
        "copilot:9c696436-bca3-4224-83b1-96ffdd255724/",
        "completed (session_end)",
        "Report what is here",
        "Within 9c696436",
    ),
    (
        "copilot:e57fc19f",
        "completed (session_end)",
        "List the files",
        "",
    ),
    (
        "copilot:faedf1d3",
        "working (tool(bash))",
        "Wait a while",
        "",
    ),
    (
        "droid:2d025d84",
        "idle (turn_done(unseen))",
        "Let a helper",
        "",
    ),
    (
        "droid:5696def9",
        "failed (api_error(model_request_rejected))",
        "This will be refused",
        "",
    ),
    (
        "droid:5b48beea",
        "idle (turn_done(unseen))",
        "List the files",
        "",
    ),
    (
        "droid:5e819256",
        "working (tool(Execute))",
        "Wait a while",
        "",
    ),
    (
        "droid:9dc1e8e7",
        "idle (turn_done(unseen))",
        "How are things?",
        "",
    ),
    (
        "droid:c39b4cb2",
        "idle (turn_done(unseen))",
        "How are things?",
        "",
    ),
    (
        "kimi:session_3a37be09-38e8-44a0-bef0-0c6f9a894c03",
        "idle (turn_done(unseen))",
        "Let a helper",
        "",
    ),
    (
        "kimi:session_3a37be09-38e8-44a0-bef0-0c6f9a894c03/agent-0",
        "idle (turn_done(unseen))",
        "Report what is here",
        "Within session_3a37be09",
    ),
    (
        "kimi:session_3edf73a3",
        "working (tool(Bash))",
        "Wait a while",
        "",
    ),
    (
        "kimi:session_4353caea",
        "idle (turn_done(unseen))",
        "List the files",
        "",
    ),
    (
        "kimi:session_70867396",
        "idle (turn_done(unseen))",
        "How are things?",
        "",
    ),
    (
        "kimi:session_93c0994f",
        "failed (api_error(http_400))",
        "This will be refused",
        "",
    ),
    (
        "kimi:session_d012ffd8",
        "idle (turn_done(unseen))",
        "Fork: session_4353caea",
        "Fork session_4353caea",
    ),
    (
        "qwen:058c0a74",
        "failed (api_error(http_400))",
        "This will be refused",
        "",
    ),
    (
        "qwen:30135ece",
        "idle (turn_done(unseen))",
        "Wait a while",
        "",
    ),
    (
        "qwen:3a09f7a1-a8ed-4312-9a78-f990e792ffc7",
        "idle (turn_done(unseen))",
        "Let a helper",
        "",
    ),
    (
        "qwen:3a09f7a1-a8ed-4312-9a78-f990e792ffc7/general",
        "idle (turn_done(unseen))",
        "Report what is here",
        "Within 3a09f7a1",
    ),
    (
        "qwen:c00130af",
        "working (tool(run_shell_command))",
        "Wait a while",
        "",
    ),
    (
        "qwen:d0be5893",
        "idle (turn_done(unseen))",
        "List the files",
        "",
    ),
    (
        "roo_code:0f4b6a52",
        "needs_input (question)",
        "Rename the readme",
        "",
    ),
];

#[test]
fn sessions_have_titles_folders_parents_and_states() {
    let monitor = monitor();
    let mut found = sessions(&monitor);
    found.sort_by_key(|session| session.key.to_string());
    for (session, (id, state, title, parent)) in found.iter().zip(SESSIONS) {
        let about = format!(
            "{} {} ({}) {:?} {:?}",
            session.key, session.state, session.reason, session.title, session.parent
        );
        assert!(session.key.to_string().starts_with(id), "{id}: {about}");
        assert_eq!(
            format!("{} ({})", session.state, session.reason),
            state,
            "{about}"
        );
        assert!(
            session.title.as_deref().unwrap().starts_with(title),
            "{about}"
        );
        match &session.parent {
            None => assert_eq!(parent, "", "{about}"),
            Some((key, relation)) => {
                let is = format!("{relation:?} {}", key.native_id);
                assert!(!parent.is_empty() && is.starts_with(parent), "{about}");
            }
        }
        // Neither extension writes the folder where it can be read without looking into prompts.
        let has_folder = session.parent.is_none()
            && !session.key.to_string().contains("179527200")
            && session.key.agent.as_str() != "roo_code";
        if has_folder {
            assert_eq!(session.cwd.as_deref(), Some("/home/dev/notes"), "{about}");
        }
    }
    assert_eq!(found.len(), SESSIONS.len());
}

#[test]
fn nothing_in_the_recordings_is_skipped() {
    for source in monitor().sources().unwrap() {
        assert!(source.problems.is_empty(), "{source:#?}");
    }
}

#[test]
fn timelines_hold_prompts_answers_and_tools() {
    use EventKind::{Error, Response, Thinking, ToolResult, ToolUse, UserPrompt};
    let kinds = [UserPrompt, Response, Thinking, ToolUse, ToolResult, Error];
    let monitor = monitor();
    let mut found: BTreeMap<String, [usize; 6]> = BTreeMap::new();
    for (at, kind) in kinds.into_iter().enumerate() {
        let filter = EventFilter {
            kinds: vec![kind],
            limit: 1000,
            ..EventFilter::default()
        };
        for event in monitor.events(&filter).unwrap().events {
            let agent = event.session.agent.to_string();
            found.entry(agent).or_default()[at] += 1;
        }
    }
    let wanted = [
        ("cline", [7, 6, 4, 6, 5, 1]),
        ("copilot", [7, 5, 4, 5, 4, 1]),
        ("droid", [7, 4, 4, 4, 3, 1]),
        ("kimi", [9, 7, 7, 7, 6, 1]),
        ("qwen", [7, 5, 3, 6, 5, 1]),
        ("roo_code", [1, 1, 1, 1, 0, 0]),
    ];
    let wanted = wanted.map(|(agent, counts)| (agent.to_owned(), counts));
    assert_same("events", &found, &wanted.into());
}
