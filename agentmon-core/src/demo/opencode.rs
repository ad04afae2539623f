//! Writes a scene as opencode would: a file for the session and for each of its messages and their parts.
//!
//! Shapes are those of version 1.0.185, as in `tests/fixtures/opencode`; later ones keep the same objects in a database,
//! which is no story to append to.

use std::io;

use super::files::Home;
use super::json::{Json, object};
use super::random::Random;
use super::scene::{Act, Meter, Pen, Scene, Tool};
use crate::model::{Timestamp, Usage};

/// One session.
#[derive(Debug)]
pub(super) struct OpenCodePen {
    folder: String,
    project: String,
    model: &'static str,
    title: &'static str,
    random: Random,
    meter: Meter,
    /// The session's id, which tells when it began, and that time.
    session: Option<(String, Timestamp)>,
    /// The answer whose tool runs.
    open: Option<Open>,
    /// The prompt that is being answered.
    prompt: String,
}

#[derive(Debug)]
struct Open {
    message: String,
    part: String,
    tool: &'static str,
    input: Json,
    at: Timestamp,
}

impl OpenCodePen {
    pub(super) fn new(scene: &Scene, seed: u64, home: &Home) -> Self {
        let mut random = Random::new(seed, &scene.name);
        Self {
            folder: home.path(&format!("projects/{}", scene.project)),
            project: Random::new(seed, scene.project).hex(40),
            model: scene.model,
            title: scene.title,
            prompt: random.id("msg"),
            meter: Meter::new(random.clone(), scene.context),
            random,
            session: None,
            open: None,
        }
    }

    /// Writes the session's file, and tells its id.
    fn session(&mut self, at: Timestamp, home: &Home) -> io::Result<String> {
        let random = &mut self.random;
        let (id, created) = self.session.get_or_insert_with(|| {
            // The first digits are the time, inverted: new sessions sort first.
            let inverted = !((at.0 as u64) << 12) & 0xffff_ffff_ffff;
            (format!("ses_{inverted:012x}{}", random.hex(14)), at)
        });
        let session = object! {
            "id": id, "version": "1.0.185", "projectID": self.project, "directory": self.folder,
            "title": self.title, "time": object! { "created": created.0, "updated": at.0 },
        };
        let path = format!("{STORAGE}/session/{}/{id}.json", self.project);
        home.replace(&path, at, &session)?;
        Ok(id.clone())
    }

    /// An id that sorts by its time.
    fn id(&mut self, prefix: &str, at: Timestamp) -> String {
        let time = ((at.0 as u64) << 12) & 0xffff_ffff_ffff;
        format!("{prefix}_{time:012x}{}", self.random.hex(14))
    }

    fn part(
        &self,
        id: &str,
        message: &str,
        at: Timestamp,
        body: &Json,
        home: &Home,
    ) -> io::Result<()> {
        let session = self.session.as_ref().map(|(id, _)| id);
        let head = object! { "id": id, "sessionID": session, "messageID": message };
        let path = format!("{STORAGE}/part/{message}/{id}.json");
        home.replace(&path, at, &head.and(body))
    }

    fn message(
        &mut self,
        id: &str,
        role: &str,
        at: Timestamp,
        body: &Json,
        home: &Home,
    ) -> io::Result<()> {
        let session = self.session(at, home)?;
        let head = object! { "id": id, "sessionID": session, "role": role };
        let path = format!("{STORAGE}/message/{session}/{id}.json");
        home.replace(&path, at, &head.and(body))
    }

    fn text(&mut self, message: &str, at: Timestamp, words: &str, home: &Home) -> io::Result<()> {
        let part = self.id("prt", at);
        let time = object! { "start": at.0, "end": at.0 };
        let body = object! { "type": "text", "text": words, "time": time };
        self.part(&part, message, at, &body, home)
    }

    /// An answer: begun, or, with what else there is to say of it, complete.
    fn answer(
        &mut self,
        id: &str,
        began: Timestamp,
        ended: Option<(Timestamp, Json)>,
        home: &Home,
    ) -> io::Result<()> {
        let path = object! { "cwd": self.folder, "root": self.folder };
        let (at, time, end) = match ended {
            None => {
                let tokens = tokens(Usage::default());
                (
                    began,
                    object! { "created": began.0 },
                    object! { "tokens": tokens },
                )
            }
            Some((at, end)) => {
                let time = object! { "created": began.0, "completed": at.0 };
                (at, time, end)
            }
        };
        let body = object! {
            "time": time, "parentID": self.prompt, "modelID": self.model, "providerID": "anthropic",
            "mode": "build", "path": path, "cost": 0,
        };
        self.message(id, "assistant", at, &body.and(&end), home)
    }

