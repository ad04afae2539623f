//! Writes a scene as Claude Code would: transcript, live file, subagent's folder, state of a background job.
//!
//! Shapes are those of client 2.1.329, as in `tests/fixtures/claude_code`.

use std::io;

use super::files::Home;
use super::json::{Json, object, text};
use super::random::Random;
use super::scene::{Act, Agent, Meter, Pen, Scene, Tool};
use crate::model::{Span, Timestamp, Usage};

const VERSION: &str = "2.1.329";

/// One session, or one subagent of a session.
#[derive(Debug)]
pub(super) struct ClaudePen {
    agent: Agent,
    session: String,
    /// Of a subagent.
    subagent: Option<String>,
    transcript: String,
    cwd: String,
    branch: &'static str,
    model: &'static str,
    title: &'static str,
    random: Random,
    meter: Meter,
    /// The line before.
    parent: Option<String>,
    /// The tool call that is not answered yet.
    call: String,
    started: Option<Timestamp>,
    /// When the turn began.
    turn: Timestamp,
    live: Option<Live>,
}

impl ClaudePen {
    /// `alive`: a client has the session open.
    pub(super) fn new(scene: &Scene, seed: u64, alive: bool, home: &mut Home) -> Self {
        let name = match scene.agent {
            Agent::ClaudeSubagent { of, .. } => of,
            _ => &scene.name,
        };
        let session = Random::new(seed, name).uuid(4);
        let mut random = Random::new(seed, &format!("{} lines", scene.name));
        let cwd = home.path(&format!("projects/{}", scene.project));
        let munged = cwd.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let folder = format!(".claude/projects/{munged}");
        let subagent = matches!(scene.agent, Agent::ClaudeSubagent { .. }).then(|| random.hex(17));
        let transcript = match &subagent {
            Some(id) => format!("{folder}/{session}/subagents/agent-{id}.jsonl"),
            None => format!("{folder}/{session}.jsonl"),
        };
        let live = (alive && scene.agent == Agent::Claude).then(|| Live::new(home));
        Self {
            agent: scene.agent,
            session,
            subagent,
            transcript,
            cwd,
            branch: scene.branch,
            model: scene.model,
            title: scene.title,
            meter: Meter::new(random.clone(), scene.context),
            random,
            parent: None,
            call: String::new(),
            started: None,
            turn: Timestamp::default(),
            live,
        }
    }

    /// Appends a line of the conversation: `body` is what is particular to it, its type first.
    fn line(&mut self, at: Timestamp, body: &Json, home: &Home) -> io::Result<()> {
        let uuid = self.random.uuid(4);
        let mut head = object! {
            "parentUuid": self.parent, "isSidechain": self.subagent.is_some(),
        };
        if let Some(id) = &self.subagent {
            head = head.and(&object! { "agentId": id });
        }
        let tail = object! {
            "uuid": uuid, "timestamp": at.to_string(), "userType": "external",
            "entrypoint": "cli", "cwd": self.cwd, "sessionId": self.session,
            "version": VERSION, "gitBranch": self.branch,
        };
        self.parent = Some(uuid);
        home.append(&self.transcript, at, &head.and(body).and(&tail))
    }

    /// Appends what the user said, or what stands in the user's place.
    fn user(&mut self, at: Timestamp, content: &Json, home: &Home) -> io::Result<()> {
        let message = object! { "role": "user", "content": content };
        self.line(at, &object! { "type": "user", "message": message }, home)
    }

    /// Appends an answer of the model.
    fn assistant(
        &mut self,
        at: Timestamp,
        block: Json,
        stop_reason: &str,
        home: &Home,
    ) -> io::Result<()> {
        let usage = usage(self.meter.call());
        let message = object! {
            "id": self.random.id("msg"), "type": "message", "role": "assistant",
            "model": self.model, "content": [block], "stop_reason": stop_reason,
            "stop_sequence": Option::<&str>::None, "usage": usage,
        };
        let request = self.random.id("req");
        let body = object! { "message": message, "requestId": request, "type": "assistant" };
        self.line(at, &body, home)
    }

    fn call(&mut self, at: Timestamp, name: &str, input: &Json, home: &Home) -> io::Result<()> {
        self.call = self.random.id("toolu");
        let block = object! { "type": "tool_use", "id": self.call, "name": name, "input": input };
        self.assistant(at, block, "tool_use", home)
    }

    fn result(&mut self, at: Timestamp, output: &str, failed: bool, home: &Home) -> io::Result<()> {
        let block = object! {
            "tool_use_id": self.call, "type": "tool_result", "content": output, "is_error": failed,
        };
        self.user(at, &Json(format!("[{}]", block.0)), home)
    }

