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
    let mut conditions = Conditions::default();
    conditions.agents(&filter.agents);
    conditions.projects(&filter.projects);
    conditions.session_ids(&filter.sessions);
    if let Some(since) = filter.since {
        conditions.add("cell.bucket >= ?", [UsageCell::bucket_of(since).0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("cell.bucket < ?", [until.0.into()]);
    }
    let returned = kind_code(EventKind::ToolResult);
    let sql = format!(
        "SELECT tool.name, session.agent, cell.kind = {returned}, sum(cell.events), sum(cell.errors), sum(cell.timed),
                sum(cell.duration_ms)
         FROM event_cell AS cell
         JOIN tool ON tool.id = cell.tool
         JOIN session ON session.id = cell.session
         LEFT JOIN project ON project.id = session.project
         WHERE cell.kind IN ({}, {returned}) AND {}
         GROUP BY 1, 2, 3",
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
