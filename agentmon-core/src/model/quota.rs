//! Plan limits that an agent reports.

use serde::{Deserialize, Serialize};

use super::{AgentKind, Timestamp};

/// One rate-limit window of a plan, as the agent last reported it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuotaWindow {
    /// Who reported it.
    pub agent: AgentKind,
    /// The limit's name (`codex`, `five_hour`, ...), or empty.
    pub limit: Box<str>,
    /// `primary`, `secondary`, ...: which window of that limit.
    pub window: Box<str>,
    /// How much of it is used, in percent.
    pub used_percent: f64,
    /// Length of the window in minutes, if known.
    pub window_minutes: Option<u32>,
    /// When it starts afresh, if known.
    pub resets_at: Option<Timestamp>,
    /// The plan's name, if known.
    pub plan: Option<Box<str>>,
    /// When this was true.
    pub at: Timestamp,
}
