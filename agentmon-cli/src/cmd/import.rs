//! `agentmon import`: transcripts from a backup, an archive or another machine.

use agentmon_core::query::ImportReport;
use agentmon_core::wire;

use super::empty::{self, home_relative};
use crate::args::ImportArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

/// Skipped files that are named.
const NAMED: usize = 10;

pub(super) fn run(args: &ImportArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    // What is here already comes first, so that what is new is counted truly.
    let monitor = cx.fresh_monitor(Default::default())?;
    let report = cx.with_progress(|progress| monitor.import(&args.path, progress))?;
    match out.format {
        Format::Json => out.json(&wire::import(&report))?,
        _ => show(&report, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(report: &ImportReport, cx: &Context, out: &mut Output) -> Result<(), Error> {
    if report.folders.is_empty() {
        out.line("No transcripts found.")?;
        empty::hint(
            out,
            "Give a copy of an agent's folder (such as .claude or .codex), or a folder with transcripts (*.jsonl).",
        )?;
    } else {
        let mut table = Table::new(&[
            ("AGENT", Layout::Left),
            ("FOLDER", Layout::FlexibleEnd),
            ("FILES", Layout::Right),
            ("SIZE", Layout::Right),
        ]);
        for folder in &report.folders {
            table.row(vec![
                folder.agent.as_str().into(),
                home_relative(&folder.path.to_string_lossy(), cx).into(),
                human::count(folder.files).into(),
                human::bytes(folder.bytes).into(),
            ]);
        }
        out.table(&table, 0)?;
        out.line(format!(
            "Read {}: {}, {} and {} that were not known.",
            human::bytes(report.read.bytes_read),
            human::counted(report.new_sessions, "session"),
            human::counted(report.new_calls, "model call"),
            human::counted(report.new_events, "event"),
        ))?;
    }
    if report.read.problems > 0 {
        let line = format!(
            "{} could not be read and left out.",
            human::counted(report.read.problems, "record")
        );
        let line = out.palette.paint(Style::Held, line);
        out.line(line)?;
    }
    if !report.skipped.is_empty() {
        let count = report.skipped.len() as u64;
        out.line(format!("Skipped {}:", human::counted(count, "file")))?;
        let mut table = Table::new(&[("", Layout::FlexibleEnd), ("", Layout::Flexible)]);
        for (path, reason) in report.skipped.iter().take(NAMED) {
            table.row(vec![
                home_relative(&path.to_string_lossy(), cx).into(),
                Cell::styled(reason, Style::Faint),
            ]);
        }
        out.table(&table, 2)?;
        if report.skipped.len() > NAMED {
            empty::hint(out, "  … --json names all")?;
        }
    }
    Ok(())
}
