//! What each sign does: the transitions, one arm each. Signs come in the order of their times.

use serde::{Deserialize, Serialize};

use super::pending::{Pending, Request};
use super::phase::{End, Ended, Limit, Overlay, Phase, Rest, RestKind, Wake};
use super::{
    AgentPolicy, Evidence, EvidenceRef, EvidenceSource, LiveStatus, Reason, Signal, StatePolicy,
};
use crate::model::Timestamp;

/// Most running subagents remembered.
const MAX_AGENTS: usize = 32;

/// What the machine goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) all: &'a StatePolicy,
    pub(super) agent: &'a AgentPolicy,
}

/// What a standing source said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) status: LiveStatus,
    pub(super) detail: Option<Box<str>>,
    pub(super) by: EvidenceRef,
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
    looked: Option<Timestamp>,
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
    started: Option<Timestamp>,
    /// Whether anything was asked of it since.
    prompted: bool,
}

impl Machine {
    /// Takes in the next sign.
    pub(super) fn step(&mut self, sign: &Evidence, rules: Rules<'_>) {
        let by = EvidenceRef::of(sign);
        let asked = !self.pending.asks.is_empty();
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
            (Phase::Active, S::TurnEnded { .. } | S::Interrupted) => {
                soon && below && by.signal.starts_with("prompt")
            }
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
            }
            S::ModelActive => {
                self.prompted = true;
                self.overlay = None;
                self.work(by);
            }
            S::ToolStarted { call, tool } => {
                self.prompted = true;
                self.overlay = None;
                self.work(by);
                self.pending.start(call, tool, by);
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
                if *background == 0 && by.source == EvidenceSource::Hook {
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
            S::SubagentFinished { id } => self.agents.retain(|(known, _)| known != id),
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

    /// Enters a phase in which nothing is open.
    fn enter(&mut self, phase: Phase, by: &EvidenceRef) {
        self.pending.close();
        self.overlay = None;
        self.phase = phase;
        self.since = by.at;
        self.by = Some(by.clone());
    }

    /// A turn goes on. What lasts keeps its beginning.
    fn work(&mut self, by: &EvidenceRef) {
        if !matches!(self.phase, Phase::Active) {
            self.phase = Phase::Active;
            self.since = by.at;
            self.by = Some(by.clone());
        } else if by.signal.starts_with("prompt") {
            self.by = Some(by.clone());
        }
        // Work is a success: a limit that was hit before no longer holds it.
        self.limit = None;
    }

    fn session_started(&mut self, how: &str, by: &EvidenceRef, rules: Rules<'_>) {
        // A compaction starts the session anew in name only.
        if how == "compact" && !matches!(self.phase, Phase::Unknown | Phase::Ended(_)) {
            return;
        }
        // Several sources tell of one start.
        if matches!(self.phase, Phase::Fresh) && by.at - self.since <= rules.all.settle {
            return;
        }
        self.prompted = false;
        self.agents.clear();
        self.gone = None;
        self.started = Some(by.at);
        self.enter(Phase::Fresh, by);
    }

    fn turn_ended(
        &mut self,
        background: u32,
        wake: Option<Wake>,
        by: &EvidenceRef,
        rules: Rules<'_>,
    ) {
        if let (Phase::Rest(rest), Some(known)) = (&mut self.phase, &self.by) {
            let same_end = by.at - self.since <= rules.all.settle;
            if same_end {
                // Only the source that is believed most says what goes on in the background: others cannot know.
                if rules.agent.rank(by.source) <= rules.agent.rank(known.source)
                    || &*known.signal == "live(idle)"
                {
                    (rest.background, rest.wake) = (background, wake);
                }
                if rest.kind == RestKind::Still {
                    rest.kind = RestKind::Done;
                }
                self.pending.close();
                return;
            }
        }
        self.enter(
            Phase::Rest(Rest {
                kind: RestKind::Done,
                background,
                wake,
            }),
            by,
        );
    }

    /// The turn is over, by other means than its regular end.
    fn rest(&mut self, kind: RestKind, by: &EvidenceRef, rules: Rules<'_>) {
        if let Phase::Rest(rest) = &mut self.phase
            && by.at - self.since <= rules.all.settle
        {
            if kind.telling() > rest.kind.telling() {
                rest.kind = kind;
                self.by = Some(by.clone());
            }
            self.pending.close();
            self.overlay = None;
            return;
        }
        self.enter(
            Phase::Rest(Rest {
                kind,
                background: 0,
                wake: None,
            }),
            by,
        );
    }

    fn limited(
        &mut self,
        reason: &str,
        resets_at: Option<Timestamp>,
        by: &EvidenceRef,
        rules: Rules<'_>,
    ) {
        // The statusline speaks of the account, not of the turn.
        if by.source != EvidenceSource::Statusline {
            self.rest(RestKind::Limited, by, rules);
        }
        let known = self.limit.as_ref().filter(|known| *known.reason == *reason);
        self.limit = Some(Limit {
            reason: reason.into(),
            resets_at,
            by: known.map_or_else(|| by.clone(), |known| known.by.clone()),
        });
    }

    fn end(&mut self, how: End, by: &EvidenceRef, rules: Rules<'_>) {
        if let Phase::Ended(ended) = &mut self.phase {
            if how.certain() > ended.how.certain() {
                ended.how = how;
                self.by = Some(by.clone());
            }
            return;
        }
        let busy = match &self.phase {
            Phase::Active | Phase::Spawning => true,
            Phase::Rest(rest) => rest.background > 0,
            _ => false,
        } || !self.pending.asks.is_empty()
            || matches!(self.overlay, Some(Overlay::Compacting(_)));
        let ended = Ended {
            how,
            cut_short: busy,
            tool: self.pending.tool().map(Into::into),
            before: Box::new(std::mem::take(&mut self.phase)),
            before_since: self.since,
        };
        self.agents.clear();
        let since = self.ended_at(by, rules);
        self.enter(Phase::Ended(ended), by);
        self.since = since;
    }

    /// A missing process or file is noticed when somebody looks. Where nobody had looked for long, the session ended
    /// at some time after its last sign.
    fn ended_at(&self, by: &EvidenceRef, rules: Rules<'_>) -> Timestamp {
        let noticed = matches!(
            by.source,
            EvidenceSource::Process | EvidenceSource::LiveFile | EvidenceSource::Row
        );
        let progress = self.progress.as_ref().map(|last| last.at);
        let last = progress.max(self.looked);
        match last {
            Some(last) if noticed && by.at - last > rules.all.alive_for => last,
            _ => by.at,
        }
    }

    /// The client says that nothing of it works any more, in the foreground or as a subagent.
    fn childless(&mut self, at: Timestamp) {
        self.agents.clear();
        self.childless = Some(at);
    }

    fn live(
        &mut self,
        status: &LiveStatus,
        detail: Option<&str>,
        by: &EvidenceRef,
        rules: Rules<'_>,
    ) {
        let first = self.standing.is_none();
        if rules.agent.is_standing(by.source) {
            self.standing = Some(Standing {
                status: status.clone(),
                detail: detail.map(Into::into),
                by: by.clone(),
            });
        }
        if first && *status == LiveStatus::Idle && matches!(self.phase, Phase::Fresh) {
            // Idle for the first time long after the start: it has worked in between.
            self.prompted |= by.at - self.since > rules.all.settle;
        }
        self.stated(status, detail, by, rules);
    }

    /// What a complete statement of the client means.
    fn stated(
        &mut self,
        status: &LiveStatus,
        detail: Option<&str>,
        by: &EvidenceRef,
        rules: Rules<'_>,
    ) {
        self.pending.drop_asks_of(by.source);
        match status {
            LiveStatus::Starting => {
                if matches!(self.phase, Phase::Unknown) {
                    self.enter(Phase::Spawning, by);
                }
            }
            LiveStatus::Idle => self.still(0, by, rules),
            LiveStatus::Shell => self.still(1, by, rules),
            LiveStatus::Busy => {
                self.pending.asks.clear();
                if !self.phase.waits_for_itself() {
                    self.work(by);
                }
            }
            LiveStatus::Waiting(ask) => {
                if matches!(
                    self.phase,
                    Phase::Unknown | Phase::Spawning | Phase::Queued(_) | Phase::Ended(_)
                ) {
                    self.work(by);
                }
                self.pending.ask(ask, detail, None, by);
            }
        }
    }

    /// The client says that it does nothing, or nothing but to run shell commands in the background.
    fn still(&mut self, background: u32, by: &EvidenceRef, rules: Rules<'_>) {
        let complete = rules.agent.is_standing(by.source);
        if complete {
            self.childless(by.at);
        }
        match &mut self.phase {
            Phase::Rest(rest) => {
                if complete {
                    rest.background = background;
                    // It does not speak of timers.
                    rest.wake = rest.wake.filter(|wake| *wake > Wake::At(by.at));
                }
                self.pending.close();
                self.overlay = None;
            }
            Phase::Fresh if !self.prompted && background == 0 => {
                self.pending.close();
                self.overlay = None;
            }
            // A moment of work at the start is the client's own.
            Phase::Active
                if !self.prompted
                    && background == 0
                    && self
                        .started
                        .is_some_and(|at| by.at - at <= rules.all.straggle) =>
            {
                self.enter(Phase::Fresh, by);
            }
            Phase::Queued(_) | Phase::Spawning => self.enter(Phase::Fresh, by),
            _ => self.enter(
                Phase::Rest(Rest {
                    kind: RestKind::Still,
                    background,
                    wake: None,
                }),
                by,
            ),
        }
    }

    /// A process that was thought gone lives.
    fn revive(&mut self, by: &EvidenceRef, rules: Rules<'_>) {
        self.gone = None;
        if let Phase::Ended(ended) = &self.phase
            && match ended.how {
                End::Gone => true,
                End::Session(_) => by.at - self.since > rules.all.settle,
                End::Aborted | End::Exit(_) | End::Terminated(_) => false,
            }
        {
            (self.phase, self.since) = (*ended.before.clone(), ended.before_since);
            self.by = Some(by.clone());
        }
    }

    /// A standing source was read again and says what it said. What lower sources said against it after it, and did
    /// not keep saying, is void.
    fn confirmed(&mut self, by: &EvidenceRef, rules: Rules<'_>) {
        let Some(standing) = self.standing.clone() else {
            return;
        };
        let old = |at: Timestamp| by.at - at > rules.all.settle;
        if by.source != standing.by.source
            || !old(standing.by.at)
            || self.progress.as_ref().is_some_and(|last| !old(last.at))
        {
            return;
        }
        let agrees = match (&standing.status, &self.phase) {
            (_, Phase::Ended(_)) | (LiveStatus::Starting, _) => true,
            (LiveStatus::Idle, Phase::Active) => false,
            (LiveStatus::Idle, Phase::Rest(rest)) => {
                rest.background == 0 && self.pending.asks.is_empty()
            }
            (LiveStatus::Shell, Phase::Rest(_)) => self.pending.asks.is_empty(),
            (LiveStatus::Shell, _) => false,
            (LiveStatus::Busy, phase @ Phase::Rest(_)) => {
                phase.waits_for_itself() && self.pending.asks.is_empty()
            }
            (LiveStatus::Idle | LiveStatus::Busy, _) => self.pending.asks.is_empty(),
            (LiveStatus::Waiting(_), _) => self
                .pending
                .asks
                .iter()
                .any(|ask| ask.by.source == standing.by.source),
        };
        if !agrees {
            let again = EvidenceRef {
                at: self.since.max(standing.by.at),
                ..standing.by
            };
            self.stated(&standing.status, standing.detail.as_deref(), &again, rules);
        }
    }

    /// Takes in a sign that is older than all that is remembered one by one: only where the latest word counts and no
    /// later one is known.
    pub(super) fn catch_up(&mut self, sign: &Evidence, rules: Rules<'_>) {
        let by = EvidenceRef::of(sign);
        let newer =
            |known: &Option<EvidenceRef>| known.as_ref().is_none_or(|known| by.at > known.at);
        match &sign.signal {
            Signal::ProcessAlive if newer(&self.alive) => self.alive = Some(by),
            Signal::Live { status, detail }
                if rules.agent.is_standing(by.source)
                    && self
                        .standing
                        .as_ref()
                        .is_none_or(|known| by.at > known.by.at) =>
            {
                self.standing = Some(Standing {
                    status: status.clone(),
                    detail: detail.clone(),
                    by,
                });
            }
            Signal::ContextUsed { fraction } if self.context.is_none_or(|(at, _)| by.at > at) => {
                self.context = Some((by.at, *fraction));
            }
            Signal::Seen => self.seen = self.seen.max(Some(by.at)),
            _ => {}
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

    /// Whether the client has said, later than `at`, that it does not wait for the user.
    pub(super) fn not_waiting_since(&self, at: Timestamp) -> bool {
        self.standing.as_ref().is_some_and(|standing| {
            standing.by.at > at
                && !matches!(
                    standing.status,
                    LiveStatus::Waiting(_) | LiveStatus::Starting
                )
        })
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

    /// Whether the client itself says that it waits for the user: then nothing that it asked expires.
    pub(super) fn says_waiting(&self) -> bool {
        self.gone.is_none()
            && self
                .standing
                .as_ref()
                .is_some_and(|standing| matches!(standing.status, LiveStatus::Waiting(_)))
    }
}

/// Classes of failed turns that are usage limits.
fn is_limit(class: &str) -> bool {
    matches!(
        class,
        "rate_limit"
            | "rate_limit_error"
            | "rate_limit_exceeded"
            | "usage_limit"
            | "usage_limit_reached"
            | "usage_limit_exceeded"
            | "quota_exceeded"
            | "insufficient_quota"
    )
}
