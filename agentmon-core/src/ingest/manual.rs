//! Agents that people keep by hand, pure: what a client may write of one, and what it means to the board.

use serde_json::{Map, Value};

use super::events_api::{FieldError, read_time};
use crate::model::{
    AgentKind, Batch, CallSource, FactKey, ModelCall, PriceMode, Progress, SessionKey, Stamped,
    Timestamp, Title, TitleKind, Usage, stamp,
};
use crate::query::{LogLevel, ManualAgent, ManualChange, ManualStatus};
use crate::session::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};

/// The agent kind under which they are shown.
pub const AGENT: &str = "manual";
/// Longest id, in bytes.
const MAX_ID: usize = 128;
/// Longest name, label or model, in bytes.
const MAX_NAME: usize = 512;
/// Longest task or log line, in bytes.
const MAX_TEXT: usize = 16 * 1024;
/// Most tokens believed: sums of them must not overflow.
const MAX_COUNT: u64 = 1 << 40;

/// Fields of a body, and what is wrong with them.
struct Fields {
    object: Map<String, Value>,
    errors: Vec<FieldError>,
}

impl Fields {
    fn read(body: &[u8]) -> Result<Self, Vec<FieldError>> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self {
                object,
                errors: Vec::new(),
            }),
            _ => Err(vec![FieldError::new("body", "must be a JSON object")]),
        }
    }

    fn wrong(&mut self, field: &'static str, message: impl Into<String>) {
        self.errors.push(FieldError::new(field, message));
    }

    /// A text that may be empty or null; `None` when it is not given.
    fn text(&mut self, field: &'static str, max: usize) -> Option<Option<Box<str>>> {
        match self.object.get(field)? {
            Value::Null => Some(None),
            Value::String(text) if text.len() <= max => {
                Some((!text.trim().is_empty()).then(|| text.trim().into()))
            }
            Value::String(_) => {
                self.wrong(field, format!("must have at most {max} bytes"));
                None
            }
            _ => {
                self.wrong(field, "must be a string when provided");
                None
            }
        }
    }

    /// A text that is not empty.
    fn name(&mut self, field: &'static str, max: usize) -> Option<Box<str>> {
        let given = self.text(field, max)?;
        if given.is_none() {
            self.wrong(field, "must be a non-empty string");
        }
        given
    }

    fn count(&mut self, field: &'static str, max: u64) -> Option<u64> {
        match self.object.get(field)? {
            Value::Null => None,
            value => {
                let float = || value.as_f64().filter(|number| number.fract() == 0.0);
                let whole = value.as_u64().or_else(|| {
                    float()
                        .filter(|number| (0.0..=max as f64).contains(number))
                        .map(|number| number as u64)
                });
                let count = whole.filter(|count| *count <= max);
                if count.is_none() {
                    self.wrong(field, format!("must be a whole number from 0 to {max}"));
                }
                count
            }
        }
    }

    /// Milliseconds since 1970, or any ISO 8601; null for none.
    fn time(&mut self, field: &'static str) -> Option<Option<Timestamp>> {
        let time = match self.object.get(field)? {
            Value::Null => return Some(None),
            Value::String(text) => read_time(text),
            value => value.as_i64().map(Timestamp),
        };
        let time = time.filter(|at| (Timestamp(0)..=Timestamp::MAX).contains(at));
        if time.is_none() {
            self.wrong(field, "must be a valid timestamp");
        }
        time.map(Some)
    }
}

/// Reads what is to be written of an agent: a new one, or a change of one that there is. Unknown fields are ignored.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_change(body: &[u8], is_new: bool) -> Result<ManualChange, Vec<FieldError>> {
    let mut fields = Fields::read(body)?;
    let change = ManualChange {
        id: fields.name("id", MAX_ID),
        name: fields.name("name", MAX_NAME),
        label: fields.text("label", MAX_NAME),
        model: fields.name("model", MAX_NAME),
        task: fields.text("task", MAX_TEXT),
        status: status(&mut fields),
        progress: fields.count("progress", 100).map(|count| count as u8),
        start_time: fields.time("startTime"),
        end_time: fields.time("endTime"),
        tokens_in: fields.count("tokensIn", MAX_COUNT),
        tokens_out: fields.count("tokensOut", MAX_COUNT),
    };
    for name in ["name", "model"] {
        if is_new && !fields.object.contains_key(name) {
            fields.wrong(name, "must be a non-empty string");
        }
    }
    let is_safe = |id: &str| !id.chars().any(|c| c.is_control() || c == '/' || c == '\\');
    if change.id.as_deref().is_some_and(|id| !is_safe(id)) {
        fields.wrong("id", "must have no slashes and no control characters");
    }
    match fields.errors.is_empty() {
        true => Ok(change),
        false => Err(fields.errors),
    }
}

fn status(fields: &mut Fields) -> Option<ManualStatus> {
    let name = fields.name("status", MAX_NAME)?;
    // As other versions of that dashboard say it.
    let status = ManualStatus::parse(match &*name {
        "active" => "running",
        "failed" => "error",
        other => other,
    });
    if status.is_none() {
        let names = ManualStatus::ALL.map(ManualStatus::as_str).join(", ");
        fields.wrong("status", format!("must be one of: {names}"));
    }
    status
}

/// Reads a line for a log: its text and level.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_log(body: &[u8]) -> Result<(Box<str>, LogLevel), Vec<FieldError>> {
    let mut fields = Fields::read(body)?;
    let message = fields.name("message", MAX_TEXT);
    if !fields.object.contains_key("message") {
        fields.wrong("message", "must be a non-empty string");
    }
    let level = fields.name("level", MAX_NAME).and_then(|name| {
        let level = LogLevel::parse(match &*name {
            "warning" => "warn",
            "success" => "info",
            other => other,
        });
        if level.is_none() {
            let names = LogLevel::ALL.map(LogLevel::as_str).join(", ");
            fields.wrong("level", format!("must be one of: {names}"));
        }
        level
    });
    match (message, fields.errors.is_empty()) {
        (Some(message), true) => Ok((message, level.unwrap_or(LogLevel::Info))),
        _ => Err(fields.errors),
    }
}

