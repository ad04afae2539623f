//! What an export holds beside what people look at: what another agentmon needs to know the same facts.

use super::usage::UsageFilter;
use crate::model::{CallSource, FactKey, NanoUsd, PriceMode, SessionKey, Timestamp, Usage};

/// Which model calls, in the order of their keys.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Whose, of which model and project.
    pub of: UsageFilter,
    /// Calls at or after this time.
    pub since: Option<Timestamp>,
    /// Calls before this time.
    pub until: Option<Timestamp>,
    /// Where the last page ended: the key of its last call.
    pub after: Option<FactKey>,
    /// At most this many.
    pub limit: usize,
}

/// One model call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRow {
    /// What it is known by.
    pub fact: FactKey,
    /// When.
    pub at: Timestamp,
    /// The session that it is counted for.
    pub session: SessionKey,
    /// The model, as the agent spells it.
    pub model: Box<str>,
    /// Tokens.
    pub usage: Usage,
    /// What it cost; `None` when no price is known.
    pub cost: Option<NanoUsd>,
    /// The cost that its source states.
    pub reported: Option<NanoUsd>,
    /// How it was served.
    pub mode: PriceMode,
    /// Server-side web searches.
    pub web_searches: u32,
    /// Who saw it.
    pub source: CallSource,
    /// As in [`ModelCall::credit`](crate::model::ModelCall::credit).
    pub credit: i64,
}
