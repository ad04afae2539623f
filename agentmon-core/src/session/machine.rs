//! What each sign does: one arm each. Signs come in the order of their times; what they mean for turns and sessions is
//! in [`super::turn`], what complete statements mean in [`super::standing`].

use serde::{Deserialize, Serialize};

use super::pending::{Pending, Request};
use super::phase::{End, Limit, Overlay, Phase, RestKind, Wake};
use super::standing::Standing;
use super::turn::is_limit;
use super::{AgentPolicy, Evidence, EvidenceRef, EvidenceSource, Reason, Signal, StatePolicy};
use crate::model::Timestamp;

/// Most running subagents remembered.
const MAX_AGENTS: usize = 32;

/// What the machine goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) all: &'a StatePolicy,
    pub(super) agent: &'a AgentPolicy,
}

/// All that is known of a session from the signs so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) phase: Phase,
    /// Since when it is in this phase, or at work again after a question.
    pub(super) since: Timestamp,
    /// What brought it there.
    pub(super) by: Option<EvidenceRef>,
    pub(super) pending: Pending,
    pub(super) overlay: Option<Overlay>,
    pub(super) limit: Option<Limit>,
    pub(super) standing: Option<Standing>,
    /// When its process was last seen alive, and gone.
    pub(super) alive: Option<EvidenceRef>,
    pub(super) gone: Option<EvidenceRef>,
    /// When somebody last looked and found it as it was.
    pub(super) looked: Option<Timestamp>,
    pub(super) uncovered: Option<(Reason, EvidenceRef)>,
    pub(super) context: Option<(Timestamp, f64)>,
    pub(super) seen: Option<Timestamp>,
    /// The latest sign of progress.
    pub(super) progress: Option<EvidenceRef>,
    /// Subagents that were said to run.
    pub(super) agents: Vec<(Box<str>, Timestamp)>,
    /// Since when, by the word of the client, no child runs.
    pub(super) childless: Option<Timestamp>,
    /// When its process, or its conversation, began.
    pub(super) started: Option<Timestamp>,
    /// Whether anything was asked of it since.
    pub(super) prompted: bool,
}

impl Machine {
    /// Takes in the next sign.
    pub(super) fn step(&mut self, sign: &Evidence, rules: Rules<'_>) {
        let by = EvidenceRef::of(sign);
        let asked = !self.pending.asks.is_empty();
        let was_over = matches!(self.phase, Phase::Ended(_));
        if sign.source == EvidenceSource::Screen {
            self.screen(sign, &by);
        } else {
            let late = self.straggles(sign, rules);
            self.note(sign, &by, rules);
            if !late {
                self.turn(sign, &by, rules);
            }
        }
        let goes_on = matches!(self.phase, Phase::Active | Phase::Rest(_));
        if asked && self.pending.asks.is_empty() && goes_on {
            // After an answer a new spell of work or rest begins.
            self.since = self.since.max(by.at);
        }
        if was_over && !matches!(self.phase, Phase::Ended(_)) {
            self.taken_up(&by);
        }
    }

    /// A screen rule may only raise a request for input, and take back its own.
    /// Where the client itself states all that it does, guessing at its screen adds nothing.
    fn screen(&mut self, sign: &Evidence, by: &EvidenceRef) {
        match &sign.signal {
            Signal::NeedsInput {
                ask,
                detail,
                request,
            } if self.standing.is_none() && !matches!(self.phase, Phase::Ended(_)) => {
                self.pending
                    .ask(ask, detail.as_deref(), request.as_deref(), by);
            }
            Signal::InputGiven { .. } => self.pending.drop_asks_of(by.source),
            _ => {}
        }
    }

    /// Whether this sign comes too late to count: it was true before what is known already, told by a source that
    /// stamps what it says when it says it.
    fn straggles(&self, sign: &Evidence, rules: Rules<'_>) -> bool {
        use Signal as S;
        let Some(by) = &self.by else { return false };
        let soon = sign.at - self.since.max(by.at) <= rules.all.straggle;
        let below = rules.agent.rank(sign.source) > rules.agent.rank(by.source);
        match (&self.phase, &sign.signal) {
            // What a dying client still writes; what was ended for certain comes back only by a new start.
            (
                Phase::Ended(ended),
                S::ModelActive
                | S::ToolStarted { .. }
                | S::NeedsInput { .. }
                | S::TurnEnded { .. }
                | S::TurnFailed { .. }
                | S::Interrupted
                | S::Limited { .. }
                | S::Compacting
                | S::Retrying { .. }
                | S::Live { .. },
            ) => {
                soon || (ended.how.certain() >= End::Aborted.certain() && !sign.signal.shows_life())
            }
            (
                Phase::Rest(_),
                S::ModelActive
                | S::ToolStarted { .. }
                | S::Compacting
                | S::Retrying { .. }
                | S::NeedsInput { .. },
            ) => soon && below,
            // A process begins before its start is told.
            (Phase::Active, S::SessionStarted { .. }) => soon,
            // The end of the turn before.
            (Phase::Active, S::TurnEnded { .. }) => soon && below,
            _ => false,
        }
    }

