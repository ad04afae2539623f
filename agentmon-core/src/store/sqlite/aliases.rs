//! Other names of calls. A source that knows a call by another name means the same row, whichever came first (I13).

use rusqlite::Connection;

use super::calls::{self, StoredCall};
use super::held::HeldCalls;
use super::incoming::IncomingCalls;
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
) -> rusqlite::Result<()> {
    let mut names = names.peekable();
    if names.peek().is_none() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO call_alias (alias, fact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    let mut take = |alias| match &mut held {
        Some(held) => Ok(held.take(alias)),
        None => calls::take(connection, alias),
    };
    for &(alias, fact) in names {
        if insert.execute([alias.0, fact.0])? == 1
            && let Some(call) = take(alias)?
        {
            rollup.removed(&call);
            calls.rename(StoredCall { fact, ..call });
        }
    }
    Ok(())
}
