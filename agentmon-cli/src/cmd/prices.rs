//! `agentmon prices`.

use agentmon_core::model::{PriceMode, Timestamp};
use agentmon_core::pricing::{ModelPrices, Rate};
use agentmon_core::query::{Dimensions, RefreshOptions, ReportKind, UsageQuery, price_warnings};
use agentmon_core::wire;

use crate::args::{PricesArgs, PricesCommand};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, text};

pub(super) fn run(args: PricesArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let command = args.command.unwrap_or(PricesCommand::List {
        model: None,
        csv: false,
    });
    match command {
        PricesCommand::List { model, .. } => list(model.as_deref(), cx, out),
        PricesCommand::Check => check(cx, out),
    }
}

fn list(part: Option<&str>, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.monitor()?;
    let book = monitor.prices();
    let part = part.unwrap_or_default().to_lowercase();
    let models: Vec<ModelPrices<'_>> = book
        .models()
        .filter(|model| model.name().to_lowercase().contains(&part))
        .collect();
    match out.format {
        Format::Json => out.json(&wire::prices(book, &models, cx.now))?,
        Format::Csv => csv(&models, cx.now, out)?,
        Format::Table if models.is_empty() => {
            out.line(format!("No model has {:?} in its name.", text::line(&part)))?;
        }
        Format::Table => show(&models, cx.now, out)?,
    }
    Ok(Exit::Done)
}

const HEADINGS: [&str; 8] = [
    "model",
    "mode",
    "over_tokens",
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
];

/// One line for each mode and tier: model, mode, limit, rates in dollars per million tokens.
fn lines(model: &ModelPrices<'_>, now: Timestamp) -> Vec<[String; 8]> {
    let mut lines = Vec::new();
    for (mode, _) in model.history() {
        let set = model.at_mode(now, mode);
        let tiers = set.tiers.iter().map(|tier| (Some(tier.over), &tier.rates));
        for (over, rates) in std::iter::once((None, &set.rates)).chain(tiers) {
            let dollars = |rate: Rate| rate.dollars_per_million().to_string();
            let maybe = |rate: Option<Rate>| rate.map_or_else(String::new, dollars);
            lines.push([
                model.name().to_owned(),
                mode_name(mode).to_owned(),
                over.map_or_else(String::new, |over| over.to_string()),
                dollars(rates.input),
                dollars(rates.output),
                maybe(rates.cache_read),
                maybe(rates.cache_write_5m),
                maybe(rates.cache_write_1h),
            ]);
        }
    }
    lines
}

fn mode_name(mode: PriceMode) -> &'static str {
    match mode {
        PriceMode::Standard => "standard",
        PriceMode::Fast => "fast",
        PriceMode::Batch => "batch",
        PriceMode::Flex => "flex",
        PriceMode::Priority => "priority",
    }
}

fn csv(models: &[ModelPrices<'_>], now: Timestamp, out: &mut Output) -> Result<(), Error> {
    let rows = models
        .iter()
        .flat_map(|model| lines(model, now))
        .map(Vec::from);
    Ok(out.csv(&HEADINGS, rows)?)
}

fn show(models: &[ModelPrices<'_>], now: Timestamp, out: &mut Output) -> Result<(), Error> {
    let mut table = Table::new(&[
        ("MODEL", Layout::Flexible),
        ("MODE", Layout::Left),
        ("PROMPT OVER", Layout::Right),
        ("INPUT", Layout::Right),
        ("OUTPUT", Layout::Right),
        ("CACHE READ", Layout::Right),
        ("WRITE 5M", Layout::Right),
        ("WRITE 1H", Layout::Right),
        ("", Layout::Left),
    ]);
    for model in models {
        for (index, line) in lines(model, now).into_iter().enumerate() {
            let mut cells: Vec<Cell> = line.iter().map(Cell::from).collect();
            if index > 0 {
                cells[0] = Cell::default();
            }
            let note = match (model.is_overridden(), model.status()) {
                (true, _) => "yours",
                (false, Some(status)) => status,
                (false, None) => "",
            };
            cells.push(Cell::styled(
                if index == 0 { note } else { "" },
                Style::Faint,
            ));
            table.row(cells);
        }
    }
    out.table(&table, 0)?;
    super::empty::hint(out, "US dollars per million tokens.")?;
    Ok(())
}

/// All models that were ever used, with their sums.
pub(super) fn models_in_use(cx: &Context) -> UsageQuery {
    UsageQuery {
        by: Dimensions {
            model: true,
            ..Dimensions::default()
        },
        zone: cx.zone().clone(),
        ..UsageQuery::new(ReportKind::Models)
    }
}

fn check(cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.fresh_monitor(RefreshOptions::default())?;
    let report = monitor.usage(&models_in_use(cx))?;
    let warnings = price_warnings(monitor.prices(), &report, cx.now);
    if out.format == Format::Json {
        out.json(&wire::prices_check(&warnings, &report.unpriced))?;
    } else {
        for unpriced in &report.unpriced {
            let line = format!("No price is known for {}.", text::line(&unpriced.model));
            let line = out.palette.paint(Style::Bad, line);
            out.line(line)?;
        }
        for warning in &warnings {
            let line = warning.to_string();
            super::empty::hint(out, &line)?;
        }
        if report.unpriced.is_empty() {
            out.line("Every model in use has a price.")?;
        }
    }
    Ok(if report.unpriced.is_empty() {
        Exit::Done
    } else {
        Exit::Problems
    })
}
