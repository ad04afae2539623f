//! Totals by quarter of an hour, session and model, kept in step with the calls in the same transaction.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::calls::{self, StoredCall};
use super::held::HeldCalls;
use super::told::ToldCalls;
use crate::model::Timestamp;
use crate::query::UsageCell;

/// One cell's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct CellKey {
    bucket: i64,
    session: i64,
    model: i64,
}

impl CellKey {
    fn of(call: &StoredCall) -> Self {
        Self {
            bucket: UsageCell::bucket_of(call.at).0,
            session: call.session,
            model: call.model,
        }
    }
}

/// Sums of calls.
#[derive(Debug, Clone, Copy)]
struct Cell {
    requests: i64,
    /// In the table's order: unpriced requests, the six buckets of tokens, cost.
    sums: [i64; 8],
    first: Timestamp,
    last: Timestamp,
}

impl Cell {
    const EMPTY: Self = Self {
        requests: 0,
        sums: [0; 8],
        first: Timestamp(i64::MAX),
        last: Timestamp(i64::MIN),
    };

    fn of(call: &StoredCall) -> Self {
        let usage = &call.usage;
        Self {
            requests: 1,
            sums: [
                i64::from(call.cost.is_none()),
                usage.input as i64,
                usage.cache_read as i64,
                usage.cache_creation_5m as i64,
                usage.cache_creation_1h as i64,
                usage.output as i64,
                usage.reasoning as i64,
                call.cost.unwrap_or_default().0,
            ],
            first: call.at,
            last: call.at,
        }
    }

    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        for (sum, more) in self.sums.iter_mut().zip(other.sums) {
            *sum = sum.saturating_add(more);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }

    /// Takes the sums of a part away and leaves the ends.
    fn subtract(&mut self, part: &Self) {
        self.requests -= part.requests;
        for (sum, less) in self.sums.iter_mut().zip(part.sums) {
            *sum = sum.saturating_sub(less);
        }
    }

    /// The cell after a change. `None` when that takes a look at its calls: where an end is taken away, only they
    /// know the next one, unless what is added reaches as far.
    fn after(mut self, added: &Self, removed: &Self) -> Option<Self> {
        if self.requests == removed.requests {
            return Some(*added);
        }
        let loses_first = removed.first <= self.first && added.first > self.first;
        let loses_last = removed.last >= self.last && added.last < self.last;
        if loses_first || loses_last {
            return None;
        }
        self.subtract(removed);
        self.add(added);
        Some(self)
    }
}

/// What one transaction does to a cell.
#[derive(Debug, Clone, Copy)]
struct Delta {
    added: Cell,
    removed: Cell,
}

/// Changes of cells that one transaction gathers. A call is noted at most once.
#[derive(Debug, Default)]
pub(super) struct RollupChanges {
    cells: HashMap<CellKey, Delta>,
}

impl RollupChanges {
    fn cell(&mut self, call: &StoredCall) -> &mut Delta {
        self.cells.entry(CellKey::of(call)).or_insert(Delta {
            added: Cell::EMPTY,
            removed: Cell::EMPTY,
        })
    }

    /// A call that was not there before.
    pub(super) fn added(&mut self, call: &StoredCall) {
        self.cell(call).added.add(&Cell::of(call));
    }

    /// A call that was taken out.
    pub(super) fn removed(&mut self, call: &StoredCall) {
        self.cell(call).removed.add(&Cell::of(call));
    }

    /// A call that changed.
    pub(super) fn changed(&mut self, before: &StoredCall, after: &StoredCall) {
        self.cell(before).removed.add(&Cell::of(before));
        self.cell(after).added.add(&Cell::of(after));
    }

    /// Writes the cells. `held` are the calls where they are not in their table, `told` some that are not there yet.
    pub(super) fn flush(
        self,
        connection: &Connection,
        held: Option<&HeldCalls>,
        told: &mut ToldCalls,
    ) -> rusqlite::Result<()> {
        let mut cells: Vec<(CellKey, Delta)> = self.cells.into_iter().collect();
        // In key order the tree grows at its end.
        cells.sort_unstable_by_key(|(key, _)| *key);
        let mut unknown = HashMap::new();
        for (key, Delta { added, removed }) in cells {
            if removed.requests == 0 {
                add(connection, &key, &added)?;
                continue;
            }
            let stored = load(connection, &key)?.unwrap_or(Cell::EMPTY);
            match stored.after(&added, &removed) {
                Some(cell) => replace(connection, &key, &cell)?,
                None => {
                    unknown.insert(key, Cell::EMPTY);
                }
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        // One pass over the calls serves all of them: an index by session and time would cost every insert.
        let mut see = |call: &StoredCall| {
            if let Some(cell) = unknown.get_mut(&CellKey::of(call)) {
                cell.add(&Cell::of(call));
            }
        };
        match held {
            Some(held) => held.all().iter().for_each(&mut see),
            None => {
                told.all(connection)?.for_each(&mut see);
                calls::for_each(connection, |call| {
                    see(call);
                    Ok(())
                })?;
            }
        }
        unknown
            .iter()
            .try_for_each(|(key, cell)| replace(connection, key, cell))
    }
}

/// Adds to a cell, which need not be there.
fn add(connection: &Connection, key: &CellKey, cell: &Cell) -> rusqlite::Result<()> {
    execute(
        connection,
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
        key,
        cell,
    )
}

/// Puts a cell in place of what is there; one without calls is none.
fn replace(connection: &Connection, key: &CellKey, cell: &Cell) -> rusqlite::Result<()> {
    if cell.requests == 0 {
        return connection
            .prepare_cached("DELETE FROM rollup WHERE bucket = ?1 AND session = ?2 AND model = ?3")?
            .execute(params![key.bucket, key.session, key.model])
            .map(|_| ());
    }
    execute(
        connection,
        "INSERT OR REPLACE INTO rollup (bucket, session, model, requests, unpriced, input, cache_read,
                                        cache_write_5m, cache_write_1h, output, reasoning, cost, first, last)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        key,
        cell,
    )
}

fn execute(connection: &Connection, sql: &str, key: &CellKey, cell: &Cell) -> rusqlite::Result<()> {
    let sums = &cell.sums;
    connection
        .prepare_cached(sql)?
        .execute(params![
            key.bucket,
            key.session,
            key.model,
            cell.requests,
            sums[0],
            sums[1],
            sums[2],
            sums[3],
            sums[4],
            sums[5],
            sums[6],
            sums[7],
            cell.first.0,
            cell.last.0,
        ])
        .map(|_| ())
}

fn load(connection: &Connection, key: &CellKey) -> rusqlite::Result<Option<Cell>> {
    let read = |row: &Row<'_>| {
        let mut sums = [0; 8];
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum = row.get(index + 1)?;
        }
        Ok(Cell {
            requests: row.get(0)?,
            sums,
            first: Timestamp(row.get(9)?),
            last: Timestamp(row.get(10)?),
        })
    };
    connection
        .prepare_cached(
            "SELECT requests, unpriced, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, cost,
                    first, last
             FROM rollup WHERE bucket = ?1 AND session = ?2 AND model = ?3",
        )?
        .query_row(params![key.bucket, key.session, key.model], read)
        .optional()
}

/// Sums all cells anew from the calls.
pub(super) fn rebuild(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("DELETE FROM rollup")?;
    let mut changes = RollupChanges::default();
    calls::for_each(connection, |call| {
        changes.added(call);
        Ok(())
    })?;
    changes.flush(connection, None, &mut ToldCalls::default())
}
