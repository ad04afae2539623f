//! The events API's contract, pure: what a posted event may hold, and what it means.
//!
//! All errors of an event are told at once. What is stored beside the contract's own row is what any other source
//! would have reported: a session, an event, a model call, a sign of what the session is doing.

use serde::Serialize;

use super::json::Json;
use super::metadata;
use crate::model::{
    AgentKind, Batch, CallSource, DedupKey, Event, EventKind, EventStatus, FactKey, ModelCall,
    NanoUsd, PriceMode, SessionKey, Span, Timestamp, Title, TitleKind, Usage, stamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::claude_code::identity;

/// The kinds of events that this contract knows, in the order in which its errors name them.
pub const EVENT_TYPES: [EventKind; 12] = [
    EventKind::ToolUse,
    EventKind::SessionStart,
    EventKind::SessionEnd,
    EventKind::Error,
    EventKind::LlmRequest,
    EventKind::LlmResponse,
    EventKind::Response,
    EventKind::FileChange,
    EventKind::GitCommit,
    EventKind::PlanStep,
    EventKind::UserPrompt,
    EventKind::InstructionLoad,
];

/// Longest name or id, in bytes.
const MAX_NAME: usize = 1024;
/// Most tokens and milliseconds believed of one event: sums of them must not overflow.
const MAX_COUNT: u64 = 1 << 40;
/// How far ahead a client's clock may be.
const SKEW: Span = Span::from_secs(5);
/// An imported event that is older than this says nothing of the present.
const IMPORT_AGE: Span = Span::from_mins(30);
/// The tools that edit the file in `metadata.file_path`.
const EDITING_TOOLS: [&str; 5] = ["Edit", "Write", "MultiEdit", "apply_patch", "write_stdin"];
/// The fields of metadata that tell people what happened, the most telling first.
const TELLING: [&str; 8] = [
    "message",
    "command",
    "query",
    "pattern",
    "file_path",
    "path",
    "error",
    "content_preview",
];
/// The name of a model that nobody named.
const UNKNOWN_MODEL: &str = "unknown";

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field; `body` for the event as a whole.
    pub field: &'static str,
    /// What it must be.
    pub message: String,
}

impl FieldError {
    pub(super) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            message: message.into(),
        }
    }
}

/// A valid event of this contract.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedEvent {
    /// The id that the client gave: the same event posted twice is stored once.
    pub event_id: Option<Box<str>>,
    /// The session.
    pub session: SessionKey,
    /// What happened.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// The tool.
    pub tool: Option<Box<str>>,
    /// Tokens, in disjoint buckets.
    pub usage: Usage,
    /// The cost, where the client states it. It is never overwritten.
    pub cost: Option<NanoUsd>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The git branch.
    pub branch: Option<Box<str>>,
    /// The project's name.
    pub project: Option<Box<str>>,
    /// The model.
    pub model: Option<Box<str>>,
    /// Who sent it (`api`, `hook`, `otel`, `import`, or any other word).
    pub source: Box<str>,
    /// When it happened by the client's clock.
    pub client_at: Option<Timestamp>,
    /// Free JSON, compact.
    pub metadata: Box<str>,
    /// Whether something of the metadata was cut off.
    pub payload_truncated: bool,
    /// What a person reads and searches. Hostile, like all text here.
    pub text: Box<str>,
    /// The tool call that a hook script tells of, by the provider's id: other sources tell of the same.
    pub tool_call: Option<Box<str>>,
    /// The file that was edited.
    pub file: Option<Box<str>>,
    /// Lines added to it.
    pub lines_added: u64,
    /// Lines removed from it.
    pub lines_removed: u64,
}

/// What came in one batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PostedBatch {
    /// The valid events, in their order.
    pub events: Vec<PostedEvent>,
    /// The others.
    pub rejected: Vec<Rejected>,
}

/// An event of a batch that is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its place in the batch.
    pub index: usize,
    /// What is wrong with it.
    pub errors: Vec<FieldError>,
}