/// What a manual agent means to the board: a session of the agent [`AGENT`].
#[must_use]
pub fn observe(agent: &ManualAgent) -> Batch {
    let mut out = Batch::default();
    let session = out.session(&SessionKey::new(AgentKind::from(AGENT), agent.id.clone()));
    let at = agent.updated_at;
    let patch = out.patch(session);
    patch.touch(agent.start_time.unwrap_or(agent.created_at).min(at));
    patch.touch(at);
    let title = agent.label.as_deref().unwrap_or(&agent.name);
    patch.propose_title(Title::new(TitleKind::Custom, at, title));
    stamp(&mut patch.model, at, &agent.model);
    patch.progress = Some(Stamped {
        at,
        value: Progress {
            done: u32::from(agent.progress),
            total: 100,
        },
    });
    let live = |status| Signal::Live {
        status,
        detail: agent.task.clone(),
    };
    let signal = match agent.status {
        ManualStatus::Pending => Signal::Queued {
            reason: "slot".into(),
        },
        ManualStatus::Running => live(LiveStatus::Busy),
        ManualStatus::Idle => live(LiveStatus::Idle),
        ManualStatus::Paused => live(LiveStatus::Waiting(Ask::Dialog)),
        ManualStatus::Completed => Signal::SessionEnded {
            reason: "completed".into(),
        },
        ManualStatus::Error => Signal::TurnFailed {
            class: "manual".into(),
            message: agent.task.clone(),
        },
        ManualStatus::Stopped => Signal::Terminated { reason: "".into() },
    };
    let source = EvidenceSource::Row;
    out.evidence(session, Evidence { at, source, signal });
    let usage = Usage {
        input: agent.tokens_in,
        output: agent.tokens_out,
        ..Usage::default()
    };
    if !usage.is_zero() {
        let model = out.model(&agent.model);
        out.calls.push(ModelCall {
            fact: FactKey::new("manual.agent", &[agent.id.as_bytes()]),
            at,
            session,
            model,
            usage,
            mode: PriceMode::Standard,
            web_searches: 0,
            reported: None,
            credit: 0,
            source: CallSource::Api,
        });
    }
    out
}

/// What the deletion of a manual agent means to the board: it is over, its usage stays.
#[must_use]
pub fn observe_deleted(agent: &ManualAgent, now: Timestamp) -> Batch {
    let mut out = Batch::default();
    let session = out.session(&SessionKey::new(AgentKind::from(AGENT), agent.id.clone()));
    let signal = Signal::SessionEnded {
        reason: "deleted".into(),
    };
    let source = EvidenceSource::Row;
    out.evidence(
        session,
        Evidence {
            at: now,
            source,
            signal,
        },
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let wrong = |body: &str, is_new| {
            let errors = read_change(body.as_bytes(), is_new).unwrap_err();
            let each = errors
                .iter()
                .map(|error| (error.field, error.message.as_str()));
            each.map(|(field, message)| format!("{field} {message}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(wrong("[]", true), ["body must be a JSON object"]);
        assert_eq!(
            wrong("{}", true),
            [
                "name must be a non-empty string",
                "model must be a non-empty string"
            ]
        );
        assert_eq!(
            wrong(
                r#"{"name":" ","model":7,"status":"lost","progress":101,"tokensIn":-1,"startTime":"soon","id":"a/b"}"#,
                false
            ),
            [
                "name must be a non-empty string",
                "model must be a string when provided",
                "status must be one of: pending, running, idle, paused, completed, error, stopped",
                "progress must be a whole number from 0 to 100",
                "startTime must be a valid timestamp",
                "tokensIn must be a whole number from 0 to 1099511627776",
                "id must have no slashes and no control characters"
            ]
        );
        let change = read_change(
            br#"{"name":"n","label":null,"status":"failed","progress":5.0,"endTime":null,"future":1}"#,
            false,
        )
        .unwrap();
        assert_eq!(
            (
                change.label,
                change.status,
                change.progress,
                change.end_time
            ),
            (Some(None), Some(ManualStatus::Error), Some(5), Some(None))
        );
        assert_eq!(
            read_log(br#"{"message":"x","level":"warning"}"#).unwrap().1,
            LogLevel::Warn
        );
        assert!(
            read_log(b"{}").is_err() && read_log(br#"{"message":"x","level":"loud"}"#).is_err()
        );
    }

    #[test]
    fn times_follow_the_status_unless_they_are_given() {
        let at = Timestamp;
        let change = |body: &str| read_change(body.as_bytes(), false).unwrap();
        let mut agent = ManualAgent::new(
            "a".into(),
            change(r#"{"name":"n","status":"pending"}"#),
            at(1),
        );
        assert_eq!((agent.start_time, agent.end_time), (None, None));
        agent.change(change(r#"{"status":"running"}"#), at(2));
        assert_eq!((agent.start_time, agent.end_time), (Some(at(2)), None));
        agent.change(change(r#"{"status":"completed"}"#), at(3));
        agent.change(change(r#"{"progress":100}"#), at(4));
        assert_eq!((agent.end_time, agent.updated_at), (Some(at(3)), at(4)));
        agent.change(change(r#"{"status":"running"}"#), at(5));
        assert_eq!((agent.start_time, agent.end_time), (Some(at(2)), None));
    }
}
