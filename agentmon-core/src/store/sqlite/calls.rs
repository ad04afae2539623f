//! Model calls: each real call one row, whoever reports it and however often.
//!
//! A second sighting merges into the row: the usage with the most output wins, and the session with the lowest credit
//! keeps the call (see [`ModelCall::merge`]). Merging is commutative, so the order in which files are read, split or
//! repeated leaves the same rows (I7).

use std::cmp::Ordering;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params_from_iter};

use super::dimensions;
use super::incoming::IncomingCalls;
use super::prices::StoredPrices;
use super::rollup::RollupChanges;
use super::told::ToldCalls;
use crate::model::{
    CallSource, CostBasis, FactKey, Finality, ModelCall, NanoUsd, PriceMode, Timestamp, Usage,
};
use crate::pricing::ModelPrices;
use crate::store::StoreError;

/// The most that one call can cost, about 17,600 dollars. No real one comes near; a made-up one must not make sums
/// overflow.
const MAX_COST: NanoUsd = NanoUsd(1 << 44);

/// A call as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredCall {
    pub fact: FactKey,
    pub at: Timestamp,
    pub session: i64,
    pub model: i64,
    pub usage: Usage,
    /// What it cost; `None` when no price is known.
    pub cost: Option<NanoUsd>,
    pub credit: i64,
    pub source: CallSource,
    pub mode: PriceMode,
    pub web_searches: u32,
    pub reported: Option<NanoUsd>,
}

impl StoredCall {
    /// The call with its ids in the store, and priced.
    pub(super) fn new(
        fact: FactKey,
        call: &ModelCall,
        session: i64,
        model: i64,
        prices: Option<&ModelPrices<'_>>,
    ) -> Self {
        let mut stored = Self {
            fact,
            at: call.at,
            session,
            model,
            usage: call.usage,
            cost: None,
            credit: call.credit,
            source: call.source,
            mode: call.mode,
            web_searches: call.web_searches,
            reported: call.reported,
        };
        stored.price(prices);
        stored
    }

    /// Works out the cost. A price that a client posts is the user's word and stands; what an agent computed itself
    /// only fills in for a price that agentmon does not know.
    pub(super) fn price(&mut self, prices: Option<&ModelPrices<'_>>) {
        let priced = prices
            .map(|prices| prices.cost(self.at, &self.usage, self.mode, self.web_searches))
            .filter(|cost| cost.basis != CostBasis::Unpriced)
            .map(|cost| cost.amount);
        let reported = self.reported.filter(|amount| *amount > NanoUsd::ZERO);
        let cost = match self.source {
            CallSource::Api | CallSource::Remote => self.reported.or(priced),
            _ => priced.or(reported),
        };
        self.cost = cost.map(|cost| cost.min(MAX_COST));
    }

    fn finality(&self) -> Finality {
        Finality::new(
            &self.usage,
            self.at,
            self.source,
            self.mode,
            self.web_searches,
        )
    }

    /// Writes the row; `false` when there is one.
    pub(super) fn insert(&self, insert: &mut CachedStatement<'_>) -> rusqlite::Result<bool> {
        let inserted = insert.execute(params_from_iter(self.row()))?;
        Ok(inserted == 1)
    }

    /// Merges two sightings of one call. Commutative, associative and idempotent.
    pub(super) fn merge(
        self,
        other: Self,
        connection: &Connection,
        prices: &mut StoredPrices<'_>,
    ) -> rusqlite::Result<Self> {
        let rank = match other.finality().cmp(&self.finality()) {
            Ordering::Equal => compare_models(connection, other.model, self.model)?,
            rank => rank,
        };
        let (mut merged, loser) = if rank.is_gt() {
            (other, self)
        } else {
            (self, other)
        };
        merged.reported = merged.reported.max(loser.reported);
        let credited = match loser.credit.cmp(&merged.credit) {
            Ordering::Equal => compare_sessions(connection, loser.session, merged.session)?,
            credited => credited,
        };
        if credited.is_lt() {
            (merged.credit, merged.session) = (loser.credit, loser.session);
        }
        merged.price(prices.get(connection, merged.model)?.as_ref());
        Ok(merged)
    }
}

