//! Sessions that are at work, or should be: what they do, and when their silence counts.

use super::Judge;
use super::draft::Draft;
use crate::model::Timestamp;
use crate::session::phase::Overlay;
use crate::session::{Confidence, EvidenceRef, Liveness, Reason, State};

impl Judge<'_> {
    pub(super) fn spawning(&self) -> Draft {
        let machine = self.machine;
        let stalls = machine.since + self.rules.all.stall_after;
        if self.now < stalls {
            Draft::new(
                State::Spawning,
                Reason::Started,
                machine.since,
                machine.by.as_ref(),
            )
            .until(stalls)
        } else {
            Draft::new(State::Stalled, Reason::Silent, stalls, machine.by.as_ref())
                .guessed(Confidence::Medium)
        }
    }

    pub(super) fn active(&self) -> Draft {
        let machine = self.machine;
        let call = machine.pending.calls.last();
        let children = self.family.count(machine);
        if let Some(Overlay::Retrying { by, attempt, max }) = &machine.overlay {
            let reason = Reason::Retrying {
                attempt: *attempt,
                max: *max,
            };
            return self.working(reason, machine.since, Some(by));
        }
        match call {
            Some(call) if children == 0 || !self.rules.agent.agent_tools.contains(&call.tool) => {
                let reason = Reason::Tool(call.tool.clone());
                let mut draft = self.working(reason, machine.since, Some(&call.by));
                if draft.state == State::Working {
                    draft.detail = call.about.clone();
                }
                draft
            }
            _ if children > 0 => self.working(
                Reason::Subagents(children),
                machine.since,
                machine.by.as_ref(),
            ),
            _ => self.working(Reason::Model, machine.since, machine.by.as_ref()),
        }
    }

    /// At work, unless it has been silent for too long.
    pub(super) fn working(
        &self,
        reason: Reason,
        since: Timestamp,
        by: Option<&EvidenceRef>,
    ) -> Draft {
        let machine = self.machine;
        let progress = self.progress().unwrap_or(since);
        let mut stalls = progress + self.rules.all.stall_after;
        if !machine.pending.calls.is_empty() {
            // A tool may be silent for as long as its process lives.
            stalls = stalls.max(self.alive_until.unwrap_or(stalls));
        }
        if self.now < stalls {
            return Draft::new(State::Working, reason, since, by).until(stalls);
        }
        let last = machine.progress.as_ref();
        let given_up = (progress + self.rules.agent.abandon_after)
            .max(stalls)
            .max(self.alive_until.unwrap_or(stalls));
        if self.now >= given_up && !self.is_held() {
            let reason = if machine.pending.asks.is_empty() {
                // Whether it crashed, nobody saw.
                Reason::Silent
            } else {
                // It was the user who did not come back.
                Reason::IdleTimeout
            };
            return Draft::new(State::Completed, reason, given_up, last).guessed(Confidence::Low);
        }
        let full = machine
            .context
            .is_some_and(|(_, used)| used >= self.rules.all.token_limit);
        let reason = if full {
            Reason::TokenLimit
        } else {
            Reason::Silent
        };
        let confidence = if self.liveness() == Liveness::Alive {
            Confidence::Medium
        } else {
            Confidence::Low
        };
        let mut draft = Draft::new(State::Stalled, reason, stalls, last).guessed(confidence);
        draft.by.extend(by.cloned());
        if !self.is_held() {
            draft.until = Some(given_up);
        }
        draft
    }
}
