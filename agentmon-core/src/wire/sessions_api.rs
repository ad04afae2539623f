//! The JSON of the sessions API (`/api/openclaw`): a documented contract of another system. What agentmon does not know
//! (a completion that is expected, memory used) is `null`; what its clients work out themselves when it is absent (progress, the
//! limit of tokens) is left out. `metadata` tells what the contract has no words for.

use serde::Serialize;

use super::part::{Time, Usd};
use crate::model::{EventKind, Relation, Timestamp};
use crate::query::{CellUsage, EventRow, LogLevel, LogPage, SessionDetail, SessionView};
use crate::session::vocabulary::{Contract, sessions_word};
use crate::session::{Liveness, State};

/// A session has failed for want of room when so much of its limit is used.
const TOKENS_USED_UP: f64 = 0.95;

/// The figures of a session that this contract works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// `spawning`, `working`, `stalled`, `completed` or `failed`.
    pub status: &'static str,
    /// Percent, where it is known.
    pub progress: Option<u8>,
    /// Tokens in the context window where its size is known, else all tokens.
    pub tokens_used: u64,
    /// The size of the context window.
    pub tokens_limit: Option<u64>,
    /// The latest activity.
    pub last_activity: Timestamp,
}

impl Figures {
    /// The figures of a session at `now`.
    #[must_use]
    pub fn of(view: &SessionView, now: Timestamp) -> Self {
        let window = view.context.and_then(|(used, size)| Some((used, size?)));
        let (tokens_used, tokens_limit) = match window {
            Some((used, size)) => (used, Some(size)),
            None => (view.sums.usage.total(), None),
        };
        let last_activity = view.last_activity_at.unwrap_or(view.since);
        let used_up =
            tokens_limit.is_some_and(|limit| tokens_used as f64 >= limit as f64 * TOKENS_USED_UP);
        let status = match sessions_word(view.state, last_activity, now) {
            word if word == Contract::Sessions.word(State::Working) && used_up => {
                Contract::Sessions.word(State::Failed)
            }
            word => word,
        };
        let steps = view.progress.filter(|progress| progress.total > 0);
        let progress = match (view.state, steps) {
            (State::Completed, _) => Some(100),
            (_, Some(steps)) => {
                Some((u64::from(steps.done.min(steps.total)) * 100 / u64::from(steps.total)) as u8)
            }
            (_, None) => None,
        };
        Self {
            status,
            progress,
            tokens_used,
            tokens_limit,
            last_activity,
        }
    }
}

/// The list of sessions; `usage` holds what each of them used, where that was asked for.
#[must_use]
pub fn sessions<'a>(
    views: &'a [SessionView],
    usage: Option<&'a [Vec<CellUsage>]>,
    total: u64,
    now: Timestamp,
) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct List<'a> {
        sessions: Vec<Session<'a>>,
        total: u64,
        timestamp: Time,
    }
    let each = views.iter().enumerate().map(|(at, view)| {
        let cells = usage.and_then(|usage| usage.get(at));
        Session::new(view, cells.map(Vec::as_slice), now)
    });
    List {
        sessions: each.collect(),
        total,
        timestamp: Time(now),
    }
}

/// One session in detail.
#[must_use]
pub fn session(detail: &SessionDetail, now: Timestamp) -> impl Serialize + '_ {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Detail<'a> {
        #[serde(flatten)]
        session: Session<'a>,
        full_prompt: Option<&'a str>,
        child_sessions: Vec<String>,
    }
    #[derive(Serialize)]
    struct One<'a> {
        session: Detail<'a>,
    }
    let prompts = || {
        let asked = |event: &&EventRow| event.kind == EventKind::UserPrompt;
        detail.timeline.iter().filter(asked)
    };
    One {
        session: Detail {
            session: Session::new(&detail.session, None, now),
            full_prompt: prompts().next().map(|event| &*event.text),
            child_sessions: detail
                .children
                .iter()
                .map(|child| child.key.to_string())
                .collect(),
        },
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    session_id: String,
    name: &'a str,
    status: &'static str,
    task_description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<u8>,
    tokens_used: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_limit: Option<u64>,
    start_time: Option<Time>,
    expected_completion: Option<Time>,
    last_activity: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    completed_time: Option<Time>,
    output_path: Option<&'a str>,
    priority: &'static str,
    channel: &'a str,
    node_id: &'static str,
    parent_session: Option<String>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    requester_session: Option<String>,
    relation: Option<Relation>,
    model: Option<&'a str>,
    agent: &'a str,
    state: State,
    reason: String,
    detail: Option<&'a str>,
    since: Time,
    liveness: Liveness,
    project: Option<&'a str>,
    branch: Option<&'a str>,
    host: Option<&'a str>,
    cwd: Option<&'a str>,
    total_tokens: u64,
    cost_usd: Option<Usd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Vec<Cell<'a>>>,
}

