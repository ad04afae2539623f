//! Things that happened inside a session, for timelines, the event feed and search.

use serde::{Deserialize, Serialize};

use super::{DedupKey, FactKey, SessionIndex, Timestamp};

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The session or a new process of it began.
    SessionStart,
    /// The session or its process ended.
    SessionEnd,
    /// The user asked something.
    UserPrompt,
    /// The agent said something.
    Response,
    /// The agent thought aloud.
    Thinking,
    /// A request went to the model.
    LlmRequest,
    /// The model answered (with usage).
    LlmResponse,
    /// A tool was called.
    ToolUse,
    /// A tool answered.
    ToolResult,
    /// A file was changed.
    FileChange,
    /// A commit was made.
    GitCommit,
    /// A plan or todo list changed.
    PlanStep,
    /// Instructions were loaded.
    InstructionLoad,
    /// The context was compacted.
    Compaction,
    /// Something failed.
    Error,
    /// Anything else worth a line.
    Notice,
}

impl EventKind {
    /// All kinds; the position is the number under which the store keeps a kind. Append only.
    pub const ALL: [Self; 16] = [
        Self::SessionStart,
        Self::SessionEnd,
        Self::UserPrompt,
        Self::Response,
        Self::Thinking,
        Self::LlmRequest,
        Self::LlmResponse,
        Self::ToolUse,
        Self::ToolResult,
        Self::FileChange,
        Self::GitCommit,
        Self::PlanStep,
        Self::InstructionLoad,
        Self::Compaction,
        Self::Error,
        Self::Notice,
    ];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SessionStart => "session_start",
            Self::SessionEnd => "session_end",
            Self::UserPrompt => "user_prompt",
            Self::Response => "response",
            Self::Thinking => "thinking",
            Self::LlmRequest => "llm_request",
            Self::LlmResponse => "llm_response",
            Self::ToolUse => "tool_use",
            Self::ToolResult => "tool_result",
            Self::FileChange => "file_change",
            Self::GitCommit => "git_commit",
            Self::PlanStep => "plan_step",
            Self::InstructionLoad => "instruction_load",
            Self::Compaction => "compaction",
            Self::Error => "error",
            Self::Notice => "notice",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// How it went.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Well.
    #[default]
    Success,
    /// Badly.
    Error,
    /// Too long.
    Timeout,
}

impl EventStatus {
    /// All, in the order of their numbers in the store.
    pub const ALL: [Self; 3] = [Self::Success, Self::Error, Self::Timeout];

    /// The name used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// One thing that happened. `text` is what a person reads and searches: the prompt, the answer, the command, the
/// tool's output. It is hostile input.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Identity of the delivery, so that it is stored once.
    pub key: DedupKey,
    /// When.
    pub at: Timestamp,
    /// The session in the batch's table.
    pub session: SessionIndex,
    /// What.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// Tool name, for tool events.
    pub tool: Option<Box<str>>,
    /// Joins a tool's use with its result.
    pub call: Option<FactKey>,
    /// The model call that this belongs to, for its tokens and cost.
    pub model_call: Option<FactKey>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The text, at most [`Event::MAX_TEXT`] bytes.
    pub text: Box<str>,
    /// Whether `text` was cut.
    pub truncated: bool,
}

impl Event {
    /// Longest text kept of one event, in bytes. The rest stays in the agent's own file.
    pub const MAX_TEXT: usize = 16 * 1024;

    /// `text` cut to [`Event::MAX_TEXT`] on a character boundary, and whether it was cut.
    #[must_use]
    pub fn clip(text: &str) -> (Box<str>, bool) {
        if text.len() <= Self::MAX_TEXT {
            return (text.into(), false);
        }
        let mut end = Self::MAX_TEXT;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        (text[..end].into(), true)
    }
}
