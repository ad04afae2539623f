//! `agentmon.sessions.v1`, `agentmon.session.v1`, `agentmon.explain.v1` and `agentmon.change.v1`.

use serde::Serialize;

use super::event::Event;
use super::part::{Spent, Time, Usd};
use super::usage::Beyond;
use crate::model::Relation;
use crate::query::{Explanation, ModelUsage, SessionDetail, SessionList, SessionView, ToolStats};
use crate::session::{Confidence, EvidenceRef, Liveness, State, Transition};

/// A list of sessions.
#[must_use]
pub fn sessions(list: &SessionList) -> impl Serialize + '_ {
    Sessions {
        schema: "agentmon.sessions.v1",
        sessions: list.sessions.iter().map(Session::from).collect(),
        matching: list.matching,
    }
}

/// Everything about one session.
#[must_use]
pub fn session(detail: &SessionDetail) -> impl Serialize + '_ {
    Detail {
        schema: "agentmon.session.v1",
        session: (&detail.session).into(),
        children: detail.children.iter().map(Session::from).collect(),
        models: detail.models.iter().map(Model::from).collect(),
        tools: detail.tools.iter().map(Tool::from).collect(),
        reported: detail.reported.iter().map(Model::from).collect(),
        unattributed: detail.unattributed.iter().map(Beyond::from).collect(),
        timeline: detail.timeline.iter().map(Event::from).collect(),
        timeline_truncated: detail.timeline_truncated,
    }
}

/// Why a session is believed to be in its state.
#[must_use]
pub fn explanation(explanation: &Explanation) -> impl Serialize + '_ {
    let verdict = &explanation.verdict;
    Explained {
        schema: "agentmon.explain.v1",
        session: (&explanation.session).into(),
        verdict: Verdict {
            state: verdict.state,
            reason: verdict.reason.to_string(),
            detail: verdict.detail.as_deref(),
            since: Time(verdict.since),
            liveness: verdict.liveness,
            confidence: verdict.confidence,
            decided_by: verdict.evidence.iter().map(Sign::from).collect(),
            next_deadline: verdict.next_deadline.map(Time),
        },
        evidence: explanation.evidence.iter().map(Sign::from).collect(),
        transitions: explanation.transitions.iter().map(Step::from).collect(),
    }
}

/// One line of `agentmon watch`: a session as it is after a change.
#[must_use]
pub fn session_change(session: &SessionView) -> impl Serialize + '_ {
    Changed {
        schema: "agentmon.change.v1",
        session: session.into(),
    }
}

#[derive(Serialize)]
struct Sessions<'a> {
    schema: &'static str,
    sessions: Vec<Session<'a>>,
    matching: u64,
}

#[derive(Serialize)]
struct Changed<'a> {
    schema: &'static str,
    session: Session<'a>,
}

#[derive(Serialize)]
pub(super) struct Session<'a> {
    id: String,
    agent: &'a str,
    native_id: &'a str,
    parent_id: Option<String>,
    relation: Option<Relation>,
    state: State,
    reason: String,
    detail: Option<&'a str>,
    liveness: Liveness,
    since: Time,
    title: Option<&'a str>,
    project: Option<&'a str>,
    project_path: Option<&'a str>,
    host: Option<&'a str>,
    branch: Option<&'a str>,
    cwd: Option<&'a str>,
    model: Option<&'a str>,
    version: Option<&'a str>,
    entrypoint: Option<&'a str>,
    role: Option<&'a str>,
    started_at: Option<Time>,
    last_activity_at: Option<Time>,
    usage: Spent,
    cost_usd: Option<Usd>,
    context: Option<Context>,
    progress: Option<Progress>,
    blocked_ms: i64,
    children: u32,
    pid: Option<u32>,
    transcript: Option<String>,
}

/// How full the context window is.
#[derive(Serialize)]
struct Context {
    tokens: u64,
    window: Option<u64>,
}

/// The session's task list.
#[derive(Serialize)]
struct Progress {
    done: u32,
    total: u32,
}

