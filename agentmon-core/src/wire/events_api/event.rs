//! Events as rows.

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::Seconds;
use crate::model::{EventKind, EventStatus};
use crate::query::{FeedPage, FeedRow};
use crate::wire::part::{Time, Usd};

/// Version of the rows.
const SCHEMA_VERSION: u32 = 1;
/// Longest text of an event from a file that its metadata shows, in characters.
const MAX_PREVIEW: usize = 500;

/// One event.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    id: i64,
    event_id: Option<&'a str>,
    schema_version: u32,
    session_id: &'a str,
    agent_type: &'a str,
    event_type: EventKind,
    tool_name: Option<&'a str>,
    status: EventStatus,
    tokens_in: u64,
    tokens_out: u64,
    branch: Option<&'a str>,
    project: Option<&'a str>,
    duration_ms: Option<u64>,
    created_at: Seconds,
    client_timestamp: Option<Time>,
    metadata: String,
    payload_truncated: u8,
    model: Option<&'a str>,
    cost_usd: Option<Usd>,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    source: &'a str,
}

impl<'a> From<&'a FeedRow> for Event<'a> {
    fn from(row: &'a FeedRow) -> Self {
        Self {
            id: row.id,
            event_id: row.event_id.as_deref(),
            schema_version: SCHEMA_VERSION,
            session_id: &row.session.native_id,
            agent_type: row.session.agent.as_str(),
            event_type: row.kind,
            tool_name: row.tool.as_deref(),
            status: row.status,
            tokens_in: row.usage.input,
            tokens_out: row.usage.output,
            branch: row.branch.as_deref(),
            project: row.project.as_deref(),
            duration_ms: row.duration_ms,
            created_at: Seconds(row.created_at),
            client_timestamp: row.client_at.map(Time),
            metadata: metadata(row),
            payload_truncated: row.truncated.into(),
            model: row.model.as_deref(),
            cost_usd: row.cost.map(Usd),
            cache_read_tokens: row.usage.cache_read,
            cache_write_tokens: row.usage.cache_creation(),
            source: row.source.as_deref().unwrap_or("import"),
        }
    }
}

/// What the client sent along; of an event from a file its text, under the name that clients look for.
fn metadata(row: &FeedRow) -> String {
    if let Some(metadata) = &row.metadata {
        return metadata.to_string();
    }
    let name = match row.kind {
        EventKind::UserPrompt => "message",
        EventKind::ToolUse => "command",
        EventKind::Error => "error",
        _ => "content_preview",
    };
    let preview: String = row.text.chars().take(MAX_PREVIEW).collect();
    let fields = match preview.is_empty() {
        true => BTreeMap::new(),
        false => BTreeMap::from([(name, preview)]),
    };
    serde_json::to_string(&fields).unwrap_or_default()
}

/// A page of the feed.
#[must_use]
pub fn feed(page: &FeedPage) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Page<'a> {
        events: Vec<Event<'a>>,
        total: u64,
    }
    Page {
        events: page.events.iter().map(Event::from).collect(),
        total: page.total,
    }
}
