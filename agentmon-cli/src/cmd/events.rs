//! `agentmon events`.

use agentmon_core::query::{EventFilter, EventPage, SearchText};
use agentmon_core::wire;

use super::sessions::ShortIds;
use super::show::first_line;
use super::{empty, words};
use crate::args::EventsArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

pub(super) fn run(args: &EventsArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let (since, until) = cx.range(&args.range)?;
    let after = args.after.as_deref().map(|text| {
        let unknown = || Error::Usage(format!("--after {text:?} is not the `next` of a page: leave it out to start at the first page"));
        wire::parse_cursor(text).ok_or_else(unknown)
    });
    let filter = EventFilter {
        sessions: words(&args.whose.session),
        agents: args.whose.agent.clone(),
        projects: cx.projects(&args.whose.project),
        kinds: args.kind.clone(),
        statuses: args.status.clone(),
        tools: words(&args.tool),
        text: args.search.as_deref().map(SearchText::parse),
        since,
        until,
        order: args.order.into(),
        after: after.transpose()?,
        limit: args.limit.max(1),
        ..EventFilter::default()
    };
    let monitor = cx.fresh_monitor(args.whose.refresh(since))?;
    let page = monitor.events(&filter)?;
    match out.format {
        Format::Json => out.json(&wire::events(&page))?,
        Format::Csv => csv(&page, out)?,
        Format::Table if page.events.is_empty() => {
            let all = EventFilter {
                order: filter.order,
                limit: filter.limit,
                ..EventFilter::default()
            };
            empty::nothing("events", filter != all, &monitor, cx, out)?;
        }
        Format::Table => show(&page, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(page: &EventPage, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let ids = ShortIds::new(page.events.iter().map(|event| &event.session));
    let mut table = Table::new(&[
        ("TIME", Layout::Right),
        ("SESSION", Layout::Left),
        ("KIND", Layout::Left),
        ("TOOL", Layout::Left),
        ("TEXT", Layout::Flexible),
    ]);
    for event in &page.events {
        let style = if event.status == Default::default() {
            Style::Plain
        } else {
            Style::Bad
        };
        table.row(vec![
            Cell::styled(
                human::time_with_seconds(event.at, cx.now, cx.zone()),
                Style::Faint,
            ),
            ids.of(&event.session).into(),
            Cell::styled(event.kind.as_str(), style),
            event.tool.as_deref().unwrap_or_default().into(),
            first_line(&event.text).into(),
        ]);
    }
    out.table(&table, 0)?;
    if let Some(next) = page.next {
        empty::hint(out, &format!("More: --after {}", wire::write_cursor(next)))?;
    }
    Ok(())
}

fn csv(page: &EventPage, out: &mut Output) -> Result<(), Error> {
    let headings = [
        "at",
        "session",
        "kind",
        "status",
        "tool",
        "duration_ms",
        "model",
        "cost_usd",
        "text",
    ];
    let rows = page.events.iter().map(|event| {
        let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
        vec![
            event.at.to_string(),
            event.session.to_string(),
            event.kind.as_str().to_owned(),
            event.status.as_str().to_owned(),
            text(&event.tool),
            event
                .duration_ms
                .map_or_else(String::new, |duration| duration.to_string()),
            text(&event.model),
            event
                .cost
                .map_or_else(String::new, |cost| cost.dollars().to_string()),
            event.text.to_string(),
        ]
    });
    Ok(out.csv(&headings, rows)?)
}
