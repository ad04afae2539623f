//! Topics: a name with filters, as `board?project=app` or `session:claude_code%3Aabc`.

use agentmon_core::config::Config;
use agentmon_core::model::Timestamp;
use agentmon_core::query::{BoardQuery, EventFilter, SessionFilter};

use super::message::Refusal;
use crate::http::query::{Query, decoded};
use crate::routes::filters;

/// Longest topic, in bytes.
const MAX_TOPIC: usize = 512;

/// What a client can subscribe to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Topic {
    /// The board: which sessions, and what their strip counts.
    Board(Box<(SessionFilter, BoardQuery)>),
    /// One session, by its id or a beginning of it.
    Session(String),
    /// What happens.
    Events(Box<EventFilter>),
    /// The figures of today.
    Usage(Box<BoardQuery>),
    /// Plan limits.
    Quotas,
    /// Sources and their health.
    Sources,
    /// What the user was told.
    Alerts,
}

impl Topic {
    /// Reads a topic.
    pub(super) fn parse(text: &str, config: &Config, now: Timestamp) -> Result<Self, Refusal> {
        if text.len() > MAX_TOPIC {
            return Err(Refusal::new("bad_topic", "A topic has at most 512 bytes"));
        }
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let query = Query::parse(query);
        let wrong = |error: crate::error::ApiError| Refusal::new("bad_topic", error.sentence());
        if let Some(id) = name.strip_prefix("session:").filter(|id| !id.is_empty()) {
            return Ok(Self::Session(decoded(id)));
        }
        Ok(match name {
            "board" => Self::Board(Box::new(
                filters::board(&query, config, now).map_err(wrong)?,
            )),
            "events" => Self::Events(Box::new(
                filters::events(&query, config, now).map_err(wrong)?,
            )),
            "usage" => Self::Usage(Box::new(filters::strip(&query, config))),
            "quotas" => Self::Quotas,
            "sources" => Self::Sources,
            "alerts" => Self::Alerts,
            _ => return Err(Refusal::new("bad_topic", "There is no such topic")),
        })
    }
}
