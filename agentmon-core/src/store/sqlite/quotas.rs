//! Plan limits as agents last reported them.

use rusqlite::{Connection, params};

use crate::model::{AgentKind, QuotaWindow, Timestamp};
use crate::store::StoreError;

/// Keeps the latest report of each window; of two at the same time, the one with more used.
pub(super) fn store(connection: &Connection, windows: &[QuotaWindow]) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO quota (agent, name, span, used_percent, window_minutes, resets_at, plan, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (agent, name, span) DO UPDATE SET
             used_percent = excluded.used_percent, window_minutes = excluded.window_minutes,
             resets_at = excluded.resets_at, plan = excluded.plan, at = excluded.at
         WHERE (excluded.at, excluded.used_percent) >= (at, used_percent)",
    )?;
    // SQLite knows no NaN.
    for quota in windows.iter().filter(|quota| !quota.used_percent.is_nan()) {
        upsert.execute(params![
            quota.agent.as_str(),
            &*quota.limit,
            &*quota.window,
            quota.used_percent,
            quota.window_minutes,
            quota.resets_at.map(|at| at.0),
            quota.plan.as_deref(),
            quota.at.0,
        ])?;
    }
    Ok(())
}

/// All windows.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn quotas(connection: &Connection) -> Result<Vec<QuotaWindow>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT agent, name, span, used_percent, window_minutes, resets_at, plan, at
         FROM quota ORDER BY agent, name, window_minutes, span",
    )?;
    let rows = select.query_map([], |row| {
        Ok(QuotaWindow {
            agent: AgentKind::from(row.get::<_, String>(0)?),
            limit: row.get::<_, String>(1)?.into(),
            window: row.get::<_, String>(2)?.into(),
            used_percent: row.get(3)?,
            window_minutes: row.get(4)?,
            resets_at: row.get::<_, Option<i64>>(5)?.map(Timestamp),
            plan: row.get::<_, Option<String>>(6)?.map(Into::into),
            at: Timestamp(row.get(7)?),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
