//! `agentmon.usage.v1`.

use serde::Serialize;

use super::part::{Spent, Time, Tokens, Usd};
use super::status::{BudgetLine, Quota};
use crate::query::{
    Block, BudgetState, Project, QuotaView, ReportKind, Unattributed, UsageReport, UsageRow,
};

/// A usage report, with the plan limits (of a report by window) and the budgets in force.
#[must_use]
pub fn usage<'a>(
    report: &'a UsageReport,
    quotas: &'a [QuotaView],
    budgets: &'a [BudgetState],
) -> impl Serialize + 'a {
    Usage {
        schema: "agentmon.usage.v1",
        report: report.kind.as_str(),
        timezone: report.zone.to_string(),
        since: report.since.map(Time),
        until: report.until.map(Time),
        rows: report.rows.iter().map(Row::from).collect(),
        totals: (&report.totals).into(),
        blocks: (report.kind == ReportKind::Blocks)
            .then(|| report.blocks.iter().map(Window::from).collect()),
        unpriced: report
            .unpriced
            .iter()
            .map(|unpriced| Unpriced {
                model: &unpriced.model,
                requests: unpriced.requests,
                total_tokens: unpriced.tokens,
            })
            .collect(),
        unattributed: report.unattributed.iter().map(Beyond::from).collect(),
        quotas: (report.kind == ReportKind::Blocks)
            .then(|| quotas.iter().map(Quota::from).collect()),
        budgets: budgets.iter().map(BudgetLine::from).collect(),
    }
}

#[derive(Serialize)]
struct Usage<'a> {
    schema: &'static str,
    report: &'static str,
    timezone: String,
    since: Option<Time>,
    until: Option<Time>,
    rows: Vec<Row<'a>>,
    totals: Spent,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks: Option<Vec<Window<'a>>>,
    unpriced: Vec<Unpriced<'a>>,
    unattributed: Vec<Beyond<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quotas: Option<Vec<Quota<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<BudgetLine<'a>>,
}

/// A dimension that was not chosen is absent; one that was chosen and is not known is `null`.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_path: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Option<&'a str>>,
    #[serde(flatten)]
    spent: Spent,
    first_at: Time,
    last_at: Time,
}

impl<'a> From<&'a UsageRow> for Row<'a> {
    fn from(row: &'a UsageRow) -> Self {
        let project = row.project.as_ref().map(Option::as_ref);
        let name = |project: &'a Project| &*project.name;
        let root = |project: &'a Project| &*project.root;
        Self {
            period: row.period.as_deref(),
            session_id: row.session.as_ref().map(|key| &*key.native_id),
            title: row.title.as_deref(),
            agent: row.agent.as_ref().map(crate::model::AgentKind::as_str),
            model: row.model.as_deref(),
            project: project.map(|project| project.map(name)),
            project_path: project.map(|project| project.map(root)),
            host: row.host.as_ref().map(Option::as_deref),
            spent: (&row.sums).into(),
            first_at: Time(row.first),
            last_at: Time(row.last),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Window<'a> {
    agent: &'a str,
    start: Time,
    end: Time,
    first_at: Time,
    last_at: Time,
    is_active: bool,
    #[serde(flatten)]
    spent: Spent,
    #[serde(skip_serializing_if = "Option::is_none")]
    burn_rate: Option<BurnRate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    projection: Option<Projection>,
}

#[derive(Serialize)]
struct BurnRate {
    tokens_per_minute: f64,
    cost_usd_per_hour: Usd,
}

#[derive(Serialize)]
struct Projection {
    remaining_minutes: u64,
    total_tokens: u64,
    cost_usd: Usd,
}

impl<'a> From<&'a Block> for Window<'a> {
    fn from(block: &'a Block) -> Self {
        Self {
            agent: block.agent.as_str(),
            start: Time(block.start),
            end: Time(block.end),
            first_at: Time(block.first),
            last_at: Time(block.last),
            is_active: block.projection.is_some(),
            spent: (&block.sums).into(),
            burn_rate: block.projection.map(|projection| BurnRate {
                tokens_per_minute: (projection.tokens_per_minute * 10.0).round() / 10.0,
                cost_usd_per_hour: Usd(projection.cost_per_hour),
            }),
            projection: block.projection.map(|projection| Projection {
                remaining_minutes: projection.remaining_minutes,
                total_tokens: projection.tokens,
                cost_usd: Usd(projection.cost),
            }),
        }
    }
}

#[derive(Serialize)]
struct Unpriced<'a> {
    model: &'a str,
    requests: u64,
    total_tokens: u64,
}

/// What an agent counted beyond its calls.
#[derive(Serialize)]
pub(super) struct Beyond<'a> {
    session_id: &'a str,
    agent: &'a str,
    model: &'a str,
    #[serde(flatten)]
    tokens: Tokens,
    cost_usd: Usd,
}

impl<'a> From<&'a Unattributed> for Beyond<'a> {
    fn from(beyond: &'a Unattributed) -> Self {
        Self {
            session_id: &beyond.session.native_id,
            agent: beyond.session.agent.as_str(),
            model: &beyond.model,
            tokens: (&beyond.usage).into(),
            cost_usd: Usd(beyond.cost),
        }
    }
}
