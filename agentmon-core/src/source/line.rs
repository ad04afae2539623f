//! One record of an agent on its way into the batch: where signs and events of it go.

use std::fmt::Display;

use crate::model::{
    Batch, DedupKey, Event, EventKind, EventStatus, ProblemKind, SessionIndex, SessionKey,
    SessionPatch, Timestamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::Want;

/// Longest piece of text kept beside a sign, in characters.
const MAX_DETAIL: usize = 300;

/// What is known of a record before its type matters.
#[derive(Debug)]
pub(in crate::source) struct Line<'b> {
    pub(in crate::source) out: &'b mut Batch,
    pub(in crate::source) want: Want,
    pub(in crate::source) key: &'b SessionKey,
    pub(in crate::source) session: SessionIndex,
    pub(in crate::source) offset: u64,
    pub(in crate::source) at: Timestamp,
    /// What tells the record from the others of its session.
    pub(in crate::source) id: &'b str,
}

impl Line<'_> {
    /// What is learnt about the session.
    pub(in crate::source) fn patch(&mut self) -> &mut SessionPatch {
        self.out.patch(self.session)
    }

    /// Reports a sign of what the session is doing.
    pub(in crate::source) fn sign(&mut self, signal: Signal) {
        if self.want.evidence {
            let evidence = Evidence {
                at: self.at,
                source: EvidenceSource::Transcript,
                signal,
            };
            self.out.evidence(self.session, evidence);
        }
    }

    /// Records a part of the record for the timeline, unless content is not wanted. The same record in
    /// another copy of the file gives the same event.
    pub(in crate::source) fn event(
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
    pub(in crate::source) fn bad_field(&mut self, field: &str) {
        self.out.problem(ProblemKind::BadField, self.offset, field);
    }
}

/// A text short enough to stand beside a sign; `None` when there is none.
pub(in crate::source) fn detail(text: &str) -> Option<Box<str>> {
    let text = text.trim();
    let end = text.char_indices().nth(MAX_DETAIL);
    let text = end.map_or(text, |(end, _)| &text[..end]);
    (!text.is_empty()).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_short() {
        assert_eq!(detail(&"日".repeat(400)).unwrap().chars().count(), 300);
        assert_eq!(detail(" \n"), None);
    }
}
