//! Writes a scene as Codex would: a rollout.
//!
//! Shapes are those of client 0.169.0, as in `tests/fixtures/codex`.

use std::io;

use super::files::Home;
use super::json::{Json, object};
use super::random::Random;
use super::scene::{Act, Meter, Pen, Scene, Tool};
use crate::model::{Timestamp, Usage};

/// Tokens in the window of the demo's models.
const WINDOW: u64 = 258_400;

/// One thread.
#[derive(Debug)]
pub(super) struct CodexPen {
    thread: String,
    cwd: String,
    branch: &'static str,
    model: &'static str,
    title: &'static str,
    random: Random,
    meter: Meter,
    total: Usage,
    ordinal: u64,
    /// Known once the first line is written: the file is named after its time.
    rollout: Option<String>,
    turn: String,
    began: Timestamp,
    call: String,
    /// Whether the open call is a patch.
    patches: bool,
}

impl CodexPen {
    pub(super) fn new(scene: &Scene, seed: u64, home: &Home) -> Self {
        let mut random = Random::new(seed, &scene.name);
        let thread = random.uuid(7);
        Self {
            thread,
            cwd: home.path(&format!("projects/{}", scene.project)),
            branch: scene.branch,
            model: scene.model,
            title: scene.title,
            meter: Meter::new(random.clone(), scene.context),
            random,
            total: Usage::default(),
            ordinal: 0,
            rollout: None,
            turn: String::new(),
            began: Timestamp::default(),
            call: String::new(),
            patches: false,
        }
    }

    fn line(&mut self, at: Timestamp, kind: &str, payload: &Json, home: &Home) -> io::Result<()> {
        let time = at.to_string();
        let rollout = self.rollout.get_or_insert_with(|| {
            let (date, clock) = (time[..10].replace('-', "/"), time[11..19].replace(':', "-"));
            let (day, thread) = (&time[..10], &self.thread);
            format!(".codex/sessions/{date}/rollout-{day}T{clock}-{thread}.jsonl")
        });
        let line = object! {
            "timestamp": time, "ordinal": self.ordinal, "type": kind, "payload": payload,
        };
        self.ordinal += 1;
        home.append(rollout, at, &line)
    }

    fn event(&mut self, at: Timestamp, payload: &Json, home: &Home) -> io::Result<()> {
        self.line(at, "event_msg", payload, home)
    }

    fn item(&mut self, at: Timestamp, payload: &Json, home: &Home) -> io::Result<()> {
        self.line(at, "response_item", payload, home)
    }

    fn begin(&mut self, at: Timestamp, home: &Home) -> io::Result<()> {
        let git = object! { "commit_hash": self.random.hex(40), "branch": self.branch };
        let meta = object! {
            "session_id": self.thread, "id": self.thread, "timestamp": at.to_string(),
            "cwd": self.cwd, "originator": "codex_cli_rs", "cli_version": "0.169.0",
            "source": "cli", "thread_source": "user", "model_provider": "openai", "git": git,
        };
        self.line(at, "session_meta", &meta, home)?;
        let named = object! {
            "type": "thread_name_updated", "thread_id": self.thread, "thread_name": self.title,
        };
        self.event(at, &named, home)
    }

    fn prompt(&mut self, at: Timestamp, words: &str, home: &Home) -> io::Result<()> {
        self.turn = self.random.uuid(7);
        self.began = at;
        let started = object! {
            "type": "task_started", "turn_id": self.turn, "root_turn_id": self.turn,
            "started_at": at.0 / 1000, "model_context_window": WINDOW,
            "collaboration_mode_kind": "default",
        };
        self.event(at, &started, home)?;
        let context = object! {
            "turn_id": self.turn, "root_turn_id": self.turn, "cwd": self.cwd,
            "approval_policy": "on-request", "approvals_reviewer": "user", "model": self.model,
            "summary": "none", "sandbox_policy": object! { "type": "workspace-write" },
        };
        self.line(at, "turn_context", &context, home)?;
        let content = object! { "type": "input_text", "text": words };
        let message = object! {
            "type": "message", "id": format!("msg_{}", self.random.uuid(7)), "role": "user",
            "content": [content],
        };
        self.item(at, &message, home)?;
        let id = self.random.uuid(7);
        let content = object! { "type": "text", "text": words };
        let item = object! { "type": "UserMessage", "id": id, "content": [content] };
        self.completed(at, &item, home)
    }

