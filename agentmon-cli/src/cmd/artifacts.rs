//! `agentmon show ID --artifacts`: what came out of a session.

use agentmon_core::Monitor;
use agentmon_core::query::{Artifacts, FileArtifact, LineCounts, Output as Made, OutputKind};
use agentmon_core::wire;

use super::empty;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

/// Files in a table, and other results in another.
const MAX_ROWS: usize = 200;

pub(super) fn run(
    monitor: &Monitor,
    id: &str,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    let limit = match out.format {
        Format::Json => usize::MAX,
        _ => MAX_ROWS,
    };
    let artifacts = monitor.artifacts(id, limit)?;
    match out.format {
        Format::Json => out.json(&wire::artifacts(&artifacts))?,
        _ => show(&artifacts, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(artifacts: &Artifacts, cx: &Context, out: &mut Output) -> Result<(), Error> {
    if artifacts.files.is_empty() && artifacts.outputs.is_empty() {
        out.line(
            "No tool call of this session tells of a file, commit or pull request that it made.",
        )?;
    }
    if !artifacts.files.is_empty() {
        let mut table = Table::new(&[
            ("FILE", Layout::Flexible),
            ("", Layout::Left),
            ("CHANGES", Layout::Right),
            ("LINES", Layout::Right),
            ("LAST", Layout::Right),
        ]);
        for file in &artifacts.files {
            table.row(row(file, artifacts, cx));
        }
        out.table(&table, 0)?;
    }
    for made in &artifacts.outputs {
        out.line(line(made, cx))?;
    }
    let more = artifacts.files_total + artifacts.outputs_total
        - (artifacts.files.len() + artifacts.outputs.len()) as u64;
    if more > 0 {
        empty::hint(
            out,
            &format!("and {} more: --json has all", human::count(more)),
        )?;
    }
    let left_out = artifacts.not_counted;
    for (count, what) in [
        (left_out.failed, "failed or refused"),
        (left_out.unanswered, "without an answer"),
        (left_out.unnamed, "that do not tell their file"),
    ] {
        if count > 0 {
            let edits = human::counted(count, "edit");
            empty::hint(out, &format!("not counted: {edits} {what}"))?;
        }
    }
    if !artifacts.is_complete {
        empty::hint(
            out,
            "not everything: the session is too long, its last calls were looked at",
        )?;
    }
    Ok(())
}

fn row(file: &FileArtifact, artifacts: &Artifacts, cx: &Context) -> Vec<Cell> {
    let by_others = file.by.iter().any(|(who, _)| *who != artifacts.session);
    let what = match by_others {
        true => format!("{}, by a subagent", file.fate.as_str()),
        false => file.fate.as_str().to_owned(),
    };
    vec![
        empty::home_relative(&file.path, cx).into(),
        Cell::styled(what, Style::Faint),
        human::count(file.changes).into(),
        lines(file.lines).into(),
        human::time(file.last_at, cx.now, cx.zone()).into(),
    ]
}

/// Lines added and removed; a `?` where there may be more.
fn lines(lines: LineCounts) -> String {
    let LineCounts {
        added,
        removed,
        is_complete,
    } = lines;
    match (added, removed, is_complete) {
        (0, 0, false) => "?".to_owned(),
        (added, removed, true) => format!("+{added} -{removed}"),
        (added, removed, false) => format!("+{added} -{removed} ?"),
    }
}

fn line(made: &Made, cx: &Context) -> String {
    let what = match made.kind {
        OutputKind::Images(count) => human::counted(u64::from(count), "image"),
        kind => kind.as_str().replace('_', " "),
    };
    let words = [&made.id, &made.title, &made.url, &made.tool];
    let words: Vec<&str> = words.iter().filter_map(|word| word.as_deref()).collect();
    let at = human::time(made.at, cx.now, cx.zone());
    format!("{at}  {what}  {}", words.join("  "))
}
