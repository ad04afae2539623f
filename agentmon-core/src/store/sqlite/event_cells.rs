//! Totals of events by session, kind, tool and quarter of an hour, kept in step with the events in the same
//! transaction: what statistics and lists count must not be counted anew for every question.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use super::events::kind_code;
use crate::model::{Event, EventStatus, Timestamp};
use crate::query::UsageCell;

/// Longest time that one event is counted with, in milliseconds (34 years): sums must not overflow.
const MAX_DURATION: u64 = 1 << 40;

/// Session, kind, tool (0 for none), bucket.
type Key = (i64, i64, i64, i64);

/// Events, errors, events that took a known time, that time in milliseconds.
type Counts = [i64; 4];

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
        let counts = self.changes.entry(key).or_default();
        counts[0] += times;
        counts[1] += times * i64::from(event.status == EventStatus::Error);
        if let Some(took) = event.duration_ms {
            counts[2] += times;
            counts[3] += times * took.min(MAX_DURATION) as i64;
        }
    }

    /// Writes everything.
    pub(super) fn flush(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut upsert = connection.prepare_cached(
            "INSERT INTO event_cell (session, kind, tool, bucket, events, errors, timed, duration_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (session, kind, tool, bucket) DO UPDATE SET
                 events = events + excluded.events, errors = errors + excluded.errors,
                 timed = timed + excluded.timed, duration_ms = duration_ms + excluded.duration_ms",
        )?;
        let mut forget = connection.prepare_cached(
            "DELETE FROM event_cell
             WHERE session = ?1 AND kind = ?2 AND tool = ?3 AND bucket = ?4 AND events = 0",
        )?;
        for ((session, kind, tool, bucket), [events, errors, timed, duration]) in self.changes {
            upsert.execute(params![
                session, kind, tool, bucket, events, errors, timed, duration
            ])?;
            if events < 0 {
                forget.execute(params![session, kind, tool, bucket])?;
            }
        }
        Ok(())
    }
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
    connection.execute(
        "INSERT INTO event_cell (session, kind, tool, bucket, events, errors, timed, duration_ms)
         SELECT session, kind,
                coalesce(tool, (SELECT max(used.tool) FROM event AS used WHERE used.call = event.call), 0), ?1,
                count(*), sum(status = 1), count(duration_ms), coalesce(sum(min(duration_ms, ?3)), 0)
         FROM event WHERE at >= ?1 AND at < ?2 GROUP BY 1, 2, 3",
        params![bucket, bucket + UsageCell::WIDTH, MAX_DURATION as i64],
    )?;
    Ok(())
}
