//! How sessions and turns begin and end.

use super::machine::{Machine, Rules};
use super::phase::{End, Ended, Limit, Overlay, Phase, Rest, RestKind, Wake};
use super::{EvidenceRef, EvidenceSource};
use crate::model::Timestamp;

impl Machine {
    /// Enters a phase in which nothing is open.
    pub(super) fn enter(&mut self, phase: Phase, by: &EvidenceRef) {
        self.pending.close();
        self.overlay = None;
        self.phase = phase;
        self.since = by.at;
        self.by = Some(by.clone());
    }

    /// A turn goes on. What lasts keeps its beginning.
    pub(super) fn work(&mut self, by: &EvidenceRef) {
        if !matches!(self.phase, Phase::Active) {
            self.phase = Phase::Active;
            self.since = by.at;
            self.by = Some(by.clone());
        }
        // Work is a success: a limit that was hit before no longer holds it.
        self.limit = None;
    }

    pub(super) fn session_started(&mut self, how: &str, by: &EvidenceRef, rules: Rules<'_>) {
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
        self.started = Some(by.at);
        self.enter(Phase::Fresh, by);
    }

    pub(super) fn turn_ended(
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
                    || rest.kind == RestKind::Still
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
    pub(super) fn rest(&mut self, kind: RestKind, by: &EvidenceRef, rules: Rules<'_>) {
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

    pub(super) fn limited(
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

    pub(super) fn end(&mut self, how: End, by: &EvidenceRef, rules: Rules<'_>) {
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
    pub(super) fn ended_at(&self, by: &EvidenceRef, rules: Rules<'_>) -> Timestamp {
        let noticed = matches!(
            by.source,
            EvidenceSource::Process | EvidenceSource::LiveFile
        );
        let progress = self.progress.as_ref().map(|last| last.at);
        let last = progress.max(self.looked);
        match last {
            Some(last) if noticed && by.at - last > rules.all.alive_for => last,
            _ => by.at,
        }
    }

    /// The client says that nothing of it works any more, in the foreground or as a subagent.
    pub(super) fn childless(&mut self, at: Timestamp) {
        self.agents.clear();
        self.childless = Some(at);
    }

    /// A process that was thought gone lives.
    pub(super) fn revive(&mut self, by: &EvidenceRef, rules: Rules<'_>) {
        let Phase::Ended(ended) = &self.phase else {
            return;
        };
        let revives = match ended.how {
            End::Gone => true,
            End::Session(_) => by.at - self.since > rules.all.settle,
            End::Aborted | End::Exit(_) | End::Terminated(_) => false,
        };
        if revives {
            (self.phase, self.since) = (*ended.before.clone(), ended.before_since);
            self.by = Some(by.clone());
        }
    }

    /// A session that was over goes on, in a process of which only what is said from now on holds.
    pub(super) fn taken_up(&mut self, by: &EvidenceRef) {
        self.gone = None;
        if self
            .standing
            .as_ref()
            .is_some_and(|standing| standing.by.source != by.source)
        {
            self.standing = None;
        }
    }
}

/// Classes of failed turns that are usage limits.
pub(super) fn is_limit(class: &str) -> bool {
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
