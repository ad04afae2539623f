//! What a session remembers of its evidence, in bounded space.
//!
//! The latest signs are kept one by one, in the order of their times, whatever the order in which they came; older
//! ones only as the state to which they led. So the order of delivery does not matter within a window that spans far
//! more than the delays between sources, and a sign that is delivered again changes nothing.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde::{Deserialize, Serialize, Serializer};

use super::family::Family;
use super::machine::{Machine, Rules};
use super::{Evidence, EvidenceSource, Signal, intake};
use crate::model::Timestamp;

/// Signs kept one by one. Half of them are folded at a time.
const MAX_RECENT: usize = 32;

/// What a session remembers of its evidence: a few kilobytes whatever it is given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// Where all signs up to the horizon led.
    #[serde(default, skip_serializing_if = "is_default")]
    base: Machine,
    #[serde(default, skip_serializing_if = "is_default")]
    horizon: Option<Timestamp>,
    /// Signs after the horizon, in the order of [`compare`].
    #[serde(
        default,
        skip_serializing_if = "is_default",
        serialize_with = "without_names"
    )]
    recent: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) family: Family,
    /// `base` after all of `recent`, kept so that the usual case, a sign later than all others, costs one step.
    #[serde(skip)]
    head: Option<Machine>,
}

/// Most sessions ended long ago and remember little: what says nothing is not written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// There are many of them: each is written as a list of its fields.
fn without_names<S: Serializer>(recent: &[Evidence], serializer: S) -> Result<S::Ok, S::Error> {
    let fields = recent
        .iter()
        .map(|sign| (sign.at, sign.source, &sign.signal));
    serializer.collect_seq(fields)
}

impl PartialEq for Ledger {
    /// `head` follows from the rest.
    fn eq(&self, other: &Self) -> bool {
        (&self.base, self.horizon, &self.recent, &self.family)
            == (&other.base, other.horizon, &other.recent, &other.family)
    }
}

impl Ledger {
    /// The signs kept one by one, oldest first.
    pub(super) fn recent(&self) -> &[Evidence] {
        &self.recent
    }

    /// Takes in a sign at `now`. Returns whether it was new.
    pub(super) fn insert(&mut self, evidence: &Evidence, now: Timestamp, rules: Rules<'_>) -> bool {
        let evidence = intake::admit(evidence, now, rules.all.clock_skew);
        if self.horizon >= Some(evidence.at) {
            let before = self.base.clone();
            self.base.catch_up(&evidence, rules);
            self.head = Some(self.replay(rules));
            return self.base != before;
        }
        let at = self
            .recent
            .partition_point(|known| compare(known, &evidence) == Ordering::Less);
        if self.recent.get(at) == Some(&evidence) {
            return false;
        }
        match &mut self.head {
            Some(head) if at == self.recent.len() => {
                head.step(&evidence, rules);
                self.recent.push(evidence);
            }
            _ => {
                self.recent.insert(at, evidence);
                self.head = Some(self.replay(rules));
            }
        }
        if self.recent.len() > MAX_RECENT {
            self.fold(rules);
        }
        true
    }

    /// Folds the older half of what is kept one by one; signs of the same time stay together.
    fn fold(&mut self, rules: Rules<'_>) {
        let horizon = self.recent[MAX_RECENT / 2].at;
        let folded = self.recent.partition_point(|known| known.at <= horizon);
        for evidence in self.recent.drain(..folded) {
            self.base.step(&evidence, rules);
        }
        self.horizon = Some(horizon);
    }

    /// Where all signs so far led.
    pub(super) fn head(&self, rules: Rules<'_>) -> Cow<'_, Machine> {
        match &self.head {
            Some(head) => Cow::Borrowed(head),
            None => Cow::Owned(self.replay(rules)),
        }
    }

    fn replay(&self, rules: Rules<'_>) -> Machine {
        let mut head = self.base.clone();
        for evidence in &self.recent {
            head.step(evidence, rules);
        }
        head
    }

    /// The time of the latest sign.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.recent.last().map(|last| last.at).max(self.horizon)
    }

    /// The clock was set back: what is dated after `now` happened before it.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        for evidence in &mut self.recent {
            evidence.at = evidence.at.min(now);
        }
        self.recent.sort_by(compare);
        self.recent.dedup();
        if self.horizon > Some(now) {
            self.horizon = Some(now - crate::model::Span(1));
            self.base.set_back(now);
        }
        self.head = None;
    }
}

/// The order in which signs are taken in, whatever that in which they came: by time; at the same time by what can only come first; then the more
/// authoritative kind of source last, so that it has the last word.
pub(crate) fn compare(a: &Evidence, b: &Evidence) -> Ordering {
    (a.at, order(&a.signal), std::cmp::Reverse(a.source))
        .cmp(&(b.at, order(&b.signal), std::cmp::Reverse(b.source)))
        .then_with(|| match (&a.signal, &b.signal) {
            // Any order will do as long as it is always the same. The results of tools come in crowds.
            (Signal::ToolFinished { call: a }, Signal::ToolFinished { call: b }) => a.cmp(b),
            (one, other) if one == other => Ordering::Equal,
            (one, other) => format!("{one:?}").cmp(&format!("{other:?}")),
        })
}

fn order(signal: &Signal) -> u8 {
    use Signal as S;
    match signal {
        S::Queued { .. } => 0,
        S::Spawned => 1,
        S::SessionStarted { .. } => 2,
        S::PromptSubmitted => 3,
        S::ModelActive | S::Retrying { .. } | S::Compacting | S::SubagentStarted { .. } => 4,
        S::ToolStarted { .. } => 5,
        S::NeedsInput { .. } => 6,
        S::InputGiven { .. } | S::ToolFinished { .. } | S::Compacted => 7,
        S::SubagentFinished { .. } => 8,
        S::Live { .. }
        | S::Activity
        | S::ContextUsed { .. }
        | S::Uncovered { .. }
        | S::Covered
        | S::Seen
        | S::ProcessAlive => 9,
        S::TurnEnded { .. } | S::Interrupted | S::Limited { .. } | S::TurnFailed { .. } => 10,
        S::WakeSet => 11,
        S::Aborted | S::SessionEnded { .. } => 12,
        S::ProcessGone | S::ProcessExited { .. } => 13,
        S::Terminated { .. } => 14,
    }
}

/// So that `Reverse(source)` puts the sources that are believed most last.
const _: () = assert!((EvidenceSource::Control as u8) < (EvidenceSource::Coverage as u8));
