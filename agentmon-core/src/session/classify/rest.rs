//! Sessions at which nothing is going on: at rest, over, or unknown.

use super::Judge;
use super::draft::Draft;
use crate::model::Span;
use crate::session::phase::{End, Ended, Phase, Rest, RestKind, Wake};
use crate::session::{Confidence, Reason, State};

impl Judge<'_> {
    pub(super) fn resting(&self, rest: Option<&Rest>) -> Draft {
        let machine = self.machine;
        let mut since = machine.since;
        if let Some(limit) = &machine.limit {
            let ttl = self
                .rules
                .agent
                .authority(limit.by.source)
                .map_or(self.rules.agent.complete_after, |row| row.ttl);
            let ends = limit.resets_at.unwrap_or(limit.by.at + ttl);
            if self.now < ends {
                let reason = Reason::limited(&limit.reason, limit.resets_at);
                return Draft::new(State::Limited, reason, limit.by.at, Some(&limit.by))
                    .until(ends);
            }
            since = since.max(ends);
        }
        let by = machine.by.as_ref();
        let waits = |reason| {
            let draft = Draft::new(State::WaitingSelf, reason, since, by);
            self.unless_over(draft, self.rules.agent.abandon_after)
        };
        match rest {
            Some(rest) if matches!(rest.kind, RestKind::Failed { .. }) => self.failed(rest),
            Some(rest) if rest.background > 0 => waits(Reason::BackgroundTask),
            _ if self.family.count(machine) > 0 => waits(Reason::BackgroundTask),
            Some(Rest {
                wake: Some(Wake::Sometime),
                ..
            }) => waits(Reason::Scheduled(None)),
            Some(Rest {
                wake: Some(Wake::At(due)),
                ..
            }) if self.now < *due + self.rules.all.stall_after => {
                waits(Reason::Scheduled(Some(*due))).until(*due + self.rules.all.stall_after)
            }
            rest => {
                // It has rested since the last of its children did.
                since = since.max(self.family.ended().unwrap_or(since));
                let reason = match rest {
                    None => Reason::Fresh,
                    Some(rest) if rest.kind == RestKind::Interrupted => Reason::Interrupted,
                    Some(_) => Reason::TurnDone {
                        seen: machine.seen >= Some(since),
                    },
                };
                let draft = Draft::new(State::Idle, reason, since, by);
                self.unless_over(draft, self.rules.agent.complete_after)
            }
        }
    }

    fn failed(&self, rest: &Rest) -> Draft {
        let machine = self.machine;
        let (class, message) = match &rest.kind {
            RestKind::Failed { class, message } => (&**class, message.as_deref()),
            _ => ("", None),
        };
        Draft::new(
            State::Failed,
            Reason::failed(class),
            machine.since,
            machine.by.as_ref(),
        )
        .detail(message)
    }

    /// A session at rest is over when nothing happens for long and nobody knows whether its process lives.
    fn unless_over(&self, draft: Draft, after: Span) -> Draft {
        if self.is_held() {
            return draft;
        }
        let over = (self.progress().unwrap_or(draft.since) + after)
            .max(draft.since)
            .max(self.alive_until.unwrap_or_default());
        if self.now < over {
            return draft.until(over);
        }
        let last = self.machine.progress.as_ref();
        Draft::new(State::Completed, Reason::IdleTimeout, over, last).guessed(Confidence::Low)
    }

    pub(super) fn ended(&self, ended: &Ended) -> Draft {
        let machine = self.machine;
        let draft = |state, reason| Draft::new(state, reason, machine.since, machine.by.as_ref());
        match (&ended.how, &*ended.before) {
            (End::Exit(0), _) => draft(State::Completed, Reason::Exit(0)),
            (End::Exit(code), _) => draft(State::Failed, Reason::Exit(*code)),
            (End::Aborted, _) => draft(State::Terminated, Reason::Aborted),
            (End::Terminated(reason), _) => {
                let reason = (!reason.is_empty()).then(|| reason.clone());
                draft(State::Terminated, Reason::User(reason))
            }
            (End::Gone, _) if ended.cut_short => {
                draft(State::Failed, Reason::Crashed(ended.tool.clone()))
            }
            // The last thing that happened is what counts: leaving after a failure does not mend it.
            (End::Gone | End::Session(_), Phase::Rest(rest))
                if matches!(rest.kind, RestKind::Failed { .. }) =>
            {
                let mut draft = self.failed(rest);
                draft.since = ended.before_since;
                draft.by = machine.by.iter().cloned().collect();
                draft
            }
            (End::Gone, _) => draft(State::Completed, Reason::ProcessGone),
            (End::Session(reason), _) => {
                draft(State::Completed, Reason::SessionEnd).detail(Some(reason))
            }
        }
    }

    pub(super) fn unknown(&self) -> Draft {
        let complete_after = self.rules.agent.complete_after;
        if let Some(child) = self.family.freshest() {
            return Draft::new(child.state, child.reason.clone(), child.since, None)
                .guessed(Confidence::Low);
        }
        let Some(at) = self.last_activity else {
            return Draft::new(
                State::Unobserved,
                Reason::NoEvidence,
                self.machine.since,
                None,
            );
        };
        let over = at + complete_after;
        if self.now < over {
            Draft::new(State::Unobserved, Reason::NoEvidence, at, None).until(over)
        } else {
            Draft::new(State::Completed, Reason::IdleTimeout, over, None).guessed(Confidence::Low)
        }
    }
}
