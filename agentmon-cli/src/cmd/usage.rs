//! `agentmon usage`.

use agentmon_core::Monitor;
use agentmon_core::model::AgentKind;
use agentmon_core::query::{
    BudgetState, Dimensions, QuotaView, RefreshOptions, ReportKind, Sums, UsageFilter, UsageQuery,
    UsageReport, UsageRow,
};
use agentmon_core::wire;

use super::sessions::ShortIds;
use super::{budget, empty, live, quota, words};
use crate::args::{Dimension, UsageArgs};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human, text};

pub(super) fn run(args: &UsageArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let query = query(args, cx)?;
    let monitor = cx.fresh_totals(RefreshOptions {
        since: query.first_bucket(),
        ..RefreshOptions::default()
    })?;
    if args.live {
        return live(args, &query, &monitor, cx, out);
    }
    let report = monitor.usage(&query)?;
    let (quotas, budgets) = (monitor.quotas()?, budget::all(&monitor, cx)?);
    match out.format {
        Format::Json => out.json(&wire::usage(&report, &quotas, &budgets))?,
        Format::Csv => csv(&report, out)?,
        Format::Table if report.rows.is_empty() => {
            let filtered = query.filter != UsageFilter::default()
                || query.since.is_some()
                || query.until.is_some();
            empty::nothing("usage", filtered, &monitor, cx, out)?;
        }
        Format::Table => show(&report, &quotas, &budgets, cx, out)?,
    }
    Ok(Exit::Done)
}

/// Windows as they fill.
fn live(
    args: &UsageArgs,
    query: &UsageQuery,
    monitor: &Monitor,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    let is_blocks = query.kind == ReportKind::Blocks;
    if !is_blocks || out.width.is_none() || out.format != Format::Table {
        let message =
            "--live goes with `usage blocks` on a terminal; programs use `agentmon watch --json`";
        return Err(Error::Usage(message.to_owned()));
    }
    let query = UsageQuery {
        // What is over moves no more: two windows stand for it.
        limit: args.limit.or(Some(2)),
        ..query.clone()
    };
    live::run(monitor, out, |out| {
        let cx = cx.at_present();
        let report = monitor.usage(&query)?;
        let (quotas, budgets) = (monitor.quotas()?, budget::all(monitor, &cx)?);
        if report.rows.is_empty() {
            out.line("No window is open yet.")?;
        } else {
            show(&report, &quotas, &budgets, &cx, out)?;
        }
        let time = cx.zone().datetime(cx.now).strftime("%H:%M:%S").to_string();
        out.line("")?;
        Ok(empty::hint(out, &format!("{time} - Ctrl-C ends"))?)
    })?;
    Ok(Exit::Done)
}

fn query(args: &UsageArgs, cx: &Context) -> Result<UsageQuery, Error> {
    let kind: ReportKind = args.report.into();
    let (mut since, until) = cx.range(&args.range)?;
    if args.active {
        if kind != ReportKind::Blocks {
            return Err(Error::Usage("--active goes with `usage blocks`".to_owned()));
        }
        // Windows that end after now are open.
        since = since.max(Some(cx.now));
    }
    Ok(UsageQuery {
        by: args
            .by
            .as_deref()
            .map_or(kind.default_dimensions(), dimensions),
        since,
        until,
        zone: cx.zone().clone(),
        week_start: cx.config.week_start.value,
        filter: UsageFilter {
            agents: args.filter.agent.clone(),
            models: words(&args.filter.model),
            projects: cx.projects(&args.filter.project),
            hosts: words(&args.filter.host),
            sessions: words(&args.session),
        },
        order: args.order.map(Into::into),
        limit: args.limit.filter(|limit| *limit > 0),
        cache_savings: args.cache,
        ..UsageQuery::new(kind)
    })
}

fn dimensions(by: &[Dimension]) -> Dimensions {
    Dimensions {
        agent: by.contains(&Dimension::Agent),
        model: by.contains(&Dimension::Model),
        project: by.contains(&Dimension::Project),
        host: by.contains(&Dimension::Host),
        session: by.contains(&Dimension::Session),
    }
}

