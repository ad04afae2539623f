//! A session as the store keeps it: facts, evidence and the verdict they lead to.

use serde::{Deserialize, Serialize};

use super::{Evidence, EvidenceRef, Ledger, Reason, State, StatePolicy, Verdict};
use crate::model::{SessionKey, SessionPatch, Span, Timestamp};

/// Something that may change a session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Input<'a> {
    /// A sign of what it is doing.
    Evidence(&'a Evidence),
    /// Facts about it.
    Facts(&'a SessionPatch),
    /// A child of it ([`Relation::Within`](crate::model::Relation::Within) or
    /// [`Relation::Spawned`](crate::model::Relation::Spawned)) changed.
    Child {
        /// The child.
        key: &'a SessionKey,
        /// What the child is doing.
        state: State,
        /// Why.
        reason: &'a Reason,
        /// Since when.
        since: Timestamp,
        /// The child's latest sign of life.
        at: Timestamp,
        /// The question, command or error, where there is one.
        detail: Option<&'a str>,
    },
    /// Time has passed.
    Tick,
}

/// A change from one state to another, as it is stored and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The state that was left.
    pub from: State,
    /// The state that was entered.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// When it was noticed.
    pub at: Timestamp,
    /// Since when it is so.
    pub since: Timestamp,
    /// The exact question, command or error, where there is one.
    pub detail: Option<Box<str>>,
    /// What decided.
    pub evidence: Vec<EvidenceRef>,
}

/// What an input did to a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// [`Session::facts`] changed.
    Facts,
    /// The state changed, or what the user is asked for, or which limit or error it is. To be stored.
    State(Transition),
    /// Something else about the verdict changed (the tool that runs, liveness). To be shown, not to be stored as a
    /// transition.
    Verdict,
}

/// Time that a session spent blocked on the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blocked {
    /// Waiting for an answer (`needs_input`).
    pub needs_input: Span,
    /// Turn over, result not looked at (`idle`, `turn_done(unseen)`).
    pub idle_unseen: Span,
}

/// One session. Serialisable as a whole; a few kilobytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What is known about it.
    pub facts: SessionPatch,
    /// What it is doing.
    pub verdict: Verdict,
    ledger: Ledger,
    blocked: Blocked,
    clock: Timestamp,
}

impl Session {
    /// A session of which nothing is known yet.
    #[must_use]
    pub fn new(key: SessionKey) -> Self {
        Self {
            facts: SessionPatch::new(key),
            verdict: Verdict::default(),
            ledger: Ledger::default(),
            blocked: Blocked::default(),
            clock: Timestamp::default(),
        }
    }

    /// Takes in one input and adds what it changed to `out`.
    ///
    /// `now` is the present, also when the input is old: evidence is judged as of its own time, so that a replay of
    /// old evidence walks through the states at the times at which they were entered. A [`Input::Tick`] then brings
    /// the session up to `now`.
    pub fn apply(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        policy: &StatePolicy,
        out: &mut Vec<Change>,
    ) {
        let _ = (input, now, policy, out);
    }

    /// When the passing of time alone may change this session: give it an [`Input::Tick`] then.
    #[must_use]
    pub fn next_deadline(&self, policy: &StatePolicy) -> Option<Timestamp> {
        let _ = policy;
        self.verdict.next_deadline
    }

    /// Time spent blocked on the user up to `now`, the present spell included.
    #[must_use]
    pub fn blocked(&self, now: Timestamp) -> Blocked {
        let _ = now;
        self.blocked
    }
}
