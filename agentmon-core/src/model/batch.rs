//! What a source hands to the store in one piece: observations of any number of sessions.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Counter, Event, FactKey, ModelCall, QuotaWindow, SessionKey, SessionPatch, Timestamp};
use crate::session::Evidence;

/// A session in [`Batch::sessions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionIndex(pub u32);

/// Why a record was skipped, or what is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemKind {
    /// A line or file is not valid JSON.
    Malformed,
    /// A record's type is not known. Vendors add them monthly: counted, otherwise ignored.
    UnknownType,
    /// A known record lacks a field or has one of the wrong type.
    BadField,
    /// A line is longer than agentmon reads.
    TooLong,
    /// A file or folder cannot be read.
    Unreadable,
    /// A format version newer than agentmon knows.
    UnknownVersion,
}

impl ProblemKind {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownType => "unknown_type",
            Self::BadField => "bad_field",
            Self::TooLong => "too_long",
            Self::Unreadable => "unreadable",
            Self::UnknownVersion => "unknown_version",
        }
    }
}

/// Something that was skipped. Problems are counted by file, kind and detail and shown by `agentmon sources`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// Byte offset of the record in its file.
    pub offset: u64,
    /// The record's type, the field, or the system's message. Never content.
    pub detail: Box<str>,
}

/// Observations that belong into one transaction.
///
/// Sessions and model names are interned: everything else refers to them by index.
#[derive(Debug, Default)]
pub struct Batch {
    /// What was learnt about each session.
    pub sessions: Vec<SessionPatch>,
    /// Model names as the agents spell them.
    pub models: Vec<Box<str>>,
    /// Model calls.
    pub calls: Vec<ModelCall>,
    /// Signs of what a session is doing, in the order in which they were seen.
    pub evidence: Vec<(SessionIndex, Evidence)>,
    /// Things that happened, for timelines and search.
    pub events: Vec<Event>,
    /// Other names of calls: (other, real). A source that knows only the other name means the same call.
    pub aliases: Vec<(FactKey, FactKey)>,
    /// Sums that agents keep themselves.
    pub counters: Vec<Counter>,
    /// Plan limits.
    pub quotas: Vec<QuotaWindow>,
    /// What was skipped since the last time the driver took it away, for the file being read.
    pub problems: Vec<Problem>,
    session_index: HashMap<SessionKey, SessionIndex>,
}

impl Batch {
    /// The index of a session, added when new.
    pub fn session(&mut self, key: &SessionKey) -> SessionIndex {
        if let Some(&index) = self.session_index.get(key) {
            return index;
        }
        let index = SessionIndex(self.sessions.len() as u32);
        self.sessions.push(SessionPatch::new(key.clone()));
        self.session_index.insert(key.clone(), index);
        index
    }

    /// What was learnt so far about a session of this batch.
    pub fn patch(&mut self, index: SessionIndex) -> &mut SessionPatch {
        &mut self.sessions[index.0 as usize]
    }

    /// The index of a model's name, added when new. A batch holds few models: a scan beats a map.
    pub fn model(&mut self, name: &str) -> u32 {
        let known = self.models.iter().position(|model| &**model == name);
        known.unwrap_or_else(|| {
            self.models.push(name.into());
            self.models.len() - 1
        }) as u32
    }

    /// Adds a sign of what a session is doing.
    pub fn evidence(&mut self, session: SessionIndex, evidence: Evidence) {
        self.evidence.push((session, evidence));
    }

    /// Records something that was skipped.
    pub fn problem(&mut self, kind: ProblemKind, offset: u64, detail: impl Into<Box<str>>) {
        self.problems.push(Problem {
            kind,
            offset,
            detail: detail.into(),
        });
    }

    /// Widens a session's life to include `at`.
    pub fn touch(&mut self, session: SessionIndex, at: Timestamp) {
        self.patch(session).touch(at);
    }
}
