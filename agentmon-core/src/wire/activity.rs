//! `agentmon.hours.v1`, `agentmon.tools.v1`, `agentmon.blocked.v1` and `agentmon.filters.v1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::{Spent, Time};
use crate::query::{
    BlockedReport, BlockedTime, FilterOptions, HourCell, ToolFilter, ToolUsage, UsageQuery,
};

/// Usage by weekday and hour.
#[must_use]
pub fn hours(query: &UsageQuery, cells: &[HourCell]) -> impl Serialize + use<> {
    #[derive(Serialize)]
    struct Hours {
        schema: &'static str,
        timezone: String,
        since: Option<Time>,
        until: Option<Time>,
        cells: Vec<Cell>,
    }
    #[derive(Serialize)]
    struct Cell {
        weekday: u8,
        hour: u8,
        #[serde(flatten)]
        spent: Spent,
    }
    let cell = |cell: &HourCell| Cell {
        weekday: cell.weekday,
        hour: cell.hour,
        spent: (&cell.sums).into(),
    };
    Hours {
        schema: "agentmon.hours.v1",
        timezone: query.zone.to_string(),
        since: query.since.map(Time),
        until: query.until.map(Time),
        cells: cells.iter().map(cell).collect(),
    }
}

/// How often tools were used.
#[must_use]
pub fn tools<'a>(filter: &ToolFilter, tools: &'a [ToolUsage]) -> impl Serialize + use<'a> {
    #[derive(Serialize)]
    struct Tools<'a> {
        schema: &'static str,
        since: Option<Time>,
        until: Option<Time>,
        tools: Vec<Tool<'a>>,
    }
    #[derive(Serialize)]
    struct Tool<'a> {
        tool: &'a str,
        calls: u64,
        errors: u64,
        error_rate: f64,
        timed_calls: u64,
        duration_ms: u64,
        mean_ms: Option<u64>,
        p50_ms: Option<u64>,
        p95_ms: Option<u64>,
        max_ms: Option<u64>,
        by_agent: &'a BTreeMap<Box<str>, u64>,
    }
    let tool = |tool: &'a ToolUsage| Tool {
        tool: &tool.tool,
        calls: tool.calls,
        errors: tool.errors,
        error_rate: (tool.error_rate() * 10_000.0).round() / 10_000.0,
        timed_calls: tool.timed,
        duration_ms: tool.duration_ms,
        mean_ms: tool.mean_ms(),
        p50_ms: tool.times.percentile(50),
        p95_ms: tool.times.percentile(95),
        max_ms: tool.times.longest(),
        by_agent: &tool.agents,
    };
    Tools {
        schema: "agentmon.tools.v1",
        since: filter.since.map(Time),
        until: filter.until.map(Time),
        tools: tools.iter().map(tool).collect(),
    }
}

/// How long sessions waited for the user.
#[must_use]
pub fn blocked(report: &BlockedReport) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Blocked<'a> {
        schema: &'static str,
        timezone: String,
        since: Time,
        until: Time,
        total: Waited,
        days: Vec<Day>,
        sessions: Vec<One<'a>>,
    }
    #[derive(Serialize)]
    struct Waited {
        needs_input_ms: i64,
        idle_unseen_ms: i64,
    }
    #[derive(Serialize)]
    struct Day {
        day: String,
        #[serde(flatten)]
        waited: Waited,
    }
    #[derive(Serialize)]
    struct One<'a> {
        id: String,
        title: Option<&'a str>,
        project: Option<&'a str>,
        #[serde(flatten)]
        waited: Waited,
    }
    let waited = |time: &BlockedTime| Waited {
        needs_input_ms: time.needs_input.0,
        idle_unseen_ms: time.idle_unseen.0,
    };
    let days = report.days.iter().map(|day| Day {
        day: day.day.to_string(),
        waited: waited(&day.time),
    });
    let sessions = report.sessions.iter().map(|session| One {
        id: session.key.to_string(),
        title: session.title.as_deref(),
        project: session.project.as_deref(),
        waited: waited(&session.time),
    });
    Blocked {
        schema: "agentmon.blocked.v1",
        timezone: report.zone.to_string(),
        since: Time(report.since),
        until: Time(report.until),
        total: waited(&report.total),
        days: days.collect(),
        sessions: sessions.collect(),
    }
}

/// The words that filters can take.
#[must_use]
pub fn filters(options: &FilterOptions) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Filters<'a> {
        schema: &'static str,
        agents: &'a [Box<str>],
        models: &'a [Box<str>],
        projects: &'a [Box<str>],
        hosts: &'a [Box<str>],
        tools: &'a [Box<str>],
        branches: Vec<&'a str>,
    }
    let mut branches: Vec<&str> = options
        .branches
        .iter()
        .map(|(_, branch)| &**branch)
        .collect();
    branches.sort_unstable();
    branches.dedup();
    Filters {
        schema: "agentmon.filters.v1",
        agents: &options.agents,
        models: &options.models,
        projects: &options.projects,
        hosts: &options.hosts,
        tools: &options.tools,
        branches,
    }
}
