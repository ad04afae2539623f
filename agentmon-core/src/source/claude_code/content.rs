//! Transcript lines as events: what a person reads in a timeline and searches.

use serde_json::value::RawValue;

use super::evidence::human_prompt;
use super::identity::{self, tool_fact};
use super::line::{Block, Line, SYNTHETIC, blocks};
use crate::model::{
    Batch, DedupKey, Event, EventKind, EventStatus, FactKey, SessionIndex, Timestamp,
};

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The file.
    pub(super) path: &'a str,
    /// When the file began.
    pub(super) born: Timestamp,
    pub(super) offset: u64,
    /// The subagent whose file it is.
    pub(super) agent: Option<&'a str>,
    /// The turn that it is in, as far as the lines before it tell.
    pub(super) turn: Option<&'a str>,
}

/// Adds the events of one line.
pub(super) fn report(
    line: &Line<'_>,
    at: Timestamp,
    session: SessionIndex,
    place: Place<'_>,
    out: &mut Batch,
) {
    // A fork's copies are the original's events.
    if line.original().is_some() {
        return;
    }
    let mut events = Events {
        line,
        at,
        session,
        place,
        count: 0,
        out,
    };
    match &*line.kind {
        "user" => events.user(),
        "assistant" => events.assistant(),
        "system" => events.system(),
        _ => {}
    }
}

struct Events<'a, 'b> {
    line: &'a Line<'b>,
    at: Timestamp,
    session: SessionIndex,
    place: Place<'a>,
    count: u32,
    out: &'a mut Batch,
}

impl Events<'_, '_> {
    fn push(
        &mut self,
        kind: EventKind,
        status: EventStatus,
        text: &str,
        fill: impl FnOnce(&mut Event),
    ) {
        // The line's uuid names it wherever it is copied to; lines without one are known by their place.
        let id = match self.line.uuid.as_deref() {
            Some(uuid) => identity::line_part(uuid, self.count),
            None => format!("{}@{}#{}", self.place.path, self.place.offset, self.count).into(),
        };
        // Only answers name the session that they were copied from, so prompts go by age.
        let key = DedupKey::Shared {
            id,
            alias: None,
            credit: self.place.born.0,
        };
        self.count += 1;
        let (text, truncated) = Event::clip(text);
        let mut event = Event {
            key,
            at: self.at,
            session: self.session,
            kind,
            status,
            tool: None,
            call: None,
            model_call: None,
            duration_ms: None,
            text,
            truncated,
        };
        fill(&mut event);
        self.out.events.push(event);
    }

    fn user(&mut self) {
        if let Some(prompt) = human_prompt(self.line) {
            let line = self.line;
            let session = line.session_id.as_deref().unwrap_or_default();
            let other = line
                .prompt_id
                .as_deref()
                .map(|turn| identity::prompt(session, turn, &prompt));
            self.push(
                EventKind::UserPrompt,
                EventStatus::Success,
                &prompt,
                |event| {
                    if let DedupKey::Shared { alias, .. } = &mut event.key {
                        *alias = other;
                    }
                },
            );
            return;
        }
        let blocks = self
            .line
            .message
            .as_ref()
            .and_then(|message| message.blocks().ok())
            .unwrap_or_default();
        for block in blocks.iter().filter(|block| block.kind == "tool_result") {
            let status = if block.is_error == Some(true) {
                EventStatus::Error
            } else {
                EventStatus::Success
            };
            let text = result_text(block.content.map(raw));
            let name = self.tool_name(EventKind::ToolResult, block.tool_use_id.as_deref());
            self.push(EventKind::ToolResult, status, &text, name);
        }
        if let Some(text) = blocks
            .iter()
            .find_map(|b| b.text.as_deref())
            .filter(|t| t.starts_with("[Request interrupted"))
        {
            self.push(EventKind::Notice, EventStatus::Success, text, |_| {});
        }
    }

    fn assistant(&mut self) {
        let Some(message) = &self.line.message else {
            return;
        };
        let synthetic = message.model.as_deref() == Some(SYNTHETIC);
        let id = message
            .id
            .as_deref()
            .filter(|id| !synthetic && !id.is_empty());
        let model_call = id.map(|id| FactKey::new("anthropic.message", &[id.as_bytes()]));
        for block in message.blocks().unwrap_or_default() {
            match &*block.kind {
                "text" if self.line.is_api_error_message => {
                    let session = self.line.session_id.as_deref().unwrap_or_default();
                    let Place { agent, turn, .. } = self.place;
                    let other = turn.map(|turn| identity::failure(session, agent, turn));
                    let text = block.text.as_deref().unwrap_or_default();
                    self.push(EventKind::Error, EventStatus::Error, text, |event| {
                        if let DedupKey::Shared { alias, .. } = &mut event.key {
                            *alias = other;
                        }
                    });
                }
                "text" => {
                    let text = block.text.as_deref().unwrap_or_default();
                    self.push(EventKind::Response, EventStatus::Success, text, |event| {
                        event.model_call = model_call
                    });
                }
                "thinking" => {
                    let text = block.thinking.as_deref().unwrap_or_default();
                    self.push(EventKind::Thinking, EventStatus::Success, text, |event| {
                        event.model_call = model_call
                    });
                }
                "tool_use" | "server_tool_use" => self.tool_use(&block, model_call),
                _ => {}
            }
        }
    }

    fn tool_use(&mut self, block: &Block<'_>, model_call: Option<FactKey>) {
        let text = block.input.map_or("", RawValue::get);
        let name = self.tool_name(EventKind::ToolUse, block.id.as_deref());
        self.push(EventKind::ToolUse, EventStatus::Success, text, |event| {
            name(event);
            event.tool = block.name.as_deref().map(Into::into);
            event.model_call = model_call;
        });
    }

    /// Names an event by the tool call that it is of.
    fn tool_name(&self, kind: EventKind, call: Option<&str>) -> impl FnOnce(&mut Event) + use<> {
        let session = self.line.session_id.as_deref().unwrap_or_default();
        let named = call.filter(|call| !call.is_empty()).map(|call| {
            let key = identity::tool_event(kind, session, call, self.place.born.0);
            (key, tool_fact(call))
        });
        |event| {
            if let Some((key, call)) = named {
                event.key = key;
                event.call = Some(call);
            }
        }
    }

    fn system(&mut self) {
        let (kind, status) = match self.line.subtype.as_deref() {
            Some("compact_boundary") => (EventKind::Compaction, EventStatus::Success),
            Some("api_error") => (EventKind::Error, EventStatus::Error),
            Some("local_command" | "informational" | "away_summary") => {
                (EventKind::Notice, EventStatus::Success)
            }
            _ => return,
        };
        let text = self
            .line
            .content
            .map_or_else(String::new, |content| result_text(Some(content)));
        self.push(kind, status, &text, |_| {});
    }
}

/// The text of a tool result: a string, or the text blocks of an array. Images are named, not kept.
fn result_text(content: Option<&[u8]>) -> String {
    let mut text = String::new();
    for block in content.map(blocks).and_then(Result::ok).unwrap_or_default() {
        let part = match (&*block.kind, block.text.as_deref()) {
            (_, Some(part)) => part,
            ("image", None) => "[image]",
            _ => continue,
        };
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(part);
    }
    text
}

fn raw(value: &RawValue) -> &[u8] {
    value.get().as_bytes()
}
