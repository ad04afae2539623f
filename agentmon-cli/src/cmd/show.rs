//! `agentmon show`: one session with its timeline, tools, cost and children.

use agentmon_core::model::{EventStatus, Span};
use agentmon_core::query::{EventRow, RefreshOptions, SessionDetail, SessionView};
use agentmon_core::wire;

use super::sessions::{ShortIds, cost, project, sign, style, title, why};
use super::{artifacts, empty};
use crate::args::ShowArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

pub(super) fn run(args: &ShowArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions {
        want_state: true,
        content: true,
        content_of: Some(&args.id),
        ..RefreshOptions::default()
    })?;
    if args.artifacts {
        return artifacts::run(&monitor, &args.id, cx, out);
    }
    let detail = monitor.session(&args.id)?;
    match out.format {
        Format::Json => out.json(&wire::session(&detail))?,
        _ => show(&detail, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(detail: &SessionDetail, cx: &Context, out: &mut Output) -> Result<(), Error> {
    head(&detail.session, cx, out)?;
    if !detail.children.is_empty() {
        heading("Children", out)?;
        let ids = ShortIds::new(detail.children.iter().map(|child| &child.key));
        let mut table = Table::new(&[
            ("", Layout::Left),
            ("", Layout::Left),
            ("", Layout::Left),
            ("", Layout::Flexible),
            ("", Layout::Right),
        ]);
        for child in &detail.children {
            // A subagent's id begins with its parent's: the end tells them apart.
            let id = child.key.native_id.rsplit('/').next();
            let id = id.filter(|id| id.len() < child.key.native_id.len());
            table.row(vec![
                sign(child),
                id.map_or_else(|| ids.of(&child.key), str::to_owned).into(),
                Cell::styled(child.state.as_str(), style(child.state)),
                title(child).into(),
                cost(child).into(),
            ]);
        }
        out.table(&table, 1)?;
    }
    models(detail, out)?;
    if !detail.tools.is_empty() {
        heading("Tools", out)?;
        let mut table = Table::new(&[
            ("TOOL", Layout::Flexible),
            ("CALLS", Layout::Right),
            ("ERRORS", Layout::Right),
            ("TIME", Layout::Right),
        ]);
        for tool in &detail.tools {
            let bad = if tool.errors > 0 {
                Style::Bad
            } else {
                Style::Faint
            };
            table.row(vec![
                (&*tool.tool).into(),
                human::count(tool.calls).into(),
                Cell::styled(human::count(tool.errors), bad),
                human::span(Span(i64::try_from(tool.duration_ms).unwrap_or(i64::MAX))).into(),
            ]);
        }
        out.table(&table, 1)?;
    }
    if !detail.timeline.is_empty() {
        heading("Timeline", out)?;
        if detail.timeline_truncated {
            let id = &detail.session.key.native_id;
            empty::hint(out, &format!(" … earlier: agentmon events --session {id}"))?;
        }
        out.table(&timeline(&detail.timeline, cx), 1)?;
    }
    Ok(())
}

fn heading(heading: &str, out: &mut Output) -> Result<(), Error> {
    let heading = out.palette.paint(Style::Strong, heading);
    out.line("")?;
    Ok(out.line(heading)?)
}

/// What the session is, one fact a line.
pub(super) fn head(session: &SessionView, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let time = |at| human::time(at, cx.now, cx.zone());
    let span = |from| human::span(cx.now - from);
    let state = format!("{} for {}", session.state, span(session.since));
    let usage = &session.sums.usage;
    let tokens = format!(
        "{}, {} in, {} out, {} cache read, {} cache write",
        human::counted(session.sums.requests, "request"),
        human::short_count(usage.input),
        human::short_count(usage.output),
        human::short_count(usage.cache_read),
        human::short_count(usage.cache_creation()),
    );
    let context = session.context.map(|(used, window)| match window {
        Some(window) if window > 0 => format!(
            "{} of {} tokens ({:.0} %)",
            human::short_count(used),
            human::short_count(window),
            used as f64 / window as f64 * 100.0
        ),
        _ => format!("{} tokens", human::short_count(used)),
    });
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let parent = session.parent.as_ref();
    let waited = (session.blocked.0 > 0).then(|| human::span(session.blocked));
    let facts: [(&str, Option<String>); 19] = [
        ("Session", Some(session.key.to_string())),
        ("Title", text(&session.title)),
        ("Role", text(&session.role)),
        ("State", Some(state)),
        (
            "Why",
            Some(why(session, cx.now, cx.zone())).filter(|why| !why.is_empty()),
        ),
        (
            "Process",
            session
                .pid
                .map(|pid| format!("{pid} ({})", session.liveness)),
        ),
        ("Waited for you", waited),
        (
            "Project",
            session.project.as_ref().map(|_| project(session)),
        ),
        (
            "Folder",
            session
                .cwd
                .as_deref()
                .map(|cwd| empty::home_relative(cwd, cx)),
        ),
        ("Host", text(&session.host)),
        ("Model", text(&session.model)),
        ("Started", session.started_at.map(time)),
        (
            "Last activity",
            session
                .last_activity_at
                .map(|at| format!("{} ({} ago)", time(at), span(at))),
        ),
        ("Parent", parent.map(|(key, _)| key.to_string())),
        (
            "Progress",
            session
                .progress
                .map(|progress| format!("{} of {}", progress.done, progress.total)),
        ),
        ("Context", context),
        ("Usage", Some(tokens)),
        ("Cost", Some(cost(session))),
        (
            "Transcript",
            session
                .transcript
                .as_ref()
                .map(|path| empty::home_relative(&path.to_string_lossy(), cx)),
        ),
    ];
    let mut table = Table::new(&[("", Layout::Left), ("", Layout::Flexible)]);
    for (name, value) in facts {
        if let Some(value) = value {
            let value = match name {
                "State" => Cell::styled(value, style(session.state)),
                _ => value.into(),
            };
            table.row(vec![Cell::styled(name, Style::Faint), value]);
        }
    }
    Ok(out.table(&table, 0)?)
}

fn models(detail: &SessionDetail, out: &mut Output) -> Result<(), Error> {
    if detail.models.len() < 2 && detail.unattributed.is_empty() {
        return Ok(());
    }
    heading("Models", out)?;
    let mut table = Table::new(&[
        ("MODEL", Layout::Flexible),
        ("REQUESTS", Layout::Right),
        ("INPUT", Layout::Right),
        ("OUTPUT", Layout::Right),
        ("CACHE READ", Layout::Right),
        ("CACHE WRITE", Layout::Right),
        ("COST", Layout::Right),
    ]);
    for model in &detail.models {
        let (sums, usage) = (&model.sums, &model.sums.usage);
        table.row(vec![
            (&*model.model).into(),
            human::count(sums.requests).into(),
            human::count(usage.input).into(),
            human::count(usage.output).into(),
            human::count(usage.cache_read).into(),
            human::count(usage.cache_creation()).into(),
            human::cost(sums.known_cost(), sums.unpriced_requests).into(),
        ]);
    }
    for more in &detail.unattributed {
        table.row(vec![
            Cell::styled(
                format!("{} (not in the transcript)", more.model),
                Style::Faint,
            ),
            Cell::default(),
            human::count(more.usage.input).into(),
            human::count(more.usage.output).into(),
            human::count(more.usage.cache_read).into(),
            human::count(more.usage.cache_creation()).into(),
            more.cost.to_string().into(),
        ]);
    }
    Ok(out.table(&table, 1)?)
}

/// Events with time, kind, tool and the beginning of the text.
pub(super) fn timeline(events: &[EventRow], cx: &Context) -> Table {
    let mut table = Table::new(&[
        ("", Layout::Right),
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Flexible),
    ]);
    for event in events {
        let style = match event.status {
            EventStatus::Success => Style::Plain,
            EventStatus::Error | EventStatus::Timeout => Style::Bad,
        };
        table.row(vec![
            Cell::styled(
                human::time_with_seconds(event.at, cx.now, cx.zone()),
                Style::Faint,
            ),
            Cell::styled(event.kind.as_str(), style),
            event.tool.as_deref().unwrap_or_default().into(),
            first_line(&event.text).into(),
        ]);
    }
    table
}

/// The first line with something in it, so that a table does not fold a page of output into one line.
pub(super) fn first_line(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let first: String = first.chars().take(400).collect();
    if lines.next().is_some() {
        format!("{first} …")
    } else {
        first
    }
}
