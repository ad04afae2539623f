//! Writes a scene as OpenClaw's gateway would: transcript and session table.
//!
//! Shapes are those of version 2026.7.1, as in `tests/fixtures/openclaw`.

use std::io;

use super::files::Home;
use super::json::{Json, object};
use super::random::Random;
use super::scene::{Act, Agent, Meter, Pen, Scene, Tool};
use crate::model::{Timestamp, Usage};

/// Tokens in the window of the demo's models.
const WINDOW: u64 = 200_000;

/// One conversation of one of OpenClaw's agents.
#[derive(Debug)]
pub(super) struct OpenClawPen {
    agent: &'static str,
    key: String,
    spawned_by: Option<String>,
    session: String,
    transcript: String,
    cwd: String,
    model: &'static str,
    title: &'static str,
    random: Random,
    meter: Meter,
    parent: Option<String>,
    call: String,
    tool: &'static str,
    started: Option<Timestamp>,
    /// When the run began.
    run: Timestamp,
}

impl OpenClawPen {
    pub(super) fn new(scene: &Scene, seed: u64, home: &Home) -> Self {
        let (agent, key, spawned_by) = match scene.agent {
            Agent::OpenClaw {
                agent,
                key,
                spawned_by,
            } => (agent, key, spawned_by),
            _ => ("main", "main", None),
        };
        let mut random = Random::new(seed, &scene.name);
        let session = random.uuid(4);
        Self {
            agent,
            key: format!("agent:{agent}:{key}"),
            spawned_by: spawned_by.map(|key| format!("agent:{agent}:{key}")),
            transcript: format!(".openclaw/agents/{agent}/sessions/{session}.jsonl"),
            session,
            cwd: home.path(&format!("projects/{}", scene.project)),
            model: scene.model,
            title: scene.title,
            meter: Meter::new(random.clone(), scene.context),
            random,
            parent: None,
            call: String::new(),
            tool: "",
            started: None,
            run: Timestamp::default(),
        }
    }

    fn line(&mut self, at: Timestamp, body: &Json, home: &Home) -> io::Result<()> {
        let id = self.random.hex(8);
        let place = object! { "id": id, "parentId": self.parent, "timestamp": at.to_string() };
        self.parent = Some(id);
        home.append(&self.transcript, at, &body.clone().and(&place))
    }

    fn message(&mut self, at: Timestamp, message: &Json, home: &Home) -> io::Result<()> {
        self.line(at, &object! { "type": "message", "message": message }, home)
    }

    fn begin(&mut self, at: Timestamp, home: &Home) -> io::Result<()> {
        self.started = Some(at);
        let head = object! {
            "type": "session", "version": 3, "id": self.session, "timestamp": at.to_string(),
            "cwd": self.cwd,
        };
        home.append(&self.transcript, at, &head)?;
        let change = object! {
            "type": "model_change", "provider": "anthropic", "modelId": self.model,
        };
        self.line(at, &change, home)
    }

    fn assistant(
        &mut self,
        at: Timestamp,
        block: Json,
        reason: &str,
        home: &Home,
    ) -> io::Result<()> {
        let usage = usage(self.meter.call());
        let message = object! {
            "role": "assistant", "content": [block], "api": "anthropic-messages",
            "provider": "anthropic", "model": self.model, "usage": usage, "stopReason": reason,
            "timestamp": at.0, "responseId": self.random.id("msg"),
        };
        self.message(at, &message, home)
    }

    fn call(
        &mut self,
        at: Timestamp,
        name: &'static str,
        arguments: Json,
        home: &Home,
    ) -> io::Result<()> {
        self.call = self.random.id("toolu");
        self.tool = name;
        let block = object! {
            "type": "toolCall", "id": self.call, "name": name, "arguments": arguments,
        };
        self.assistant(at, block, "toolUse", home)
    }

    fn result(
        &mut self,
        at: Timestamp,
        output: &str,
        details: &Json,
        failed: bool,
        home: &Home,
    ) -> io::Result<()> {
        let block = object! { "type": "text", "text": output };
        let message = object! {
            "role": "toolResult", "toolCallId": self.call, "toolName": self.tool,
            "content": [block], "details": details, "isError": failed, "timestamp": at.0,
        };
        self.message(at, &message, home)
    }

