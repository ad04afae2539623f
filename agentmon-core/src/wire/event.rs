//! `agentmon.events.v1`.

use serde::Serialize;

use super::part::{Time, Tokens, Usd};
use crate::model::Timestamp;
use crate::query::{EventCursor, EventPage, EventRow};

/// A page of events.
#[must_use]
pub fn events(page: &EventPage) -> impl Serialize + '_ {
    Page {
        schema: "agentmon.events.v1",
        events: page.events.iter().map(Event::from).collect(),
        next: page.next.map(write_cursor),
    }
}

/// A place in the feed, as text that means nothing to others.
#[must_use]
pub fn write_cursor(cursor: EventCursor) -> String {
    format!("{}.{}", cursor.at.0, cursor.id)
}

/// Reads a `next` of a page; `None` for anything else.
#[must_use]
pub fn parse_cursor(text: &str) -> Option<EventCursor> {
    let (at, id) = text.split_once('.')?;
    Some(EventCursor {
        at: Timestamp(at.parse().ok()?),
        id: id.parse().ok()?,
    })
}

#[derive(Serialize)]
struct Page<'a> {
    schema: &'static str,
    events: Vec<Event<'a>>,
    next: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Event<'a> {
    id: i64,
    at: Time,
    session: String,
    agent: &'a str,
    native_id: &'a str,
    kind: &'static str,
    status: &'static str,
    tool: Option<&'a str>,
    duration_ms: Option<u64>,
    model: Option<&'a str>,
    usage: Option<Tokens>,
    cost_usd: Option<Usd>,
    text: &'a str,
    truncated: bool,
}

impl<'a> From<&'a EventRow> for Event<'a> {
    fn from(event: &'a EventRow) -> Self {
        Self {
            id: event.id,
            at: Time(event.at),
            session: event.session.to_string(),
            agent: event.session.agent.as_str(),
            native_id: &event.session.native_id,
            kind: event.kind.as_str(),
            status: event.status.as_str(),
            tool: event.tool.as_deref(),
            duration_ms: event.duration_ms,
            model: event.model.as_deref(),
            usage: event.usage.as_ref().map(Tokens::from),
            cost_usd: event.cost.map(Usd),
            text: &event.text,
            truncated: event.truncated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back_and_nothing_else_does() {
        let cursor = EventCursor {
            at: Timestamp(-5),
            id: 7,
        };
        assert_eq!(parse_cursor(&write_cursor(cursor)), Some(cursor));
        for text in ["", "5", "5.x", "5.1.2", "99999999999999999999.1"] {
            assert_eq!(parse_cursor(text), None, "{text}");
        }
    }
}
