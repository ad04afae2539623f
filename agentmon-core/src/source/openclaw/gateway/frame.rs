//! Frames: one JSON value each, as text. Requests go out, answers and events come in. Nothing here knows a method.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Span;
use crate::source::json::{self, Raw};
use crate::source::line::detail;

/// Largest frame that is taken, in bytes. The gateway's own limit is 25 MiB.
pub const MAX_FRAME: usize = 32 << 20;

/// A frame from the gateway.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// Something happened.
    Event {
        /// What.
        name: Cow<'a, str>,
        /// All about it.
        payload: Payload<'a>,
        /// Its number on this connection (protocol 4) or of the gateway (protocol 3).
        seq: Option<u64>,
    },
    /// A request was answered.
    Answer {
        /// The request's id.
        id: Cow<'a, str>,
        /// The answer.
        outcome: Result<Payload<'a>, RpcError>,
    },
}

/// The content of an event or answer as it stands in the frame; nothing where it was left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Payload<'a>(pub(in crate::source) Raw<'a>);

impl<'a> Payload<'a> {
    /// The content as JSON text; `null` where there is none.
    #[must_use]
    pub fn get(self) -> &'a str {
        self.0.map_or("null", |raw| raw.get())
    }

    /// Content that was kept as text; nothing where that is no JSON.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        Self(serde_json::from_str(text).ok())
    }

    /// The content as a value.
    #[must_use]
    pub fn value(self) -> Value {
        serde_json::from_str(self.get()).unwrap_or_default()
    }
}

/// Why a gateway refused a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RpcError {
    /// Its class: `INVALID_REQUEST`, `NOT_PAIRED`, `FORBIDDEN`, `UNAVAILABLE`.
    pub code: Box<str>,
    /// A sentence, clipped.
    pub message: Box<str>,
    /// The exact reason where one is stated: `AUTH_TOKEN_MISMATCH`.
    pub reason: Option<Box<str>>,
    /// The request for pairing that an operator can approve.
    pub pairing: Option<Box<str>>,
    /// The protocol that the gateway speaks, where that is what is wrong.
    pub expected_protocol: Option<u64>,
    /// When to try again.
    pub retry_after: Option<Span>,
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.message {
            "" => f.write_str(&self.code),
            message => f.write_str(message),
        }
    }
}

impl std::error::Error for RpcError {}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    ok: Raw<'a>,
    #[serde(borrow)]
    payload: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
    #[serde(borrow)]
    event: Raw<'a>,
    #[serde(borrow)]
    seq: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ErrorBody<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    details: Raw<'a>,
    #[serde(borrow)]
    retry_after_ms: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details<'a> {
    #[serde(borrow)]
    code: Raw<'a>,
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    request_id: Raw<'a>,
    #[serde(borrow)]
    expected_protocol: Raw<'a>,
    #[serde(borrow)]
    retry_after_ms: Raw<'a>,
}

/// Reads a frame; `None` for what is no frame of a gateway.
#[must_use]
pub fn read(text: &[u8]) -> Option<Incoming<'_>> {
    let is_object = text.trim_ascii_start().starts_with(b"{");
    let frame: Frame<'_> = is_object
        .then(|| serde_json::from_slice(text).ok())
        .flatten()?;
    match &*json::text(frame.kind)? {
        "event" => Some(Incoming::Event {
            name: json::text(frame.event)?,
            payload: Payload(frame.payload),
            seq: json::count(frame.seq),
        }),
        "res" => Some(Incoming::Answer {
            id: json::text(frame.id)?,
            outcome: match json::flag(frame.ok) {
                Some(true) => Ok(Payload(frame.payload)),
                _ => Err(error(frame.error)),
            },
        }),
        _ => None,
    }
}

fn error(raw: Raw<'_>) -> RpcError {
    let short = |raw| json::text(raw).and_then(|text| detail(&text));
    let body: ErrorBody<'_> = json::object(raw).unwrap_or_default();
    let details: Details<'_> = json::object(body.details).unwrap_or_default();
    let retry = json::count(body.retry_after_ms).or_else(|| json::count(details.retry_after_ms));
    RpcError {
        code: short(body.code).unwrap_or_else(|| "UNKNOWN".into()),
        message: short(body.message).unwrap_or_default(),
        reason: short(details.code).or_else(|| short(details.reason)),
        pairing: short(details.request_id),
        expected_protocol: json::count(details.expected_protocol),
        retry_after: retry.map(|millis| Span(millis.min(3_600_000) as i64)),
    }
}

/// A request as it goes over the wire.
#[must_use]
pub fn request(id: &str, method: &str, params: &Value) -> String {
    #[derive(Serialize)]
    struct Request<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        method: &'a str,
        params: &'a Value,
    }
    let request = Request {
        kind: "req",
        id,
        method,
        params,
    };
    // Texts and a value that is JSON already: it cannot fail.
    serde_json::to_string(&request).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_and_anything_else_is_none() {
        match read(br#"{"type":"event","event":"tick","payload":{"ts":1},"seq":7,"new":[]}"#) {
            Some(Incoming::Event { name, payload, seq }) => {
                assert_eq!(
                    (&*name, payload.get(), seq),
                    ("tick", r#"{"ts":1}"#, Some(7))
                );
            }
            other => panic!("{other:?}"),
        }
        match read(br#"{"type":"res","id":"invalid","ok":false,"error":{"code":"UNAVAILABLE","message":"m",
            "details":{"reason":"startup-sidecars","retryAfterMs":500}}}"#)
        {
            Some(Incoming::Answer { id, outcome }) => {
                let error = outcome.unwrap_err();
                assert_eq!((&*id, &*error.code), ("invalid", "UNAVAILABLE"));
                assert_eq!(error.reason.as_deref(), Some("startup-sidecars"));
                assert_eq!(error.retry_after, Some(Span(500)));
            }
            other => panic!("{other:?}"),
        }
        for garbage in [
            "",
            "[]",
            "null",
            "{}",
            "{\"type\":7}",
            r#"{"type":"res","ok":true}"#,
            r#"{"type":"event"}"#,
            r#"{"type":"hello"}"#,
            "{\"type\":\"event\",\"event\":\"x\"",
            "\u{1}",
        ] {
            assert!(read(garbage.as_bytes()).is_none(), "{garbage}");
        }
        let sent = request("1", "chat.send", &serde_json::json!({"message": "a\"b"}));
        assert_eq!(
            sent,
            r#"{"type":"req","id":"1","method":"chat.send","params":{"message":"a\"b"}}"#
        );
    }
}