impl<'a> From<&'a SessionView> for Session<'a> {
    fn from(view: &'a SessionView) -> Self {
        Self {
            id: view.key.to_string(),
            agent: view.key.agent.as_str(),
            native_id: &view.key.native_id,
            parent_id: view.parent.as_ref().map(|(key, _)| key.to_string()),
            relation: view.parent.as_ref().map(|(_, relation)| *relation),
            state: view.state,
            reason: view.reason.to_string(),
            detail: view.detail.as_deref(),
            liveness: view.liveness,
            since: Time(view.since),
            title: view.title.as_deref(),
            project: view.project.as_ref().map(|project| &*project.name),
            project_path: view.project.as_ref().map(|project| &*project.root),
            host: view.host.as_deref(),
            branch: view.branch.as_deref(),
            cwd: view.cwd.as_deref(),
            model: view.model.as_deref(),
            version: view.version.as_deref(),
            entrypoint: view.entrypoint.as_deref(),
            role: view.role.as_deref(),
            started_at: view.started_at.map(Time),
            last_activity_at: view.last_activity_at.map(Time),
            usage: (&view.sums).into(),
            cost_usd: view.sums.known_cost().map(Usd),
            context: view
                .context
                .map(|(tokens, window)| Context { tokens, window }),
            progress: view.progress.map(|progress| Progress {
                done: progress.done,
                total: progress.total,
            }),
            blocked_ms: view.blocked.0,
            children: view.children,
            pid: view.pid,
            transcript: view
                .transcript
                .as_ref()
                .map(|path| path.display().to_string()),
        }
    }
}

#[derive(Serialize)]
struct Detail<'a> {
    schema: &'static str,
    session: Session<'a>,
    children: Vec<Session<'a>>,
    models: Vec<Model<'a>>,
    tools: Vec<Tool<'a>>,
    reported: Vec<Model<'a>>,
    unattributed: Vec<Beyond<'a>>,
    timeline: Vec<Event<'a>>,
    timeline_truncated: bool,
}

#[derive(Serialize)]
pub(super) struct Model<'a> {
    model: &'a str,
    #[serde(flatten)]
    spent: Spent,
}

impl<'a> From<&'a ModelUsage> for Model<'a> {
    fn from(usage: &'a ModelUsage) -> Self {
        Self {
            model: &usage.model,
            spent: (&usage.sums).into(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Tool<'a> {
    tool: &'a str,
    calls: u64,
    errors: u64,
    duration_ms: u64,
}

impl<'a> From<&'a ToolStats> for Tool<'a> {
    fn from(stats: &'a ToolStats) -> Self {
        Self {
            tool: &stats.tool,
            calls: stats.calls,
            errors: stats.errors,
            duration_ms: stats.duration_ms,
        }
    }
}

#[derive(Serialize)]
struct Explained<'a> {
    schema: &'static str,
    session: Session<'a>,
    verdict: Verdict<'a>,
    evidence: Vec<Sign<'a>>,
    transitions: Vec<Step<'a>>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    state: State,
    reason: String,
    detail: Option<&'a str>,
    since: Time,
    liveness: Liveness,
    confidence: Confidence,
    decided_by: Vec<Sign<'a>>,
    next_deadline: Option<Time>,
}

/// A sign in short.
#[derive(Serialize)]
struct Sign<'a> {
    at: Time,
    source: &'static str,
    signal: &'a str,
}

impl<'a> From<&'a EvidenceRef> for Sign<'a> {
    fn from(evidence: &'a EvidenceRef) -> Self {
        Self {
            at: Time(evidence.at),
            source: evidence.source.as_str(),
            signal: &evidence.signal,
        }
    }
}

#[derive(Serialize)]
struct Step<'a> {
    at: Time,
    since: Time,
    from: State,
    to: State,
    reason: String,
    detail: Option<&'a str>,
    decided_by: Vec<Sign<'a>>,
}

impl<'a> From<&'a Transition> for Step<'a> {
    fn from(transition: &'a Transition) -> Self {
        Self {
            at: Time(transition.at),
            since: Time(transition.since),
            from: transition.from,
            to: transition.to,
            reason: transition.reason.to_string(),
            detail: transition.detail.as_deref(),
            decided_by: transition.evidence.iter().map(Sign::from).collect(),
        }
    }
}
