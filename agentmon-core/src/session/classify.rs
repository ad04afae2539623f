//! The only place that decides a state: what the signs led to, how long ago, and what the children do.

use super::family::Family;
use super::ledger::Ledger;
use super::machine::{Machine, Rules};
use super::pending::Request;
use super::phase::{End, Ended, Overlay, Phase, Rest, RestKind, Wake};
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

/// A verdict in the making.
struct Draft {
    state: State,
    reason: Reason,
    since: Timestamp,
    /// What decided, the deciding piece first.
    by: Vec<EvidenceRef>,
    /// How far the deciding piece is believed, where that does not follow from its source.
    confidence: Option<Confidence>,
    detail: Option<Box<str>>,
    /// When time alone changes this.
    until: Option<Timestamp>,
}

impl Draft {
    fn new(state: State, reason: Reason, since: Timestamp, by: Option<&EvidenceRef>) -> Self {
        Self {
            state,
            reason,
            since,
            by: by.cloned().into_iter().collect(),
            confidence: None,
            detail: None,
            until: None,
        }
    }

    fn guessed(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(confidence);
        self
    }

    fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(self.until.map_or(at, |known| known.min(at)));
        self
    }

    fn detail(mut self, detail: Option<&str>) -> Self {
        self.detail = detail.map(Into::into);
        self
    }
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

    fn ended(&self, ended: &Ended) -> Draft {
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

    fn asked(&self, request: &Request, since: Timestamp) -> Draft {
        let machine = self.machine;
        let reason = match Reason::asked(&request.ask) {
            Reason::Permission(None) => Reason::Permission(machine.pending.only_tool()),
            reason => reason,
        };
        let mut draft = Draft::new(State::NeedsInput, reason, since, Some(&request.by))
            .detail(request.detail.as_deref());
        for other in &machine.pending.asks {
            if !machine.says_waiting() {
                draft = draft.until(other.expires(self.rules.agent));
            }
            draft.by.push(other.by.clone());
        }
        draft
    }

    fn unknown(&self) -> Draft {
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

    fn spawning(&self) -> Draft {
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

    fn active(&self) -> Draft {
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
                self.working(
                    Reason::Tool(call.tool.clone()),
                    machine.since,
                    Some(&call.by),
                )
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
    fn working(&self, reason: Reason, since: Timestamp, by: Option<&EvidenceRef>) -> Draft {
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
            let (state, reason) = if machine.pending.asks.is_empty() {
                let tool = machine.pending.tool().map(Into::into);
                (State::Failed, Reason::Crashed(tool))
            } else {
                // It was the user who did not come back.
                (State::Completed, Reason::IdleTimeout)
            };
            return Draft::new(state, reason, given_up, last).guessed(Confidence::Low);
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

    fn resting(&self, rest: Option<&Rest>) -> Draft {
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
    fn unless_over(&self, draft: Draft, after: crate::model::Span) -> Draft {
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
