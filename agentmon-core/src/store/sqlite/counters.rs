//! Sums that agents keep themselves: the last report of each series.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::dimensions;
use crate::model::{Counter, CounterKind, ModelTotals, NanoUsd, Stamped, Timestamp, Usage};

/// Start of a series whose reports only hold what was added.
const NO_START: i64 = 0;

/// Stores reports. One that is not newer than the last of its series was delivered before.
pub(super) fn store(
    connection: &Connection,
    counters: &[Counter],
    sessions: &[i64],
    models: &[Box<str>],
) -> rusqlite::Result<()> {
    if counters.is_empty() {
        return Ok(());
    }
    let mut upsert = connection.prepare_cached(
        "INSERT INTO counter (series, start, session, model, kind, at, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (series, start) DO UPDATE
         SET at = excluded.at, value = excluded.value + CASE WHEN ?2 = 0 THEN counter.value ELSE 0 END
         WHERE excluded.at > counter.at",
    )?;
    for counter in counters {
        upsert.execute(params![
            counter.series.0,
            counter.start.map_or(NO_START, |start| start.max(1)),
            sessions[counter.session.0 as usize],
            dimensions::model(connection, &models[counter.model as usize])?,
            CounterKind::ALL
                .iter()
                .position(|kind| *kind == counter.kind)
                .map(|at| at as i64),
            counter.at,
            counter.value,
        ])?;
    }
    Ok(())
}

/// What a session's agent counted for each model so far, if it exports its sums.
///
/// # Errors
/// When the database cannot be read.
pub fn totals(
    connection: &Connection,
    session: i64,
) -> rusqlite::Result<Option<Stamped<Vec<ModelTotals>>>> {
    let mut select = connection.prepare_cached(
        "SELECT model.name, counter.kind, sum(counter.value), max(counter.at)
         FROM counter JOIN model ON model.id = counter.model WHERE counter.session = ?1 GROUP BY 1, 2",
    )?;
    let mut rows = select.query([session])?;
    let mut models: BTreeMap<String, (Usage, NanoUsd)> = BTreeMap::new();
    let mut latest = 0;
    while let Some(row) = rows.next()? {
        let (usage, cost) = models.entry(row.get(0)?).or_default();
        let value: f64 = row.get(2)?;
        let tokens = value.max(0.0) as u64;
        match CounterKind::ALL.get(usize::from(row.get::<_, u8>(1)?)) {
            Some(CounterKind::Input) => usage.input = tokens,
            Some(CounterKind::Output) => usage.output = tokens,
            Some(CounterKind::CacheRead) => usage.cache_read = tokens,
            Some(CounterKind::CacheCreation) => usage.cache_creation_5m = tokens,
            Some(CounterKind::Cost) => *cost = NanoUsd::from_dollars(value).unwrap_or_default(),
            _ => continue,
        }
        latest = row.get::<_, i64>(3)?.max(latest);
    }
    if models.is_empty() {
        return Ok(None);
    }
    let value = models
        .into_iter()
        .map(|(model, (usage, cost))| ModelTotals {
            model: model.into(),
            usage: usage.into(),
            cost,
        });
    Ok(Some(Stamped {
        at: Timestamp(latest / 1_000_000),
        value: value.collect(),
    }))
}