/// The statement with which [`StoredCall::insert`] writes a row.
pub(super) fn insert(connection: &Connection) -> rusqlite::Result<CachedStatement<'_>> {
    connection.prepare_cached(
        "INSERT INTO call (fact, at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output,
                           reasoning, cost, credit, source, mode, web_searches, reported)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
         ON CONFLICT (fact) DO NOTHING",
    )
}

/// Stores calls, merging with what is there, and notes the changes of totals. New ones may wait in `told` for the events
/// that came with them.
pub(super) fn store(
    connection: &Connection,
    mut calls: IncomingCalls<'_>,
    prices: &mut StoredPrices<'_>,
    told: &mut ToldCalls,
    rollup: &mut RollupChanges,
) -> rusqlite::Result<()> {
    // In key order the tree of a first import grows at its end instead of all over.
    calls.sort();
    let mut insert = insert(connection)?;
    let mut calls = calls.iter().peekable();
    while let Some(mut call) = calls.next() {
        while let Some(twin) = calls.next_if(|next| next.fact == call.fact) {
            call = call.merge(twin, connection, prices)?;
        }
        if told.offer(&call) {
            rollup.added(&call);
        } else if let Some(known) = told.take(connection, call.fact)? {
            let merged = known.merge(call, connection, prices)?;
            if merged != known {
                rollup.changed(&known, &merged);
            }
            merged.insert(&mut insert)?;
        } else if call.insert(&mut insert)? {
            told.stored(call.fact);
            rollup.added(&call);
        } else {
            merge_into_row(connection, call, prices, rollup)?;
        }
    }
    Ok(())
}

fn merge_into_row(
    connection: &Connection,
    call: StoredCall,
    prices: &mut StoredPrices<'_>,
    rollup: &mut RollupChanges,
) -> rusqlite::Result<()> {
    let before = connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM call WHERE fact = ?1"))?
        .query_row([call.fact.0], read)
        .optional()?;
    let Some(before) = before else { return Ok(()) };
    let after = before.merge(call, connection, prices)?;
    if after != before {
        update(connection, &after)?;
        rollup.changed(&before, &after);
    }
    Ok(())
}

/// Whether any of these calls is stored.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn knows_any(connection: &Connection, facts: &[FactKey]) -> Result<bool, StoreError> {
    let facts: Vec<i64> = facts.iter().map(|fact| fact.0).collect();
    let facts = serde_json::to_string(&facts).map_err(|source| StoreError::Value {
        what: "call",
        source,
    })?;
    let mut select = connection
        .prepare_cached("SELECT 1 FROM any_call WHERE fact IN (SELECT value FROM json_each(?1))")?;
    Ok(select.exists([facts])?)
}

/// Takes a call out.
pub(super) fn take(connection: &Connection, fact: FactKey) -> rusqlite::Result<Option<StoredCall>> {
    connection
        .prepare_cached(&format!(
            "DELETE FROM call WHERE fact = ?1 RETURNING {COLUMNS}"
        ))?
        .query_row([fact.0], read)
        .optional()
}

/// Writes a changed call back.
pub(super) fn update(connection: &Connection, call: &StoredCall) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE call SET at = ?2, session = ?3, model = ?4, input = ?5, cache_read = ?6, cache_write_5m = ?7,
                 cache_write_1h = ?8, output = ?9, reasoning = ?10, cost = ?11, credit = ?12, source = ?13, mode = ?14,
                 web_searches = ?15, reported = ?16
             WHERE fact = ?1",
        )?
        .execute(params_from_iter(call.row()))
        .map(|_| ())
}