    fn completed(&mut self, at: Timestamp, item: &Json, home: &Home) -> io::Result<()> {
        let payload = object! {
            "type": "item_completed", "thread_id": self.thread, "turn_id": self.turn,
            "item": item, "started_at_ms": at.0, "completed_at_ms": at.0,
        };
        self.event(at, &payload, home)
    }

    /// The tokens of a response, and how much of the plan is used up.
    fn count(&mut self, at: Timestamp, home: &Home) -> io::Result<()> {
        let usage = self.meter.call();
        self.total.input += usage.input;
        self.total.cache_read += usage.cache_read;
        self.total.cache_creation_5m += usage.cache_creation_5m;
        self.total.output += usage.output;
        self.total.reasoning += usage.reasoning;
        let (last, total) = (tokens(usage), tokens(self.total));
        let record = object! {
            "thread_id": self.thread, "turn_id": self.turn, "session_id": self.thread,
            "root_turn_id": self.turn, "response_id": format!("resp_{}", self.random.hex(16)),
            "usage": last, "turn_token_usage": last, "thread_token_usage": total,
        };
        self.line(at, "token_usage_record", &record, home)?;
        let info = object! {
            "total_token_usage": total, "last_token_usage": last, "model_context_window": WINDOW,
        };
        let payload = object! {
            "type": "token_count", "info": info, "rate_limits": rate_limits(at),
        };
        self.event(at, &payload, home)
    }

    fn call(&mut self, at: Timestamp, name: &str, arguments: &Json, home: &Home) -> io::Result<()> {
        self.call = format!("call_{}", self.random.hex(20));
        self.patches = false;
        let payload = object! {
            "type": "function_call", "status": "completed",
            "id": format!("fc_{}", self.random.hex(20)), "name": name,
            "arguments": arguments.0, "call_id": self.call,
        };
        self.item(at, &payload, home)?;
        self.count(at, home)
    }

    fn patch(&mut self, at: Timestamp, file: &str, home: &Home) -> io::Result<()> {
        self.call = format!("call_{}", self.random.hex(20));
        self.patches = true;
        let input =
            format!("*** Begin Patch\n*** Update File: {file}\n@@\n-before\n+after\n*** End Patch");
        let payload = object! {
            "type": "custom_tool_call", "status": "completed",
            "id": format!("ctc_{}", self.random.hex(20)), "call_id": self.call,
            "name": "apply_patch", "input": input,
        };
        self.item(at, &payload, home)?;
        self.count(at, home)
    }

    fn result(&mut self, at: Timestamp, output: &str, code: u8, home: &Home) -> io::Result<()> {
        let (kind, output) = if self.patches {
            ("custom_tool_call_output", output.to_owned())
        } else {
            let head = "Chunk ID: 3fa2b1\nWall time: 2.4000 seconds\n";
            let output = format!("{head}Process exited with code {code}\nOutput:\n{output}\n");
            ("function_call_output", output)
        };
        let payload = object! { "type": kind, "call_id": self.call, "output": output };
        self.item(at, &payload, home)
    }

    fn answer(&mut self, at: Timestamp, words: &str, home: &Home) -> io::Result<()> {
        let id = format!("msg_{}", self.random.hex(20));
        let content = object! { "type": "Text", "text": words };
        let item = object! { "type": "AgentMessage", "id": id, "content": [content] };
        self.completed(at, &item, home)?;
        let content = object! { "type": "output_text", "text": words };
        let message = object! {
            "type": "message", "status": "completed", "id": id, "role": "assistant",
            "content": [content],
        };
        self.item(at, &message, home)?;
        self.count(at, home)?;
        self.complete(at, Some(words), home)
    }

