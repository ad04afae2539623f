//! Sums that an agent keeps itself and reports again and again.

use super::{FactKey, SessionIndex};

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CounterKind {
    /// Fresh input tokens.
    Input,
    /// Output tokens.
    Output,
    /// Input tokens read from a cache.
    CacheRead,
    /// Input tokens written to a cache.
    CacheCreation,
    /// Cost in US dollars.
    Cost,
    /// Lines of code added.
    LinesAdded,
    /// Lines of code removed.
    LinesRemoved,
}

impl CounterKind {
    /// All kinds; the position is the number under which the store keeps a kind. Append only.
    pub const ALL: [Self; 7] = [
        Self::Input,
        Self::Output,
        Self::CacheRead,
        Self::CacheCreation,
        Self::Cost,
        Self::LinesAdded,
        Self::LinesRemoved,
    ];
}

/// One report of a sum. What has the same series belongs together: a restarted process begins a new cumulative sum
/// with a new start, and its predecessor's last value stays part of the total. A report that is not newer than the
/// last of its series was delivered before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Counter {
    /// The series: the metric and its attributes.
    pub series: FactKey,
    /// Start of the sum in nanoseconds since 1970; `None` where each report only holds what was added.
    pub start: Option<i64>,
    /// Time of the report in nanoseconds since 1970.
    pub at: i64,
    /// The session in the batch's table.
    pub session: SessionIndex,
    /// The model in the batch's table of names; empty where the sum is not of a model.
    pub model: u32,
    /// What is summed.
    pub kind: CounterKind,
    /// The sum since `start`, or what was added.
    pub value: f64,
}
