//! Statistics, costs, and what filters can take.

use serde::Serialize;

use super::part::Counts;
use super::quota::{Provider, providers};
use crate::model::EventKind;
use crate::query::{CostReport, FeedStats, FilterOptions, QuotaView, ToolTotals};
use crate::wire::part::Usd;

/// Counts over everything.
#[must_use]
pub fn stats<'a>(stats: &'a FeedStats, quotas: &'a [QuotaView]) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Stats<'a> {
        total_events: u64,
        active_sessions: u64,
        total_sessions: u64,
        live_sessions: u64,
        active_agents: u64,
        total_tokens_in: u64,
        total_tokens_out: u64,
        total_cost_usd: Usd,
        tool_breakdown: Counts<'a>,
        agent_breakdown: Counts<'a>,
        model_breakdown: Counts<'a>,
        branches: &'a [Box<str>],
        quota_monitor: Vec<Provider<'a>>,
        usage_monitor: Vec<Provider<'a>>,
    }
    Stats {
        total_events: stats.events,
        active_sessions: stats.active_sessions,
        total_sessions: stats.sessions,
        live_sessions: stats.live_sessions,
        active_agents: stats.active_agents,
        total_tokens_in: stats.usage.input,
        total_tokens_out: stats.usage.output,
        total_cost_usd: Usd(stats.cost),
        tool_breakdown: Counts(&stats.tools),
        agent_breakdown: Counts(&stats.agents),
        model_breakdown: Counts(&stats.models),
        branches: &stats.branches,
        quota_monitor: providers(quotas),
        usage_monitor: providers(quotas),
    }
}

/// How often tools were used.
#[must_use]
pub fn tools(tools: &[ToolTotals]) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Tool<'a> {
        tool_name: &'a str,
        total_calls: u64,
        error_count: u64,
        error_rate: f64,
        avg_duration_ms: Option<u64>,
        by_agent: Counts<'a>,
    }
    #[derive(Serialize)]
    struct Tools<'a> {
        tools: Vec<Tool<'a>>,
    }
    let rate =
        |tool: &ToolTotals| (tool.errors as f64 / tool.calls.max(1) as f64 * 1e4).round() / 1e4;
    Tools {
        tools: tools
            .iter()
            .map(|totals| Tool {
                tool_name: &totals.tool,
                total_calls: totals.calls,
                error_count: totals.errors,
                error_rate: rate(totals),
                avg_duration_ms: totals.mean_ms,
                by_agent: Counts(&totals.agents),
            })
            .collect(),
    }
}

/// What was spent.
#[must_use]
pub fn cost(report: &CostReport) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Hour {
        bucket: String,
        cost_usd: Usd,
        tokens_in: u64,
        tokens_out: u64,
        event_count: u64,
    }
    #[derive(Serialize)]
    struct Project<'a> {
        project: &'a str,
        cost_usd: Usd,
        session_count: u64,
        event_count: u64,
    }
    #[derive(Serialize)]
    struct Model<'a> {
        model: &'a str,
        cost_usd: Usd,
        event_count: u64,
        tokens_in: u64,
        tokens_out: u64,
    }
    #[derive(Serialize)]
    struct Cost<'a> {
        timeline: Vec<Hour>,
        by_project: Vec<Project<'a>>,
        by_model: Vec<Model<'a>>,
    }
    let hours = report.hours.iter().map(|hour| Hour {
        bucket: hour.start.to_string().replace(".000Z", "Z"),
        cost_usd: Usd(hour.cost),
        tokens_in: hour.usage.input,
        tokens_out: hour.usage.output,
        event_count: hour.events,
    });
    let projects = report.projects.iter().map(|project| Project {
        project: project.project.as_deref().unwrap_or("unknown"),
        cost_usd: Usd(project.cost),
        session_count: project.sessions,
        event_count: project.events,
    });
    let models = report.models.iter().map(|model| Model {
        model: &model.model,
        cost_usd: Usd(model.cost),
        event_count: model.calls,
        tokens_in: model.usage.input,
        tokens_out: model.usage.output,
    });
    Cost {
        timeline: hours.collect(),
        by_project: projects.collect(),
        by_model: models.collect(),
    }
}

/// The values that filters can take.
#[must_use]
pub fn filter_options(options: &FilterOptions) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Branch<'a> {
        value: &'a str,
        label: String,
    }
    #[derive(Serialize)]
    struct Options<'a> {
        agent_types: &'a [Box<str>],
        event_types: &'a [EventKind],
        tool_names: &'a [Box<str>],
        models: &'a [Box<str>],
        projects: &'a [Box<str>],
        branches: Vec<Branch<'a>>,
        sources: &'a [Box<str>],
    }
    Options {
        agent_types: &options.agents,
        event_types: &options.kinds,
        tool_names: &options.tools,
        models: &options.models,
        projects: &options.projects,
        branches: options
            .branches
            .iter()
            .map(|(project, branch)| Branch {
                value: branch,
                label: match project {
                    Some(project) => format!("{project} / {branch}"),
                    None => branch.to_string(),
                },
            })
            .collect(),
        sources: &options.sources,
    }
}
