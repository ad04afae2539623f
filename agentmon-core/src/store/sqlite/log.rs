//! Sessions' logs: events by level, a level being what their kind and status say.

use rusqlite::{Connection, params};

use super::events::{SELECT, kind_code, read, status_code};
use crate::model::{EventKind, EventStatus};
use crate::query::{LogLevel, LogPage};
use crate::store::StoreError;

/// A page of a session's log, the newest first, and how many lines there are of that level.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn log(
    connection: &Connection,
    session: i64,
    level: Option<LogLevel>,
    offset: u64,
    limit: usize,
) -> Result<LogPage, StoreError> {
    let condition = level.map_or_else(|| "TRUE".to_owned(), of_level);
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 AND {condition}
         ORDER BY event.at DESC, event.seq DESC LIMIT ?2 OFFSET ?3"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let offset = offset.min(i64::MAX as u64) as i64;
    let rows = select.query_map(params![session, limit as i64, offset], read)?;
    let events = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let count = format!("SELECT count(*) FROM event WHERE event.session = ?1 AND {condition}");
    let total: i64 = connection
        .prepare_cached(&count)?
        .query_row([session], |row| row.get(0))?;
    Ok(LogPage {
        events,
        total: total as u64,
    })
}

/// The condition that an event is of a level.
pub(super) fn of_level(level: LogLevel) -> String {
    let each = EventKind::ALL
        .into_iter()
        .flat_map(|kind| EventStatus::ALL.map(|status| (kind, status)));
    let of_level = each.filter(|(kind, status)| LogLevel::of(*kind, *status) == level);
    let codes: Vec<String> = of_level
        .map(|(kind, status)| format!("({}, {})", kind_code(kind), status_code(status)))
        .collect();
    format!(
        "(event.kind, event.status) IN (VALUES {})",
        codes.join(", ")
    )
}
