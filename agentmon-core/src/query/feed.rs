//! The events API's questions and answers, in its own terms: a feed of events that counts from the first one, sessions
//! by that contract's clock, and statistics. Events of files are in it as well as posted ones.

use crate::model::{
    AgentKind, EventKind, EventStatus, NanoUsd, SessionKey, Span, Timestamp, Usage,
};
use crate::session::State;
use crate::session::vocabulary::{Contract, events_word};

/// Which events. What is `None` lets everything through.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedFilter {
    /// The agent.
    pub agent: Option<Box<str>>,
    /// The kind.
    pub kind: Option<EventKind>,
    /// The tool.
    pub tool: Option<Box<str>>,
    /// The session's own id, in full.
    pub session: Option<Box<str>>,
    /// The git branch.
    pub branch: Option<Box<str>>,
    /// The model.
    pub model: Option<Box<str>>,
    /// Who sent it.
    pub source: Option<Box<str>>,
    /// Events received at or after this time.
    pub since: Option<Timestamp>,
    /// Events received before this time.
    pub until: Option<Timestamp>,
    /// So many are skipped.
    pub offset: u64,
    /// At most so many.
    pub limit: usize,
    /// Whether the oldest come first.
    pub oldest_first: bool,
}

/// One event as this contract shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedRow {
    /// Its row.
    pub id: i64,
    /// The id that its client gave it.
    pub event_id: Option<Box<str>>,
    /// The session; a subagent that is a part of another session counts for that one.
    pub session: SessionKey,
    /// What happened.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// The tool.
    pub tool: Option<Box<str>>,
    /// The tokens of the model call, shown once where several events belong to one call.
    pub usage: Usage,
    /// The cost of the model call.
    pub cost: Option<NanoUsd>,
    /// The model.
    pub model: Option<Box<str>>,
    /// The git branch.
    pub branch: Option<Box<str>>,
    /// The project's name.
    pub project: Option<Box<str>>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// When it was received or, from a file, happened.
    pub created_at: Timestamp,
    /// When it happened by the client's clock.
    pub client_at: Option<Timestamp>,
    /// What the client sent along, as JSON; `None` for events from files, which have a text.
    pub metadata: Option<Box<str>>,
    /// The text of an event from a file.
    pub text: Box<str>,
    /// Whether metadata or text were cut.
    pub truncated: bool,
    /// Who sent it; `None` for events from files.
    pub source: Option<Box<str>>,
}

/// A page of the feed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedPage {
    /// The events, the newest first.
    pub events: Vec<FeedRow>,
    /// How many match in all.
    pub total: u64,
}

/// Which sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedSessionFilter {
    /// The session's own id, in full.
    pub id: Option<Box<str>>,
    /// `active`, `idle` or `ended`.
    pub status: Option<Box<str>>,
    /// Not this status.
    pub exclude_status: Option<Box<str>>,
    /// The agent.
    pub agent: Option<Box<str>>,
    /// Sessions whose last event came at or after this time.
    pub since: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

/// One session as this contract shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedSession {
    /// Its identity.
    pub key: SessionKey,
    /// The project's name.
    pub project: Option<Box<str>>,
    /// The git branch.
    pub branch: Option<Box<str>>,
    /// `active`, `idle` or `ended`.
    pub status: &'static str,
    /// Earliest sign of it.
    pub started_at: Timestamp,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Latest sign of it.
    pub last_event_at: Timestamp,
    /// Its events.
    pub events: u64,
    /// Its tokens.
    pub usage: Usage,
    /// What it cost.
    pub cost: NanoUsd,
    /// Files that it edited, as far as it was told.
    pub files_edited: u64,
    /// Lines added to them.
    pub lines_added: u64,
    /// Lines removed from them.
    pub lines_removed: u64,
}

/// Sessions that match a filter: the active ones first, then idle ones, then those that ended; the latest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FeedSessions {
    /// The sessions.
    pub sessions: Vec<FeedSession>,
    /// How many match in all.
    pub total: u64,
}