/// The body is no `{"events": [...]}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Expected {{ events: [...] }}")]
pub struct NotABatch;

/// Reads one event. `max_metadata` is in bytes of compact JSON.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_event(body: &[u8], max_metadata: usize) -> Result<PostedEvent, Vec<FieldError>> {
    event(&read_body(body), max_metadata)
}

/// Reads a batch of events. Events that are not valid do not cost the others.
///
/// # Errors
/// [`NotABatch`].
pub fn read_batch(body: &[u8], max_metadata: usize) -> Result<PostedBatch, NotABatch> {
    let body = read_body(body);
    let Some(Json::Array(items)) = body.get("events") else {
        return Err(NotABatch);
    };
    let mut batch = PostedBatch::default();
    for (index, item) in items.iter().enumerate() {
        match event(item, max_metadata) {
            Ok(event) => batch.events.push(event),
            Err(errors) => batch.rejected.push(Rejected { index, errors }),
        }
    }
    Ok(batch)
}

/// The body as JSON; what is none is `null`. Clients of this contract also send JSON inside of a JSON string.
fn read_body(body: &[u8]) -> Json {
    let mut json = serde_json::from_slice(body).unwrap_or(Json::Null);
    for _ in 0..2 {
        let Json::String(text) = &json else { break };
        let Ok(inner) = serde_json::from_str(text) else {
            break;
        };
        json = inner;
    }
    json
}

fn event(json: &Json, max_metadata: usize) -> Result<PostedEvent, Vec<FieldError>> {
    if !matches!(json, Json::Object(_)) {
        return Err(vec![FieldError::new("body", "must be a JSON object")]);
    }
    let mut fields = Fields {
        json,
        errors: Vec::new(),
    };
    let session_id = fields.required("session_id");
    let agent_type = fields.required("agent_type");
    let kind = fields.kind();
    let status = fields.status(kind);
    let event_id = fields.text("event_id");
    let tool = fields.text("tool_name");
    let branch = fields.text("branch");
    let project = fields.text("project");
    let model = fields.text("model");
    let duration_ms = fields.count("duration_ms");
    let usage = Usage {
        input: fields.count("tokens_in").unwrap_or(0),
        output: fields.count("tokens_out").unwrap_or(0),
        cache_read: fields.count("cache_read_tokens").unwrap_or(0),
        cache_creation_5m: fields.count("cache_write_tokens").unwrap_or(0),
        ..Usage::default()
    };
    let cost = fields.cost();
    let client_at = fields.time("client_timestamp");
    let source = fields.text("source");
    if !fields.errors.is_empty() {
        return Err(fields.errors);
    }
    let empty = Json::Object(Vec::new());
    let given = json.get("metadata").filter(|given| **given != Json::Null);
    let given = given.unwrap_or(&empty);
    let edits = tool
        .as_deref()
        .is_some_and(|tool| EDITING_TOOLS.contains(&tool));
    let file = given.get("file_path").and_then(Json::as_str);
    let lines = |name| {
        given
            .get(name)
            .and_then(Json::as_count)
            .unwrap_or(0)
            .min(MAX_COUNT)
    };
    let tool_call = given.get("tool_use_id").and_then(Json::as_str);
    let is_hook = kind == EventKind::ToolUse && source.as_deref() == Some("hook");
    let telling = TELLING.iter().find_map(|name| given.get(name)?.as_str());
    let stored = metadata::fit(given, max_metadata);
    Ok(PostedEvent {
        event_id,
        session: SessionKey::new(AgentKind::from(&*agent_type), session_id),
        kind,
        status,
        text: Event::clip(telling.unwrap_or_default()).0,
        tool_call: tool_call.filter(|_| is_hook).map(Into::into),
        file: file.filter(|_| edits).map(Into::into),
        lines_added: lines("lines_added"),
        lines_removed: lines("lines_removed"),
        tool,
        usage,
        cost,
        duration_ms,
        branch,
        project,
        model,
        source: source.unwrap_or_else(|| "api".into()),
        client_at,
        metadata: stored.text,
        payload_truncated: stored.truncated,
    })
}

