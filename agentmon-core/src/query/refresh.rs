//! Bringing the store up to date with the disk before a question is answered.

use std::fmt::Debug;
use std::time::Duration;

use crate::model::Timestamp;

/// What a refresh is for.
#[derive(Debug, Clone, Copy, Default)]
pub struct RefreshOptions<'a> {
    /// Only files that can hold anything at or after this time matter.
    pub since: Option<Timestamp>,
    /// Whether states are asked for, so that evidence is read where a session may still matter.
    pub want_state: bool,
    /// Whether events with text are asked for.
    pub content: bool,
    /// The session whose text is asked for, by id or a beginning of it: the text of others is left for later.
    pub content_of: Option<&'a str>,
    /// Told how far the work is.
    pub progress: Option<&'a dyn Progress>,
}

/// What a refresh is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Looking for files.
    Discovering,
    /// Reading calls and session facts.
    Accounting,
    /// Reading text for timelines and search.
    Content,
}

/// Told how far a refresh is, from any thread, as often as there is something to tell.
pub trait Progress: Debug + Send + Sync {
    /// A phase begins; `total` is in bytes, if known.
    fn phase(&self, phase: Phase, total: Option<u64>);
    /// So many more bytes are done.
    fn advance(&self, bytes: u64);
}

/// What a refresh did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RefreshReport {
    /// Files of interest that exist.
    pub files: u64,
    /// Those of them that were read.
    pub files_read: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Records and files that were skipped in this refresh.
    pub problems: u64,
    /// Files and folders that could not be read: the answer may lack them.
    pub unreadable: u64,
    /// How long it took.
    pub took: Duration,
}
