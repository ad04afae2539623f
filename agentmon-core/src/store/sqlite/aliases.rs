//! Other names of calls and events. A source that knows one by another name means the same row, whichever came first
//! (I13).

use rusqlite::{Connection, OptionalExtension};

use super::calls::{self, StoredCall};
use super::events;
use super::held::HeldCalls;
use super::incoming::IncomingCalls;
use super::keys::Keys;
use super::rollup::RollupChanges;
use crate::model::FactKey;

/// Notes other names, `(other, real)`. Calls that are stored under the other name are taken out, to be stored again
/// under the real one with `calls`.
pub(super) fn note<'a>(
    connection: &Connection,
    names: impl Iterator<Item = &'a (FactKey, FactKey)>,
    calls: &mut IncomingCalls<'_>,
    rollup: &mut RollupChanges,
    mut held: Option<&mut HeldCalls>,
    keys: &mut Keys,
) -> rusqlite::Result<()> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let mut take = |alias| match &mut held {
        Some(held) => Ok(held.take(alias)),
        None => calls::take(connection, alias),
    };
    for &(alias, fact) in names {
        if !add(connection, alias.0, fact.0)? {
            continue;
        }
        events::name_call(connection, alias, fact, keys)?;
        if let Some(call) = take(alias)? {
            rollup.removed(&call);
            calls.rename(StoredCall { fact, ..call });
        }
    }
    Ok(())
}

/// Notes another name; `false` when it is known already.
pub(super) fn add(connection: &Connection, alias: i64, fact: i64) -> rusqlite::Result<bool> {
    let added = connection
        .prepare_cached(
            "INSERT INTO call_alias (alias, fact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute([alias, fact])?;
    Ok(added == 1)
}

/// What is really meant by another name.
pub(super) fn find(connection: &Connection, alias: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT fact FROM call_alias WHERE alias = ?1")?
        .query_row([alias], |row| row.get(0))
        .optional()
}