/// Ranks two sessions by their ids as the agents give them, which do not depend on the order of reading.
pub(super) fn compare_sessions(
    connection: &Connection,
    a: i64,
    b: i64,
) -> rusqlite::Result<Ordering> {
    if a == b {
        return Ok(Ordering::Equal);
    }
    let mut select =
        connection.prepare_cached("SELECT native_id, agent FROM session WHERE id = ?1")?;
    let mut name = |id: i64| {
        select.query_row([id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
    };
    Ok(name(a)?.cmp(&name(b)?))
}

/// Ranks two models by their names.
fn compare_models(connection: &Connection, a: i64, b: i64) -> rusqlite::Result<Ordering> {
    if a == b {
        return Ok(Ordering::Equal);
    }
    Ok(dimensions::model_name(connection, a)?.cmp(&dimensions::model_name(connection, b)?))
}

const COLUMNS: &str = "fact, at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning,
    cost, credit, source, mode, web_searches, reported";

fn read(row: &Row<'_>) -> rusqlite::Result<StoredCall> {
    let mut columns = [None; 15];
    for (index, column) in columns.iter_mut().enumerate() {
        *column = row.get(index + 1)?;
    }
    Ok(StoredCall::of(FactKey(row.get(0)?), columns))
}

/// Goes over all calls that are in their table.
pub(super) fn for_each(
    connection: &Connection,
    mut each: impl FnMut(&StoredCall) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare(&format!("SELECT {COLUMNS} FROM call"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        each(&read(row)?)?;
    }
    Ok(())
}

/// The columns after the identity, all of them numbers, in the order of their table.
type Columns = [Option<i64>; 15];

impl StoredCall {
    fn columns(&self) -> Columns {
        [
            Some(self.at.0),
            Some(self.session),
            Some(self.model),
            Some(self.usage.input as i64),
            Some(self.usage.cache_read as i64),
            Some(self.usage.cache_creation_5m as i64),
            Some(self.usage.cache_creation_1h as i64),
            Some(self.usage.output as i64),
            Some(self.usage.reasoning as i64),
            self.cost.map(|cost| cost.0),
            Some(self.credit),
            Some(source_code(self.source)),
            Some(mode_code(self.mode)),
            Some(i64::from(self.web_searches)),
            self.reported.map(|cost| cost.0),
        ]
    }

    fn of(fact: FactKey, columns: Columns) -> Self {
        let [cost, reported] = [9, 14].map(|index| columns[index].map(NanoUsd));
        // But for these two, the table has no column without a number.
        let columns = columns.map(Option::unwrap_or_default);
        let count = |index: usize| columns[index] as u64;
        let code = |index: usize| u8::try_from(columns[index]).unwrap_or_default();
        Self {
            fact,
            at: Timestamp(columns[0]),
            session: columns[1],
            model: columns[2],
            usage: Usage {
                input: count(3),
                cache_read: count(4),
                cache_creation_5m: count(5),
                cache_creation_1h: count(6),
                output: count(7),
                reasoning: count(8),
            },
            cost,
            credit: columns[10],
            source: source_of(code(11)),
            mode: mode_of(code(12)),
            web_searches: columns[13] as u32,
            reported,
        }
    }

    /// The identity and the columns.
    fn row(&self) -> impl Iterator<Item = Option<i64>> {
        std::iter::once(Some(self.fact.0)).chain(self.columns())
    }

    /// The columns as they stand with an event (JSON).
    pub(super) fn to_text(self) -> String {
        // Numbers can always be written.
        serde_json::to_string(&self.columns()).unwrap_or_default()
    }

    /// A call that stands with its event.
    pub(super) fn from_text(fact: FactKey, text: &str) -> Option<Self> {
        let columns = serde_json::from_str(text).ok()?;
        Some(Self::of(fact, columns))
    }
}

const SOURCES: [CallSource; 6] = [
    CallSource::Transcript,
    CallSource::Otlp,
    CallSource::Hook,
    CallSource::Gateway,
    CallSource::Api,
    CallSource::Remote,
];

fn source_code(source: CallSource) -> i64 {
    SOURCES
        .iter()
        .position(|known| *known == source)
        .map_or(0, |code| code as i64)
}

pub(super) fn source_of(code: u8) -> CallSource {
    let source = SOURCES.get(usize::from(code));
    source.copied().unwrap_or(CallSource::Transcript)
}

fn mode_code(mode: PriceMode) -> i64 {
    PriceMode::ALL
        .iter()
        .position(|known| *known == mode)
        .map_or(0, |code| code as i64)
}

pub(super) fn mode_of(code: u8) -> PriceMode {
    let mode = PriceMode::ALL.get(usize::from(code));
    mode.copied().unwrap_or_default()
}
