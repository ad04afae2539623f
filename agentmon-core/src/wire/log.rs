//! `agentmon.log.v1`.

use serde::Serialize;

use super::event::write_cursor;
use super::part::Time;
use crate::model::SessionKey;
use crate::query::{EventPage, EventRow, LogLevel};

/// A page of a session's log.
#[must_use]
pub fn log<'a>(session: &SessionKey, page: &'a EventPage) -> impl Serialize + use<'a> {
    Log {
        schema: "agentmon.log.v1",
        session: session.to_string(),
        lines: page.events.iter().map(Line::from).collect(),
        next: page.next.map(write_cursor),
    }
}

#[derive(Serialize)]
struct Log<'a> {
    schema: &'static str,
    session: String,
    lines: Vec<Line<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
struct Line<'a> {
    id: i64,
    at: Time,
    level: &'static str,
    kind: &'static str,
    status: &'static str,
    tool: Option<&'a str>,
    duration_ms: Option<u64>,
    text: &'a str,
    truncated: bool,
}

impl<'a> From<&'a EventRow> for Line<'a> {
    fn from(event: &'a EventRow) -> Self {
        Self {
            id: event.id,
            at: Time(event.at),
            level: LogLevel::of(event.kind, event.status).as_str(),
            kind: event.kind.as_str(),
            status: event.status.as_str(),
            tool: event.tool.as_deref(),
            duration_ms: event.duration_ms,
            text: &event.text,
            truncated: event.truncated,
        }
    }
}