    /// Writes the conversation's row of the session table.
    fn row(&self, at: Timestamp, status: &str, home: &mut Home) -> io::Result<()> {
        let transcript = home.path(&self.transcript);
        let mut row = object! {
            "sessionId": self.session, "updatedAt": at.0,
            "sessionStartedAt": self.started.unwrap_or(at).0, "lastInteractionAt": at.0,
            "abortedLastRun": status == "killed", "chatType": "direct",
            "lastChannel": "telegram", "channel": "telegram", "displayName": self.title,
            "totalTokens": self.meter.context(), "totalTokensFresh": true,
            "sessionFile": transcript, "status": status, "startedAt": self.run.0,
            "modelProvider": "anthropic", "model": self.model, "contextTokens": WINDOW,
        };
        if status != "running" {
            row = row.and(&object! { "endedAt": at.0 });
        }
        if let Some(spawned_by) = &self.spawned_by {
            let spawned = object! { "spawnedBy": spawned_by, "subagentRole": "leaf" };
            row = row.and(&spawned);
        }
        home.row(self.agent, self.key.clone(), row, at)
    }
}

impl Pen for OpenClawPen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        if self.started.is_none() {
            self.begin(at, home)?;
        }
        let status = match act {
            Act::Prompt(words) => {
                self.run = at;
                let message = object! { "role": "user", "content": words, "timestamp": at.0 };
                self.message(at, &message, home)?;
                "running"
            }
            Act::Use(tool, argument) => {
                let (name, arguments) = tool_call(tool, argument);
                self.call(at, name, arguments, home)?;
                "running"
            }
            Act::Escalate(command, why) => {
                self.call(at, "exec", object! { "command": command }, home)?;
                let id = self.random.uuid(4);
                let details = object! {
                    "status": "approval-pending", "approvalId": id, "approvalSlug": id[..8],
                    "command": command, "cwd": self.cwd,
                };
                let words = format!("Approval required (id {}): {why}", &id[..8]);
                self.result(at, &words, &details, false, home)?;
                "running"
            }
            Act::Got(output) | Act::Broke(output) => {
                let failed = matches!(act, Act::Broke(_));
                let status = if failed { "error" } else { "completed" };
                let details = object! { "status": status, "durationMs": 840 };
                self.result(at, output, &details, failed, home)?;
                "running"
            }
            Act::Answer(words) | Act::AnswerAndRun(words) | Act::Ask(words) | Act::Plan(words) => {
                let block = object! { "type": "text", "text": words };
                self.assistant(at, block, "stop", home)?;
                "done"
            }
            Act::Compact => {
                self.meter.compact();
                let body = object! { "type": "compaction", "summary": "The conversation so far." };
                self.line(at, &body, home)?;
                "running"
            }
            Act::Fail(class, words) => {
                let message = object! {
                    "role": "assistant", "content": [] as [Json; 0], "provider": "anthropic",
                    "model": self.model, "usage": usage(Usage::default()), "stopReason": "error",
                    "errorMessage": words, "errorType": class, "timestamp": at.0,
                };
                self.message(at, &message, home)?;
                "failed"
            }
            Act::Interrupt | Act::Die => "killed",
            Act::Allow | Act::Limit(_) | Act::Quit => return Ok(()),
        };
        self.row(at, status, home)
    }
}

/// What OpenClaw calls a tool, and what it gives it.
fn tool_call(tool: Tool, argument: &str) -> (&'static str, Json) {
    match tool {
        Tool::Run => ("exec", object! { "command": argument }),
        Tool::Read => ("read", object! { "path": argument }),
        Tool::Edit => ("edit", object! { "path": argument }),
        Tool::Delegate => ("sessions_spawn", object! { "task": argument }),
    }
}

/// Tokens as OpenClaw states them: disjoint, with a cost of its own, which is left out here.
fn usage(usage: Usage) -> Json {
    object! {
        "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_creation_5m, "totalTokens": usage.total(),
    }
}
