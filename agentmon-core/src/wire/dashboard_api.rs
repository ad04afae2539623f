//! The JSON of the dashboard API (`/api/clawdbot`, `/api/agents`, `/ws`): a documented contract of another system. Times are
//! milliseconds since 1970. `agent`, `title`, `state` and `cost` are what that contract has no words for.

use serde::Serialize;

use super::part::Usd;
use super::sessions_api::log_message;
use crate::model::{EventKind, Timestamp};
use crate::query::{LogLevel, LogPage, ManualAgent, ManualLog, ManualStatus, SessionView, Sums};
use crate::session::{State, vocabulary};

/// A session as this contract has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Session {
    id: String,
    session_key: String,
    kind: &'static str,
    model: Option<Box<str>>,
    context_tokens: Option<u64>,
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    start_time: Option<i64>,
    last_activity: Option<i64>,
    end_time: Option<i64>,
    status: &'static str,
    aborted: bool,
    created_at: i64,
    updated_at: i64,
    agent: Box<str>,
    title: Option<Box<str>>,
    state: State,
    #[serde(serialize_with = "dollars")]
    cost: Option<crate::model::NanoUsd>,
}

fn dollars<S: serde::Serializer>(
    cost: &Option<crate::model::NanoUsd>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    cost.map(Usd).serialize(serializer)
}

impl From<&SessionView> for Session {
    fn from(view: &SessionView) -> Self {
        let words = vocabulary::row(view.state);
        let started = view.started_at.unwrap_or(view.since);
        let usage = &view.sums.usage;
        Self {
            id: view.key.to_string(),
            session_key: view.key.to_string(),
            kind: kind(&view.key.native_id),
            model: view.model.clone(),
            context_tokens: view.context.map(|(used, _)| used),
            input_tokens: usage.prompt(),
            output_tokens: usage.output,
            total_tokens: usage.total(),
            start_time: view.started_at.map(|at| at.0),
            last_activity: view.last_activity_at.map(|at| at.0),
            end_time: view.state.is_over().then_some(view.since.0),
            status: words.dashboard,
            aborted: words.aborted,
            created_at: started.0,
            updated_at: view.last_activity_at.unwrap_or(started).max(view.since).0,
            agent: view.key.agent.as_str().into(),
            title: view.title.clone(),
            state: view.state,
            cost: view.sums.known_cost(),
        }
    }
}

impl Session {
    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.status == "running"
    }

    /// Orders by one of this contract's fields; `updatedAt` where there is no such field.
    #[must_use]
    pub fn compare(&self, other: &Self, field: &str) -> std::cmp::Ordering {
        match field {
            "id" | "sessionKey" => self.id.cmp(&other.id),
            "model" => self.model.cmp(&other.model),
            "status" => self.status.cmp(other.status),
            "startTime" | "createdAt" => self.created_at.cmp(&other.created_at),
            "lastActivity" => self.last_activity.cmp(&other.last_activity),
            "endTime" => self.end_time.cmp(&other.end_time),
            "contextTokens" => self.context_tokens.cmp(&other.context_tokens),
            "inputTokens" => self.input_tokens.cmp(&other.input_tokens),
            "outputTokens" => self.output_tokens.cmp(&other.output_tokens),
            "totalTokens" => self.total_tokens.cmp(&other.total_tokens),
            _ => self.updated_at.cmp(&other.updated_at),
        }
    }

    /// Whether it is `direct` or `group`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

/// Conversations of several people carry that in their id.
fn kind(id: &str) -> &'static str {
    let is_group = id.contains(":group:") || id.contains(":channel:");
    if is_group { "group" } else { "direct" }
}

/// What changed of a session between two looks at it.
#[must_use]
pub fn changes(before: &Session, after: &Session) -> serde_json::Value {
    let mut changes = serde_json::Map::new();
    for (name, old, new) in [
        ("totalTokens", before.total_tokens, after.total_tokens),
        ("inputTokens", before.input_tokens, after.input_tokens),
        ("outputTokens", before.output_tokens, after.output_tokens),
    ] {
        if old != new {
            let delta = i128::from(new) - i128::from(old);
            let change = serde_json::json!({ "old": old, "new": new, "delta": delta as i64 });
            changes.insert(name.to_owned(), change);
        }
    }
    if before.status != after.status {
        let change = serde_json::json!({ "old": before.status, "new": after.status });
        changes.insert("status".to_owned(), change);
    }
    changes.into()
}

