//! `agentmon sources`: what was looked for, found and skipped.

use agentmon_core::query::{RefreshOptions, RootState, SourceReport};
use agentmon_core::wire;

use super::empty;
use crate::args::SourcesArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

pub(super) fn run(args: &SourcesArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions::default())?;
    let reports = monitor.sources()?;
    match out.format {
        Format::Json => out.json(&wire::sources(&reports))?,
        Format::Csv if args.problems => problems_csv(&reports, out)?,
        Format::Csv => csv(&reports, out)?,
        Format::Table if args.problems => problems(&reports, cx, out)?,
        Format::Table => show(&reports, cx, out)?,
    }
    Ok(Exit::Done)
}

/// A root's state as a field.
pub(super) fn state(report: &SourceReport) -> Cell {
    match &report.state {
        RootState::Read => Cell::styled("read", Style::Good),
        RootState::Missing => Cell::styled("missing", Style::Faint),
        RootState::Unreadable(error) => Cell::styled(format!("unreadable: {error}"), Style::Bad),
        RootState::Disabled => Cell::styled("switched off", Style::Faint),
        RootState::Configured => Cell::styled("asked by a server", Style::Faint),
        RootState::Connecting => Cell::styled("connecting", Style::Faint),
        RootState::Connected => Cell::styled("connected", Style::Good),
    }
}

fn skipped(report: &SourceReport) -> u64 {
    report.problems.iter().map(|problem| problem.count).sum()
}

fn show(reports: &[SourceReport], cx: &Context, out: &mut Output) -> Result<(), Error> {
    let mut table = Table::new(&[
        ("AGENT", Layout::Left),
        ("FOLDER", Layout::Flexible),
        ("WHY", Layout::Left),
        ("STATE", Layout::Left),
        ("FILES", Layout::Right),
        ("SIZE", Layout::Right),
        ("SESSIONS", Layout::Right),
        ("SKIPPED", Layout::Right),
    ]);
    let (places, others) = empty::places(reports);
    for report in places {
        let skipped = skipped(report);
        let style = if skipped > 0 {
            Style::Held
        } else {
            Style::Faint
        };
        table.row(vec![
            report.agent.as_str().into(),
            empty::home_relative(&report.root.to_string_lossy(), cx).into(),
            (&*report.origin).into(),
            state(report),
            human::count(report.files).into(),
            human::bytes(report.bytes).into(),
            human::count(report.sessions).into(),
            Cell::styled(human::count(skipped), style),
        ]);
    }
    out.table(&table, 0)?;
    empty::elsewhere(others, out)?;
    if reports.iter().any(|report| !report.problems.is_empty()) {
        empty::hint(
            out,
            "What was skipped and where: agentmon sources --problems",
        )?;
    }
    Ok(())
}

fn problems(reports: &[SourceReport], cx: &Context, out: &mut Output) -> Result<(), Error> {
    let mut table = Table::new(&[
        ("PROBLEM", Layout::Left),
        ("TIMES", Layout::Right),
        ("WHAT", Layout::Flexible),
        ("FIRST AT", Layout::Flexible),
    ]);
    for problem in reports.iter().flat_map(|report| &report.problems) {
        let file = empty::home_relative(&problem.file.to_string_lossy(), cx);
        table.row(vec![
            problem.kind.as_str().into(),
            human::count(problem.count).into(),
            (&*problem.detail).into(),
            format!("{file}:{}", problem.offset).into(),
        ]);
    }
    if table.is_empty() {
        out.line("Nothing was skipped.")?;
    } else {
        out.table(&table, 0)?;
    }
    Ok(())
}

fn csv(reports: &[SourceReport], out: &mut Output) -> Result<(), Error> {
    let headings = [
        "agent", "format", "root", "origin", "state", "files", "bytes", "sessions", "skipped",
    ];
    let rows = reports.iter().map(|report| {
        vec![
            report.agent.to_string(),
            report.format.to_string(),
            report.root.display().to_string(),
            report.origin.to_string(),
            report.state.as_str().to_owned(),
            report.files.to_string(),
            report.bytes.to_string(),
            report.sessions.to_string(),
            skipped(report).to_string(),
        ]
    });
    Ok(out.csv(&headings, rows)?)
}

fn problems_csv(reports: &[SourceReport], out: &mut Output) -> Result<(), Error> {
    let headings = ["agent", "kind", "count", "detail", "file", "offset"];
    let rows = reports.iter().flat_map(|report| {
        report.problems.iter().map(|problem| {
            vec![
                report.agent.to_string(),
                problem.kind.as_str().to_owned(),
                problem.count.to_string(),
                problem.detail.to_string(),
                problem.file.display().to_string(),
                problem.offset.to_string(),
            ]
        })
    });
    Ok(out.csv(&headings, rows)?)
}
