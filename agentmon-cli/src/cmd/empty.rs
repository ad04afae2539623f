//! What to say when there is nothing to show: where was looked, and what to do.

use std::io;

use agentmon_core::Monitor;
use agentmon_core::query::{RootState, SourceReport};

use crate::context::Context;
use crate::error::Error;
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Output, human, text};

/// Says that there is nothing, and where was looked for it.
pub(super) fn nothing(
    what: &str,
    filtered: bool,
    monitor: &Monitor,
    cx: &Context,
    out: &mut Output,
) -> Result<(), Error> {
    if filtered {
        out.line(format!(
            "No {what} found that match. Without filters there may be more."
        ))?;
        return Ok(());
    }
    let sources = monitor.sources()?;
    let (places, others) = places(&sources);
    out.line(format!("No {what} found. Looked in:"))?;
    let mut table = Table::new(&[
        ("", Layout::Flexible),
        ("", Layout::Left),
        ("", Layout::Flexible),
    ]);
    for source in places {
        let (state, style) = match &source.state {
            RootState::Read => (
                format!(
                    "{}, {}",
                    human::counted(source.files, "file"),
                    human::bytes(source.bytes)
                ),
                Style::Plain,
            ),
            RootState::Missing => ("missing".to_owned(), Style::Faint),
            RootState::Unreadable(error) => (format!("unreadable: {error}"), Style::Bad),
            RootState::Disabled => ("switched off".to_owned(), Style::Faint),
            RootState::Configured => ("asked by a server".to_owned(), Style::Faint),
            RootState::Connecting => ("connecting".to_owned(), Style::Faint),
            RootState::Connected => ("connected".to_owned(), Style::Good),
        };
        table.row(vec![
            home_relative(&source.root.to_string_lossy(), cx).into(),
            source.agent.as_str().into(),
            Cell::styled(state, style),
        ]);
    }
    out.table(&table, 2)?;
    elsewhere(others, out)?;
    hint(
        out,
        "If your agents write elsewhere, set CLAUDE_CONFIG_DIR, CODEX_HOME or OPENCLAW_STATE_DIR,",
    )?;
    hint(
        out,
        &format!(
            "or add roots under [sources] in {}.",
            home_relative(&cx.config.file.to_string_lossy(), cx)
        ),
    )?;
    hint(
        out,
        "To see it with agents at work, all made up: agentmon --demo, agentmon --demo top.",
    )?;
    Ok(())
}

/// The places that are worth a line: whatever is there or was asked for, and of an agent that has left nothing the first
/// place. Also how many others there are: editors alone make dozens of them.
pub(super) fn places(sources: &[SourceReport]) -> (Vec<&SourceReport>, usize) {
    let here = |source: &&SourceReport| {
        let by_itself = matches!(&*source.origin, "default" | "legacy");
        source.state != RootState::Missing || !by_itself
    };
    let mut places: Vec<&SourceReport> = Vec::new();
    for source in sources {
        let mut of_agent = sources.iter().filter(|other| other.agent == source.agent);
        let is_first = of_agent
            .clone()
            .next()
            .is_some_and(|first| std::ptr::eq(first, source));
        if here(&source) || (is_first && !of_agent.any(|other| here(&other))) {
            places.push(source);
        }
    }
    let others = sources.len() - places.len();
    (places, others)
}

/// Says that there are other places.
pub(super) fn elsewhere(others: usize, out: &mut Output) -> Result<(), Error> {
    if others > 0 {
        let folders = human::counted(others as u64, "more folder");
        hint(
            out,
            &format!("{folders} would be read if they were there: agentmon sources --csv"),
        )?;
    }
    Ok(())
}

/// A faint line of advice, with the space in front of it.
pub(super) fn hint(out: &mut Output, line: &str) -> io::Result<()> {
    let space = " ".repeat(line.len() - line.trim_start_matches(' ').len());
    let line = out.palette.paint(Style::Faint, text::line(line));
    out.line(format!("{space}{line}"))
}

/// A path with `~` for the home folder.
pub(super) fn home_relative(path: &str, cx: &Context) -> String {
    let home = cx.env.home.to_string_lossy();
    match path.strip_prefix(&*home) {
        Some("") if !home.is_empty() => "~".to_owned(),
        Some(rest) if !home.is_empty() && rest.starts_with(['/', '\\']) => format!("~{rest}"),
        _ => path.to_owned(),
    }
}
