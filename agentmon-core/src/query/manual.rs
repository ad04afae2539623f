//! Agents that people keep by hand, and their logs.

use serde::{Deserialize, Serialize};

use super::LogLevel;
use crate::model::Timestamp;

/// What a person says that an agent is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManualStatus {
    /// It has not begun.
    Pending,
    /// It works.
    Running,
    /// It rests.
    Idle,
    /// Somebody holds it.
    Paused,
    /// It is done.
    Completed,
    /// It went wrong.
    Error,
    /// Somebody stopped it.
    Stopped,
}

impl ManualStatus {
    /// All statuses.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Running,
        Self::Idle,
        Self::Paused,
        Self::Completed,
        Self::Error,
        Self::Stopped,
    ];

    /// The name used in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Idle => "idle",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Stopped => "stopped",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Whether nothing more is expected.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Error | Self::Stopped)
    }
}

/// An agent that a person keeps by hand. All text is hostile input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualAgent {
    /// Its id.
    pub id: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// A label.
    pub label: Option<Box<str>>,
    /// The model.
    pub model: Box<str>,
    /// What it is to do.
    pub task: Option<Box<str>>,
    /// What it is doing.
    pub status: ManualStatus,
    /// How far it has come, 0 to 100.
    pub progress: u8,
    /// When it began.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Input tokens.
    pub tokens_in: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// When it was written down.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What is to be written of a manual agent. What is `None` stays as it is; of what can be empty, `Some(None)` empties it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManualChange {
    /// See [`ManualAgent`].
    pub id: Option<Box<str>>,
    /// See [`ManualAgent`].
    pub name: Option<Box<str>>,
    /// See [`ManualAgent`].
    pub label: Option<Option<Box<str>>>,
    /// See [`ManualAgent`].
    pub model: Option<Box<str>>,
    /// See [`ManualAgent`].
    pub task: Option<Option<Box<str>>>,
    /// See [`ManualAgent`].
    pub status: Option<ManualStatus>,
    /// See [`ManualAgent`].
    pub progress: Option<u8>,
    /// See [`ManualAgent`].
    pub start_time: Option<Option<Timestamp>>,
    /// See [`ManualAgent`].
    pub end_time: Option<Option<Timestamp>>,
    /// See [`ManualAgent`].
    pub tokens_in: Option<u64>,
    /// See [`ManualAgent`].
    pub tokens_out: Option<u64>,
}

impl ManualAgent {
    /// A new one. What is not given has a default; a time is taken from the status.
    #[must_use]
    pub fn new(id: Box<str>, change: ManualChange, now: Timestamp) -> Self {
        let mut agent = Self {
            id,
            name: "".into(),
            label: None,
            model: "unknown".into(),
            task: None,
            status: ManualStatus::Running,
            progress: 0,
            start_time: None,
            end_time: None,
            tokens_in: 0,
            tokens_out: 0,
            created_at: now,
            updated_at: now,
        };
        agent.change(change, now);
        agent
    }

    /// Takes a change in.
    pub fn change(&mut self, change: ManualChange, now: Timestamp) {
        let ManualChange {
            id: _,
            name,
            label,
            model,
            task,
            status,
            progress,
            start_time,
            end_time,
            tokens_in,
            tokens_out,
        } = change;
        self.name = name.unwrap_or_else(|| std::mem::take(&mut self.name));
        self.model = model.unwrap_or_else(|| std::mem::take(&mut self.model));
        self.status = status.unwrap_or(self.status);
        self.progress = progress.unwrap_or(self.progress);
        self.tokens_in = tokens_in.unwrap_or(self.tokens_in);
        self.tokens_out = tokens_out.unwrap_or(self.tokens_out);
        if let Some(label) = label {
            self.label = label;
        }
        if let Some(task) = task {
            self.task = task;
        }
        let begins = self.status != ManualStatus::Pending && self.start_time.is_none();
        self.start_time = start_time.unwrap_or(if begins { Some(now) } else { self.start_time });
        let ends = match (self.status.is_over(), self.end_time) {
            (true, known) => known.or(Some(now)),
            (false, _) => None,
        };
        self.end_time = end_time.unwrap_or(ends);
        self.updated_at = now;
    }
}

/// One line of a manual agent's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualLog {
    /// Its row.
    pub id: i64,
    /// The agent.
    pub agent: Box<str>,
    /// What it says. Hostile input.
    pub message: Box<str>,
    /// How much it matters.
    pub level: LogLevel,
    /// When.
    pub timestamp: Timestamp,
}