/// What a session's status follows from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Standing<'a> {
    pub agent: &'a AgentKind,
    pub state: State,
    pub since: Timestamp,
    /// The last posted event, and when the session was told to be over, for sessions known only by such events.
    pub posted: Option<(Timestamp, Option<Timestamp>)>,
}

impl Standing<'_> {
    /// The contract's word, and when the session ended. Sessions that are only known by posted events go by the
    /// contract's clock, which knows nothing but silence; all others by what they are doing.
    pub(crate) fn judge(&self, timeout: Span, now: Timestamp) -> (&'static str, Option<Timestamp>) {
        let Some((last, ended)) = self.posted else {
            let word = Contract::Events.word(self.state);
            return (word, (word == "ended").then_some(self.since));
        };
        let word = events_word(self.agent, last, ended.is_some(), timeout, now);
        let silent_since = last + Span(timeout.0.saturating_mul(2));
        (
            word,
            (word == "ended").then(|| ended.unwrap_or(silent_since)),
        )
    }
}

/// What statistics are over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatsFilter {
    /// The agent.
    pub agent: Option<Box<str>>,
    /// Events at or after this time, and the calls of the quarter of an hour that it lies in and later.
    pub since: Option<Timestamp>,
}

/// Counts over everything. Those of sessions ignore the filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedStats {
    /// Events.
    pub events: u64,
    /// Sessions that are active.
    pub active_sessions: u64,
    /// All sessions.
    pub sessions: u64,
    /// Sessions that have not ended.
    pub live_sessions: u64,
    /// Agents with an active session.
    pub active_agents: u64,
    /// Tokens.
    pub usage: Usage,
    /// Cost.
    pub cost: NanoUsd,
    /// Uses of each tool, the most used first.
    pub tools: Vec<(Box<str>, u64)>,
    /// Events of each agent.
    pub agents: Vec<(Box<str>, u64)>,
    /// Calls of each model.
    pub models: Vec<(Box<str>, u64)>,
    /// Branches that were worked on, the latest first.
    pub branches: Vec<Box<str>>,
}

/// How often a tool was used, and how that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolTotals {
    /// The tool.
    pub tool: Box<str>,
    /// Uses.
    pub calls: u64,
    /// Uses that ended in an error.
    pub errors: u64,
    /// Mean time in milliseconds of those that said how long they took.
    pub mean_ms: Option<u64>,
    /// Uses by each agent.
    pub agents: Vec<(Box<str>, u64)>,
}

/// What was spent, when, where and on which model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CostReport {
    /// By hour, the earliest first.
    pub hours: Vec<CostHour>,
    /// By project, the dearest first.
    pub projects: Vec<ProjectCost>,
    /// By model, the dearest first.
    pub models: Vec<ModelCost>,
}

/// One hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CostHour {
    /// Its beginning.
    pub start: Timestamp,
    /// What its calls cost.
    pub cost: NanoUsd,
    /// Their tokens.
    pub usage: Usage,
    /// Its events.
    pub events: u64,
}

/// One project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectCost {
    /// Its name, if known.
    pub project: Option<Box<str>>,
    /// What its calls cost.
    pub cost: NanoUsd,
    /// Sessions with calls.
    pub sessions: u64,
    /// Its events.
    pub events: u64,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelCost {
    /// Its name.
    pub model: Box<str>,
    /// What its calls cost.
    pub cost: NanoUsd,
    /// Its calls.
    pub calls: u64,
    /// Their tokens.
    pub usage: Usage,
}

/// The values that filters can take, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterOptions {
    /// Agents.
    pub agents: Vec<Box<str>>,
    /// Kinds of events.
    pub kinds: Vec<EventKind>,
    /// Tools.
    pub tools: Vec<Box<str>>,
    /// Models.
    pub models: Vec<Box<str>>,
    /// Projects.
    pub projects: Vec<Box<str>>,
    /// Machines that sessions run on.
    pub hosts: Vec<Box<str>>,
    /// Who sends events.
    pub sources: Vec<Box<str>>,
    /// Projects, if known, and branches, the latest first.
    pub branches: Vec<(Option<Box<str>>, Box<str>)>,
}
