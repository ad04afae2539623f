//! Copilot, Qwen Code, Kimi Code, Droid, Cline and Roo Code: small homes as the clients left them (see
//! `docs/sources.md` for which were recorded and which were written by hand), counted to the token.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{Batch, EventKind, Timestamp, Usage};
use agentmon_core::query::{EventFilter, SessionFilter, SessionView};
use agentmon_core::source::cline::ClineTasks;
use agentmon_core::source::copilot::Copilot;
use agentmon_core::source::droid::Droid;
use agentmon_core::source::kimi::Kimi;
use agentmon_core::source::qwen::Qwen;
use agentmon_core::source::{Env, FileFormat, FileInfo, Want};
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

/// Reads one made-up file: its signs, then its calls as `model input+read+written>output`, then what was skipped.
fn check(format: &dyn FileFormat, path: &str, text: &str, expected: &str) {
    let file = FileInfo {
        root: "/home".into(),
        path: Path::new("/home").join(path),
        role: format.role(Path::new(path)).unwrap(),
        born: Timestamp(1),
        modified: Timestamp(2),
    };
    let mut out = Batch::default();
    let mut parser = format.start(&file);
    parser.feed(0, text.as_bytes(), Want::LIVE, Timestamp(3), &mut out);
    let signs = out.evidence.iter().map(|(_, sign)| sign.signal.to_string());
    let calls = out.calls.iter().map(|call| {
        let Usage {
            input,
            cache_read,
            cache_creation_5m: written,
            output,
            ..
        } = call.usage;
        format!(
            "{} {input}+{cache_read}+{written}>{output}",
            out.models[call.model as usize]
        )
    });
    let titles = out
        .sessions
        .iter()
        .filter_map(|session| session.title.as_ref());
    let titles = titles.map(|title| format!("title {}", title.text));
    let skipped = out
        .problems
        .iter()
        .map(|problem| format!("{} {}", problem.kind.as_str(), problem.detail));
    let found: Vec<_> = signs.chain(calls).chain(titles).chain(skipped).collect();
    assert_eq!(found.join("; "), expected, "{text}");
    // Whatever the parser remembers, it can read.
    assert!(format.resume(&file, &parser.state()).is_some());
}

#[test]
fn what_the_recordings_lack_is_read_as_documented() {
    let copilot = |lines: &str, expected: &str| {
        check(&Copilot, "session-state/s1/events.jsonl", lines, expected);
    };
    // Before usage records there were sums, which grow from one shutdown to the next.
    let shutdown = r#"{"type":"session.shutdown","id":"1","timestamp":"2026-01-01T00:00:01Z","data":{"shutdownType":"routine","modelMetrics":{"gpt-5":{"requests":{"count":3},"usage":{"inputTokens":100,"outputTokens":9,"cacheReadTokens":60,"cacheWriteTokens":10}}}}}"#;
    copilot(shutdown, "session_ended(routine); gpt-5 30+60+10>9");
    copilot(
        &format!(
            "{}\n{shutdown}",
            r#"{"type":"session.usage_record","id":"0","timestamp":"2026-01-01T00:00:00Z","data":{"usage":{"model":"gpt-5","inputTokens":100,"outputTokens":9,"cacheReadTokens":60}}}"#
        ),
        "session_ended(routine); gpt-5 40+60+0>9",
    );
    copilot(
        r#"{"type":"permission.requested","id":"1","timestamp":"2026-01-01T00:00:00Z","data":{"requestId":"r","permissionRequest":{"kind":"shell","fullCommandText":"rm x"}}}
{"type":"permission.completed","id":"2","timestamp":"2026-01-01T00:00:01Z","data":{"requestId":"r"}}
{"type":"abort","id":"3","timestamp":"2026-01-01T00:00:02Z","data":{"reason":"user_initiated"}}
{"type":"session.error","id":"4","timestamp":"2026-01-01T00:00:03Z","data":{"errorType":"rate_limit","message":"later","statusCode":429}}
{"type":"never.heard","id":"5","timestamp":"2026-01-01T00:00:04Z","data":{}}
not json"#,
        "needs_input(permission(shell)); input_given; interrupted; limited(rate_limit); \
         unknown_type event \"never.heard\"; malformed line",
    );

    let kimi = |lines: &str, expected: &str| {
        check(
            &Kimi,
            "sessions/w/s1/agents/main/wire.jsonl",
            lines,
            expected,
        );
    };
    kimi(
        r#"{"type":"permission.approval.requested","toolCallId":"c","toolName":"Bash","time":1795272000000}
{"type":"permission.record_approval_result","toolCallId":"c","time":1795272000001}
{"type":"turn.ended","reason":"cancelled","time":1795272000002}
{"type":"usage.record","model":"kimi-code/k2","usage":{"inputOther":5,"output":3,"inputCacheRead":2,"inputCacheCreation":1},"time":1795272000003}
{"type":"usage.record","usage":7,"time":1795272000004}"#,
        "needs_input(permission(Bash)); input_given; interrupted; kimi-code/k2 5+2+1>3; bad_field usage",
    );

    let qwen = |lines: &str, expected: &str| {
        check(&Qwen, "projects/p/chats/s1.jsonl", lines, expected);
    };
    // An answer without telemetry before it counts for itself.
    qwen(
        r#"{"type":"assistant","uuid":"a","sessionId":"s1","timestamp":"2026-01-01T00:00:00Z","model":"qwen3-coder-plus","message":{"role":"model","parts":[{"text":"Hello."}]},"usageMetadata":{"promptTokenCount":100,"candidatesTokenCount":8,"thoughtsTokenCount":3,"cachedContentTokenCount":90}}
{"type":"system","uuid":"b","sessionId":"s1","timestamp":"2026-01-01T00:00:01Z","subtype":"custom_title","systemPayload":{"customTitle":"Greeting","titleSource":"manual"}}
{"type":"system","uuid":"c","sessionId":"s1","timestamp":"2026-01-01T00:00:02Z","subtype":"chat_compression","systemPayload":{}}"#,
        "session_started(new); turn_ended; compacted; qwen3-coder-plus 10+90+0>8; title Greeting",
    );

    check(
        &Droid,
        "sessions/p/s1.jsonl",
        r#"{"type":"message","id":"1","timestamp":"2026-01-01T00:00:00Z","message":{"role":"user","content":[{"type":"text","text":"<system-reminder>x</system-reminder>"},{"type":"text","text":"Go on"}]}}
{"type":"agent_turn_outcome","turnId":"t","reason":"model_rate_limited"}
{"type":"agent_turn_outcome","turnId":"u","reason":"cancelled"}"#,
        "prompt_submitted; limited(rate_limit); interrupted; title Go on",
    );
    check(
        &ClineTasks,
        "tasks/1/ui_messages.json",
        r#"[{"ts":1,"type":"say","say":"task","text":"Do"},{"ts":2,"type":"ask","ask":"command","text":"ls","partial":true},{"ts":3,"type":"ask","ask":"command","text":"ls"},{"ts":4,"type":"say","say":"api_req_started","text":"{\"tokensIn\":1,\"tokensOut\":2,\"cancelReason\":\"user_cancelled\"}"},{"type":"say"}]"#,
        "session_started(new); prompt_submitted; needs_input(permission(command)); input_given; model_active; \
         interrupted; unknown 1+0+0>2; title Do; bad_field ts",
    );
}
