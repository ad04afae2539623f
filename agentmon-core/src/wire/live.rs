//! What a live screen shows: `agentmon.board.v1`, and the data of the live stream's topics (see `docs/api.md`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::blocks;
use super::event::Event;
use super::part::{Spent, Time};
use super::session::{Model, Session, Tool};
use super::status::{BudgetLine, Quota};
use super::usage::{Row, Window};
use crate::model::Timestamp;
use crate::query::{
    BudgetState, EventRow, Group, ModelUsage, QuotaView, SessionDetail, SessionView, Sums,
    ToolStats, TranscriptBlock, TranscriptPage, UsageReport,
};
use crate::session::State;

/// The strip above a board.
#[derive(Debug, Clone, Default)]
pub struct BoardStatus {
    /// When this was so.
    pub at: Timestamp,
    /// Sessions by state.
    pub counts: BTreeMap<State, u64>,
    /// Sessions by group.
    pub groups: BTreeMap<Group, u64>,
    /// Usage of today.
    pub today: Sums,
    /// Plan limits.
    pub quotas: Vec<QuotaView>,
    /// Budgets.
    pub budgets: Vec<BudgetState>,
    /// Sessions that match, those beyond the limit too.
    pub matching: u64,
}

/// The strip above a board.
#[must_use]
pub fn board_status(status: &BoardStatus) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Strip<'a> {
        at: Time,
        counts: &'a BTreeMap<State, u64>,
        groups: BTreeMap<&'static str, u64>,
        today: Spent,
        quotas: Vec<Quota<'a>>,
        budgets: Vec<BudgetLine<'a>>,
        matching: u64,
    }
    let count = |group: &Group| status.groups.get(group).copied().unwrap_or(0);
    let groups = Group::ALL
        .iter()
        .map(|group| (group.as_str(), count(group)));
    Strip {
        at: Time(status.at),
        counts: &status.counts,
        groups: groups.collect(),
        today: (&status.today).into(),
        quotas: status.quotas.iter().map(Quota::from).collect(),
        budgets: status.budgets.iter().map(BudgetLine::from).collect(),
        matching: status.matching,
    }
}

/// A session on the board.
#[must_use]
pub fn board_row(session: &SessionView, group: Group) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Row<'a> {
        #[serde(flatten)]
        session: Session<'a>,
        group: &'static str,
    }
    Row {
        session: session.into(),
        group: group.as_str(),
    }
}

/// A session as lists show it.
#[must_use]
pub fn session_row(session: &SessionView) -> impl Serialize + '_ {
    Session::from(session)
}

/// The sessions that a session has started or is made of.
#[must_use]
pub fn session_rows(sessions: &[SessionView]) -> impl Serialize + '_ {
    sessions.iter().map(Session::from).collect::<Vec<_>>()
}

/// Usage by model.
#[must_use]
pub fn model_rows(models: &[ModelUsage]) -> impl Serialize + '_ {
    models.iter().map(Model::from).collect::<Vec<_>>()
}

/// Usage by tool.
#[must_use]
pub fn tool_rows(tools: &[ToolStats]) -> impl Serialize + '_ {
    tools.iter().map(Tool::from).collect::<Vec<_>>()
}

/// A session with the end of its transcript.
#[must_use]
pub fn live_session<'a>(
    detail: &'a SessionDetail,
    page: &'a TranscriptPage,
) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Live<'a> {
        session: Session<'a>,
        children: Vec<Session<'a>>,
        models: Vec<Model<'a>>,
        tools: Vec<Tool<'a>>,
        blocks: blocks::Page<'a>,
    }
    Live {
        session: (&detail.session).into(),
        children: detail.children.iter().map(Session::from).collect(),
        models: detail.models.iter().map(Model::from).collect(),
        tools: detail.tools.iter().map(Tool::from).collect(),
        blocks: page.into(),
    }
}

/// Blocks of a transcript.
#[must_use]
pub fn block_rows(blocks: &[TranscriptBlock]) -> impl Serialize + '_ {
    blocks.iter().map(blocks::Line::from).collect::<Vec<_>>()
}

/// Events of the feed.
#[must_use]
pub fn live_events(events: &[EventRow], skipped: u64) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Live<'a> {
        events: Vec<Event<'a>>,
        skipped: u64,
    }
    Live {
        events: events.iter().map(Event::from).collect(),
        skipped,
    }
}

/// The figures of today.
#[derive(Debug)]
pub struct TodayUsage {
    /// By agent.
    pub agents: UsageReport,
    /// By model.
    pub models: UsageReport,
    /// By project.
    pub projects: UsageReport,
    /// Five-hour windows.
    pub windows: UsageReport,
    /// Budgets.
    pub budgets: Vec<BudgetState>,
}

/// The figures of today.
#[must_use]
pub fn live_usage(today: &TodayUsage) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Live<'a> {
        today: Spent,
        by_agent: Vec<Row<'a>>,
        by_model: Vec<Row<'a>>,
        by_project: Vec<Row<'a>>,
        blocks: Vec<Window<'a>>,
        budgets: Vec<BudgetLine<'a>>,
    }
    let open = today.windows.blocks.iter();
    let open = open.filter(|window| window.projection.is_some());
    Live {
        today: (&today.agents.totals).into(),
        by_agent: today.agents.rows.iter().map(Row::from).collect(),
        by_model: today.models.rows.iter().map(Row::from).collect(),
        by_project: today.projects.rows.iter().map(Row::from).collect(),
        blocks: open.map(Window::from).collect(),
        budgets: today.budgets.iter().map(BudgetLine::from).collect(),
    }
}
