//! How often tools are used, from the totals of events.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::conditions::Conditions;
use super::events::kind_code;
use crate::model::EventKind;
use crate::query::{ToolFilter, ToolUsage, UsageCell};
use crate::store::StoreError;

/// How often tools are used, the most used first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn tool_usage(
    connection: &Connection,
    filter: &ToolFilter,
) -> Result<Vec<ToolUsage>, StoreError> {
    let mut of_session = Conditions::default();
    of_session.agents(&filter.agents);
    of_session.projects(&filter.projects);
    of_session.session_ids(&filter.sessions);
    let mut conditions = Conditions::default();
    if !of_session.is_empty() {
        conditions.nested(
            "cell.session IN (SELECT session.id FROM session LEFT JOIN project ON project.id = session.project WHERE ",
            of_session,
            ")",
        );
    }
    if let Some(since) = filter.since {
        conditions.add("cell.bucket >= ?", [UsageCell::bucket_of(since).0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("cell.bucket < ?", [until.0.into()]);
    }
    let returned = kind_code(EventKind::ToolResult);
    // Grouped as cells are ordered, and named afterwards: nothing has to be sorted.
    let sql = format!(
        "SELECT tool.name, session.agent, counted.kind = {returned}, counted.events, counted.errors, counted.timed,
                counted.duration_ms, counted.times
         FROM (SELECT cell.session, cell.kind, cell.tool, sum(cell.events) AS events, sum(cell.errors) AS errors,
                      sum(cell.timed) AS timed, sum(cell.duration_ms) AS duration_ms,
                      group_concat(cell.times, ' ') AS times
               FROM event_cell AS cell
               WHERE cell.kind IN ({}, {returned}) AND cell.tool > 0 AND {}
               GROUP BY cell.session, cell.kind, cell.tool) AS counted
         JOIN tool ON tool.id = counted.tool
         JOIN session ON session.id = counted.session",
        kind_code(EventKind::ToolUse),
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(conditions.values())?;
    let mut tools: BTreeMap<Box<str>, ToolUsage> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let count = |index: usize| row.get::<_, i64>(index).map(|count| count.max(0) as u64);
        let name: Box<str> = row.get_ref(0)?.as_str().unwrap_or_default().into();
        let agent: Box<str> = row.get_ref(1)?.as_str().unwrap_or_default().into();
        let tool = tools.entry(name).or_default();
        tool.errors += count(4)?;
        tool.timed += count(5)?;
        tool.duration_ms = tool.duration_ms.saturating_add(count(6)?);
        if let Some(times) = row.get_ref(7)?.as_str_or_null().unwrap_or_default() {
            tool.times.add_text(times);
        }
        if !row.get::<_, bool>(2)? {
            tool.calls += count(3)?;
            *tool.agents.entry(agent).or_default() += count(3)?;
        }
    }
    let named = tools.into_iter().map(|(name, tool)| ToolUsage {
        tool: name,
        // A failure that use and result both tell is one.
        errors: tool.errors.min(tool.calls),
        ..tool
    });
    let mut tools: Vec<ToolUsage> = named.filter(|tool| tool.calls > 0).collect();
    tools.sort_by_key(|tool| std::cmp::Reverse(tool.calls));
    Ok(tools)
}
