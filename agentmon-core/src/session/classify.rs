//! The only place that decides a state: what the signs led to, how long ago, and what the children do. Work and its
//! silences are in `work`, rest and ends in `rest`.

mod draft;
mod rest;
mod work;

use draft::Draft;

use super::family::Family;
use super::ledger::Ledger;
use super::machine::{Machine, Rules};
use super::pending::Request;
use super::phase::{End, Overlay, Phase};
use super::{
    Confidence, Evidence, EvidenceRef, EvidenceSource, Liveness, Reason, State, StatePolicy,
    Verdict,
};
use crate::model::{AgentKind, Timestamp};

/// Most pieces of evidence that a verdict quotes.
const MAX_QUOTED: usize = 4;

/// What a session of `agent` with this evidence, in any order, is doing at `now`.
///
/// [`Session`](super::Session) does the same piece by piece, and knows children and facts besides.
#[must_use]
pub fn classify(
    agent: &AgentKind,
    evidence: &[Evidence],
    now: Timestamp,
    policy: &StatePolicy,
) -> Verdict {
    let rules = Rules {
        all: policy,
        agent: policy.agent(agent),
    };
    let mut ledger = Ledger::default();
    for piece in evidence {
        ledger.insert(piece, now, rules);
    }
    let now = ledger.latest().map_or(now, |latest| latest.max(now));
    judge(&ledger.head(rules), &Family::default(), None, now, rules)
}

/// Decides. `last_activity` is the session's latest activity by its facts, for sessions of which nobody read the
/// evidence.
pub(super) fn judge(
    machine: &Machine,
    family: &Family,
    last_activity: Option<Timestamp>,
    now: Timestamp,
    rules: Rules<'_>,
) -> Verdict {
    let judge = Judge {
        machine,
        family,
        last_activity,
        now,
        rules,
        alive_until: machine.alive_until(rules),
    };
    let mut draft = judge.own();
    judge.roll_up(&mut draft);
    judge.verdict(draft)
}

struct Judge<'a> {
    machine: &'a Machine,
    family: &'a Family,
    last_activity: Option<Timestamp>,
    now: Timestamp,
    rules: Rules<'a>,
    /// Until when the process counts as alive, if it was seen alive and not gone since.
    alive_until: Option<Timestamp>,
}

impl Judge<'_> {
    /// The session by itself.
    fn own(&self) -> Draft {
        let machine = self.machine;
        if let Phase::Ended(ended) = &machine.phase {
            return self.ended(ended);
        }
        if let Some((reason, by)) = &machine.uncovered {
            return Draft::new(State::Unobserved, reason.clone(), by.at, Some(by));
        }
        if let Some((request, since)) = machine.asked(self.now, self.rules.agent) {
            return self.asked(request, since);
        }
        if let Some(Overlay::Compacting(by)) = &machine.overlay {
            let since = if matches!(machine.phase, Phase::Active) {
                machine.since
            } else {
                by.at
            };
            return self.working(Reason::Compacting, since, Some(by));
        }
        match &machine.phase {
            Phase::Unknown | Phase::Ended(_) => self.unknown(),
            Phase::Queued(reason) => Draft::new(
                State::Queued,
                reason.clone(),
                machine.since,
                machine.by.as_ref(),
            ),
            Phase::Spawning => self.spawning(),
            Phase::Active => self.active(),
            Phase::Fresh => self.resting(None),
            Phase::Rest(rest) => self.resting(Some(rest)),
        }
    }

    fn asked(&self, request: &Request, since: Timestamp) -> Draft {
        let machine = self.machine;
        let mut reason = Reason::asked(&request.ask);
        let mut detail = machine.pending.words(request, self.rules.agent);
        if reason == Reason::Permission(None) {
            let mut tool = machine.pending.only_tool(self.rules.agent);
            if tool.is_none()
                && !machine.pending.needs_leave(self.rules.agent)
                && let Some((of_child, child)) = self.family.only_tool(machine)
            {
                tool = Some(of_child.into());
                detail = detail.or_else(|| child.detail.clone());
            }
            reason = Reason::Permission(tool);
        }
        let mut draft = Draft::new(State::NeedsInput, reason, since, Some(&request.by))
            .detail(detail.as_deref());
        for other in &machine.pending.asks {
            if !machine.says_waiting() {
                draft = draft.until(other.expires(self.rules.agent));
            }
            draft.by.push(other.by.clone());
        }
        draft
    }

    /// A child's question is the parent's, and a parent with children at work is at work itself.
    fn roll_up(&self, draft: &mut Draft) {
        if draft.state.is_over() || draft.state == State::Unobserved {
            return;
        }
        let Some(child) = self.family.asking(self.machine) else {
            return;
        };
        // The client's own live file says that the user is asked, the child what for.
        let own = draft.state == State::NeedsInput;
        if own && draft.detail.is_some() {
            return;
        }
        let since = if own {
            draft.since.min(child.since)
        } else {
            child.since
        };
        let child_says = EvidenceRef {
            at: child.since,
            source: EvidenceSource::Child,
            signal: format!("needs_input({})", child.reason).into(),
        };
        let own_says = std::mem::take(&mut draft.by);
        *draft = Draft::new(
            State::NeedsInput,
            child.reason.clone(),
            since,
            Some(&child_says),
        )
        .detail(child.detail.as_deref())
        .guessed(Confidence::Medium);
        draft.by.extend(own_says);
    }

    fn verdict(&self, mut draft: Draft) -> Verdict {
        let source = draft.by.first().map(|by| by.source);
        let confidence = draft.confidence.unwrap_or_else(|| {
            source
                .and_then(|source| self.rules.agent.authority(source))
                .map_or(Confidence::Low, |row| row.confidence)
        });
        // The standing word and the process are part of every reason why.
        draft.by.extend(
            self.machine
                .standing
                .iter()
                .map(|standing| standing.by.clone()),
        );
        draft.by.extend(self.machine.gone.clone());
        let mut evidence: Vec<EvidenceRef> = Vec::new();
        for by in draft.by {
            if evidence.len() < MAX_QUOTED && !evidence.contains(&by) {
                evidence.push(by);
            }
        }
        let liveness = self.liveness();
        let ends = (liveness == Liveness::Alive)
            .then_some(self.alive_until)
            .flatten();
        let next_deadline = [draft.until, ends]
            .into_iter()
            .flatten()
            .filter(|&at| at > self.now)
            .min();
        Verdict {
            state: draft.state,
            reason: draft.reason,
            since: draft.since,
            liveness,
            confidence,
            detail: draft.detail,
            evidence,
            next_deadline,
        }
    }

    /// The latest sign of progress, of the session itself or of a child.
    fn progress(&self) -> Option<Timestamp> {
        let own = self.machine.progress.as_ref().map(|last| last.at);
        own.max(self.family.progress(self.machine))
    }

    /// Whether a standing source vouches for the session: it would say so if it ended.
    fn is_held(&self) -> bool {
        self.machine.standing.is_some() && self.liveness() != Liveness::Dead
    }

    fn liveness(&self) -> Liveness {
        if let Phase::Ended(ended) = &self.machine.phase
            && !matches!(ended.how, End::Aborted)
        {
            // Its last words prove no life.
            return if self.machine.gone.is_some() {
                Liveness::Dead
            } else {
                Liveness::Unknown
            };
        }
        match self.alive_until {
            Some(until) if self.now < until => Liveness::Alive,
            _ if self.machine.gone.is_some() => Liveness::Dead,
            _ => Liveness::Unknown,
        }
    }
}
