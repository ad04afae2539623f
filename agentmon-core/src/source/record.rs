//! What the adapters of plain logs share: the frame around a file of JSON lines, and the few things that every agent's
//! records say in their own words. Knows no agent.

use std::borrow::Cow;
use std::fmt::{Debug, Display};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::json::{self, Raw};
use super::line::{Line, detail};
use super::{FileInfo, Parser, Want, for_each_line};
use crate::model::{
    Batch, CallSource, EventKind, EventStatus, FactKey, ModelCall, PriceMode, ProblemKind,
    Relation, SessionKey, Stamped, Timestamp, Title, TitleKind, Usage, stamp,
};
use crate::session::Signal;

/// What a log's parser remembers between pieces of its file, and how it reads one line.
pub(super) trait Log: Debug + Send + Serialize + DeserializeOwned + 'static {
    /// Reads one line, a JSON object, at `offset`. `None` when it is no record of this log.
    fn line(&mut self, file: &FileInfo, line: &[u8], at: &mut Place<'_>) -> Option<()>;
}

/// Where a line stands and where what it says goes.
#[derive(Debug)]
pub(super) struct Place<'b> {
    pub(super) out: &'b mut Batch,
    pub(super) want: Want,
    pub(super) offset: u64,
}

impl Place<'_> {
    /// A record of a session, which it keeps alive.
    pub(super) fn record<'a>(
        &'a mut self,
        key: &'a SessionKey,
        id: &'a str,
        at: Timestamp,
    ) -> Line<'a> {
        let line = self.aside(key, id, at);
        line.out.touch(line.session, at);
        line
    }

    /// The same for what is no sign of life: its time is a file's.
    pub(super) fn aside<'a>(
        &'a mut self,
        key: &'a SessionKey,
        id: &'a str,
        at: Timestamp,
    ) -> Line<'a> {
        let session = self.out.session(key);
        Line {
            out: &mut *self.out,
            want: self.want,
            key,
            session,
            offset: self.offset,
            at,
            id,
        }
    }
}

/// Parser of a file of JSON lines.
#[derive(Debug)]
pub(super) struct LogParser<L> {
    file: FileInfo,
    log: L,
}

impl<L: Log> LogParser<L> {
    pub(super) fn start(file: &FileInfo, log: L) -> Box<dyn Parser> {
        let file = file.clone();
        Box::new(Self { file, log })
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(Self::start(file, serde_json::from_slice(state).ok()?))
    }
}

impl<L: Log> Parser for LogParser<L> {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        for_each_line(base, bytes, |offset, line| {
            let place = &mut Place { out, want, offset };
            let read = line
                .starts_with(b"{")
                .then(|| self.log.line(&self.file, line, place));
            if read.flatten().is_none() {
                out.problem(ProblemKind::Malformed, offset, "line");
            }
        });
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.log).unwrap_or_default()
    }
}

impl Line<'_> {
    /// A call of a model that was answered now. `credit` as in [`ModelCall::credit`].
    pub(super) fn call(
        &mut self,
        fact: FactKey,
        model: Option<&str>,
        usage: Usage,
        credit: Timestamp,
    ) -> Option<&mut ModelCall> {
        if !self.want.accounting {
            return None;
        }
        let at = self.at;
        if let Some(model) = model {
            stamp(&mut self.patch().model, at, model);
        }
        let model = self.out.model(model.unwrap_or("unknown"));
        self.out.calls.push(ModelCall {
            fact,
            at,
            session: self.session,
            model,
            usage,
            mode: PriceMode::Standard,
            web_searches: 0,
            reported: None,
            credit: credit.0,
            source: CallSource::Transcript,
        });
        self.out.calls.last_mut()
    }

    /// The user, or whoever speaks in the user's place, asks for something.
    pub(super) fn prompt(&mut self, text: &str) {
        self.sign(Signal::PromptSubmitted);
        self.title(TitleKind::FirstPrompt, text);
        self.event("prompt", EventKind::UserPrompt, text);
    }

    /// A candidate for the session's title.
    pub(super) fn title(&mut self, kind: TitleKind, text: &str) {
        if self.want.accounting {
            let title = Title::new(kind, self.at, text);
            self.patch().propose_title(title);
        }
    }

    /// The folder in which the session works.
    pub(super) fn cwd(&mut self, folder: &str) {
        if self.want.accounting && !folder.is_empty() {
            let cwd = Stamped {
                at: self.at,
                value: folder.into(),
            };
            let patch = self.patch();
            if patch.cwd.as_ref().is_none_or(|known| cwd < *known) {
                patch.cwd = Some(cwd);
            }
        }
    }

    /// The session belongs to another.
    pub(super) fn child_of(&mut self, parent: SessionKey, relation: Relation) {
        if self.want.accounting && parent != *self.key {
            let patch = self.patch();
            let known = patch.parent.as_ref();
            // As sources are merged: what a file says last is worth no more.
            if known.is_none_or(|known| (relation, &parent) < (known.1, &known.0)) {
                patch.parent = Some((parent, relation));
            }
        }
    }

    /// Something the agent said or thought, unless there is nothing to it.
    pub(super) fn says(&mut self, part: impl Display, kind: EventKind, text: &str) {
        if !text.trim().is_empty() {
            self.event(part, kind, text);
        }
    }

    /// A tool is called.
    pub(super) fn tool_starts(&mut self, part: impl Display, call: &str, tool: &str, input: &str) {
        let fact = self.tool_fact(call);
        if let Some(event) = self.event(part, EventKind::ToolUse, input) {
            event.tool = Some(tool.into());
            event.call = Some(fact);
        }
        self.sign(Signal::ToolStarted {
            call: call.into(),
            tool: tool.into(),
            about: detail(input),
        });
    }

    /// A tool has answered.
    pub(super) fn tool_ends(
        &mut self,
        part: impl Display,
        call: &str,
        tool: Option<&str>,
        output: &str,
        failed: bool,
    ) {
        let fact = self.tool_fact(call);
        if let Some(event) = self.event(part, EventKind::ToolResult, output) {
            event.tool = tool.map(Box::from);
            event.call = Some(fact);
            if failed {
                event.status = EventStatus::Error;
            }
        }
        self.sign(Signal::ToolFinished { call: call.into() });
    }

    /// Providers number tool calls within a conversation, some of them from one.
    fn tool_fact(&self, call: &str) -> FactKey {
        let session = [
            self.key.agent.as_str().as_bytes(),
            self.key.native_id.as_bytes(),
        ];
        FactKey::new("tool", &[session[0], session[1], call.as_bytes()])
    }

    /// The turn is over. What goes on in the background stands in no transcript.
    pub(super) fn turn_ends(&mut self) {
        self.sign(Signal::TurnEnded {
            background: 0,
            scheduled: None,
        });
    }

    /// A request to the model, or the whole turn, failed.
    pub(super) fn fails(&mut self, status: Option<u64>, class: &str, message: &str) {
        self.sign(failure(status, class, message));
        if let Some(event) = self.event("error", EventKind::Error, message) {
            event.status = EventStatus::Error;
        }
    }

    /// Counts a record of a type that is not known.
    pub(super) fn unknown(&mut self, what: &str, name: &str) {
        let name: String = name.chars().take(40).collect();
        let detail = format!("{what} {name:?}");
        self.out
            .problem(ProblemKind::UnknownType, self.offset, detail);
    }
}

