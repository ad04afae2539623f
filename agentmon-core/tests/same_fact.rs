//! One fact, told by a hook, by telemetry, by a transcript and by a client of the events API: one row, in whatever order
//! they come (I13).
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::fs;
use std::path::Path;

use agentmon_core::Monitor;
use agentmon_core::ingest::Delivery;
use agentmon_core::ingest::events_api::read_batch;
use agentmon_core::model::{Batch, EventKind, Problem, SessionKey, Timestamp};
use agentmon_core::query::{EventFilter, Order, RefreshOptions, StatsFilter};
use agentmon_core::source::otlp::{Encoding, Signal};
use agentmon_core::source::{claude_code, codex, otlp};
use serde_json::{Value, json};

const SESSION: &str = "0bcabce6-f94b-5d01-b40a-085d257e2d71";

/// Who tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    Hooks,
    Telemetry,
    File,
}

type Parse = fn(&[u8], Timestamp, &mut Batch) -> Result<SessionKey, Problem>;

/// One session as each of the three tells it.
struct Story {
    file: &'static str,
    lines: Vec<Value>,
    hooks: Vec<Value>,
    parse: Parse,
    service: &'static str,
    /// Attributes of log records.
    logs: Vec<Value>,
}

fn claude_code(redacted: bool, call: &str) -> Story {
    let line = |kind: &str, uuid: &str, at: &str, message: Value| {
        json!({"type": kind, "uuid": uuid, "sessionId": SESSION, "cwd": "/tmp", "timestamp": at, "promptId": "turn",
               "requestId": "req_1", "message": message})
    };
    let hook = |event: &str, more: Value| {
        let mut hook = json!({"session_id": SESSION, "hook_event_name": event, "cwd": "/tmp", "prompt_id": "turn"});
        hook.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        hook
    };
    let log = |name: &str, more: Value| {
        let mut log = json!({"event.name": name, "session.id": SESSION, "prompt.id": "turn",
                             "event.timestamp": "2026-11-21T08:57:01.500Z"});
        log.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        log
    };
    // The client writes no turn into this one.
    let mut failed = line(
        "assistant",
        "u4",
        "2026-11-21T08:57:04.000Z",
        json!({"id": "a4", "model": "<synthetic>", "usage": {"input_tokens": 0, "output_tokens": 0},
               "content": [{"type": "text", "text": "API Error: 529 Overloaded"}]}),
    );
    failed["isApiErrorMessage"] = true.into();
    failed["promptId"].take();
    let prompt = if redacted { "<REDACTED>" } else { "Fix it" };
    Story {
        file: ".claude/projects/-tmp/0bcabce6-f94b-5d01-b40a-085d257e2d71.jsonl",
        lines: vec![
            line(
                "user",
                "u1",
                "2026-11-21T08:57:01.000Z",
                json!({"role": "user", "content": "Fix it"}),
            ),
            line(
                "assistant",
                "u2",
                "2026-11-21T08:57:02.000Z",
                json!({"id": "msg_1", "model": "claude-sonnet-5", "stop_reason": "tool_use",
                       "usage": {"input_tokens": 10, "output_tokens": 7},
                       "content": [{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": "make"}}]}),
            ),
            line(
                "user",
                "u3",
                "2026-11-21T08:57:03.000Z",
                json!({"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": call, "content": "done", "is_error": false}]}),
            ),
            failed,
        ],
        hooks: vec![
            hook("UserPromptSubmit", json!({"prompt": "Fix it"})),
            hook(
                "PreToolUse",
                json!({"tool_name": "Bash", "tool_use_id": call, "tool_input": {"command": "make"}}),
            ),
            hook(
                "PostToolUse",
                json!({"tool_name": "Bash", "tool_use_id": call, "duration_ms": 40,
                       "tool_response": {"stdout": "done"}}),
            ),
            hook(
                "StopFailure",
                json!({"error": "server_error", "last_assistant_message": "API Error: 529 Overloaded"}),
            ),
        ],
        parse: claude_code::hook::parse,
        service: "claude-code",
        logs: vec![
            log(
                "user_prompt",
                json!({"prompt": prompt, "message.uuid": "u1"}),
            ),
            log(
                "api_request",
                json!({"model": "claude-sonnet-5", "input_tokens": 10, "output_tokens": 7,
                       "cost_usd_micros": 90, "request_id": "req_1"}),
            ),
            log(
                "tool_result",
                json!({"tool_name": "Bash", "tool_use_id": call, "duration_ms": "45", "success": "true"}),
            ),
            log(
                "api_error",
                json!({"error": "Repeated 529 Overloaded errors", "query_source": "sdk", "attempt": 3}),
            ),
        ],
    }
}

impl Story {
    fn tell(&self, teller: Teller, home: &Path, monitor: &Monitor) {
        let now = Timestamp::parse("2026-11-21T08:57:05Z").unwrap();
        match teller {
            Teller::Hooks => {
                for hook in &self.hooks {
                    let mut batch = Batch::default();
                    (self.parse)(hook.to_string().as_bytes(), now, &mut batch).unwrap();
                    ingest(monitor, batch);
                }
            }
            Teller::Telemetry => {
                let records: Vec<Value> = self.logs.iter().map(record).collect();
                let service =
                    json!({"key": "service.name", "value": {"stringValue": self.service}});
                let body = json!({"resourceLogs": [{"resource": {"attributes": [service]},
                    "scopeLogs": [{"logRecords": records}]}]});
                let mut batch = Batch::default();
                let body = body.to_string();
                otlp::read(
                    Signal::Logs,
                    Encoding::Json,
                    body.as_bytes(),
                    now,
                    &mut batch,
                )
                .unwrap();
                ingest(monitor, batch);
            }
            Teller::File => {
                let path = home.join(self.file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                let lines: Vec<String> =
                    self.lines.iter().map(|line| format!("{line}\n")).collect();
                fs::write(path, lines.concat()).unwrap();
                monitor
                    .refresh(&RefreshOptions {
                        want_state: true,
                        content: true,
                        ..RefreshOptions::default()
                    })
                    .unwrap();
            }
        }
    }
}

fn record(attributes: &Value) -> Value {
    let attributes: Vec<Value> = attributes
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| match value {
            Value::Number(number) => json!({"key": key, "value": {"intValue": number}}),
            value => json!({"key": key, "value": {"stringValue": value}}),
        })
        .collect();
    json!({"attributes": attributes})
}

fn ingest(monitor: &Monitor, batch: Batch) {
    monitor
        .ingest_blocking(Delivery::Observed(Box::new(batch)))
        .unwrap();
}

/// The events but for their rows, and what statistics count of tools: uses, and the time they took.
fn rows(monitor: &Monitor) -> Vec<String> {
    let filter = EventFilter {
        order: Order::Ascending,
        ..EventFilter::default()
    };
    let page = monitor.events(&filter).unwrap();
    let mut rows: Vec<String> = page
        .events
        .iter()
        .map(|event| {
            format!(
                "{} {} {} {:?} {:?} {:?} {:?} {}",
                event.at,
                event.session,
                event.kind.as_str(),
                event.status,
                event.tool,
                event.duration_ms,
                event.usage.map(|usage| usage.output),
                event.text
            )
        })
        .collect();
    rows.sort();
    rows
}

const ORDERS: [[Teller; 3]; 6] = {
    use Teller::{File, Hooks, Telemetry};
    [
        [Hooks, Telemetry, File],
        [Hooks, File, Telemetry],
        [File, Hooks, Telemetry],
        [File, Telemetry, Hooks],
        [Telemetry, Hooks, File],
        [Telemetry, File, Hooks],
    ]
};

/// Tells a story in all orders, and each part twice. Returns the rows, which must be the same, and the kinds of them.
fn told(story: &Story) -> Vec<String> {
    let mut expected: Option<Vec<String>> = None;
    for order in ORDERS {
        let home = tempfile::tempdir().unwrap();
        let monitor = common::monitor(home.path());
        for teller in order {
            story.tell(teller, home.path(), &monitor);
            story.tell(teller, home.path(), &monitor);
        }
        let rows = rows(&monitor);
        let tools = monitor.tool_totals(&StatsFilter::default()).unwrap();
        let uses: u64 = tools.iter().map(|tool| tool.calls).sum();
        assert_eq!(uses, 1, "{order:?}: {tools:?}");
        match &expected {
            None => expected = Some(rows),
            Some(expected) => assert_eq!(&rows, expected, "{order:?}"),
        }
    }
    expected.unwrap()
}

fn kinds(rows: &[String], kind: EventKind) -> usize {
    let word = format!(" {} ", kind.as_str());
    rows.iter().filter(|row| row.contains(&word)).count()
}

#[test]
fn claude_code_is_stored_once() {
    for (redacted, call) in [(false, "toolu_01"), (true, "toolu_01"), (true, "call_1")] {
        let rows = told(&claude_code(redacted, call));
        assert_eq!(rows.len(), 5, "{rows:#?}");
        for kind in [
            EventKind::Error,
            EventKind::UserPrompt,
            EventKind::ToolUse,
            EventKind::ToolResult,
            EventKind::LlmResponse,
        ] {
            assert_eq!(kinds(&rows, kind), 1, "{rows:#?}");
        }
        // The transcript's words and time, the longest duration that anybody told, the call's tokens.
        let result = rows.iter().find(|row| row.contains("tool_result")).unwrap();
        assert!(result.starts_with("2026-11-21T08:57:03"), "{result}");
        assert!(result.ends_with("Some(45) None done"), "{result}");
        let answer = rows
            .iter()
            .find(|row| row.contains("llm_response"))
            .unwrap();
        assert!(answer.contains("Some(7)"), "{answer}");
    }
}

#[test]
fn codex_is_stored_once() {
    const THREAD: &str = "01a1fd70-7e54-70b3-82d4-7722d078ccce";
    let line = |at: &str, kind: &str, payload: Value| json!({"timestamp": at, "type": kind, "payload": payload});
    let story = Story {
        file: ".codex/sessions/2026/11/21/rollout-2026-11-21T09-29-30-01a1fd70-7e54-70b3-82d4-7722d078ccce.jsonl",
        lines: vec![
            line(
                "2026-11-21T08:57:00.000Z",
                "session_meta",
                json!({"id": THREAD, "cwd": "/tmp", "cli_version": "0.169.0"}),
            ),
            line(
                "2026-11-21T08:57:00.500Z",
                "event_msg",
                json!({"type": "user_message", "message": "Build it"}),
            ),
            line(
                "2026-11-21T08:57:01.000Z",
                "response_item",
                json!({"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\":\"make\"}", "call_id": "call_1"}),
            ),
            line(
                "2026-11-21T08:57:02.000Z",
                "response_item",
                json!({"type": "function_call_output", "call_id": "call_1",
                       "output": "Wall time: 0.0617 seconds\nProcess exited with code 0\nOutput:\ndone\n"}),
            ),
        ],
        hooks: vec![
            json!({"session_id": THREAD, "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_use_id": "call_1",
                   "tool_input": {"command": "make"}, "transcript_path": "/home/user/.codex/sessions/x.jsonl"}),
            json!({"session_id": THREAD, "hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_use_id": "call_1",
                   "tool_response": "done", "transcript_path": "/home/user/.codex/sessions/x.jsonl"}),
        ],
        parse: codex::hook::parse,
        service: "codex_exec",
        logs: vec![
            json!({"event.name": "codex.user_prompt", "conversation.id": THREAD, "prompt": "[REDACTED]",
                   "prompt_length": "8", "event.timestamp": "2026-11-21T08:57:00.499Z"}),
            json!({"event.name": "codex.tool_result", "conversation.id": THREAD, "call_id": "call_1",
                   "tool_name": "exec_command", "duration_ms": "70", "success": "true", "output": "done\n",
                   "event.timestamp": "2026-11-21T08:57:02.100Z"}),
        ],
    };
    let rows = told(&story);
    assert_eq!(rows.len(), 4, "{rows:#?}");
    assert!(rows[1].ends_with("Build it"), "{rows:#?}");
    assert!(rows[3].ends_with("Some(70) None done\n"), "{rows:#?}");
}

#[test]
fn what_a_hook_script_posts_is_the_same_tool_call() {
    let story = claude_code(true, "toolu_01");
    let body = json!({"events": [{"session_id": SESSION, "agent_type": "claude_code", "event_type": "tool_use",
        "tool_name": "Bash", "source": "hook", "metadata": {"tool_use_id": "toolu_01", "command": "make"}}]});
    for posted_first in [true, false] {
        let home = tempfile::tempdir().unwrap();
        let monitor = common::monitor(home.path());
        let post = || {
            let batch = read_batch(body.to_string().as_bytes(), 10 * 1024).unwrap();
            monitor
                .ingest_blocking(Delivery::Posted(batch.events))
                .unwrap()
        };
        if posted_first {
            assert_eq!(post().duplicates, 0);
        }
        story.tell(Teller::File, home.path(), &monitor);
        if !posted_first {
            assert_eq!(post().duplicates, 1);
        }
        let rows = rows(&monitor);
        assert_eq!(kinds(&rows, EventKind::ToolUse), 1, "{rows:#?}");
        assert_eq!(kinds(&rows, EventKind::ToolResult), 1, "{rows:#?}");
    }
}
