//! Other names of calls and events. A source that knows one by another name means the same row, whichever came first
//! (I13).

use rusqlite::{Connection, OptionalExtension};

use super::calls::{self, StoredCall};
use super::events;
use super::filter::Filter;
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
    for &(alias, fact) in names {
        if !keys.names.add(connection, alias.0, fact.0)? {
            continue;
        }
        let known = match &mut held {
            Some(held) => held.take(alias),
            None => match keys.told.take(connection, alias)? {
                None => calls::take(connection, alias)?,
                known => known,
            },
        };
        // Only now: what stands with the event is no call of the real name.
        events::name_call(connection, alias, fact, keys)?;
        if let Some(call) = known {
            rollup.removed(&call);
            calls.rename(StoredCall { fact, ..call });
        }
    }
    Ok(())
}

/// Names that are known, and what certainly has no other.
#[derive(Debug, Default)]
pub(super) struct OtherNames {
    filter: Filter,
}

impl OtherNames {
    /// Reads up to `limit` more names into the filter, which there is from now on. Returns whether there are more.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        limit: usize,
    ) -> rusqlite::Result<bool> {
        let select =
            "SELECT 0, alias FROM call_alias WHERE ?1 = 0 AND alias >= ?2 ORDER BY alias LIMIT ?3";
        self.filter.begin(0, std::iter::empty());
        self.filter.read_on(connection, select, limit)
    }

    /// Notes another name; `false` when it is known already.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        alias: i64,
        fact: i64,
    ) -> rusqlite::Result<bool> {
        let added = connection
            .prepare_cached(
                "INSERT INTO call_alias (alias, fact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute([alias, fact])?;
        self.filter.add(alias);
        Ok(added == 1)
    }

    /// What is really meant by another name.
    pub(super) fn find(
        &self,
        connection: &Connection,
        alias: i64,
    ) -> rusqlite::Result<Option<i64>> {
        if !self.filter.may_hold(alias) {
            return Ok(None);
        }
        connection
            .prepare_cached("SELECT fact FROM call_alias WHERE alias = ?1")?
            .query_row([alias], |row| row.get(0))
            .optional()
    }
}
