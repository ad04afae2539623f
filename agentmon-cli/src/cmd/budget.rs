//! Budgets, wherever they are shown.

use agentmon_core::Monitor;
use agentmon_core::query::{BudgetPeriod, BudgetState};

use super::quota;
use crate::context::Context;
use crate::error::Error;
use crate::output::Output;
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};

/// The state of the configured budgets.
pub(super) fn all(monitor: &Monitor, cx: &Context) -> Result<Vec<BudgetState>, Error> {
    Ok(monitor.budgets(cx.zone(), cx.config.week_start.value)?)
}

/// One budget a line.
pub(super) fn show(budgets: &[BudgetState], out: &mut Output) -> Result<(), Error> {
    if budgets.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        ("", Layout::Left),
        ("", Layout::Right),
        ("", Layout::Left),
        ("", Layout::Right),
        ("", Layout::Left),
    ]);
    for state in budgets {
        let period = match state.budget.period {
            BudgetPeriod::Daily => "today",
            BudgetPeriod::Weekly => "this week",
            BudgetPeriod::Monthly => "this month",
        };
        let name = match &state.budget.project {
            None => format!("Budget {period}"),
            Some(project) => format!("Budget {period}, {project}"),
        };
        let style = if state.is_over() {
            Style::Bad
        } else {
            quota::style(state.used_percent())
        };
        let over = if state.is_over() { "over budget" } else { "" };
        table.row(vec![
            name.into(),
            state.spent.to_string().into(),
            format!("of {}", state.budget.limit).into(),
            Cell::styled(format!("{:.0} %", state.used_percent()), style),
            Cell::styled(over, style),
        ]);
    }
    out.line("")?;
    Ok(out.table(&table, 0)?)
}
