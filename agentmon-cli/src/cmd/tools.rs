//! `agentmon tools`.

use agentmon_core::model::Span;
use agentmon_core::query::{ToolFilter, ToolUsage};
use agentmon_core::wire;

use super::{empty, words};
use crate::args::ToolsArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

pub(super) fn run(args: &ToolsArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let (since, until) = cx.range(&args.range)?;
    let filter = ToolFilter {
        agents: args.whose.agent.clone(),
        projects: cx.projects(&args.whose.project),
        sessions: words(&args.whose.session),
        since,
        until,
    };
    let monitor = cx.fresh_monitor(args.whose.refresh(since))?;
    let mut tools = monitor.tool_usage(&filter)?;
    tools.truncate(args.limit.unwrap_or(usize::MAX));
    match out.format {
        Format::Json => out.json(&wire::tools(&filter, &tools))?,
        Format::Csv => csv(&tools, out)?,
        Format::Table if tools.is_empty() => {
            let filtered = filter != ToolFilter::default();
            empty::nothing("uses of tools", filtered, &monitor, cx, out)?;
        }
        Format::Table => show(&tools, out)?,
    }
    Ok(Exit::Done)
}

fn show(tools: &[ToolUsage], out: &mut Output) -> Result<(), Error> {
    let mut table = Table::new(&[
        ("TOOL", Layout::Flexible),
        ("CALLS", Layout::Right),
        ("ERRORS", Layout::Right),
        ("RATE", Layout::Right),
        ("MEAN", Layout::Right),
        ("P50", Layout::Right),
        ("P95", Layout::Right),
        ("LONGEST", Layout::Right),
    ]);
    for tool in tools {
        let bad = if tool.errors > 0 {
            Style::Bad
        } else {
            Style::Faint
        };
        let time = |ms: Option<u64>| ms.map_or_else(Cell::default, |ms| short(ms).into());
        table.row(vec![
            (&*tool.tool).into(),
            human::count(tool.calls).into(),
            Cell::styled(human::count(tool.errors), bad),
            Cell::styled(format!("{:.1} %", tool.error_rate() * 100.0), bad),
            time(tool.mean_ms()),
            time(tool.times.percentile(50)),
            time(tool.times.percentile(95)),
            time(tool.times.longest()),
        ]);
    }
    Ok(out.table(&table, 0)?)
}

/// A time that is often shorter than a second.
fn short(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..10_000 => format!("{:.1}s", ms as f64 / 1000.0),
        _ => human::span(Span(i64::try_from(ms).unwrap_or(i64::MAX))),
    }
}

fn csv(tools: &[ToolUsage], out: &mut Output) -> Result<(), Error> {
    let headings = [
        "tool",
        "calls",
        "errors",
        "error_rate",
        "timed_calls",
        "duration_ms",
        "mean_ms",
        "p50_ms",
        "p95_ms",
        "max_ms",
    ];
    let rows = tools.iter().map(|tool| {
        let number = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
        vec![
            tool.tool.to_string(),
            tool.calls.to_string(),
            tool.errors.to_string(),
            format!("{:.4}", tool.error_rate()),
            tool.timed.to_string(),
            tool.duration_ms.to_string(),
            number(tool.mean_ms()),
            number(tool.times.percentile(50)),
            number(tool.times.percentile(95)),
            number(tool.times.longest()),
        ]
    });
    Ok(out.csv(&headings, rows)?)
}
