//! A session as the store keeps it: facts, evidence and the verdict they lead to.

use serde::{Deserialize, Serialize};

use super::classify::judge;
use super::family::Child;
use super::ledger::Ledger;
use super::machine::Rules;
use super::{
    Attention, Blocked, Evidence, EvidenceRef, EvidenceSource, Reason, Signal, State, StatePolicy,
    Verdict,
};
use crate::model::{SessionKey, SessionPatch, Timestamp};

/// Most deadlines walked through at once: more than the longest chain (stalled, given up, liveness unknown, ...).
const MAX_DEADLINES: usize = 16;

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
    /// The state changed, or, within a state other than `working`, why. To be stored.
    State(Transition),
    /// Something else about the verdict changed (the tool that runs, liveness, confidence). To be shown, not to be
    /// stored as a transition.
    Verdict,
}

/// One session. Serialisable as a whole; a few kilobytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// What is known about it.
    pub facts: SessionPatch,
    /// What it is doing.
    pub verdict: Verdict,
    ledger: Ledger,
    /// Finished spells.
    blocked: Blocked,
    /// As of when `verdict` was reached.
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
    /// old evidence walks through the states at the times at which they were entered. An [`Input::Tick`] then brings
    /// the session up to `now`. Evidence that was applied before changes nothing.
    pub fn apply(
        &mut self,
        input: Input<'_>,
        now: Timestamp,
        policy: &StatePolicy,
        out: &mut Vec<Change>,
    ) {
        let rules = self.rules(policy);
        if self.clock > now + policy.clock_skew {
            self.ledger.set_back(now);
            self.clock = now;
        }
        match input {
            Input::Evidence(evidence) => {
                self.pass(evidence.at.min(now), rules, out);
                if self.ledger.insert(evidence, now, rules) {
                    let as_of = self.clock.max(self.ledger.latest().unwrap_or_default());
                    self.judge(as_of, rules, out);
                }
            }
            Input::Facts(facts) => {
                let last_activity = self.facts.last_activity_at;
                if self.facts.merge(facts) {
                    out.push(Change::Facts);
                    if self.facts.last_activity_at != last_activity {
                        self.judge(self.clock, rules, out);
                    }
                }
            }
            Input::Child {
                key,
                state,
                reason,
                since,
                at,
                detail,
            } => {
                let child = Child {
                    state,
                    reason: reason.clone(),
                    since,
                    at,
                    detail: detail.map(Into::into),
                };
                self.pass(at.min(now), rules, out);
                if self.ledger.family.put(&self.facts.key, key, child) {
                    self.judge(self.clock.max(at.min(now)), rules, out);
                }
            }
            Input::Tick => {
                self.pass(now, rules, out);
                self.judge(self.clock.max(now), rules, out);
            }
        }
    }

    /// When the passing of time alone may change this session: give it an [`Input::Tick`] then.
    #[must_use]
    pub fn next_deadline(&self, policy: &StatePolicy) -> Option<Timestamp> {
        self.judged(self.clock, self.rules(policy)).next_deadline
    }

    /// Time spent blocked on the user up to `now`, the present spell included.
    #[must_use]
    pub fn blocked(&self, now: Timestamp) -> Blocked {
        let mut blocked = self.blocked;
        blocked.add(&self.verdict, now);
        blocked
    }

    /// The signs that are still remembered one by one, oldest first.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        self.ledger.recent()
    }

    /// What the user should be told of this session.
    #[must_use]
    pub fn attention(&self, policy: &StatePolicy) -> Option<Attention> {
        Attention::of(&self.verdict, policy)
    }

    /// What a child that shares this session's process ([`Relation::Within`](crate::model::Relation::Within)) and is
    /// in `child`'s state must be told, because nobody else tells it: that the process ended with the parent, or that
    /// the client no longer waits for the user. To be applied to the child as evidence.
    #[must_use]
    pub fn inherit(&self, child: &Verdict, policy: &StatePolicy) -> Option<Evidence> {
        if child.state.is_over() {
            return None;
        }
        let tell = |at, signal| {
            Some(Evidence {
                at,
                source: EvidenceSource::LiveFile,
                signal,
            })
        };
        let machine = self.ledger.head(self.rules(policy));
        if let Some((at, orderly)) = machine.ended() {
            return tell(
                at,
                if orderly {
                    Signal::SessionEnded {
                        reason: "parent_ended".into(),
                    }
                } else {
                    Signal::ProcessGone
                },
            );
        }
        if child.state == State::NeedsInput && machine.not_waiting_since(child.since) {
            let standing = machine.standing.as_ref()?;
            return tell(standing.by.at, Signal::InputGiven { request: None });
        }
        None
    }

    /// Walks through the deadlines up to `to`, so that what time alone changed is dated when it changed.
    fn pass(&mut self, to: Timestamp, rules: Rules<'_>, out: &mut Vec<Change>) {
        for _ in 0..MAX_DEADLINES {
            match self.verdict.next_deadline {
                Some(deadline) if deadline <= to && deadline > self.clock => {
                    self.judge(deadline, rules, out);
                }
                _ => break,
            }
        }
    }

    fn rules<'a>(&self, policy: &'a StatePolicy) -> Rules<'a> {
        Rules {
            all: policy,
            agent: policy.agent(&self.facts.key.agent),
        }
    }

    fn judged(&self, at: Timestamp, rules: Rules<'_>) -> Verdict {
        let machine = self.ledger.head(rules);
        let last_activity = self.facts.last_activity_at;
        judge(&machine, &self.ledger.family, last_activity, at, rules)
    }

    /// Reaches a verdict as of `at`.
    fn judge(&mut self, at: Timestamp, rules: Rules<'_>, out: &mut Vec<Change>) {
        self.clock = at;
        let verdict = self.judged(at, rules);
        let before = std::mem::replace(&mut self.verdict, verdict);
        let after = &self.verdict;
        self.blocked.pass(&before, after, at);
        let moved = before.state != after.state
            || (before.reason != after.reason && after.state != State::Working);
        if moved {
            out.push(Change::State(Transition {
                from: before.state,
                to: after.state,
                reason: after.reason.clone(),
                at,
                since: after.since,
                detail: after.detail.clone(),
                evidence: after.evidence.clone(),
            }));
        } else if (
            &before.reason,
            before.since,
            before.liveness,
            before.confidence,
            &before.detail,
        ) != (
            &after.reason,
            after.since,
            after.liveness,
            after.confidence,
            &after.detail,
        ) {
            out.push(Change::Verdict);
        }
    }
}
