//! Other names of calls. A source that knows a call by another name means the same row, whichever came first (I13).

use rusqlite::{Connection, OptionalExtension};

use super::calls::{self, StoredCall};
use super::rollup::RollupChanges;
use crate::model::{CallSource, FactKey};

/// Notes other names, `(other, real)`. Calls that are stored under the other name are taken out, to be stored again
/// under the real one with `calls`.
pub(super) fn note<'a>(
    connection: &Connection,
    names: impl Iterator<Item = &'a (FactKey, FactKey)>,
    calls: &mut Vec<StoredCall>,
    rollup: &mut RollupChanges,
) -> rusqlite::Result<()> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO call_alias (alias, fact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for &(alias, fact) in names {
        if insert.execute([alias.0, fact.0])? == 1
            && let Some(call) = calls::take(connection, alias)?
        {
            rollup.removed(&call);
            calls.push(StoredCall { fact, ..call });
        }
    }
    Ok(())
}

/// Gives calls of sources that know only the other name the real one, where it is known.
pub(super) fn resolve(connection: &Connection, calls: &mut [StoredCall]) -> rusqlite::Result<()> {
    let mut select = None;
    for call in calls
        .iter_mut()
        .filter(|call| call.source == CallSource::Otlp)
    {
        let select = match &mut select {
            Some(select) => select,
            None => select
                .insert(connection.prepare_cached("SELECT fact FROM call_alias WHERE alias = ?1")?),
        };
        let fact: Option<i64> = select
            .query_row([call.fact.0], |row| row.get(0))
            .optional()?;
        call.fact = fact.map_or(call.fact, FactKey);
    }
    Ok(())
}
