//! What the user should be told, and the time that sessions spend blocked on the user.
//!
//! Data only: the driver keeps the timers. It shows a badge at once, waits until [`Attention::notify_at`], asks again,
//! and notifies if the answer is still the same.

use serde::{Deserialize, Serialize};

use super::{Reason, State, StatePolicy, Verdict};
use crate::model::{Span, Timestamp};

/// Something the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attention {
    /// The state that asks for attention.
    pub state: State,
    /// Since when. Together with `state` it tells one occasion from the next.
    pub since: Timestamp,
    /// When to notify if it is still so then.
    pub notify_at: Timestamp,
}

impl Attention {
    /// What `verdict` asks of the user: an answer, a look at a result, or help.
    #[must_use]
    pub fn of(verdict: &Verdict, policy: &StatePolicy) -> Option<Self> {
        let wanted = match verdict.state {
            State::NeedsInput | State::Failed | State::Stalled | State::Limited => true,
            State::Idle => verdict.reason == Reason::TurnDone { seen: false },
            _ => false,
        };
        wanted.then(|| Self {
            state: verdict.state,
            since: verdict.since,
            notify_at: verdict.since + policy.notify_after,
        })
    }
}

/// Time that a session spent blocked on the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Blocked {
    /// Waiting for an answer (`needs_input`).
    pub needs_input: Span,
    /// Turn over, result not looked at (`idle`, `turn_done(unseen)`).
    pub idle_unseen: Span,
}

impl Blocked {
    /// Adds the spell of `verdict` that lasted until `end`.
    pub(super) fn add(&mut self, verdict: &Verdict, end: Timestamp) {
        let lasted = (end - verdict.since).0.max(0);
        if let Some(spell) = self.spell(verdict) {
            spell.0 = spell.0.saturating_add(lasted);
        }
    }

    /// One verdict follows another, noticed at `at`: a spell that is over is added.
    pub(super) fn pass(&mut self, before: &Verdict, after: &Verdict, at: Timestamp) {
        let same = before.since == after.since
            && match (self.spell(before), before.state == after.state) {
                (None, _) => true,
                (Some(_), false) => false,
                (Some(_), true) => self.spell(after).is_some(),
            };
        if !same {
            let end = if after.since > before.since {
                after.since
            } else {
                at
            };
            self.add(before, end);
        }
    }

    fn spell(&mut self, verdict: &Verdict) -> Option<&mut Span> {
        match (verdict.state, &verdict.reason) {
            (State::NeedsInput, _) => Some(&mut self.needs_input),
            (State::Idle, Reason::TurnDone { seen: false }) => Some(&mut self.idle_unseen),
            _ => None,
        }
    }
}
