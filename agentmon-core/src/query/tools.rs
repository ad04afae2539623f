//! How often tools are used, and how that goes.

use std::collections::BTreeMap;

use super::Times;
use crate::model::{AgentKind, Timestamp};

/// Which uses. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolFilter {
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Sessions, by id or by a beginning of it.
    pub sessions: Vec<Box<str>>,
    /// Uses at or after this time, to the quarter of an hour.
    pub since: Option<Timestamp>,
    /// Uses before this time, to the quarter of an hour.
    pub until: Option<Timestamp>,
}

/// One tool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolUsage {
    /// The tool.
    pub tool: Box<str>,
    /// How often it was used.
    pub calls: u64,
    /// Uses that ended in an error.
    pub errors: u64,
    /// Uses of which is known how long they took.
    pub timed: u64,
    /// How long those took, in milliseconds.
    pub duration_ms: u64,
    /// How many of those took how long.
    pub times: Times,
    /// Uses by agent.
    pub agents: BTreeMap<Box<str>, u64>,
}

impl ToolUsage {
    /// Which part of the uses ended in an error, 0 to 1.
    #[must_use]
    pub fn error_rate(&self) -> f64 {
        self.errors as f64 / self.calls.max(1) as f64
    }

    /// How long a use takes on average, in milliseconds, if that is known.
    #[must_use]
    pub fn mean_ms(&self) -> Option<u64> {
        self.duration_ms.checked_div(self.timed)
    }
}