    /// Keeps what every sign tells beside its own meaning: progress and life.
    fn note(&mut self, sign: &Evidence, by: &EvidenceRef, rules: Rules<'_>) {
        use Signal as S;
        let quiet = matches!(
            sign.signal,
            S::ProcessAlive
                | S::ProcessGone
                | S::ProcessExited { .. }
                | S::Uncovered { .. }
                | S::Covered
                | S::Seen
                | S::ContextUsed { .. }
        );
        if matches!(sign.signal, S::ProcessAlive | S::Covered) {
            self.looked = Some(by.at);
        }
        if !quiet {
            self.uncovered = None;
            self.resume_after_silence(by, rules);
            self.progress = Some(by.clone());
        }
        let speaks = matches!(
            sign.source,
            EvidenceSource::Hook
                | EvidenceSource::Gateway
                | EvidenceSource::Otlp
                | EvidenceSource::Statusline
        );
        if matches!(sign.signal, S::ProcessAlive) || (speaks && !quiet) {
            self.alive = Some(by.clone());
        }
    }

    /// Work that goes on after the session was stalled is a new spell of work.
    fn resume_after_silence(&mut self, by: &EvidenceRef, rules: Rules<'_>) {
        let Some(last) = &self.progress else { return };
        let silent = by.at - last.at > rules.all.stall_after;
        let waited = !self.pending.asks.is_empty() || !self.agents.is_empty();
        let running = !self.pending.calls.is_empty()
            && self
                .alive
                .as_ref()
                .is_some_and(|alive| by.at - alive.at <= rules.all.alive_for);
        if silent && !waited && !running && matches!(self.phase, Phase::Active) {
            self.since = by.at;
        }
    }

