//! Totals of events by session, kind, tool and quarter of an hour, kept in step with the events in the same
//! transaction: what statistics and lists count must not be counted anew for every question.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::events::{kind_code, status_code};
use crate::model::{Event, EventStatus, Timestamp};
use crate::query::{Times, UsageCell};

/// Longest time that one event is counted with, in milliseconds (34 years): sums must not overflow.
const MAX_DURATION: u64 = 1 << 40;

/// Session, kind, tool (0 for none), bucket.
type Key = (i64, i64, i64, i64);

/// What is counted of the events of a cell.
#[derive(Debug, Default)]
struct Counts {
    events: i64,
    errors: i64,
    /// Events that took a known time.
    timed: i64,
    /// How long those took together, in milliseconds.
    duration_ms: i64,
    /// How long each of those took, of tools.
    times: Times,
}

/// What a transaction adds and takes away.
#[derive(Debug, Default)]
pub(super) struct CellChanges {
    changes: HashMap<Key, Counts>,
}

impl CellChanges {
    /// An event was added.
    pub(super) fn added(&mut self, session: i64, tool: Option<i64>, event: &Event) {
        self.count(session, tool, event, 1);
    }

    /// An event is no longer the session's.
    pub(super) fn removed(&mut self, session: i64, tool: Option<i64>, event: &Event) {
        self.count(session, tool, event, -1);
    }

    fn count(&mut self, session: i64, tool: Option<i64>, event: &Event, times: i64) {
        let bucket = UsageCell::bucket_of(event.at).0;
        let key = (session, kind_code(event.kind), tool.unwrap_or(0), bucket);
        self.count_in(
            key,
            event.status == EventStatus::Error,
            event.duration_ms,
            times,
        );
    }

    fn count_in(&mut self, key: Key, failed: bool, took: Option<u64>, times: i64) {
        let counts = self.changes.entry(key).or_default();
        counts.events += times;
        counts.errors += times * i64::from(failed);
        if let Some(took) = took {
            let took = took.min(MAX_DURATION);
            counts.timed += times;
            counts.duration_ms += times * took as i64;
            // Percentiles are asked of tools only.
            if key.2 != 0 {
                counts.times.count(took, times);
            }
        }
    }

    /// Writes everything.
    pub(super) fn flush(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO event_cell (session, kind, tool, bucket, events, errors, timed, duration_ms, times)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (session, kind, tool, bucket) DO UPDATE SET
                 events = events + excluded.events, errors = errors + excluded.errors,
                 timed = timed + excluded.timed, duration_ms = duration_ms + excluded.duration_ms,
                 times = CASE WHEN ?10 THEN excluded.times ELSE times END",
        )?;
        let mut forget = connection.prepare_cached(
            "DELETE FROM event_cell
             WHERE session = ?1 AND kind = ?2 AND tool = ?3 AND bucket = ?4 AND events = 0",
        )?;
        for ((session, kind, tool, bucket), mut counts) in self.changes {
            let times_change = !counts.times.is_empty();
            if times_change {
                add_known(connection, (session, kind, tool, bucket), &mut counts.times)?;
            }
            upsert.execute(params![
                session,
                kind,
                tool,
                bucket,
                counts.events,
                counts.errors,
                counts.timed,
                counts.duration_ms,
                (!counts.times.is_empty()).then(|| counts.times.to_string()),
                times_change,
            ])?;
            // Also what came and went in one transaction leaves nothing.
            if counts.events <= 0 {
                forget.execute(params![session, kind, tool, bucket])?;
            }
        }
        Ok(())
    }
}

/// Adds the times that a cell has counted already.
fn add_known(connection: &Connection, cell: Key, times: &mut Times) -> rusqlite::Result<()> {
    let (session, kind, tool, bucket) = cell;
    let mut select = connection.prepare_cached(
        "SELECT times FROM event_cell WHERE session = ?1 AND kind = ?2 AND tool = ?3 AND bucket = ?4",
    )?;
    let known = select.query_row([session, kind, tool, bucket], |row| {
        row.get::<_, Option<String>>(0)
    });
    if let Some(known) = known.optional()?.flatten() {
        times.add_text(&known);
    }
    Ok(())
}

/// Forgets the totals of the quarters of an hour that lie before all events, whose own are deleted already.
pub(super) fn forget_passed(connection: &Connection) -> rusqlite::Result<()> {
    let oldest: Option<i64> =
        connection.query_row("SELECT min(at) FROM event", [], |row| row.get(0))?;
    if let Some(oldest) = oldest {
        let bucket = UsageCell::bucket_of(Timestamp(oldest)).0;
        connection.execute("DELETE FROM event_cell WHERE bucket < ?1", [bucket])?;
    }
    Ok(())
}

/// Forgets the totals of the events before a time, which are deleted already: whole buckets go, and the one in which
/// the time lies is counted anew.
pub(super) fn forget_before(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    let bucket = UsageCell::bucket_of(before).0;
    connection.execute("DELETE FROM event_cell WHERE bucket <= ?1", [bucket])?;
    let mut select = connection.prepare_cached(
        "SELECT session, kind,
                coalesce(tool, (SELECT max(used.tool) FROM event AS used WHERE used.call = event.call), 0), status,
                duration_ms
         FROM event WHERE at >= ?1 AND at < ?2",
    )?;
    let mut rows = select.query([bucket, bucket + UsageCell::WIDTH])?;
    let mut cells = CellChanges::default();
    while let Some(row) = rows.next()? {
        let key = (row.get(0)?, row.get(1)?, row.get(2)?, bucket);
        let failed = row.get::<_, i64>(3)? == status_code(EventStatus::Error);
        let took: Option<i64> = row.get(4)?;
        cells.count_in(key, failed, took.map(|ms| ms as u64), 1);
    }
    cells.flush(connection)
}
