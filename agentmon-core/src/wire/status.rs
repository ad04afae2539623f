//! `agentmon.status.v1` and `agentmon.quotas.v1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::{Spent, Time, Usd};
use super::session::Session;
use crate::model::QuotaWindow;
use crate::query::{Board, BudgetState, QuotaView, SessionView};
use crate::session::State;

/// The board.
#[must_use]
pub fn status(board: &Board) -> impl Serialize + '_ {
    Status {
        schema: "agentmon.status.v1",
        at: Time(board.at),
        needs_you: all(&board.needs_you),
        failed: all(&board.failed),
        stalled: all(&board.stalled),
        limited: all(&board.limited),
        working: all(&board.working),
        done: all(&board.done),
        counts: &board.counts,
        today: (&board.today).into(),
        quotas: board.quotas.iter().map(Quota::from).collect(),
        budgets: board.budgets.iter().map(BudgetLine::from).collect(),
    }
}

/// Plan limits.
#[must_use]
pub fn quotas(quotas: &[QuotaView]) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Quotas<'a> {
        schema: &'static str,
        quotas: Vec<Quota<'a>>,
    }
    Quotas {
        schema: "agentmon.quotas.v1",
        quotas: quotas.iter().map(Quota::from).collect(),
    }
}

fn all(sessions: &[SessionView]) -> Vec<Session<'_>> {
    sessions.iter().map(Session::from).collect()
}

#[derive(Serialize)]
struct Status<'a> {
    schema: &'static str,
    at: Time,
    needs_you: Vec<Session<'a>>,
    failed: Vec<Session<'a>>,
    stalled: Vec<Session<'a>>,
    limited: Vec<Session<'a>>,
    working: Vec<Session<'a>>,
    done: Vec<Session<'a>>,
    counts: &'a BTreeMap<State, u64>,
    today: Spent,
    quotas: Vec<Quota<'a>>,
    budgets: Vec<BudgetLine<'a>>,
}

/// A budget and what is spent of it.
#[derive(Serialize)]
pub(super) struct BudgetLine<'a> {
    project: Option<&'a str>,
    period: &'static str,
    since: Time,
    limit_usd: Usd,
    spent_usd: Usd,
    used_percent: f64,
    over: bool,
}

impl<'a> From<&'a BudgetState> for BudgetLine<'a> {
    fn from(state: &'a BudgetState) -> Self {
        Self {
            project: state.budget.project.as_deref(),
            period: state.budget.period.as_str(),
            since: Time(state.since),
            limit_usd: Usd(state.budget.limit),
            spent_usd: Usd(state.spent),
            used_percent: (state.used_percent() * 10.0).round() / 10.0,
            over: state.is_over(),
        }
    }
}

/// A plan limit as last reported.
#[derive(Serialize)]
pub(super) struct Quota<'a> {
    agent: &'a str,
    limit: &'a str,
    window: &'a str,
    used_percent: f64,
    window_minutes: Option<u32>,
    resets_at: Option<Time>,
    plan: Option<&'a str>,
    at: Time,
    expired: bool,
}

impl<'a> Quota<'a> {
    /// A limit that was reported just now.
    pub(super) fn fresh(window: &'a QuotaWindow) -> Self {
        Self {
            agent: window.agent.as_str(),
            limit: &window.limit,
            window: &window.window,
            used_percent: window.used_percent,
            window_minutes: window.window_minutes,
            resets_at: window.resets_at.map(Time),
            plan: window.plan.as_deref(),
            at: Time(window.at),
            expired: false,
        }
    }
}

impl<'a> From<&'a QuotaView> for Quota<'a> {
    fn from(view: &'a QuotaView) -> Self {
        Self {
            expired: view.expired,
            ..Self::fresh(&view.window)
        }
    }
}
