//! What came out of a session: files, commits, pull requests, pictures, as its own tool calls tell.
//!
//! Only what a tool answered well counts, or what the agent itself says it applied. What failed, was refused or has no
//! answer is counted apart. Files that a command changed by itself (`sed -i`, a formatter) are not seen here: no
//! record tells of them.

mod change;
mod fold;
mod output;
mod patch;

pub use fold::{ArtifactFold, ToolAnswer, ToolRow};
pub use patch::line_counts;

use crate::model::{SessionKey, Timestamp};

/// What came out of a session and the subagents that are a part of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Artifacts {
    /// The session.
    pub session: SessionKey,
    /// Files, the one changed last first.
    pub files: Vec<FileArtifact>,
    /// How many files there are; more than `files` where that was cut.
    pub files_total: u64,
    /// Lines added and removed in all files.
    pub lines: LineCounts,
    /// Other results, the newest first.
    pub outputs: Vec<Output>,
    /// How many there are; more than `outputs` where that was cut.
    pub outputs_total: u64,
    /// What is not in here.
    pub not_counted: NotCounted,
    /// Whether everything was looked at; `false` where a session is so long that only its last calls were.
    pub is_complete: bool,
}

/// Calls that were meant to change files and of which no file is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NotCounted {
    /// They failed, or somebody refused them.
    pub failed: u64,
    /// Nothing answered them, yet or ever.
    pub unanswered: u64,
    /// They went well, but do not tell which file.
    pub unnamed: u64,
}

/// Lines that were added and removed, as far as calls tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineCounts {
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Whether every change told its lines; else these are the least there were.
    pub is_complete: bool,
}

impl LineCounts {
    /// Counts more lines. What a source tells may be any number.
    fn add(&mut self, added: u64, removed: u64) {
        self.added = self.added.saturating_add(added);
        self.removed = self.removed.saturating_add(removed);
    }
}

/// A file that was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct FileArtifact {
    /// Its path, absolute where the session's folder is known. Hostile input.
    pub path: Box<str>,
    /// What became of it, from the first change to the last.
    pub fate: FileFate,
    /// The path that it had before, if it was renamed.
    pub renamed_from: Option<Box<str>>,
    /// How often it was changed.
    pub changes: u64,
    /// Its lines.
    pub lines: LineCounts,
    /// The first change.
    pub first_at: Timestamp,
    /// The last change.
    pub last_at: Timestamp,
    /// The event of the last change: where it stands in its session's transcript.
    pub event: i64,
    /// The session of the last change.
    pub session: SessionKey,
    /// Who changed it and how often, whoever did so last first.
    pub by: Vec<(SessionKey, u64)>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileFate {
    /// It was made.
    Created,
    /// It was written as a whole; whether it was there before is not told.
    Written,
    /// It was there, and is changed.
    Edited,
    /// It has another name now.
    Renamed,
    /// It was there, and is no more.
    Deleted,
    /// It was made and deleted again.
    Temporary,
}

impl FileFate {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Written => "written",
            Self::Edited => "edited",
            Self::Renamed => "renamed",
            Self::Deleted => "deleted",
            Self::Temporary => "temporary",
        }
    }
}

/// A result that is no file.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// What it is.
    pub kind: OutputKind,
    /// When.
    pub at: Timestamp,
    /// The event that tells of it: where it stands in its session's transcript.
    pub event: i64,
    /// The session.
    pub session: SessionKey,
    /// What it is called: a commit's subject, a request's name. Hostile input.
    pub title: Option<Box<str>>,
    /// What it is known by: a commit's hash, `owner/repo#12`. Hostile input.
    pub id: Option<Box<str>>,
    /// Where it is. Always `https://`, else hostile input.
    pub url: Option<Box<str>>,
    /// The tool that gave it.
    pub tool: Option<Box<str>>,
}

/// What a result is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OutputKind {
    /// A commit of git.
    Commit,
    /// A pull or merge request.
    PullRequest,
    /// An issue.
    Issue,
    /// A release.
    Release,
    /// Pictures that a tool gave back. They stay in the agent's own file.
    Images(u32),
}

impl OutputKind {
    /// The name used in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::PullRequest => "pull_request",
            Self::Issue => "issue",
            Self::Release => "release",
            Self::Images(_) => "images",
        }
    }
}

#[cfg(test)]
mod tests;
