//! Writes a scene as Gemini CLI would: a chat as a log of changes. Tools are written when they have finished.
//!
//! Shapes are those of version 0.61, as in `tests/fixtures/gemini`.

use std::io;

use super::files::Home;
use super::json::{Json, object};
use super::random::Random;
use super::scene::{Act, Meter, Pen, Scene, Tool};
use crate::model::{Timestamp, Usage};

/// One chat.
#[derive(Debug)]
pub(super) struct GeminiPen {
    session: String,
    project: &'static str,
    folder: String,
    chat: Option<String>,
    model: &'static str,
    title: &'static str,
    random: Random,
    meter: Meter,
    /// The tool that runs: its name, its arguments, and when it began.
    running: Option<(&'static str, Json, Timestamp)>,
}

impl GeminiPen {
    pub(super) fn new(scene: &Scene, seed: u64, home: &Home) -> Self {
        let mut random = Random::new(seed, &scene.name);
        Self {
            session: random.uuid(4),
            project: scene.project,
            folder: home.path(&format!("projects/{}", scene.project)),
            chat: None,
            model: scene.model,
            title: scene.title,
            meter: Meter::new(random.clone(), scene.context),
            random,
            running: None,
        }
    }

    /// The chat's file; a new one begins with its header.
    fn chat(&mut self, at: Timestamp, home: &Home) -> io::Result<String> {
        if let Some(chat) = &self.chat {
            return Ok(chat.clone());
        }
        let folder = format!(".gemini/tmp/{}", self.project);
        let root = Json(self.folder.clone());
        home.replace(&format!("{folder}/.project_root"), at, &root)?;
        let minute = at.to_string()[..16].replace(':', "-");
        let chat = format!(
            "{folder}/chats/session-{minute}-{}.jsonl",
            &self.session[..8]
        );
        let header = object! {
            "sessionId": self.session, "projectHash": self.random.hex(64), "startTime": at.to_string(),
            "lastUpdated": at.to_string(), "kind": "main",
        };
        home.append(&chat, at, &header)?;
        let summary = object! { "summary": self.title, "lastUpdated": at.to_string() };
        home.append(&chat, at, &object! { "$set": summary })?;
        self.chat = Some(chat.clone());
        Ok(chat)
    }

    fn message(&mut self, at: Timestamp, kind: &str, body: &Json, home: &Home) -> io::Result<()> {
        let chat = self.chat(at, home)?;
        let head = object! { "id": self.random.uuid(4), "timestamp": at.to_string(), "type": kind };
        home.append(&chat, at, &head.and(body))?;
        let updated = object! { "lastUpdated": at.to_string() };
        home.append(&chat, at, &object! { "$set": updated })
    }

    fn answer(&mut self, at: Timestamp, body: &Json, home: &Home) -> io::Result<()> {
        let tokens = tokens(self.meter.call());
        let paid = object! { "tokens": tokens, "model": self.model };
        self.message(at, "gemini", &body.clone().and(&paid), home)
    }

    /// The tool that runs has finished.
    fn finished(
        &mut self,
        at: Timestamp,
        status: &str,
        output: &str,
        home: &Home,
    ) -> io::Result<()> {
        let Some((name, arguments, began)) = self.running.take() else {
            return Ok(());
        };
        let id = format!("{name}__{}", self.random.hex(5));
        let field = if status == "success" {
            "output"
        } else {
            "error"
        };
        let response = Json(format!("{{\"{field}\":{}}}", super::json::text(output)));
        let response = object! { "id": id, "name": name, "response": response };
        let call = object! {
            "id": id, "name": name, "args": arguments, "result": [object! { "functionResponse": response }],
            "status": status, "timestamp": at.to_string(), "resultDisplay": output,
        };
        let body = object! { "content": "", "toolCalls": [call] };
        self.answer(began, &body, home)
    }
}

impl Pen for GeminiPen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        match act {
            Act::Prompt(words) => {
                let part = object! { "text": words };
                self.message(at, "user", &object! { "content": [part] }, home)
            }
            Act::Use(tool, argument) => {
                let (name, arguments) = tool_call(tool, argument);
                self.running = Some((name, arguments, at));
                Ok(())
            }
            Act::Escalate(command, _) => {
                self.running = Some(("run_shell_command", object! { "command": command }, at));
                Ok(())
            }
            Act::Got(output) => self.finished(at, "success", output, home),
            Act::Broke(output) => self.finished(at, "error", output, home),
            Act::Answer(words) | Act::AnswerAndRun(words) | Act::Ask(words) | Act::Plan(words) => {
                self.answer(at, &object! { "content": words }, home)
            }
            Act::Fail(_, words) => self.message(at, "error", &object! { "content": words }, home),
            Act::Limit(_) => {
                let words = "You have reached your daily quota.";
                self.message(at, "error", &object! { "content": words }, home)
            }
            Act::Interrupt => {
                self.running = None;
                let words = "Request cancelled.";
                self.message(at, "info", &object! { "content": words }, home)
            }
            Act::Compact => {
                self.meter.compact();
                let none: [Json; 0] = [];
                let chat = self.chat(at, home)?;
                home.append(&chat, at, &object! { "$set": object! { "messages": none } })
            }
            Act::Allow | Act::Quit | Act::Die => Ok(()),
        }
    }
}

/// What Gemini CLI calls a tool, and what it gives it.
fn tool_call(tool: Tool, argument: &str) -> (&'static str, Json) {
    match tool {
        Tool::Run => ("run_shell_command", object! { "command": argument }),
        Tool::Read => ("read_file", object! { "file_path": argument }),
        Tool::Edit => ("replace", object! { "file_path": argument }),
        Tool::Delegate => ("codebase_investigator", object! { "objective": argument }),
    }
}

/// Tokens as Gemini states them: what was cached is a part of the input, thoughts are apart from the output.
fn tokens(usage: Usage) -> Json {
    object! {
        "input": usage.prompt(), "output": usage.output - usage.reasoning, "cached": usage.cache_read,
        "thoughts": usage.reasoning, "tool": 0, "total": usage.total(),
    }
}
