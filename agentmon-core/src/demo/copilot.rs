//! Writes a scene as GitHub Copilot CLI would: a log of events.
//!
//! Shapes are those of version 1.0.102, as in `tests/fixtures/further`.

use std::io;

use super::files::Home;
use super::json::{Json, object};
use super::random::Random;
use super::scene::{Act, Meter, Pen, Scene, Tool};
use crate::model::Timestamp;

/// One session.
#[derive(Debug)]
pub(super) struct CopilotPen {
    session: String,
    log: String,
    folder: String,
    branch: &'static str,
    model: &'static str,
    random: Random,
    meter: Meter,
    begun: bool,
    /// The last event.
    parent: Option<String>,
    calls: u64,
    call: String,
    request: String,
}

impl CopilotPen {
    pub(super) fn new(scene: &Scene, seed: u64, home: &Home) -> Self {
        let mut random = Random::new(seed, &scene.name);
        let session = random.uuid(4);
        Self {
            log: format!(".copilot/session-state/{session}/events.jsonl"),
            session,
            folder: home.path(&format!("projects/{}", scene.project)),
            branch: scene.branch,
            model: scene.model,
            meter: Meter::new(random.clone(), scene.context),
            random,
            begun: false,
            parent: None,
            calls: 0,
            call: String::new(),
            request: String::new(),
        }
    }

    fn event(&mut self, at: Timestamp, kind: &str, data: &Json, home: &Home) -> io::Result<()> {
        let id = self.random.uuid(4);
        let event = object! {
            "type": kind, "data": data, "id": id, "timestamp": at.to_string(), "parentId": self.parent,
        };
        self.parent = Some(id);
        home.append(&self.log, at, &event)
    }

    fn begin(&mut self, at: Timestamp, home: &Home) -> io::Result<()> {
        self.begun = true;
        let context = object! { "cwd": self.folder, "gitRoot": self.folder, "branch": self.branch };
        let data = object! {
            "sessionId": self.session, "version": 1, "producer": "copilot-agent",
            "copilotVersion": "1.0.102", "startTime": at.to_string(), "selectedModel": self.model,
            "context": context,
        };
        self.event(at, "session.start", &data, home)
    }

    /// The model answers: what it used, and what it says or wants to do.
    fn answer(
        &mut self,
        at: Timestamp,
        words: &str,
        requests: &[Json],
        home: &Home,
    ) -> io::Result<()> {
        let usage = self.meter.call();
        self.calls += 1;
        let accounting = object! {
            "sourceSessionId": self.session, "sequence": self.calls, "usageId": self.random.uuid(4),
        };
        let usage = object! {
            "model": self.model, "inputTokens": usage.prompt(), "outputTokens": usage.output,
            "cacheReadTokens": usage.cache_read, "cacheWriteTokens": 0,
            "reasoningTokens": usage.reasoning, "accounting": accounting,
        };
        self.event(
            at,
            "session.usage_record",
            &object! { "usage": usage },
            home,
        )?;
        let message = object! {
            "messageId": self.random.uuid(4), "model": self.model, "content": words,
            "toolRequests": requests,
        };
        self.event(at, "assistant.message", &message, home)
    }

    fn call(
        &mut self,
        at: Timestamp,
        (name, arguments): (&'static str, Json),
        home: &Home,
    ) -> io::Result<()> {
        self.call = format!("call_{}", self.random.hex(20));
        let request = object! { "toolCallId": self.call, "name": name, "arguments": arguments };
        self.answer(at, "", &[request], home)?;
        let start = object! { "toolCallId": self.call, "toolName": name, "arguments": arguments };
        self.event(at, "tool.execution_start", &start, home)
    }

    fn returned(&mut self, at: Timestamp, output: &str, done: bool, home: &Home) -> io::Result<()> {
        let result = object! { "content": output };
        let data = object! { "toolCallId": self.call, "success": done, "result": result };
        self.event(at, "tool.execution_complete", &data, home)
    }
}

impl Pen for CopilotPen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        if !self.begun {
            self.begin(at, home)?;
        }
        match act {
            Act::Prompt(words) => {
                self.event(at, "user.message", &object! { "content": words }, home)?;
                self.event(at, "assistant.turn_start", &object! { "turnId": "0" }, home)
            }
            Act::Use(tool, argument) => self.call(at, tool_call(tool, argument), home),
            Act::Escalate(command, why) => {
                self.call(at, ("bash", object! { "command": command }), home)?;
                self.request = self.random.uuid(4);
                let asked = object! {
                    "kind": "shell", "toolCallId": self.call, "fullCommandText": command, "intention": why,
                };
                let data = object! { "requestId": self.request, "permissionRequest": asked };
                self.event(at, "permission.requested", &data, home)
            }
            Act::Allow => {
                let data = object! {
                    "requestId": self.request, "result": object! { "kind": "approved" },
                };
                self.event(at, "permission.completed", &data, home)
            }
            Act::Got(output) => self.returned(at, output, true, home),
            Act::Broke(output) => self.returned(at, output, false, home),
            Act::Answer(words) | Act::AnswerAndRun(words) | Act::Ask(words) | Act::Plan(words) => {
                self.answer(at, words, &[], home)
            }
            Act::Fail(class, words) => {
                let data = object! { "errorType": class, "message": words };
                self.event(at, "session.error", &data, home)
            }
            Act::Limit(_) => {
                let data = object! {
                    "errorType": "rate_limit", "statusCode": 429, "message": "Too many requests.",
                };
                self.event(at, "session.error", &data, home)
            }
            Act::Interrupt => self.event(at, "abort", &object! { "reason": "user" }, home),
            Act::Compact => {
                self.meter.compact();
                self.event(
                    at,
                    "session.compaction_start",
                    &object! { "turnId": "0" },
                    home,
                )?;
                let done =
                    object! { "success": true, "summaryContent": "The conversation so far." };
                self.event(at, "session.compaction_complete", &done, home)
            }
            Act::Quit => {
                let data = object! { "shutdownType": "routine" };
                self.event(at, "session.shutdown", &data, home)
            }
            Act::Die => Ok(()),
        }
    }
}

/// What Copilot CLI calls a tool, and what it gives it.
fn tool_call(tool: Tool, argument: &str) -> (&'static str, Json) {
    match tool {
        Tool::Run => ("bash", object! { "command": argument }),
        Tool::Read => ("view", object! { "path": argument }),
        Tool::Edit => ("edit", object! { "path": argument }),
        Tool::Delegate => ("task", object! { "prompt": argument }),
    }
}