    fn answer(&mut self, at: Timestamp, words: &str, home: &Home) -> io::Result<()> {
        let block = object! { "type": "text", "text": words };
        self.assistant(at, block, "end_turn", home)?;
        if self.subagent.is_some() {
            return Ok(());
        }
        let body = object! {
            "type": "system", "subtype": "turn_duration", "durationMs": (at - self.turn).0,
            "isMeta": false,
        };
        self.line(at, &body, home)
    }

    /// A line that the client makes up when the turn ends in an error.
    fn failure(&mut self, at: Timestamp, class: &str, words: &str, home: &Home) -> io::Result<()> {
        let message = object! {
            "id": self.random.uuid(4), "model": "<synthetic>", "role": "assistant",
            "stop_reason": "stop_sequence", "stop_sequence": "", "type": "message",
            "usage": usage(Usage::default()), "content": [object! { "type": "text", "text": words }],
        };
        let body = object! {
            "type": "assistant", "message": message, "error": class, "isApiErrorMessage": true,
        };
        self.line(at, &body, home)
    }

    fn compact(&mut self, at: Timestamp, home: &Home) -> io::Result<()> {
        let before = self.meter.context();
        let metadata = object! { "trigger": "auto", "preTokens": before };
        let body = object! {
            "type": "system", "subtype": "compact_boundary", "content": "Conversation compacted",
            "isMeta": false, "level": "info", "compactMetadata": metadata,
        };
        self.line(at, &body, home)?;
        self.meter.compact();
        let message = object! {
            "role": "user", "content": "This session is continued from an earlier conversation. Summary: the work so far.",
        };
        let body = object! {
            "type": "user", "message": message, "isCompactSummary": true,
            "isVisibleInTranscriptOnly": true,
        };
        self.line(at, &body, home)
    }

    /// What is written once: a title, or who a subagent is.
    fn begin(&mut self, at: Timestamp, words: &str, home: &Home) -> io::Result<()> {
        self.started = Some(at);
        if let (Some(id), Agent::ClaudeSubagent { role, .. }) = (&self.subagent, self.agent) {
            let folder = self
                .transcript
                .rsplit_once('/')
                .map_or("", |(folder, _)| folder);
            let meta = object! { "agentType": role, "description": words };
            return home.replace(&format!("{folder}/agent-{id}.meta.json"), at, &meta);
        }
        let title = object! {
            "type": "ai-title", "aiTitle": self.title, "sessionId": self.session,
        };
        home.append(&self.transcript, at, &title)
    }

    /// Says what the client is doing, in its live file.
    fn status(
        &mut self,
        at: Timestamp,
        status: &str,
        waiting_for: Option<&str>,
        home: &Home,
    ) -> io::Result<()> {
        let Some(live) = &self.live else {
            return Ok(());
        };
        let mut file = object! {
            "pid": live.pid, "sessionId": self.session, "cwd": self.cwd,
            "startedAt": self.started.unwrap_or(at).0, "procStart": live.start.to_string(),
            "pidDomain": live.domain, "version": VERSION, "kind": "interactive",
            "entrypoint": "cli", "status": status, "updatedAt": at.0, "statusUpdatedAt": at.0,
        };
        if let Some(waiting_for) = waiting_for {
            file = file.and(&object! { "waitingFor": waiting_for });
        }
        home.replace(&live.path, at, &file)
    }

    /// The state of a background job.
    fn job(&self, at: Timestamp, needs: Option<&str>, state: &str, home: &Home) -> io::Result<()> {
        if self.agent != Agent::ClaudeJob {
            return Ok(());
        }
        let tempo = if needs.is_some() { "blocked" } else { "active" };
        let file = object! {
            "state": state, "detail": self.title, "tempo": tempo,
            "needs": needs.map(|command| format!("approve Bash: {command}")),
            "template": "bg", "intent": self.title, "sessionId": self.session,
            "cliVersion": VERSION, "cwd": self.cwd,
            "createdAt": self.started.unwrap_or(at).to_string(), "updatedAt": at.to_string(),
        };
        let short = &self.session[..8];
        home.replace(&format!(".claude/jobs/{short}/state.json"), at, &file)
    }
}

