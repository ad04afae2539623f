//! Plan limits, wherever they are shown.

use agentmon_core::model::{QuotaWindow, Span};
use agentmon_core::query::QuotaView;

use crate::context::Context;
use crate::error::Error;
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Output, human};

/// The limits in force, one a line.
pub(super) fn show(quotas: &[QuotaView], cx: &Context, out: &mut Output) -> Result<(), Error> {
    let mut table = Table::new(&[
        ("", Layout::Left),
        ("", Layout::Left),
        ("", Layout::Right),
        ("", Layout::Flexible),
    ]);
    for quota in quotas.iter().filter(|quota| !quota.expired) {
        let window = &quota.window;
        let reset = window.resets_at.map_or_else(String::new, |at| {
            format!(
                "starts afresh {} (in {})",
                human::time(at, cx.now, cx.zone()),
                human::span(at - cx.now)
            )
        });
        let agent = window.agent.as_str();
        let limit = Some(&*window.limit).filter(|limit| !limit.is_empty() && *limit != agent);
        let name: Vec<&str> = std::iter::once(agent).chain(limit).collect();
        table.row(vec![
            format!("Plan limit {}", name.join(" ")).into(),
            length(window).into(),
            Cell::styled(
                format!("{:.0} % used", window.used_percent),
                style(window.used_percent),
            ),
            reset.into(),
        ]);
    }
    if table.is_empty() {
        return Ok(());
    }
    out.line("")?;
    Ok(out.table(&table, 0)?)
}

/// How long a window is: `5h`, `7d`, or its name.
pub(super) fn length(quota: &QuotaWindow) -> String {
    quota.window_minutes.map_or_else(
        || quota.window.to_string(),
        |minutes| human::span(Span::from_mins(i64::from(minutes))),
    )
}

/// How a share of a limit looks, in percent.
pub(super) fn style(used: f64) -> Style {
    match used {
        used if used >= 90.0 => Style::Bad,
        used if used >= 75.0 => Style::Held,
        _ => Style::Plain,
    }
}
