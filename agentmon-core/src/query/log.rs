//! What happened in a session as log lines with levels, page by page by number: the way in which two contracts want it.

use crate::model::{EventKind, EventStatus};

use super::EventRow;

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// Thoughts and the agent's own book-keeping.
    Debug,
    /// What was asked, said and done.
    Info,
    /// A tool or step that failed; the agent goes on.
    Warn,
    /// Something that failed for the session as a whole.
    Error,
}

impl LogLevel {
    /// All levels.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// The level of an event.
    #[must_use]
    pub const fn of(kind: EventKind, status: EventStatus) -> Self {
        match (kind, status) {
            (EventKind::Error, _) => Self::Error,
            (_, EventStatus::Error | EventStatus::Timeout) => Self::Warn,
            (
                EventKind::Thinking
                | EventKind::LlmRequest
                | EventKind::LlmResponse
                | EventKind::InstructionLoad
                | EventKind::Notice,
                _,
            ) => Self::Debug,
            _ => Self::Info,
        }
    }
}

/// A page of a session's log.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogPage {
    /// The events, the newest first.
    pub events: Vec<EventRow>,
    /// How many there are of that level in all.
    pub total: u64,
}
