//! Model calls that stand with the event that came with them (`event.usage`) until they are put into their table behind: a
//! call's identity lies anywhere in it. A call that comes again is put there at once, merged. Whoever writes asks this
//! first; whoever reads takes the row of the table where there is one, else what stands with the event.

use rusqlite::Connection;

use super::behind::{Behind, Brought, KeyMap, Shelf};
use super::calls::{self, StoredCall};
use super::filter::Filter;
use crate::model::FactKey;

/// What a call used and cost, of the row of `call` or of `event.usage`.
macro_rules! call_figures {
    () => {
        "coalesce(call.input, event.usage ->> 3), coalesce(call.cache_read, event.usage ->> 4),
         coalesce(call.cache_write_5m, event.usage ->> 5), coalesce(call.cache_write_1h, event.usage ->> 6),
         coalesce(call.output, event.usage ->> 7), coalesce(call.reasoning, event.usage ->> 8),
         CASE WHEN call.fact IS NULL THEN event.usage ->> 9 ELSE call.cost END"
    };
}
/// The id of a call's model, of either.
macro_rules! call_model {
    () => {
        "coalesce(call.model, event.usage ->> 2)"
    };
}
pub(super) use {call_figures, call_model};

/// A call, and the row of the event that it stands with.
#[derive(Debug)]
struct Told {
    call: StoredCall,
    row: i64,
}

#[derive(Debug)]
struct CallTable;

impl Shelf for CallTable {
    type Item = Box<Told>;
    fn note(&self) -> &'static str {
        "told_calls"
    }

    /// About 20 MiB: the more go into the table at once, the more of them go to each of its pages.
    fn held(&self) -> usize {
        1 << 17
    }

    fn later(
        &self,
        connection: &Connection,
        row: i64,
    ) -> rusqlite::Result<Vec<Brought<Self::Item>>> {
        let mut select = connection.prepare_cached(
            "SELECT seq, model_call, usage FROM event
             WHERE seq > ?1 AND usage IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM call WHERE call.fact = event.model_call)",
        )?;
        let rows = select.query_map([row], |row| {
            let (seq, fact) = (row.get(0)?, row.get(1)?);
            let call = StoredCall::from_text(FactKey(fact), row.get_ref(2)?.as_str()?);
            Ok(call.map(|call| (seq, fact, Box::new(Told { call, row: seq }))))
        })?;
        // What cannot be read was not written by this program.
        rows.filter_map(Result::transpose).collect()
    }

    fn section(&self, _: &Self::Item) -> i64 {
        0
    }
}

/// The calls that stand with events.
#[derive(Debug)]
pub(super) struct ToldCalls {
    behind: Behind<CallTable>,
    /// New calls of the open transaction, until their events are stored.
    offered: KeyMap<StoredCall>,
    /// Of the table, of what stands with events and of what is offered. Until it has begun calls go into the table at once.
    filter: Filter,
}

impl Default for ToldCalls {
    fn default() -> Self {
        Self {
            behind: Behind::new(CallTable),
            offered: KeyMap::default(),
            filter: Filter::default(),
        }
    }
}

impl ToldCalls {
    /// Reads up to `limit` more calls of the table into the filter, which there is from now on. Returns whether there are
    /// more.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        limit: usize,
    ) -> rusqlite::Result<bool> {
        let select = "SELECT 0, fact FROM call WHERE ?1 = 0 AND fact >= ?2 ORDER BY fact LIMIT ?3";
        self.filter.begin(0, self.behind.keys(connection)?);
        self.filter.read_on(connection, select, limit)
    }

    /// Takes a call out that stands with its event.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        fact: FactKey,
    ) -> rusqlite::Result<Option<StoredCall>> {
        let Some(told) = self.behind.take(connection, fact.0)? else {
            return Ok(None);
        };
        connection
            .prepare_cached("UPDATE event SET usage = NULL WHERE seq = ?1")?
            .execute([told.row])?;
        Ok(Some(told.call))
    }

    /// Offers a call to the events that are stored next. Returns whether it is taken: it must be new.
    pub(super) fn offer(&mut self, call: &StoredCall) -> bool {
        if self.filter.may_hold(call.fact.0) {
            return false;
        }
        self.filter.add(call.fact.0);
        self.offered.insert(call.fact.0, *call);
        true
    }

    /// What is to be stored with the event in `row`: the call that it came with, if that was offered.
    pub(super) fn stand_with(
        &mut self,
        connection: &Connection,
        call: Option<FactKey>,
        row: i64,
    ) -> rusqlite::Result<Option<String>> {
        let Some(call) = call.and_then(|fact| self.offered.remove(&fact.0)) else {
            return Ok(None);
        };
        let text = call.to_text();
        let told = Box::new(Told { call, row });
        match self.behind.add(connection, call.fact.0, told, row)? {
            Some(told) => put(connection, &told.call).map(|()| None),
            None => Ok(Some(text)),
        }
    }

    /// Puts what was offered and came with no event into the table.
    pub(super) fn settle(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (_, call) in std::mem::take(&mut self.offered) {
            put(connection, &call)?;
        }
        Ok(())
    }

    /// Puts a call into the table if it stands with its event: that changes.
    pub(super) fn put_one(
        &mut self,
        connection: &Connection,
        fact: FactKey,
    ) -> rusqlite::Result<()> {
        match self.take(connection, fact)? {
            Some(call) => put(connection, &call),
            None => Ok(()),
        }
    }

    /// A call was put into the table at once.
    pub(super) fn stored(&mut self, fact: FactKey) {
        self.filter.add(fact.0);
    }

    /// All calls that are not in the table.
    pub(super) fn all(
        &mut self,
        connection: &Connection,
    ) -> rusqlite::Result<impl Iterator<Item = &StoredCall>> {
        let told = self.behind.items(connection)?.map(|told| &told.call);
        Ok(told.chain(self.offered.values()))
    }

    /// Puts all of them into the table.
    pub(super) fn put_all(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.put_away(connection, usize::MAX).map(|_| ())
    }

    /// Puts into the table what is too much to be held, and `more` of the rest. Returns whether anything is left.
    pub(super) fn put_away(
        &mut self,
        connection: &Connection,
        more: usize,
    ) -> rusqlite::Result<bool> {
        let mut insert = calls::insert(connection)?;
        self.behind.put_away(connection, more, |_, told| {
            told.call.insert(&mut insert).map(|_| ())
        })
    }
}

/// Puts a call into the table.
fn put(connection: &Connection, call: &StoredCall) -> rusqlite::Result<()> {
    call.insert(&mut calls::insert(connection)?).map(|_| ())
}