/// What was used of one model within a quarter of an hour, in disjoint buckets.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cell<'a> {
    at: Time,
    model: &'a str,
    input: u64,
    cache_read: u64,
    cache_creation_5m: u64,
    cache_creation_1h: u64,
    output: u64,
    reasoning: u64,
    /// Exact, unlike dollars; `null` where nothing of it has a price.
    nano_usd: Option<i64>,
}

impl<'a> Session<'a> {
    fn new(view: &'a SessionView, cells: Option<&'a [CellUsage]>, now: Timestamp) -> Self {
        let figures = Figures::of(view, now);
        let parent = view.parent.as_ref().map(|(parent, _)| parent.to_string());
        let named = view.title.as_deref().or(view.role.as_deref());
        let project = view.project.as_ref().map(|project| &*project.name);
        Self {
            session_id: view.key.to_string(),
            name: named.or(project).unwrap_or(&view.key.native_id),
            status: figures.status,
            task_description: view.title.as_deref(),
            progress: figures.progress,
            tokens_used: figures.tokens_used,
            tokens_limit: figures.tokens_limit,
            start_time: view.started_at.map(Time),
            expected_completion: None,
            last_activity: Time(figures.last_activity),
            completed_time: view.state.is_over().then_some(Time(view.since)),
            output_path: None,
            priority: "normal",
            channel: view
                .entrypoint
                .as_deref()
                .unwrap_or_else(|| view.key.agent.as_str()),
            node_id: "main",
            parent_session: parent.clone(),
            metadata: Metadata {
                requester_session: parent,
                relation: view.parent.as_ref().map(|(_, relation)| *relation),
                model: view.model.as_deref(),
                agent: view.key.agent.as_str(),
                state: view.state,
                reason: view.reason.to_string(),
                detail: view.detail.as_deref(),
                since: Time(view.since),
                liveness: view.liveness,
                project,
                branch: view.branch.as_deref(),
                host: view.host.as_deref(),
                cwd: view.cwd.as_deref(),
                total_tokens: view.sums.usage.total(),
                cost_usd: view.sums.known_cost().map(Usd),
                usage: cells.map(|cells| cells.iter().map(Cell::from).collect()),
            },
        }
    }
}

impl<'a> From<&'a CellUsage> for Cell<'a> {
    fn from(cell: &'a CellUsage) -> Self {
        let usage = &cell.sums.usage;
        Self {
            at: Time(cell.first),
            model: &cell.model,
            input: usage.input,
            cache_read: usage.cache_read,
            cache_creation_5m: usage.cache_creation_5m,
            cache_creation_1h: usage.cache_creation_1h,
            output: usage.output,
            reasoning: usage.reasoning,
            nano_usd: cell.sums.known_cost().map(|cost| cost.0),
        }
    }
}

/// A page of a session's log that starts at `offset`.
#[must_use]
pub fn logs(page: &LogPage, offset: u64) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Context<'a> {
        kind: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<&'a str>,
        #[serde(rename = "tokensUsed", skip_serializing_if = "Option::is_none")]
        tokens_used: Option<u64>,
        #[serde(rename = "durationMs", skip_serializing_if = "Option::is_none")]
        duration_ms: Option<u64>,
    }
    #[derive(Serialize)]
    struct Line<'a> {
        timestamp: Time,
        level: &'static str,
        message: String,
        context: Context<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Logs<'a> {
        logs: Vec<Line<'a>>,
        total: u64,
        has_more: bool,
    }
    let lines = page.events.iter().map(|event| Line {
        timestamp: Time(event.at),
        level: LogLevel::of(event.kind, event.status).as_str(),
        message: log_message(event),
        context: Context {
            kind: event.kind.as_str(),
            tool: event.tool.as_deref(),
            model: event.model.as_deref(),
            tokens_used: event.usage.map(|usage| usage.total()),
            duration_ms: event.duration_ms,
        },
    });
    Logs {
        logs: lines.collect(),
        total: page.total,
        has_more: offset.saturating_add(page.events.len() as u64) < page.total,
    }
}

/// What a log says of an event: its text or, where it has none, what it was.
pub(super) fn log_message(event: &EventRow) -> String {
    match (&event.tool, event.text.trim()) {
        (Some(tool), "") => format!("{}: {tool}", event.kind.as_str()),
        (None, "") => event.kind.as_str().to_owned(),
        (Some(tool), text) => format!("{tool}: {text}"),
        (None, text) => text.to_owned(),
    }
}

