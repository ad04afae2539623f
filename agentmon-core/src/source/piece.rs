//! What reading hands over to be stored in one transaction: observations, and how far each file was read for them.

use std::path::PathBuf;

use super::read::{Cursor, Pass};
use crate::model::{Batch, Problem, ProblemKind};

/// Calls in a piece after which it is handed over.
const MAX_CALLS: usize = 16 * 1024;
/// Events in a piece after which it is handed over: they hold text, and indexing it must not keep a state waiting.
const MAX_EVENTS: usize = 512;
/// Signs of states in a piece after which it is handed over.
const MAX_EVIDENCE: usize = 64 * 1024;
/// Sessions in a piece after which it is handed over.
const MAX_SESSIONS: usize = 8 * 1024;
/// Files in a piece after which it is handed over.
const MAX_FILES: usize = 4 * 1024;

/// Where a cursor is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CursorKey {
    /// The file.
    pub path: PathBuf,
    /// Which reading of it.
    pub pass: Pass,
}

/// What must be stored for one file beside its observations.
#[derive(Debug)]
pub struct FileUpdate {
    /// The file and the reading.
    pub key: CursorKey,
    /// The format's name.
    pub format: &'static str,
    /// The new cursor; `None` when the file is gone or could not be read, and any cursor is to be forgotten.
    pub cursor: Option<Cursor>,
    /// Whether problems noted before are void.
    pub resets_problems: bool,
    /// What was skipped.
    pub skipped: Vec<Skipped>,
}

/// Something that was skipped, as often as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The first of them.
    pub problem: Problem,
    /// How many there were of the same kind and detail.
    pub count: u64,
}

/// A batch and the cursors that belong into the same transaction.
#[derive(Debug, Default)]
pub struct Piece {
    /// The observations.
    pub batch: Batch,
    /// The cursors.
    pub files: Vec<FileUpdate>,
    /// How many bytes were read for it.
    pub bytes: u64,
}

impl Piece {
    /// Whether it is to be handed over before more is added, so that memory stays bounded whatever the files hold.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let Batch {
            calls,
            events,
            evidence,
            sessions,
            ..
        } = &self.batch;
        calls.len() >= MAX_CALLS
            || events.len() >= MAX_EVENTS
            || evidence.len() >= MAX_EVIDENCE
            || sessions.len() >= MAX_SESSIONS
            || self.files.len() >= MAX_FILES
    }

    /// The cursors as they will be when it is stored.
    pub fn cursors(&self) -> impl Iterator<Item = (CursorKey, Option<Cursor>)> {
        let files = self.files.iter();
        files.map(|file| (file.key.clone(), file.cursor.clone()))
    }

    /// Whether it holds nothing but cursors.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        let Batch {
            sessions,
            calls,
            evidence,
            events,
            quotas,
            ..
        } = &self.batch;
        sessions.is_empty()
            && calls.is_empty()
            && evidence.is_empty()
            && events.is_empty()
            && quotas.is_empty()
            && self.files.iter().all(|file| file.skipped.is_empty())
    }

    /// How many records and files were skipped for it.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        let skipped = self.files.iter().flat_map(|file| &file.skipped);
        skipped.map(|skipped| skipped.count).sum()
    }

    /// How many of its files could not be read.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        let skipped = self.files.iter().flat_map(|file| &file.skipped);
        skipped
            .filter(|skipped| skipped.problem.kind == ProblemKind::Unreadable)
            .count() as u64
    }
}
