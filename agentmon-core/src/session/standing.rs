//! Sources that state the whole truth at any time (the client's own live file): what a statement means, and what its
//! confirmation settles.

use serde::{Deserialize, Serialize};

use super::machine::{Machine, Rules};
use super::phase::{Phase, Rest, RestKind, Wake};
use super::{Evidence, EvidenceRef, LiveStatus, Signal};
use crate::model::Timestamp;

/// What a standing source said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    pub(super) status: LiveStatus,
    pub(super) detail: Option<Box<str>>,
    pub(super) by: EvidenceRef,
}

impl Machine {
    pub(super) fn live(
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
    pub(super) fn stated(
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
    pub(super) fn still(&mut self, background: u32, by: &EvidenceRef, rules: Rules<'_>) {
        let complete = rules.agent.is_standing(by.source);
        if complete {
            self.childless(by.at);
        }
        match &mut self.phase {
            Phase::Rest(rest) => {
                if complete {
                    if (rest.background > 0) != (background > 0) {
                        self.since = by.at;
                    }
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

    /// A standing source was read again and says what it said. What lower sources said against it after it, and did
    /// not keep saying, is void.
    pub(super) fn confirmed(&mut self, by: &EvidenceRef, rules: Rules<'_>) {
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

    /// Whether the client itself says that it waits for the user: then nothing that it asked expires.
    pub(super) fn says_waiting(&self) -> bool {
        self.gone.is_none()
            && self
                .standing
                .as_ref()
                .is_some_and(|standing| matches!(standing.status, LiveStatus::Waiting(_)))
    }
}
