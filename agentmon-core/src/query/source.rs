//! What was looked for, what was found, what was skipped.

use std::path::PathBuf;

use crate::model::{AgentKind, ProblemKind, Timestamp};

/// Whether a folder could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RootState {
    /// It was.
    Read,
    /// There is none.
    Missing,
    /// It cannot be read; the system's message.
    Unreadable(Box<str>),
    /// The configuration switches this source off.
    Disabled,
    /// It is reached over the network, and this process does not ask it: a server does.
    Configured,
    /// It is reached over the network, and has not answered yet.
    Connecting,
    /// It is reached over the network, and answers.
    Connected,
}

impl RootState {
    /// The name used in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
            Self::Disabled => "disabled",
            Self::Configured => "configured",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
        }
    }
}

/// One folder in which an agent may have left files, or one address that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// The format's name (`claude-code`, `openclaw-files`).
    pub format: Box<str>,
    /// The agent.
    pub agent: AgentKind,
    /// The folder; of a source that is reached over the network the address.
    pub root: PathBuf,
    /// Why it is looked at: `CLAUDE_CONFIG_DIR`, `default`, ...
    pub origin: Box<str>,
    /// Whether it could be read.
    pub state: RootState,
    /// Files of interest.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// Sessions found in them.
    pub sessions: u64,
    /// The latest change of any of its files.
    pub newest: Option<Timestamp>,
    /// What was skipped, by file, kind and detail.
    pub problems: Vec<SourceProblem>,
}

/// Something that was skipped, as often as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceProblem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The file.
    pub file: PathBuf,
    /// Byte offset of the first such record.
    pub offset: u64,
    /// The record's type, the field, or the system's message.
    pub detail: Box<str>,
    /// How often.
    pub count: u64,
}
