//! What a session is doing: the one vocabulary of states, and the verdict that [`super::classify()`] reaches.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Evidence, EvidenceSource, Reason};
use crate::model::Timestamp;

/// What a session is doing. Every other vocabulary is a view of this one (see [`super::vocabulary`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for a slot.
    Queued,
    /// Its process was started and has given no sign of life yet.
    Spawning,
    /// The agent is at it.
    Working,
    /// It cannot go on before the user answers.
    NeedsInput,
    /// The turn is over; the next word is the user's.
    Idle,
    /// The turn is over, and work in the background or a timer will wake it.
    WaitingSelf,
    /// A usage limit holds it.
    Limited,
    /// It should be working and gives no sign.
    Stalled,
    /// It is over, in order.
    Completed,
    /// It is over or stuck, in error.
    Failed,
    /// Somebody stopped it.
    Terminated,
    /// agentmon cannot see what it does.
    Unobserved,
}

impl State {
    /// All states, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Spawning,
        Self::Working,
        Self::NeedsInput,
        Self::Idle,
        Self::WaitingSelf,
        Self::Limited,
        Self::Stalled,
        Self::Completed,
        Self::Failed,
        Self::Terminated,
        Self::Unobserved,
    ];

    /// The name used in JSON, on the command line and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Spawning => "spawning",
            Self::Working => "working",
            Self::NeedsInput => "needs_input",
            Self::Idle => "idle",
            Self::WaitingSelf => "waiting_self",
            Self::Limited => "limited",
            Self::Stalled => "stalled",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
            Self::Unobserved => "unobserved",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more is expected of the session unless somebody takes it up again.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Terminated)
    }

    /// Whether something is going on, or would be if nothing stood in its way.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            Self::Spawning
                | Self::Working
                | Self::NeedsInput
                | Self::WaitingSelf
                | Self::Limited
                | Self::Stalled
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether the session's process lives. State is colour, liveness is shape.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Liveness {
    /// It was seen alive a short while ago.
    Alive,
    /// It was seen to be gone.
    Dead,
    /// Nobody knows.
    #[default]
    Unknown,
}

impl Liveness {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        }
    }

    /// The liveness of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Alive, Self::Dead, Self::Unknown]
            .into_iter()
            .find(|liveness| liveness.as_str() == name)
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much a verdict may be relied upon.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Concluded from silence, or from a source that guesses.
    #[default]
    Low,
    /// Said by a source that misses some transitions.
    Medium,
    /// Said by whoever must know: the client itself, the gateway, the operating system, agentmon's own control.
    High,
}

impl Confidence {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A piece of evidence as a verdict quotes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EvidenceRef {
    /// When it was true, by the source's own clock.
    pub at: Timestamp,
    /// Who said so.
    pub source: EvidenceSource,
    /// What it said, in short: `tool_started(Bash)`, `live(waiting)`.
    pub signal: Cow<'static, str>,
}

impl EvidenceRef {
    /// The short form of a piece of evidence.
    #[must_use]
    pub fn of(evidence: &Evidence) -> Self {
        Self {
            at: evidence.at,
            source: evidence.source,
            signal: evidence.signal.short(),
        }
    }
}

impl fmt::Display for EvidenceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.at, self.source.as_str(), self.signal)
    }
}

/// What a session is doing, and why agentmon says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it is doing.
    pub state: State,
    /// Why, in a word.
    pub reason: Reason,
    /// Since when it is in this state (not: since when this reason holds).
    pub since: Timestamp,
    /// Whether its process lives.
    pub liveness: Liveness,
    /// How much this may be relied upon.
    pub confidence: Confidence,
    /// The exact question, command or error, where there is one. Hostile input.
    pub detail: Option<Box<str>>,
    /// What decided, the deciding piece first.
    pub evidence: Vec<EvidenceRef>,
    /// When the passing of time alone may change this verdict.
    pub next_deadline: Option<Timestamp>,
}

impl Default for Verdict {
    /// Nothing is known.
    fn default() -> Self {
        Self {
            state: State::Unobserved,
            reason: Reason::NoEvidence,
            since: Timestamp::default(),
            liveness: Liveness::Unknown,
            confidence: Confidence::Low,
            detail: None,
            evidence: Vec::new(),
            next_deadline: None,
        }
    }
}
