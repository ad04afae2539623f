//! One entry of a transcript on its way into the batch: where signs and events of it go.

use std::fmt::Display;

use crate::model::{
    Batch, DedupKey, Event, EventKind, EventStatus, ProblemKind, SessionIndex, SessionKey,
    SessionPatch, Timestamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::Want;

/// What is known of the entry before its type matters.
#[derive(Debug)]
pub(super) struct Line<'b> {
    pub(super) out: &'b mut Batch,
    pub(super) want: Want,
    pub(super) key: &'b SessionKey,
    pub(super) session: SessionIndex,
    pub(super) offset: u64,
    pub(super) at: Timestamp,
    /// The entry's id; its time in the first version of the format, which has none.
    pub(super) id: &'b str,
}

impl Line<'_> {
    /// What is learnt about the session.
    pub(super) fn patch(&mut self) -> &mut SessionPatch {
        self.out.patch(self.session)
    }

    /// Reports a sign of what the session is doing.
    pub(super) fn sign(&mut self, signal: Signal) {
        if self.want.evidence {
            let evidence = Evidence {
                at: self.at,
                source: EvidenceSource::Transcript,
                signal,
            };
            self.out.evidence(self.session, evidence);
        }
    }

    /// Records a part of the entry for the timeline, unless content is not wanted. The same entry in
    /// another copy of the file gives the same event.
    pub(super) fn event(
        &mut self,
        part: impl Display,
        kind: EventKind,
        text: &str,
    ) -> Option<&mut Event> {
        if !self.want.content {
            return None;
        }
        let (text, truncated) = Event::clip(text);
        self.out.events.push(Event {
            key: DedupKey::Id(format!("{}#{}.{part}", self.key, self.id).into()),
            at: self.at,
            session: self.session,
            kind,
            status: EventStatus::Success,
            tool: None,
            call: None,
            model_call: None,
            duration_ms: None,
            text,
            truncated,
        });
        self.out.events.last_mut()
    }

    /// Counts a field that is missing or wrong.
    pub(super) fn bad_field(&mut self, field: &str) {
        self.out.problem(ProblemKind::BadField, self.offset, field);
    }
}
