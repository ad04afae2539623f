//! What an import found and did.

use std::path::PathBuf;

use super::refresh::RefreshReport;
use crate::model::AgentKind;

/// What an import found and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// Where transcripts were found.
    pub folders: Vec<ImportedFolder>,
    /// What looks as if it could be a transcript and was left alone, with the reason.
    pub skipped: Vec<(PathBuf, String)>,
    /// What was read. A file counts once for facts and once for text.
    pub read: RefreshReport,
    /// Sessions that were not known before.
    pub new_sessions: u64,
    /// Model calls that were not known before.
    pub new_calls: u64,
    /// Events that were not known before.
    pub new_events: u64,
}

/// A folder with transcripts of one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFolder {
    /// The format's name.
    pub format: Box<str>,
    /// The agent.
    pub agent: AgentKind,
    /// The folder.
    pub path: PathBuf,
    /// Transcripts in it.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
}
