//! Totals by quarter of an hour, session and model, kept in step with the calls in the same transaction.

use std::collections::{HashMap, HashSet};

use rusqlite::{Connection, params};

use super::calls::StoredCall;
use crate::model::{NanoUsd, Timestamp, Usage};
use crate::query::UsageCell;

/// One cell's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CellKey {
    bucket: i64,
    session: i64,
    model: i64,
}

impl CellKey {
    pub(super) fn of(call: &StoredCall) -> Self {
        Self {
            bucket: UsageCell::bucket_of(call.at).0,
            session: call.session,
            model: call.model,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    requests: i64,
    unpriced: i64,
    usage: Usage,
    cost: NanoUsd,
    first: Timestamp,
    last: Timestamp,
}

impl Cell {
    const EMPTY: Self = Self {
        requests: 0,
        unpriced: 0,
        usage: Usage {
            input: 0,
            cache_read: 0,
            cache_creation_5m: 0,
            cache_creation_1h: 0,
            output: 0,
            reasoning: 0,
        },
        cost: NanoUsd::ZERO,
        first: Timestamp(i64::MAX),
        last: Timestamp(i64::MIN),
    };

    fn add(&mut self, call: &StoredCall) {
        self.requests += 1;
        self.unpriced += i64::from(call.cost.is_none());
        self.usage += call.usage;
        self.cost += call.cost.unwrap_or_default();
        self.first = self.first.min(call.at);
        self.last = self.last.max(call.at);
    }
}

/// Changes of cells that one transaction gathers.
#[derive(Debug, Default)]
pub(super) struct RollupChanges {
    added: HashMap<CellKey, Cell>,
    /// Cells that lost or changed a call: minima cannot be subtracted from, so these are summed anew.
    dirty: HashSet<CellKey>,
}

impl RollupChanges {
    /// A call that was not there before.
    pub(super) fn added(&mut self, call: &StoredCall) {
        self.added
            .entry(CellKey::of(call))
            .or_insert(Cell::EMPTY)
            .add(call);
    }

    /// A call that changed.
    pub(super) fn changed(&mut self, before: &StoredCall, after: &StoredCall) {
        self.dirty.insert(CellKey::of(before));
        self.dirty.insert(CellKey::of(after));
    }

    /// Writes the cells.
    pub(super) fn flush(mut self, connection: &Connection) -> rusqlite::Result<()> {
        if !self.dirty.is_empty() {
            self.sum_dirty(connection)?;
        }
        let mut cells: Vec<(CellKey, Cell)> = self.added.into_iter().collect();
        // In key order the tree grows at its end.
        cells.sort_unstable_by_key(|(key, _)| *key);
        let mut upsert = connection.prepare_cached(
            "INSERT INTO rollup (bucket, session, model, requests, unpriced, input, cache_read, cache_write_5m,
                                 cache_write_1h, output, reasoning, cost, first, last)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
             ON CONFLICT (bucket, session, model) DO UPDATE SET
                 requests = requests + excluded.requests,
                 unpriced = unpriced + excluded.unpriced,
                 input = input + excluded.input,
                 cache_read = cache_read + excluded.cache_read,
                 cache_write_5m = cache_write_5m + excluded.cache_write_5m,
                 cache_write_1h = cache_write_1h + excluded.cache_write_1h,
                 output = output + excluded.output,
                 reasoning = reasoning + excluded.reasoning,
                 cost = cost + excluded.cost,
                 first = min(first, excluded.first),
                 last = max(last, excluded.last)",
        )?;
        for (key, cell) in cells {
            upsert.execute(params![
                key.bucket,
                key.session,
                key.model,
                cell.requests,
                cell.unpriced,
                cell.usage.input as i64,
                cell.usage.cache_read as i64,
                cell.usage.cache_creation_5m as i64,
                cell.usage.cache_creation_1h as i64,
                cell.usage.output as i64,
                cell.usage.reasoning as i64,
                cell.cost.0,
                cell.first.0,
                cell.last.0,
            ])?;
        }
        Ok(())
    }

    /// Replaces the dirty cells by sums over the calls as they are now.
    fn sum_dirty(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let mut delete = connection.prepare_cached(
            "DELETE FROM rollup WHERE bucket = ?1 AND session = ?2 AND model = ?3",
        )?;
        for key in &self.dirty {
            delete.execute(params![key.bucket, key.session, key.model])?;
            self.added.remove(key);
        }
        // One pass over the calls serves all dirty cells: an index by session would cost every insert.
        super::calls::for_each(connection, |call| {
            let key = CellKey::of(call);
            if self.dirty.contains(&key) {
                self.added.entry(key).or_insert(Cell::EMPTY).add(call);
            }
        })
    }
}

/// Sums all cells anew from the calls.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM rollup")?;
    let mut changes = RollupChanges::default();
    super::calls::for_each(connection, |call| changes.added(call))?;
    changes.flush(connection)
}