    fn complete(&mut self, at: Timestamp, words: Option<&str>, home: &Home) -> io::Result<()> {
        let payload = object! {
            "type": "task_complete", "turn_id": self.turn, "root_turn_id": self.turn,
            "last_agent_message": words, "started_at": self.began.0 / 1000,
            "completed_at": at.0 / 1000, "duration_ms": (at - self.began).0,
        };
        self.event(at, &payload, home)
    }
}

impl Pen for CodexPen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        if self.ordinal == 0 {
            self.begin(at, home)?;
        }
        match act {
            Act::Prompt(words) => self.prompt(at, words, home),
            Act::Use(Tool::Edit, file) => self.patch(at, file, home),
            Act::Use(Tool::Read, file) => {
                let command = format!("sed -n '1,200p' {file}");
                self.call(at, "exec_command", &object! { "cmd": command }, home)
            }
            Act::Use(Tool::Run | Tool::Delegate, command) => {
                self.call(at, "exec_command", &object! { "cmd": command }, home)
            }
            Act::Escalate(command, why) => {
                let arguments = object! {
                    "cmd": command, "sandbox_permissions": "require_escalated",
                    "justification": why,
                };
                self.call(at, "exec_command", &arguments, home)
            }
            Act::Ask(question) => {
                let question = object! { "id": "q1", "header": "Choice", "question": question };
                let arguments = object! { "questions": [question] };
                self.call(at, "request_user_input", &arguments, home)
            }
            Act::Got(output) => self.result(at, output, 0, home),
            Act::Broke(output) => self.result(at, output, 1, home),
            Act::Answer(words) | Act::AnswerAndRun(words) | Act::Plan(words) => {
                self.answer(at, words, home)
            }
            Act::Compact => {
                self.meter.compact();
                let payload = object! { "message": "Summary of the work so far." };
                self.line(at, "compacted", &payload, home)
            }
            Act::Fail(class, words) => {
                let payload =
                    object! { "type": "error", "message": words, "codex_error_info": class };
                self.event(at, &payload, home)?;
                self.complete(at, None, home)
            }
            Act::Limit(_) => {
                let words = "You've hit your usage limit.";
                let payload = object! {
                    "type": "error", "message": words, "codex_error_info": "usage_limit_exceeded",
                };
                self.event(at, &payload, home)?;
                self.complete(at, None, home)
            }
            Act::Interrupt => {
                let payload = object! {
                    "type": "turn_aborted", "turn_id": self.turn, "root_turn_id": self.turn,
                    "reason": "interrupted", "started_at": self.began.0 / 1000,
                };
                self.event(at, &payload, home)
            }
            // The rollout shows nothing of these.
            Act::Allow | Act::Quit | Act::Die => Ok(()),
        }
    }
}

/// Tokens as OpenAI states them: cached ones are a part of `input_tokens`.
fn tokens(usage: Usage) -> Json {
    let input = usage.input + usage.cache_read + usage.cache_creation_5m;
    object! {
        "input_tokens": input, "cached_input_tokens": usage.cache_read,
        "output_tokens": usage.output, "reasoning_output_tokens": usage.reasoning,
        "total_tokens": input + usage.output,
    }
}

/// A plan of which more is used up as a window goes on: five hours, and a week.
fn rate_limits(at: Timestamp) -> Json {
    let window = |minutes: i64, most: f64| {
        let length = minutes * 60_000;
        let gone = at.0.rem_euclid(length);
        let used = (gone as f64 / length as f64 * most).round();
        object! {
            "used_percent": used, "window_minutes": minutes,
            "resets_at": (at.0 - gone + length) / 1000,
        }
    };
    object! {
        "limit_id": "codex", "primary": window(300, 84.0), "secondary": window(10_080, 61.0),
        "credits": Option::<()>::None, "plan_type": "pro",
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::text;
    use super::*;

    #[test]
    fn input_tokens_include_what_is_cached() {
        let usage = Usage {
            input: 1,
            cache_read: 20,
            cache_creation_5m: 300,
            output: 4000,
            ..Usage::default()
        };
        assert!(
            text(&tokens(usage)).starts_with(r#"{"input_tokens":321,"cached_input_tokens":20,"#)
        );
    }
}