fn csv(report: &UsageReport, out: &mut Output) -> Result<(), Error> {
    let by = report.by;
    let timed = is_timed(report.kind);
    let chosen = [
        (timed, "period"),
        (by.session, "session_id"),
        (by.session, "title"),
        (by.agent, "agent"),
        (by.model, "model"),
        (by.project, "project"),
        (by.host, "host"),
    ];
    let sums = [
        "requests",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        "reasoning_tokens",
        "cost_usd",
        "unpriced_requests",
    ];
    let headings = chosen
        .iter()
        .filter(|(chosen, _)| *chosen)
        .map(|(_, heading)| *heading);
    let headings: Vec<&str> = headings.chain(sums).collect();
    let rows = report.rows.iter().map(|row| {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let project = row.project.as_ref().and_then(Option::as_ref);
        let fields = [
            (timed, text(row.period.as_deref())),
            (
                by.session,
                text(row.session.as_ref().map(|key| &*key.native_id)),
            ),
            (by.session, text(row.title.as_deref())),
            (by.agent, text(row.agent.as_ref().map(AgentKind::as_str))),
            (by.model, text(row.model.as_deref())),
            (by.project, text(project.map(|project| &*project.name))),
            (by.host, text(host(row))),
        ];
        let usage = &row.sums.usage;
        let numbers = [
            row.sums.requests.to_string(),
            usage.input.to_string(),
            usage.output.to_string(),
            usage.cache_read.to_string(),
            usage.cache_creation().to_string(),
            usage.reasoning.to_string(),
            row.sums
                .known_cost()
                .map_or_else(String::new, |cost| cost.dollars().to_string()),
            row.sums.unpriced_requests.to_string(),
        ];
        let fields = fields
            .into_iter()
            .filter(|(chosen, _)| *chosen)
            .map(|(_, field)| field);
        fields.chain(numbers).collect()
    });
    Ok(out.csv(&headings, rows)?)
}

/// The machine of a row, where that is known.
fn host(row: &UsageRow) -> Option<&str> {
    row.host.as_ref()?.as_deref()
}

fn is_timed(kind: ReportKind) -> bool {
    !matches!(
        kind,
        ReportKind::Session | ReportKind::Models | ReportKind::Projects
    )
}

fn show(
    report: &UsageReport,
    quotas: &[QuotaView],
    budgets: &[BudgetState],
    cx: &Context,
    out: &mut Output,
) -> Result<(), Error> {
    let fits = |table: &Table| out.width.is_none_or(|width| table.natural_width() <= width);
    let mut rows = table(report, cx, Detail::Full);
    for detail in [Detail::ShortNumbers, Detail::ShortHeadings] {
        if !fits(&rows) {
            rows = table(report, cx, detail);
        }
    }
    out.table(&rows, 0)?;
    let open = report
        .blocks
        .iter()
        .filter_map(|block| Some((block, block.projection?)));
    for (index, (block, projection)) in open.enumerate() {
        if index == 0 {
            out.line("")?;
        }
        out.line(format!(
            "{} window open until {}: {} left, {} tokens/min, {}/h; at its end {} tokens, {}.",
            text::line(block.agent.as_str()),
            human::time(block.end, cx.now, cx.zone()),
            human::span(block.end - cx.now),
            human::short_count(projection.tokens_per_minute as u64),
            projection.cost_per_hour,
            human::short_count(projection.tokens),
            projection.cost,
        ))?;
    }
    budget::show(budgets, out)?;
    if report.kind == ReportKind::Blocks {
        quota::show(quotas, cx, out)?;
    }
    notes(report, out)
}

/// What the figures leave out.
fn notes(report: &UsageReport, out: &mut Output) -> Result<(), Error> {
    if !report.unpriced.is_empty() {
        let models: Vec<String> = report
            .unpriced
            .iter()
            .map(|unpriced| {
                let tokens = human::short_count(unpriced.tokens);
                format!("{} ({tokens} tokens)", text::line(&unpriced.model))
            })
            .collect();
        out.line("")?;
        let line = format!("? No price is known for {}.", models.join(", "));
        let line = out.palette.paint(Style::Held, line);
        out.line(line)?;
        empty::hint(
            out,
            "  Costs leave these out. Set [prices] in the configuration (`agentmon config path`).",
        )?;
    }
    if !report.unattributed.is_empty() {
        let mut beyond = Sums::default();
        for more in &report.unattributed {
            beyond.usage += more.usage;
            beyond.cost += more.cost;
        }
        out.line("")?;
        empty::hint(
            out,
            &format!(
                "Agents count {} tokens and {} more in these sessions than their transcripts hold (`--json`: unattributed).",
                human::short_count(beyond.usage.total()),
                beyond.cost,
            ),
        )?;
    }
    Ok(())
}

/// How much room figures and their headings take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Full,
    ShortNumbers,
    ShortHeadings,
}

impl Detail {
    fn number(self, number: u64) -> String {
        match self {
            Self::Full => human::count(number),
            Self::ShortNumbers | Self::ShortHeadings => human::short_count(number),
        }
    }
}

