//! A session as a conversation.

use serde::Serialize;

use crate::model::{EventKind, EventStatus};
use crate::query::FeedRow;
use crate::wire::part::{Time, Usd};

/// A session's events as a conversation, the oldest first.
#[must_use]
pub fn transcript<'a>(session_id: &'a str, events: &'a [FeedRow]) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Transcript<'a> {
        session_id: &'a str,
        entries: Vec<Entry<'a>>,
    }
    Transcript {
        session_id,
        entries: events.iter().map(Entry::from).collect(),
    }
}

/// What is not known, or as usual, is left out.
#[derive(Serialize)]
struct Entry<'a> {
    role: &'static str,
    r#type: EventKind,
    timestamp: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<EventStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
}

impl<'a> From<&'a FeedRow> for Entry<'a> {
    fn from(row: &'a FeedRow) -> Self {
        let counted = |count: u64| (count > 0).then_some(count);
        Self {
            role: match row.kind {
                EventKind::UserPrompt => "user",
                EventKind::LlmRequest
                | EventKind::LlmResponse
                | EventKind::Response
                | EventKind::PlanStep => "assistant",
                EventKind::ToolUse | EventKind::FileChange | EventKind::GitCommit => "tool",
                _ => "system",
            },
            r#type: row.kind,
            timestamp: Time(row.client_at.unwrap_or(row.created_at)),
            tool_name: row.tool.as_deref(),
            detail: (!row.text.is_empty()).then_some(&*row.text),
            status: (row.status != EventStatus::Success).then_some(row.status),
            model: row.model.as_deref(),
            tokens_in: counted(row.usage.input),
            tokens_out: counted(row.usage.output),
            cost_usd: row.cost.map(Usd),
            duration_ms: row.duration_ms,
        }
    }
}