    fn turn(&mut self, sign: &Evidence, by: &EvidenceRef, rules: Rules<'_>) {
        use Signal as S;
        match &sign.signal {
            S::SessionStarted { how } => self.session_started(how, by, rules),
            S::PromptSubmitted => {
                self.prompted = true;
                self.pending.asks.clear();
                self.pending.close_calls_before(by.at - rules.all.straggle);
                self.overlay = None;
                self.work(by);
                // The latest prompt is what the turn goes by, also where one came while it worked.
                self.by = Some(by.clone());
            }
            S::ModelActive => {
                self.prompted = true;
                self.overlay = None;
                self.work(by);
            }
            S::ToolStarted { call, tool, about } => {
                self.prompted = true;
                self.overlay = None;
                self.work(by);
                self.pending.start(call, tool, about.as_deref(), by);
            }
            S::ToolFinished { call } => {
                self.pending.finish(call);
                if matches!(self.overlay, Some(Overlay::Retrying { .. })) {
                    self.overlay = None;
                }
                if matches!(self.phase, Phase::Unknown) {
                    self.work(by);
                }
            }
            S::Compacting => {
                if matches!(self.phase, Phase::Ended(_) | Phase::Unknown) {
                    self.work(by);
                }
                self.overlay = Some(Overlay::Compacting(by.clone()));
            }
            S::Compacted => {
                if let Some(Overlay::Compacting(_)) = self.overlay.take()
                    && !matches!(self.phase, Phase::Active)
                {
                    self.since = self.since.max(by.at);
                }
            }
            S::Retrying { attempt, max } => {
                self.work(by);
                self.overlay = Some(Overlay::Retrying {
                    by: by.clone(),
                    attempt: *attempt,
                    max: *max,
                });
            }
            S::NeedsInput {
                ask,
                detail,
                request,
            } => {
                if matches!(self.phase, Phase::Ended(_) | Phase::Unknown) {
                    self.work(by);
                }
                self.pending
                    .ask(ask, detail.as_deref(), request.as_deref(), by);
            }
            S::InputGiven { request } => self.pending.answer(request.as_deref(), by.source),
            S::TurnEnded {
                background,
                scheduled,
            } => {
                let listed = by.source == EvidenceSource::Hook && rules.agent.lists_background;
                if *background == 0 && listed {
                    self.childless(by.at);
                }
                self.turn_ended(*background, scheduled.map(Wake::At), by, rules);
            }
            S::WakeSet => {
                if let Phase::Rest(rest) = &mut self.phase {
                    rest.wake = rest.wake.or(Some(Wake::Sometime));
                }
            }
            S::Interrupted => self.rest(RestKind::Interrupted, by, rules),
            S::Limited { reason, resets_at } => self.limited(reason, *resets_at, by, rules),
            S::TurnFailed { class, .. } if is_limit(class) => {
                self.limited(class, None, by, rules);
            }
            S::TurnFailed { class, .. } if &**class == "aborted" => {
                self.rest(RestKind::Interrupted, by, rules);
            }
            S::TurnFailed { class, message } => {
                let (class, message) = (class.clone(), message.clone());
                self.rest(RestKind::Failed { class, message }, by, rules);
            }
            S::SessionEnded { reason } => self.end(End::Session(reason.clone()), by, rules),
            S::Aborted => self.end(End::Aborted, by, rules),
            S::Terminated { reason } => self.end(End::Terminated(reason.clone()), by, rules),
            S::ProcessExited { code } => {
                self.gone = Some(by.clone());
                self.end(End::Exit(*code), by, rules);
            }
            S::ProcessGone => {
                self.gone = Some(by.clone());
                self.end(End::Gone, by, rules);
            }
            S::ProcessAlive => {
                self.revive(by, rules);
                self.confirmed(by, rules);
            }
            S::Live { status, detail } => self.live(status, detail.as_deref(), by, rules),
            S::SubagentStarted { id } => {
                self.agents.retain(|(known, _)| known != id);
                if self.agents.len() == MAX_AGENTS {
                    self.agents.remove(0);
                }
                self.agents.push((id.clone(), by.at));
            }
            S::SubagentFinished { id } => {
                self.agents.retain(|(known, _)| known != id);
                if self.agents.is_empty()
                    && matches!(self.phase, Phase::Rest(_))
                    && !self.phase.waits_for_itself()
                {
                    self.since = self.since.max(by.at);
                }
            }
            S::ContextUsed { fraction } => self.context = Some((by.at, *fraction)),
            S::Activity => {
                if matches!(self.phase, Phase::Unknown) {
                    self.rest(RestKind::Still, by, rules);
                }
            }
            S::Queued { reason } => self.enter(Phase::Queued(Reason::parse(reason)), by),
            S::Spawned => self.enter(Phase::Spawning, by),
            S::Uncovered { reason } => {
                self.uncovered = Some((Reason::parse(reason), by.clone()));
            }
            S::Covered => {
                self.uncovered = None;
                self.confirmed(by, rules);
            }
            S::Seen => self.seen = Some(by.at),
        }
    }

    /// When the session ended, and whether in good order.
    pub(super) fn ended(&self) -> Option<(Timestamp, bool)> {
        match &self.phase {
            Phase::Ended(ended) => Some((
                self.since,
                matches!(ended.how, End::Session(_) | End::Exit(0)),
            )),
            _ => None,
        }
    }

    /// Until when the process counts as alive.
    pub(super) fn alive_until(&self, rules: Rules<'_>) -> Option<Timestamp> {
        let alive = self.alive.as_ref()?;
        let gone = self.gone.as_ref().is_some_and(|gone| gone.at >= alive.at);
        (!gone).then(|| alive.at + rules.all.alive_for)
    }

    /// The clock was set back: nothing is later than `now`.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        let refs = [
            &mut self.by,
            &mut self.alive,
            &mut self.gone,
            &mut self.progress,
        ];
        for by in refs.into_iter().flatten() {
            by.at = by.at.min(now);
        }
        if let Some(standing) = &mut self.standing {
            standing.by.at = standing.by.at.min(now);
        }
        if let Some(limit) = &mut self.limit {
            limit.by.at = limit.by.at.min(now);
        }
        if let Some((_, by)) = &mut self.uncovered {
            by.at = by.at.min(now);
        }
        self.since = self.since.min(now);
        self.seen = self.seen.map(|at| at.min(now));
        self.looked = self.looked.map(|at| at.min(now));
        self.started = self.started.map(|at| at.min(now));
        self.childless = self.childless.map(|at| at.min(now));
        self.pending.set_back(now);
    }

    /// The request that tells most of those that stand at `now`, and since when the user is asked.
    pub(super) fn asked(
        &self,
        now: Timestamp,
        agent: &AgentPolicy,
    ) -> Option<(&Request, Timestamp)> {
        let stands = |ask: &&Request| self.says_waiting() || now < ask.expires(agent);
        let standing = || self.pending.asks.iter().filter(stands);
        let since = standing().map(|ask| ask.by.at).min()?;
        let best = standing().max_by(|a, b| a.telling().cmp(&b.telling()))?;
        Some((best, since))
    }
}