    fn call(
        &mut self,
        at: Timestamp,
        (tool, input): (&'static str, Json),
        home: &Home,
    ) -> io::Result<()> {
        let (message, part) = (self.id("msg", at), self.id("prt", at));
        self.session(at, home)?;
        let state =
            object! { "status": "running", "input": input, "time": object! { "start": at.0 } };
        let body = object! { "type": "tool", "callID": part, "tool": tool, "state": state };
        self.part(&part, &message, at, &body, home)?;
        self.answer(&message, at, None, home)?;
        self.open = Some(Open {
            message,
            part,
            tool,
            input,
            at,
        });
        Ok(())
    }

    fn returned(
        &mut self,
        at: Timestamp,
        output: &str,
        failed: bool,
        home: &Home,
    ) -> io::Result<()> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let time = object! { "start": open.at.0, "end": at.0 };
        let state = match failed {
            true => {
                object! { "status": "error", "input": open.input, "error": output, "time": time }
            }
            false => {
                object! { "status": "completed", "input": open.input, "output": output, "time": time }
            }
        };
        let body =
            object! { "type": "tool", "callID": open.part, "tool": open.tool, "state": state };
        self.part(&open.part, &open.message, at, &body, home)?;
        let end = object! { "tokens": tokens(self.meter.call()), "finish": "tool-calls" };
        self.answer(&open.message, open.at, Some((at, end)), home)
    }

    /// The turn ends in an error.
    fn fails(&mut self, at: Timestamp, error: Json, home: &Home) -> io::Result<()> {
        let (message, began) = match self.open.take() {
            Some(open) => (open.message, open.at),
            None => (self.id("msg", at), at),
        };
        let end = object! { "tokens": tokens(Usage::default()), "error": error };
        self.answer(&message, began, Some((at, end)), home)
    }
}

const STORAGE: &str = ".local/share/opencode/storage";

impl Pen for OpenCodePen {
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()> {
        match act {
            Act::Prompt(words) => {
                self.prompt = self.id("msg", at);
                self.session(at, home)?;
                let prompt = self.prompt.clone();
                self.text(&prompt, at, words, home)?;
                let body = object! { "time": object! { "created": at.0 }, "agent": "build" };
                self.message(&prompt, "user", at, &body, home)
            }
            Act::Use(tool, argument) => self.call(at, tool_call(tool, argument), home),
            Act::Escalate(command, why) => {
                let input = object! { "command": command, "description": why };
                self.call(at, ("bash", input), home)
            }
            Act::Got(output) => self.returned(at, output, false, home),
            Act::Broke(output) => self.returned(at, output, true, home),
            Act::Answer(words) | Act::AnswerAndRun(words) | Act::Ask(words) | Act::Plan(words) => {
                let message = self.id("msg", at);
                self.session(at, home)?;
                self.text(&message, at, words, home)?;
                let end = object! { "tokens": tokens(self.meter.call()), "finish": "stop" };
                self.answer(&message, at, Some((at, end)), home)
            }
            Act::Fail(name, words) => {
                let data = object! { "message": words };
                self.fails(at, object! { "name": name, "data": data }, home)
            }
            Act::Limit(_) => {
                let data = object! { "message": "Too many requests", "statusCode": 429 };
                self.fails(at, object! { "name": "APIError", "data": data }, home)
            }
            Act::Interrupt => {
                let data = object! { "message": "The operation was aborted." };
                self.fails(
                    at,
                    object! { "name": "MessageAbortedError", "data": data },
                    home,
                )
            }
            Act::Compact => {
                self.meter.compact();
                Ok(())
            }
            Act::Allow | Act::Quit | Act::Die => Ok(()),
        }
    }
}

/// What opencode calls a tool, and what it gives it.
fn tool_call(tool: Tool, argument: &str) -> (&'static str, Json) {
    match tool {
        Tool::Run => ("bash", object! { "command": argument }),
        Tool::Read => ("read", object! { "filePath": argument }),
        Tool::Edit => ("edit", object! { "filePath": argument }),
        Tool::Delegate => ("task", object! { "prompt": argument }),
    }
}

/// Tokens as opencode states them: disjoint, but for reasoning, which is left within the output here.
fn tokens(usage: Usage) -> Json {
    let cache = object! { "read": usage.cache_read, "write": usage.cache_creation_5m };
    object! { "input": usage.input, "output": usage.output, "reasoning": 0, "cache": cache }
}