/// Reads the fields of one event and notes what is wrong.
struct Fields<'a> {
    json: &'a Json,
    errors: Vec<FieldError>,
}

impl Fields<'_> {
    /// The value of a field; `null` counts as none.
    fn get(&self, field: &str) -> Option<&Json> {
        self.json.get(field).filter(|value| **value != Json::Null)
    }

    fn wrong(&mut self, field: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    fn required(&mut self, field: &'static str) -> Box<str> {
        let Some(text) = self.get(field).and_then(Json::as_str) else {
            self.wrong(field, "must be a string");
            return Box::default();
        };
        let text: Box<str> = text.trim().into();
        if text.is_empty() {
            self.wrong(field, "must be a non-empty string");
        } else if text.len() > MAX_NAME {
            self.wrong(field, format!("must be at most {MAX_NAME} bytes"));
        }
        text
    }

    fn text(&mut self, field: &'static str) -> Option<Box<str>> {
        let value = self.get(field)?;
        let Some(text) = value.as_str() else {
            self.wrong(field, "must be a string when provided");
            return None;
        };
        let text: Box<str> = text.trim().into();
        if text.len() > MAX_NAME {
            self.wrong(field, format!("must be at most {MAX_NAME} bytes"));
        }
        (!text.is_empty()).then_some(text)
    }

    fn kind(&mut self) -> EventKind {
        let errors = self.errors.len();
        let name = self.required("event_type");
        let known = EVENT_TYPES.into_iter().find(|kind| kind.as_str() == &*name);
        if known.is_none() && self.errors.len() == errors {
            self.wrong("event_type", one_of(EVENT_TYPES.map(EventKind::as_str)));
        }
        known.unwrap_or(EventKind::Notice)
    }

    fn status(&mut self, kind: EventKind) -> EventStatus {
        let default = match kind {
            EventKind::Error => EventStatus::Error,
            _ => EventStatus::Success,
        };
        let Some(value) = self.get("status") else {
            return default;
        };
        let Some(name) = value.as_str() else {
            self.wrong("status", "must be a string when provided");
            return default;
        };
        let known = EventStatus::parse(name);
        if known.is_none() {
            self.wrong("status", one_of(EventStatus::ALL.map(EventStatus::as_str)));
        }
        known.unwrap_or(default)
    }

    fn count(&mut self, field: &'static str) -> Option<u64> {
        let value = self.get(field)?;
        let count = value.as_count();
        if count.is_none() {
            self.wrong(field, "must be a non-negative integer when provided");
        }
        count.map(|count| count.min(MAX_COUNT))
    }

    fn cost(&mut self) -> Option<NanoUsd> {
        let value = self.get("cost_usd")?;
        let cost = value.as_amount().and_then(NanoUsd::from_dollars);
        if cost.is_none() {
            self.wrong("cost_usd", "must be a non-negative number when provided");
        }
        cost
    }

    fn time(&mut self, field: &'static str) -> Option<Timestamp> {
        let value = self.get(field)?;
        let at = value.as_str().and_then(read_time);
        if at.is_none() {
            self.wrong(field, "must be a valid timestamp");
        }
        at
    }
}

fn one_of<const N: usize>(names: [&str; N]) -> String {
    format!("must be one of: {}", names.join(", "))
}

/// Reads a time in any form of ISO 8601 that clients use: to the day, the minute, the second or finer.
#[must_use]
pub fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let date_end = 10;
    let at = match (text.len(), text.get(date_end..)) {
        (10, _) => Timestamp::parse(&format!("{text}T00:00:00Z")),
        // Hours and minutes alone, with or without an offset.
        (16.., Some(rest)) if rest.as_bytes().get(6).is_none_or(|next| *next != b':') => {
            let (begin, rest) = text.split_at_checked(16)?;
            Timestamp::parse(&format!("{begin}:00{rest}"))
        }
        _ => Timestamp::parse(text),
    };
    at.filter(|at| *at <= Timestamp::MAX)
}