fn table(report: &UsageReport, cx: &Context, detail: Detail) -> Table {
    let by = report.by;
    let period = match report.kind {
        ReportKind::Weekly => "WEEK OF",
        ReportKind::Monthly => "MONTH",
        ReportKind::Blocks => "WINDOW",
        _ => "DAY",
    };
    let dimensions = [
        (is_timed(report.kind), (period, Layout::Left)),
        (by.session, ("SESSION", Layout::Left)),
        (by.session, ("TITLE", Layout::Flexible)),
        (by.project, ("PROJECT", Layout::Flexible)),
        (by.host, ("HOST", Layout::Flexible)),
        (by.agent, ("AGENT", Layout::Left)),
        (by.model, ("MODEL", Layout::FlexibleEnd)),
    ];
    let mut columns: Vec<(&'static str, Layout)> = dimensions
        .iter()
        .filter(|(chosen, _)| *chosen)
        .map(|(_, column)| *column)
        .collect();
    let named = columns.len();
    let figures = match detail {
        Detail::Full | Detail::ShortNumbers => {
            ["REQUESTS", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE"]
        }
        Detail::ShortHeadings => ["REQS", "INPUT", "OUT", "READ", "WRITE"],
    };
    columns.extend(figures.map(|heading| (heading, Layout::Right)));
    columns.push(("COST", Layout::Right));
    let savings = report.totals.cache_saved.is_some();
    if savings {
        columns.extend([("CACHED", Layout::Right), ("SAVED", Layout::Right)]);
    }
    let mut table = Table::new(&columns);
    let sessions = report.rows.iter().filter_map(|row| row.session.as_ref());
    let ids = ShortIds::new(sessions);
    let fields = |row: &UsageRow| -> Vec<String> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let project = row.project.as_ref().and_then(Option::as_ref);
        let period = match report.kind {
            ReportKind::Blocks => window(row, report, cx),
            _ => text(row.period.as_deref()),
        };
        [
            period,
            row.session
                .as_ref()
                .map_or_else(String::new, |key| ids.of(key)),
            text(row.title.as_deref()),
            text(Some(project.map_or("-", |project| &project.name))),
            text(Some(host(row).unwrap_or("-"))),
            text(row.agent.as_ref().map(AgentKind::as_str)),
            text(row.model.as_deref()),
        ]
        .into_iter()
        .zip(dimensions)
        .filter_map(|(field, (chosen, _))| chosen.then_some(field))
        .collect()
    };
    let numbers = |sums: &Sums, style: Style| -> Vec<Cell> {
        let usage = &sums.usage;
        let mut cells: Vec<Cell> = [
            sums.requests,
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_creation(),
        ]
        .map(|count| Cell::styled(detail.number(count), style))
        .into();
        cells.push(Cell::styled(
            human::cost(sums.known_cost(), sums.unpriced_requests),
            style,
        ));
        if let Some(saved) = sums.cache_saved {
            let share = usage.cache_read as f64 / usage.prompt().max(1) as f64 * 100.0;
            cells.push(Cell::styled(format!("{share:.0} %"), style));
            cells.push(Cell::styled(saved.to_string(), style));
        }
        cells
    };

    // Rows of one period, session, ... stand together: their sum goes in front of them, and what they share is
    // written once.
    let groups = report
        .rows
        .chunk_by(|a, b| is_timed(report.kind) && a.period == b.period);
    for rows in groups {
        if let [first, _, ..] = rows {
            let mut sums = Sums::default();
            rows.iter().for_each(|row| sums.merge(&row.sums));
            let mut cells: Vec<Cell> = vec![Cell::default(); named];
            cells[0] = Cell::styled(&fields(first)[0], Style::Strong);
            cells.extend(numbers(&sums, Style::Strong));
            table.row(cells);
        }
        for row in rows {
            let mut cells: Vec<Cell> = fields(row).iter().map(Cell::from).collect();
            if rows.len() > 1 {
                cells[0] = Cell::default();
            }
            cells.extend(numbers(&row.sums, Style::Plain));
            table.row(cells);
        }
    }
    if report.rows.len() > 1 {
        let mut cells: Vec<Cell> = vec![Cell::default(); named];
        if let Some(first) = cells.first_mut() {
            let shown: u64 = report.rows.iter().map(|row| row.sums.requests).sum();
            let whole = shown == report.totals.requests;
            *first = Cell::styled(if whole { "TOTAL" } else { "ALL" }, Style::Strong);
        }
        cells.extend(numbers(&report.totals, Style::Strong));
        table.row(cells);
    }
    table
}

/// A window as `11-20 10:00-15:00`.
fn window(row: &UsageRow, report: &UsageReport, cx: &Context) -> String {
    let start = row.period.as_deref().unwrap_or_default();
    let block = report.blocks.iter().find(|block| {
        block.first <= row.first && row.last <= block.last && block.start.to_string() == start
    });
    block.map_or_else(
        || start.to_owned(),
        |block| {
            let end = cx.zone().datetime(block.end).strftime("%H:%M").to_string();
            let from = cx
                .zone()
                .datetime(block.start)
                .strftime("%m-%d %H:%M")
                .to_string();
            let open = if block.projection.is_some() {
                " (open)"
            } else {
                ""
            };
            format!("{from}-{end}{open}")
        },
    )
}