impl Pen for ClaudePen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        match act {
            Act::Prompt(words) => {
                if self.started.is_none() {
                    self.begin(at, words, home)?;
                }
                self.turn = at;
                self.user(at, &Json(text(words)), home)?;
                self.job(at, None, "working", home)?;
                self.status(at, "busy", None, home)
            }
            Act::Use(tool, argument) => {
                let (name, input) = tool_call(tool, argument);
                self.call(at, name, &input, home)?;
                self.status(at, "busy", None, home)
            }
            Act::Escalate(command, why) => {
                let input = object! { "command": command, "description": why };
                self.call(at, "Bash", &input, home)?;
                self.job(at, Some(command), "working", home)?;
                self.status(at, "waiting", Some("permission prompt"), home)
            }
            Act::Allow => {
                self.job(at, None, "working", home)?;
                self.status(at, "busy", None, home)
            }
            Act::Got(output) | Act::Broke(output) => {
                self.result(at, output, matches!(act, Act::Broke(_)), home)?;
                self.status(at, "busy", None, home)
            }
            Act::Ask(question) => {
                let question = object! {
                    "question": question, "header": "Decision", "multiSelect": false,
                    "options": [
                        object! { "label": "Yes", "description": "Go ahead" },
                        object! { "label": "No", "description": "Leave it" },
                    ],
                };
                let input = object! { "questions": [question] };
                self.call(at, "AskUserQuestion", &input, home)?;
                self.status(at, "waiting", Some("input needed"), home)
            }
            Act::Plan(plan) => {
                self.call(at, "ExitPlanMode", &object! { "plan": plan }, home)?;
                self.status(at, "waiting", Some("input needed"), home)
            }
            Act::Answer(words) => {
                self.answer(at, words, home)?;
                self.job(at, None, "done", home)?;
                self.status(at, "idle", None, home)
            }
            Act::AnswerAndRun(words) => {
                self.answer(at, words, home)?;
                // The client notices a moment later that the command is still there.
                self.status(at + Span(300), "shell", None, home)
            }
            Act::Compact => self.compact(at, home),
            Act::Fail(class, words) => {
                self.failure(at, class, words, home)?;
                self.status(at, "idle", None, home)
            }
            Act::Limit(minutes) => {
                let resets = (at + Span::from_mins(minutes)).0 / 1000;
                let words = format!("Claude AI usage limit reached|{resets}");
                self.failure(at, "rate_limit", &words, home)?;
                self.status(at, "idle", None, home)
            }
            Act::Interrupt => {
                let words = "[Request interrupted by user]";
                let block = object! { "type": "text", "text": words };
                self.user(at, &Json(format!("[{}]", block.0)), home)?;
                self.status(at, "idle", None, home)
            }
            Act::Quit => match self.live.take() {
                Some(live) => home.remove(&live.path),
                None => Ok(()),
            },
            Act::Die => {
                // A process that never was: the number is taken, by one that started at another time.
                if let Some(live) = &mut self.live {
                    live.start = live.start.saturating_sub(1);
                }
                self.status(at, "busy", None, home)
            }
        }
    }
}

impl Live {
    /// The process that stands in for the client, or one of a machine that does not exist.
    fn new(home: &mut Home) -> Self {
        home.processes += 1;
        let number = home.processes;
        let (pid, start, domain) = match &home.process {
            Some(process) => (process.pid, process.start, process.domain.clone()),
            None => (4100 + number, 1_000_000, "linux:demo:pid:[1]".to_owned()),
        };
        Self {
            path: format!(".claude/sessions/{pid}{number:02}.json"),
            pid,
            start,
            domain,
        }
    }
}

/// `sessions/<pid>.json`. One process stands in for several clients, so the names go on after its number.
#[derive(Debug)]
struct Live {
    path: String,
    pid: u32,
    start: u64,
    domain: String,
}

/// What Claude Code calls a tool, and what it gives it.
fn tool_call(tool: Tool, argument: &str) -> (&'static str, Json) {
    match tool {
        Tool::Run => ("Bash", object! { "command": argument }),
        Tool::Read => ("Read", object! { "file_path": argument }),
        Tool::Edit => {
            let input =
                object! { "file_path": argument, "old_string": "before", "new_string": "after" };
            ("Edit", input)
        }
        Tool::Delegate => {
            let input = object! {
                "subagent_type": "Explore", "description": argument, "prompt": argument,
            };
            ("Agent", input)
        }
    }
}

/// Tokens as Anthropic states them: cached ones apart from `input_tokens`.
fn usage(usage: Usage) -> Json {
    let cache = object! {
        "ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": usage.cache_creation_5m,
    };
    object! {
        "input_tokens": usage.input, "cache_creation_input_tokens": usage.cache_creation_5m,
        "cache_read_input_tokens": usage.cache_read, "output_tokens": usage.output,
        "output_tokens_details": object! { "thinking_tokens": usage.reasoning },
        "service_tier": "standard", "cache_creation": cache, "speed": "standard",
    }
}
