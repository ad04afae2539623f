//! Where a session stands between two pieces of evidence, before time and children are looked at.

use serde::{Deserialize, Serialize};

use super::{EvidenceRef, Reason};
use crate::model::Timestamp;

/// Where a session stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) enum Phase {
    /// No evidence yet.
    #[default]
    Unknown,
    /// It waits for a slot.
    Queued(Reason),
    /// Its process was started.
    Spawning,
    /// It runs and nothing was asked yet.
    Fresh,
    /// A turn is going on.
    Active,
    /// The turn is over.
    Rest(Rest),
    /// It is over.
    Ended(Ended),
}

impl Phase {
    /// At rest until something of its own wakes it.
    pub(super) const fn waits_for_itself(&self) -> bool {
        matches!(self, Self::Rest(rest) if rest.background > 0 || rest.wake.is_some())
    }
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rest {
    pub(super) kind: RestKind,
    /// Work that goes on in the background.
    pub(super) background: u32,
    /// A timer that will wake it.
    pub(super) wake: Option<Wake>,
}

/// A timer that wakes a session, the earliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Wake {
    At(Timestamp),
    Sometime,
}

/// Ways in which a turn ends, the least telling first: when several sources speak of the same end, the most telling
/// stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RestKind {
    /// It is at rest, nobody said why.
    Still,
    /// The turn was done.
    Done,
    /// The user stopped it.
    Interrupted,
    /// A limit was hit.
    Limited,
    /// It ended in an error.
    Failed {
        class: Box<str>,
        message: Option<Box<str>>,
    },
}

impl RestKind {
    pub(super) const fn telling(&self) -> u8 {
        match self {
            Self::Still => 0,
            Self::Done => 1,
            Self::Interrupted => 2,
            Self::Limited => 3,
            Self::Failed { .. } => 4,
        }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) how: End,
    /// Where it stood before, for a process that turns out to live, and for an end in good order after a failure.
    pub(super) before: Box<Phase>,
    /// Whether a turn was going on.
    pub(super) cut_short: bool,
    /// The tool that ran.
    pub(super) tool: Option<Box<str>>,
    /// When `before` began.
    pub(super) before_since: Timestamp,
}

/// Ways in which a session ends, the least certain first: a later sign of a less certain kind does not replace a more
/// certain one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum End {
    /// Its process is gone.
    Gone,
    /// It said so.
    Session(Box<str>),
    /// The run was aborted.
    Aborted,
    /// Its exit status was seen.
    Exit(i32),
    /// Somebody ended it.
    Terminated(Box<str>),
}

impl End {
    pub(super) const fn certain(&self) -> u8 {
        match self {
            Self::Gone => 0,
            Self::Session(_) => 1,
            Self::Aborted => 2,
            Self::Exit(_) => 3,
            Self::Terminated(_) => 4,
        }
    }
}

/// Something that lies over a phase for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Overlay {
    /// The context is being compacted.
    Compacting(EvidenceRef),
    /// A request to the model is tried again.
    Retrying {
        by: EvidenceRef,
        attempt: u32,
        max: Option<u32>,
    },
}

/// A usage limit that was hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limit {
    pub(super) reason: Box<str>,
    pub(super) resets_at: Option<Timestamp>,
    pub(super) by: EvidenceRef,
}