/// A session's figures.
#[must_use]
pub fn metrics(view: &SessionView, now: Timestamp) -> impl Serialize + '_ {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Tokens {
        used: u64,
        limit: Option<u64>,
        percentage: Option<f64>,
        rate_per60s: Option<f64>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Timing {
        start_time: Option<Time>,
        duration: Option<i64>,
        expected_duration: Option<i64>,
        estimated_completion: Option<Time>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Progress {
        percentage: Option<u8>,
        tasks_completed: Option<u32>,
        tasks_total: Option<u32>,
        current_task: String,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Performance {
        memory_usage: Option<f64>,
        cpu_time: Option<f64>,
        io_operations: Option<u64>,
    }
    #[derive(Serialize)]
    struct Metrics {
        tokens: Tokens,
        timing: Timing,
        progress: Progress,
        performance: Performance,
    }
    #[derive(Serialize)]
    struct Answer {
        metrics: Metrics,
    }
    let figures = Figures::of(view, now);
    let end = if view.state.is_over() {
        view.since
    } else {
        now
    };
    let duration = view.started_at.map(|start| (end - start).0.max(0));
    let two_places = |number: f64| (number * 100.0).round() / 100.0;
    let rate = duration.filter(|ms| *ms > 0).map(|ms| {
        let minutes = ms as f64 / 60_000.0;
        two_places(view.sums.usage.total() as f64 / minutes.max(1.0))
    });
    let limit = figures.tokens_limit.filter(|limit| *limit > 0);
    Answer {
        metrics: Metrics {
            tokens: Tokens {
                used: figures.tokens_used,
                limit: figures.tokens_limit,
                percentage: limit
                    .map(|limit| two_places(figures.tokens_used as f64 * 100.0 / limit as f64)),
                rate_per60s: rate,
            },
            timing: Timing {
                start_time: view.started_at.map(Time),
                duration,
                expected_duration: None,
                estimated_completion: None,
            },
            progress: Progress {
                percentage: figures.progress,
                tasks_completed: view.progress.map(|progress| progress.done),
                tasks_total: view.progress.map(|progress| progress.total),
                current_task: match &view.detail {
                    Some(detail) => format!("{}: {detail}", view.reason),
                    None => view.reason.to_string(),
                },
            },
            performance: Performance {
                memory_usage: None,
                cpu_time: None,
                io_operations: None,
            },
        },
    }
}

/// What a client is told of a session that changed, given its status as it was told last.
#[must_use]
pub fn message(view: &SessionView, before: Option<&str>, now: Timestamp) -> impl Serialize + use<> {
    #[derive(Serialize)]
    #[serde(tag = "type", content = "data")]
    #[serde(rename_all_fields = "camelCase")]
    enum Message {
        #[serde(rename = "session_update")]
        Update {
            session_id: String,
            status: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            progress: Option<u8>,
            tokens_used: u64,
            last_activity: Time,
        },
        #[serde(rename = "session_complete")]
        Complete {
            session_id: String,
            status: &'static str,
            completed_time: Time,
            final_progress: u8,
            total_tokens_used: u64,
        },
        #[serde(rename = "session_failed")]
        Failed {
            session_id: String,
            status: &'static str,
            error: String,
            failed_time: Time,
        },
        #[serde(rename = "session_stalled")]
        Stalled {
            session_id: String,
            status: &'static str,
            last_activity: Time,
            stalled_duration: i64,
        },
    }
    let figures = Figures::of(view, now);
    let session_id = view.key.to_string();
    let status = figures.status;
    let is_news = before != Some(status);
    match status {
        "completed" if is_news => Message::Complete {
            session_id,
            status,
            completed_time: Time(view.since),
            final_progress: 100,
            total_tokens_used: view.sums.usage.total(),
        },
        "failed" if is_news => Message::Failed {
            session_id,
            status,
            error: match (&view.detail, view.state.is_over()) {
                (Some(detail), _) => detail.to_string(),
                (None, true) => view.reason.to_string(),
                (None, false) => "Token limit exceeded".to_owned(),
            },
            failed_time: Time(view.since),
        },
        "stalled" if is_news => Message::Stalled {
            session_id,
            status,
            last_activity: Time(figures.last_activity),
            stalled_duration: (now - figures.last_activity).0.max(0),
        },
        _ => Message::Update {
            session_id,
            status,
            progress: figures.progress,
            tokens_used: figures.tokens_used,
            last_activity: Time(figures.last_activity),
        },
    }
}
