//! `<session id>.messages.json` and `agent_*.messages.json`: the conversation of a session of the terminal client, and
//! of its subagents.
//!
//! **Usage**: an answer has `metrics`, whose `inputTokens` hold what was read from and written to the cache. Reasoning
//! is a part of the output and not told apart. `cost` is Cline's own figure in dollars.

use std::borrow::Cow;

use serde::Deserialize;

use crate::model::{
    AgentKind, Batch, EventKind, FactKey, NanoUsd, ProblemKind, Relation, SessionKey, Timestamp,
    Usage, stamp,
};
use crate::session::Signal;
use crate::source::json::{self, Raw};
use crate::source::line::Line;
use crate::source::record::{Place, content, count, input};
use crate::source::{FileInfo, Parser, Want};

/// How the names of conversations end.
pub(super) const SUFFIX: &str = ".messages.json";

/// Parser of a conversation.
#[derive(Debug)]
pub(super) struct Messages {
    file: FileInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conversation<'a> {
    #[serde(borrow)]
    messages: Raw<'a>,
    #[serde(borrow)]
    updated_at: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    role: Raw<'a>,
    #[serde(borrow)]
    content: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
    #[serde(borrow)]
    model_info: Raw<'a>,
    #[serde(borrow)]
    metrics: Raw<'a>,
    #[serde(borrow)]
    metadata: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    display_role: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Model<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metrics<'a> {
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_read_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_tokens: Raw<'a>,
    #[serde(borrow)]
    cost: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    thinking: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    tool_use_id: Raw<'a>,
    #[serde(borrow)]
    is_error: Raw<'a>,
    #[serde(borrow)]
    content: Raw<'a>,
}

impl Messages {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self { file: file.clone() }
    }

    /// The session, and its parent if it is a subagent.
    fn keys(&self) -> (SessionKey, Option<SessionKey>) {
        let path = &self.file.path;
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.and_then(|name| name.strip_suffix(SUFFIX));
        let name = name.unwrap_or(self.file.stem());
        let folder = path.parent().and_then(|folder| folder.file_name());
        let folder = folder.and_then(|name| name.to_str()).unwrap_or(name);
        let main = SessionKey::new(AgentKind::Cline, folder);
        if name == folder {
            return (main, None);
        }
        let child = SessionKey::new(AgentKind::Cline, format!("{folder}/{name}"));
        (child, Some(main))
    }
}

impl Parser for Messages {
    fn feed(&mut self, _: u64, bytes: &[u8], want: Want, _: Timestamp, out: &mut Batch) {
        let object = bytes.trim_ascii().starts_with(b"{");
        let conversation: Option<Conversation<'_>> =
            object.then(|| serde_json::from_slice(bytes).ok()).flatten();
        let Some(conversation) = conversation else {
            return out.problem(ProblemKind::Malformed, 0, "messages");
        };
        let (key, parent) = self.keys();
        let mut last = None;
        let place = &mut Place {
            out,
            want,
            offset: 0,
        };
        let messages = json::list::<Message<'_>>(conversation.messages);
        for (index, message) in messages.iter().enumerate() {
            let at = json::time(message.ts).or(last);
            let Some(at) = at.or_else(|| json::time(conversation.updated_at)) else {
                place.out.problem(ProblemKind::BadField, 0, "ts");
                continue;
            };
            last = Some(at);
            let id = json::text(message.id).unwrap_or_else(|| Cow::Owned(index.to_string()));
            let mut line = place.record(&key, &id, at);
            if let Some(parent) = &parent {
                line.child_of(parent.clone(), Relation::Within);
            }
            if index == 0 {
                line.sign(Signal::SessionStarted { how: "new".into() });
                line.event("start", EventKind::SessionStart, "");
                if want.accounting && parent.is_none() {
                    let path = self.file.path.to_string_lossy();
                    stamp(&mut line.patch().transcript, at, &path);
                }
            }
            read(message, self.file.born, &mut line);
        }
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn read(message: &Message<'_>, born: Timestamp, line: &mut Line<'_>) {
    let is_user = json::text(message.role).is_some_and(|role| role == "user");
    let metadata: Metadata<'_> = json::object(message.metadata).unwrap_or_default();
    let model: Model<'_> = json::object(message.model_info).unwrap_or_default();
    if let Some(metrics) = json::object::<Metrics<'_>>(message.metrics) {
        let (read, written) = (
            count(metrics.cache_read_tokens),
            count(metrics.cache_write_tokens),
        );
        let usage = Usage {
            input: count(metrics.input_tokens)
                .saturating_sub(read)
                .saturating_sub(written),
            cache_read: read,
            cache_creation_5m: written,
            output: count(metrics.output_tokens),
            ..Usage::default()
        };
        let fact = FactKey::new(
            "cline.message",
            &[line.id.as_bytes(), &line.at.0.to_le_bytes()],
        );
        let cost = json::float(metrics.cost).filter(|&cost| cost > 0.0);
        if let Some(call) = line.call(fact, json::text(model.id).as_deref(), usage, born) {
            call.reported = cost.and_then(NanoUsd::from_dollars);
        }
    }
    if json::text(metadata.display_role).is_some_and(|role| role == "error") {
        return line.fails(None, "", &content(message.content));
    }
    let mut prompt = String::new();
    let mut runs = false;
    for (at, block) in json::list::<Block<'_>>(message.content).iter().enumerate() {
        let text = || json::text(block.text).unwrap_or_default();
        match json::text(block.kind).as_deref() {
            Some("text") if is_user => prompt.push_str(wrapped(&text())),
            Some("text") => line.says(at, EventKind::Response, &text()),
            Some("thinking") => {
                let thought = json::text(block.thinking).unwrap_or_default();
                line.says(at, EventKind::Thinking, &thought);
            }
            Some("tool_use") => {
                let call = json::text(block.id).unwrap_or_default();
                let tool = json::text(block.name).unwrap_or_default();
                line.tool_starts(at, &call, &tool, &input(block.input));
                runs = true;
            }
            Some("tool_result") => {
                let call = json::text(block.tool_use_id).unwrap_or_default();
                let tool = json::text(block.name);
                let failed = json::flag(block.is_error) == Some(true);
                let output = content(block.content);
                line.tool_ends(at, &call, tool.as_deref(), &output, failed);
            }
            _ => {}
        }
    }
    if let Some(text) = json::text(message.content) {
        match is_user {
            true => prompt.push_str(wrapped(&text)),
            false => line.says(0, EventKind::Response, &text),
        }
    }
    if !prompt.trim().is_empty() {
        line.prompt(&prompt);
    }
    if !is_user && !runs {
        line.turn_ends();
    }
}

/// What the user wrote, which Cline puts between tags for the model.
fn wrapped(text: &str) -> &str {
    let inside = text.strip_prefix("<user_input");
    let inside = inside.and_then(|rest| Some(rest.split_once('>')?.1));
    inside
        .and_then(|rest| rest.strip_suffix("</user_input>"))
        .unwrap_or(text)
}
