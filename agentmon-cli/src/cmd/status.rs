//! `agentmon status`: who needs you, who is working, what is stuck, and today's cost.

use agentmon_core::query::{Board, BoardQuery, RefreshOptions, SessionView};
use agentmon_core::wire;

use super::sessions::{ShortIds, chosen, cost, has_hosts, host, project, sign, title, why};
use super::{budget, empty, quota, words};
use crate::args::StatusArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

pub(super) fn run(args: &StatusArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions {
        since: Some(cx.now - Board::RECENT),
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let query = BoardQuery {
        agents: args.filter.agent.clone(),
        models: words(&args.filter.model),
        projects: cx.projects(&args.filter.project),
        hosts: words(&args.filter.host),
        ..BoardQuery::new(cx.zone().clone())
    };
    let board = monitor.board(&query)?;
    match out.format {
        Format::Json => out.json(&wire::status(&board))?,
        _ if board.counts.is_empty() => {
            let filtered = !query.is_everything();
            empty::nothing("sessions of the last 24 hours", filtered, &monitor, cx, out)?;
        }
        _ => show(&board, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(board: &Board, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let sections: [(&str, &[SessionView], Style); 6] = [
        ("Needs you", &board.needs_you, Style::Alert),
        ("Failed", &board.failed, Style::Bad),
        ("Stalled", &board.stalled, Style::Bad),
        ("Limited", &board.limited, Style::Held),
        ("Working", &board.working, Style::Good),
        ("Done, not looked at", &board.done, Style::Strong),
    ];
    let shown = sections.iter().flat_map(|(_, sessions, _)| sessions.iter());
    let by_host = has_hosts(shown.clone());
    let ids = ShortIds::new(shown.map(|session| &session.key));
    let mut quiet = true;
    for (heading, sessions, style) in sections {
        if sessions.is_empty() {
            continue;
        }
        quiet = false;
        let heading = out
            .palette
            .paint(style, format!("{heading} ({})", sessions.len()));
        out.line(heading)?;
        let table = if style == Style::Alert {
            questions(sessions, &ids, by_host, cx)
        } else {
            section(sessions, &ids, by_host, cx)
        };
        out.table(&table, 1)?;
        out.line("")?;
    }
    if quiet {
        out.line("Nothing is going on, and nobody waits for you.")?;
        out.line("")?;
    }
    out.line(counts(board))?;
    let today = &board.today;
    out.line(format!(
        "Today: {}, {} tokens in {}",
        human::cost(today.known_cost(), today.unpriced_requests),
        human::short_count(today.usage.total()),
        human::counted(today.requests, "request"),
    ))?;
    budget::show(&board.budgets, out)?;
    quota::show(&board.quotas, cx, out)
}

/// Sessions with what they ask on a line of its own: it is what the user came for.
fn questions(sessions: &[SessionView], ids: &ShortIds, by_host: bool, cx: &Context) -> Table {
    let columns = [
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Flexible),
        ("", Layout::Flexible),
        ("", Layout::Right),
        ("", Layout::Flexible),
        ("", Layout::Right),
    ];
    let mut table = Table::new(&chosen(columns.to_vec(), by_host));
    for session in sessions {
        let row = vec![
            sign(session),
            ids.of(&session.key).into(),
            Cell::styled(session.key.agent.as_str(), Style::Faint),
            host(session),
            project(session).into(),
            format!("waits {}", human::span(cx.now - session.since)).into(),
            Cell::styled(title(session), Style::Faint),
            cost(session).into(),
        ];
        table.row(chosen(row, by_host));
        table.note(Cell::styled(why(session, cx.now, cx.zone()), Style::Strong));
    }
    table
}

fn section(sessions: &[SessionView], ids: &ShortIds, by_host: bool, cx: &Context) -> Table {
    let columns = [
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Flexible),
        ("", Layout::Flexible),
        ("", Layout::Right),
        ("", Layout::Flexible),
        ("", Layout::Flexible),
        ("", Layout::Right),
    ];
    let mut table = Table::new(&chosen(columns.to_vec(), by_host));
    for session in sessions {
        let row = vec![
            sign(session),
            ids.of(&session.key).into(),
            Cell::styled(session.key.agent.as_str(), Style::Faint),
            host(session),
            project(session).into(),
            human::span(cx.now - session.since).into(),
            why(session, cx.now, cx.zone()).into(),
            Cell::styled(title(session), Style::Faint),
            cost(session).into(),
        ];
        table.row(chosen(row, by_host));
    }
    table
}

fn counts(board: &Board) -> String {
    let all: u64 = board.counts.values().sum();
    let parts: Vec<String> = board
        .counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    format!("{}: {}", human::counted(all, "session"), parts.join(", "))
}