/// The lines of a session's log, the oldest first.
#[must_use]
pub fn session_logs<'a>(id: &'a str, page: &'a LogPage) -> Vec<impl Serialize + 'a> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        id: i64,
        session_id: &'a str,
        role: &'static str,
        message: String,
        level: &'static str,
        tokens: Option<u64>,
        timestamp: i64,
    }
    let lines = page.events.iter().rev().map(|event| Line {
        id: event.id,
        session_id: id,
        role: match event.kind {
            EventKind::UserPrompt => "user",
            EventKind::Response | EventKind::Thinking | EventKind::LlmResponse => "assistant",
            EventKind::ToolUse | EventKind::ToolResult => "tool",
            _ => "system",
        },
        message: log_message(event),
        level: LogLevel::of(event.kind, event.status).as_str(),
        tokens: event.usage.map(|usage| usage.total()),
        timestamp: event.at.0,
    });
    lines.collect()
}

/// What the statistics are made of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Sessions in all.
    pub sessions: u64,
    /// Those that run.
    pub running: u64,
    /// The models that were used last, each once.
    pub models: Vec<Box<str>>,
    /// What they used.
    pub sums: Sums,
}

impl Totals {
    /// Adds sessions up.
    #[must_use]
    pub fn of(views: &[SessionView]) -> Self {
        let mut totals = Self::default();
        for view in views {
            totals.sessions += 1;
            totals.running += u64::from(!view.state.is_over());
            totals.sums.merge(&view.sums);
            totals.models.extend(view.model.clone());
        }
        totals.models.sort_unstable();
        totals.models.dedup();
        totals
    }
}

/// Statistics over all sessions.
#[must_use]
pub fn stats(totals: &Totals, now: Timestamp) -> impl Serialize + '_ {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Stats<'a> {
        total_sessions: u64,
        active_sessions: u64,
        completed_sessions: u64,
        models: &'a [Box<str>],
        total_input_tokens: u64,
        total_output_tokens: u64,
        total_tokens: u64,
        total_cost: Option<Usd>,
        last_update: i64,
    }
    Stats {
        total_sessions: totals.sessions,
        active_sessions: totals.running,
        completed_sessions: totals.sessions - totals.running,
        models: &totals.models,
        total_input_tokens: totals.sums.usage.prompt(),
        total_output_tokens: totals.sums.usage.output,
        total_tokens: totals.sums.usage.total(),
        total_cost: totals.sums.known_cost().map(Usd),
        last_update: now.0,
    }
}

/// A manual agent.
#[must_use]
pub fn agent(agent: &ManualAgent) -> impl Serialize + '_ {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Agent<'a> {
        id: &'a str,
        name: &'a str,
        label: Option<&'a str>,
        model: &'a str,
        task: Option<&'a str>,
        status: ManualStatus,
        progress: u8,
        start_time: Option<i64>,
        end_time: Option<i64>,
        tokens_in: u64,
        tokens_out: u64,
        created_at: i64,
        updated_at: i64,
    }
    Agent {
        id: &agent.id,
        name: &agent.name,
        label: agent.label.as_deref(),
        model: &agent.model,
        task: agent.task.as_deref(),
        status: agent.status,
        progress: agent.progress,
        start_time: agent.start_time.map(|at| at.0),
        end_time: agent.end_time.map(|at| at.0),
        tokens_in: agent.tokens_in,
        tokens_out: agent.tokens_out,
        created_at: agent.created_at.0,
        updated_at: agent.updated_at.0,
    }
}

/// A line of a manual agent's log.
#[must_use]
pub fn agent_log(line: &ManualLog) -> impl Serialize + '_ {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Line<'a> {
        id: i64,
        agent_id: &'a str,
        message: &'a str,
        level: &'static str,
        timestamp: i64,
    }
    Line {
        id: line.id,
        agent_id: &line.agent,
        message: &line.message,
        level: line.level.as_str(),
        timestamp: line.timestamp.0,
    }
}
