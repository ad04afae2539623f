//! `agentmon db`: looks after agentmon's own database.

use agentmon_core::model::Timestamp;
use agentmon_core::query::DbStats;
use agentmon_core::wire;

use crate::args::{DbArgs, DbCommand};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human, text};

pub(super) fn run(args: DbArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let monitor = cx.monitor()?;
    let json = out.format == Format::Json;
    match args.command {
        DbCommand::Stats => {
            let stats = monitor.db_stats()?;
            if json {
                out.json(&wire::db_stats(&stats))?;
            } else {
                show(&stats, cx, out)?;
            }
        }
        DbCommand::Backup { file } => {
            let backup = monitor.db_backup(&file)?;
            if json {
                out.json(&wire::db_backup(&backup))?;
            } else {
                let path = backup.path.display().to_string();
                out.line(format!(
                    "{} ({})",
                    text::line(&path),
                    human::bytes(backup.bytes)
                ))?;
            }
        }
        DbCommand::Vacuum => {
            let vacuum = monitor.db_vacuum()?;
            if json {
                out.json(&wire::db_vacuum(vacuum))?;
            } else {
                let (before, after) = (human::bytes(vacuum.before), human::bytes(vacuum.after));
                out.line(format!("{before} before, {after} now"))?;
            }
        }
        DbCommand::Check => {
            let check = monitor.db_check()?;
            if json {
                out.json(&wire::db_check(&check))?;
            } else if check.problems.is_empty() {
                out.line("The database is sound, and its totals are the sums of its calls.")?;
            } else {
                for problem in &check.problems {
                    let line = out.palette.paint(Style::Bad, text::line(problem));
                    out.line(line)?;
                }
            }
            if !check.problems.is_empty() {
                return Ok(Exit::Problems);
            }
        }
    }
    Ok(Exit::Done)
}

fn show(stats: &DbStats, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let time = |at: Timestamp| human::time(at, cx.now, cx.zone());
    let path = stats.path.as_ref();
    let mut table = Table::new(&[("", Layout::Left), ("", Layout::Left)]);
    let mut row = |name: &str, value: String| {
        table.row(vec![Cell::styled(name, Style::Faint), value.into()]);
    };
    row(
        "File",
        path.map_or_else(|| "in memory".to_owned(), |path| path.display().to_string()),
    );
    row("Size", human::bytes(stats.bytes));
    row("Write-ahead log", human::bytes(stats.wal_bytes));
    row("Unused", human::bytes(stats.free_bytes));
    row("Schema", stats.schema_version.to_string());
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        row(
            "Calls from",
            format!("{} to {}", time(oldest), time(newest)),
        );
    }
    if let Some(pid) = stats.writer_pid {
        row("Written by", format!("process {pid}"));
    }
    for entry in &stats.tables {
        row(&entry.name, format!("{} rows", human::count(entry.rows)));
    }
    Ok(out.table(&table, 0)?)
}