/// What an error says about the session: a limit, or just a failure.
fn failure(status: Option<u64>, class: &str, message: &str) -> Signal {
    let is_limit = class.contains("rate_limit") || class.contains("quota");
    if is_limit || matches!(status, Some(402 | 429)) {
        let reason = if is_limit { class } else { "rate_limit" };
        return Signal::Limited {
            reason: reason.into(),
            resets_at: None,
        };
    }
    let class = match status {
        Some(status) => format!("http_{status}").into(),
        None if class.is_empty() => "error".into(),
        None => class.into(),
    };
    Signal::TurnFailed {
        class,
        message: detail(message),
    }
}

/// What a tool is asked to do: the command of a shell, the input as JSON of any other.
pub(super) fn input<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    #[derive(Deserialize)]
    struct Shell<'a> {
        #[serde(borrow, default)]
        command: Raw<'a>,
    }
    let command = json::object::<Shell<'_>>(raw).and_then(|shell| json::text(shell.command));
    command.unwrap_or_else(|| Cow::Borrowed(raw.map_or("", |raw| raw.get())))
}

/// A text, or the texts of a list of blocks, or any other value as JSON.
pub(super) fn content<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    #[derive(Deserialize)]
    struct Block<'a> {
        #[serde(borrow, default)]
        text: Raw<'a>,
    }
    if let Some(text) = json::text(raw) {
        return text;
    }
    let texts: Vec<_> = json::list::<Block<'_>>(raw)
        .iter()
        .filter_map(|block| json::text(block.text))
        .map(Cow::into_owned)
        .collect();
    if texts.is_empty() {
        return Cow::Borrowed(raw.map_or("", |raw| raw.get()));
    }
    Cow::Owned(texts.join("\n"))
}

/// A count that may be absent.
pub(super) fn count(raw: Raw<'_>) -> u64 {
    json::count(raw).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_limits_or_failures() {
        for (status, class, expected) in [
            (Some(429), "", "limited(rate_limit)"),
            (Some(402), "query", "limited(rate_limit)"),
            (None, "quota_exceeded", "limited(quota_exceeded)"),
            (Some(400), "query", "turn_failed(http_400)"),
            (None, "query", "turn_failed(query)"),
            (None, "", "turn_failed(error)"),
        ] {
            assert_eq!(failure(status, class, "x").to_string(), expected);
        }
    }

    #[test]
    fn texts_are_found_in_any_shape() {
        use serde_json::value::RawValue;
        for (json, expected) in [
            (r#""a""#, "a"),
            (r#"[{"type":"text","text":"a"},{"text":"b"},{}]"#, "a\nb"),
            (r#"{"x":1}"#, r#"{"x":1}"#),
            ("null", ""),
        ] {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            let raw = Some(&*raw).filter(|raw| raw.get() != "null");
            assert_eq!(content(raw), expected);
        }
    }
}