impl PostedEvent {
    /// The identity of its delivery; `serial` stands in where the client gave none.
    #[must_use]
    pub fn key(&self, serial: u64) -> DedupKey {
        match (&self.event_id, &self.tool_call) {
            (Some(id), _) => DedupKey::Id(format!("api:{id}").into()),
            (None, Some(call)) if self.session.agent == AgentKind::ClaudeCode => {
                let session = &self.session.native_id;
                identity::tool_event(self.kind, session, call, DedupKey::HOOK)
            }
            (None, _) => DedupKey::Serial(serial),
        }
    }

    /// When it happened, as far as the client's clock can be believed.
    fn happened(&self, received: Timestamp) -> Timestamp {
        let believed = |at: &Timestamp| *at <= received + SKEW && *at >= Timestamp(0);
        self.client_at.filter(believed).unwrap_or(received)
    }

    /// When the session is known to have been active: an import of long ago says nothing of the present.
    #[must_use]
    pub fn active_at(&self, received: Timestamp) -> Timestamp {
        let happened = self.happened(received);
        if &*self.source == "import" && received - happened > IMPORT_AGE {
            happened
        } else {
            received
        }
    }

    /// Whether it says that the session is over.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        self.kind == EventKind::SessionEnd
    }

    /// Adds what any other source would have reported of it.
    pub fn observe(&self, serial: u64, received: Timestamp, batch: &mut Batch) {
        let active_at = self.active_at(received);
        let session = batch.session(&self.session);
        let patch = batch.patch(session);
        patch.touch(active_at);
        for (field, value) in [
            (&mut patch.project, &self.project),
            (&mut patch.branch, &self.branch),
            (&mut patch.model, &self.model),
        ] {
            if let Some(value) = value {
                stamp(field, active_at, value);
            }
        }
        if self.kind == EventKind::UserPrompt {
            let title = Title::new(TitleKind::FirstPrompt, active_at, &self.text);
            patch.propose_title(title);
        }
        let evidence = Evidence {
            at: active_at,
            source: EvidenceSource::Hook,
            signal: self.signal(),
        };
        batch.evidence(session, evidence);
        let fact = match &self.event_id {
            Some(id) => FactKey::new("api.event", &[id.as_bytes()]),
            None => FactKey::serial(serial),
        };
        let is_call = !self.usage.is_zero() || self.cost.is_some();
        if is_call {
            let model = batch.model(self.model.as_deref().unwrap_or(UNKNOWN_MODEL));
            batch.calls.push(ModelCall {
                fact,
                at: self.happened(received),
                session,
                model,
                usage: self.usage,
                mode: PriceMode::Standard,
                web_searches: 0,
                reported: self.cost,
                credit: 0,
                source: CallSource::Api,
            });
        }
        batch.events.push(Event {
            key: self.key(serial),
            at: received,
            session,
            kind: self.kind,
            status: self.status,
            tool: self.tool.clone(),
            call: None,
            model_call: is_call.then_some(fact),
            duration_ms: self.duration_ms,
            text: self.text.clone(),
            truncated: self.payload_truncated,
        });
    }

    /// What it says of what the session is doing. An answer may be the turn's last word or not.
    fn signal(&self) -> Signal {
        use EventKind as K;
        match self.kind {
            K::SessionStart => Signal::SessionStarted { how: "api".into() },
            K::SessionEnd if self.session.agent == AgentKind::ClaudeCode => {
                // Clients of this contract post it after every turn.
                Signal::TurnEnded {
                    background: 0,
                    scheduled: None,
                }
            }
            K::SessionEnd => Signal::SessionEnded {
                reason: "session_end".into(),
            },
            K::UserPrompt => Signal::PromptSubmitted,
            K::LlmRequest | K::ToolUse | K::FileChange | K::GitCommit | K::PlanStep => {
                Signal::ModelActive
            }
            _ => Signal::Activity,
        }
    }
}

#[cfg(test)]
mod tests;
