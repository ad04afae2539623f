//! The messages of the live stream, both ways. `docs/api.md` describes them.

use std::sync::Arc;

use agentmon_core::model::Timestamp;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::ApiError;

/// What a client may say.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request {
    /// From now on.
    Subscribe {
        topic: String,
        #[serde(default)]
        epoch: Option<String>,
        #[serde(default)]
        rev: Option<u64>,
    },
    /// No more.
    Unsubscribe { topic: String },
    /// Whether anybody is there.
    Ping,
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Message<'a> {
    Hello {
        epoch: &'a str,
        version: &'static str,
        now: String,
        heartbeat_ms: u64,
    },
    Snapshot {
        topic: &'a str,
        epoch: &'a str,
        rev: u64,
        data: &'a RawValue,
    },
    Patch {
        topic: &'a str,
        rev: u64,
        data: &'a RawValue,
    },
    Resumed {
        topic: &'a str,
        rev: u64,
    },
    Heartbeat {
        now: String,
    },
    Pong {
        now: String,
    },
    Error {
        topic: Option<&'a str>,
        code: &'static str,
        message: &'a str,
    },
}

/// A rendered message, shared between clients.
pub(super) type Frame = Arc<str>;

impl Message<'_> {
    pub(super) fn render(&self) -> Frame {
        // Texts, numbers and JSON that was rendered before: it cannot fail.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    pub(super) fn heartbeat(now: Timestamp) -> Self {
        Self::Heartbeat {
            now: now.to_string(),
        }
    }
}

/// Why a topic cannot be had.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn render(&self, topic: Option<&str>) -> Frame {
        Message::Error {
            topic,
            code: self.code,
            message: &self.message,
        }
        .render()
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let code = match error.status() {
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::CONFLICT => "ambiguous",
            _ => "unavailable",
        };
        Self::new(code, error.sentence())
    }
}

/// JSON that was rendered.
pub(super) fn raw(value: &impl Serialize) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|error| {
        tracing::error!(%error, "a topic could not be written");
        RawValue::NULL.to_owned()
    })
}

/// A fingerprint of JSON, to see whether it changed.
pub(super) fn print(json: &RawValue) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    json.get().hash(&mut hasher);
    hasher.finish()
}
