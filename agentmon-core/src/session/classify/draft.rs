//! A verdict in the making.

use crate::model::Timestamp;
use crate::session::{Confidence, EvidenceRef, Reason, State};

/// A verdict in the making.
pub(super) struct Draft {
    pub(super) state: State,
    pub(super) reason: Reason,
    pub(super) since: Timestamp,
    /// What decided, the deciding piece first.
    pub(super) by: Vec<EvidenceRef>,
    /// How far the deciding piece is believed, where that does not follow from its source.
    pub(super) confidence: Option<Confidence>,
    pub(super) detail: Option<Box<str>>,
    /// When time alone changes this.
    pub(super) until: Option<Timestamp>,
}

impl Draft {
    pub(super) fn new(
        state: State,
        reason: Reason,
        since: Timestamp,
        by: Option<&EvidenceRef>,
    ) -> Self {
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

    pub(super) fn guessed(mut self, confidence: Confidence) -> Self {
        self.confidence = Some(confidence);
        self
    }

    pub(super) fn until(mut self, at: Timestamp) -> Self {
        self.until = Some(self.until.map_or(at, |known| known.min(at)));
        self
    }

    pub(super) fn detail(mut self, detail: Option<&str>) -> Self {
        self.detail = detail.map(Into::into);
        self
    }
}
