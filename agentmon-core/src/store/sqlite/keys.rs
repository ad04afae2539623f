//! Where things are by their identities: events by their keys, and calls of tools. Identities lie anywhere: an index that is
//! kept with every event makes a page new for nearly each of them. So those of the latest events are held in memory and
//! put into their table behind, in their order, many to a page. A note tells up to which row all are in the table; those
//! of later rows are read from the events when they are first needed. Nobody but the writer looks anything up here.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::dimensions;

/// Identities held in memory however much comes in (2 MiB).
const HELD: usize = 1 << 16;

/// A table of identities.
#[derive(Debug)]
struct Table {
    /// The note that holds the last row of events up to which all are in the table.
    note: &'static str,
    select: &'static str,
    insert: &'static str,
    delete: &'static str,
    /// Row, identity and place of the events after a row.
    later: &'static str,
}

const EVENTS: Table = Table {
    note: "event_keys",
    select: "SELECT seq FROM event_key WHERE key = ?1",
    insert: "INSERT INTO event_key (key, seq) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET seq = excluded.seq",
    delete: "DELETE FROM event_key WHERE key = ?1",
    later: "SELECT seq, key, seq FROM event WHERE seq > ?1",
};

const CALLS: Table = Table {
    note: "call_keys",
    select: "SELECT call FROM call_key WHERE fact = ?1",
    insert: "INSERT INTO call_key (fact, call) VALUES (?1, ?2) ON CONFLICT (fact) DO UPDATE SET call = excluded.call",
    delete: "DELETE FROM call_key WHERE fact = ?1",
    later: "SELECT seq, call_fact, call FROM event WHERE seq > ?1 AND call_fact IS NOT NULL",
};

/// All of them. They are those that the open transaction sees: to be [cleared](Self::clear) when it is rolled back.
#[derive(Debug)]
pub(super) struct Keys {
    /// The rows of events by their keys.
    pub(super) events: Places,
    /// By the call of a tool, the number that joins its events: the row of the first of them.
    pub(super) calls: Places,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            events: Places::of(&EVENTS),
            calls: Places::of(&CALLS),
        }
    }
}

impl Keys {
    /// Forgets what is held in memory; it is read again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Puts into the tables what is too much to be held, and `more` of the rest. Returns whether anything is left.
    pub(super) fn put_away(
        &mut self,
        connection: &Connection,
        more: usize,
    ) -> rusqlite::Result<bool> {
        let events = self.events.put_away(connection, more)?;
        Ok(self.calls.put_away(connection, more)? || events)
    }
}

/// Places by identity.
#[derive(Debug)]
pub(super) struct Places {
    table: &'static Table,
    held: Option<Held>,
}

/// Those that are not in the table, or not known to be.
#[derive(Debug, Default)]
struct Held {
    places: HashMap<i64, i64>,
    /// The identities that this round puts away, the next one last. They go in rounds, in their order, so that
    /// neighbours go together.
    round: Vec<i64>,
    /// The last row when the round began: at its end, those of all rows up to it are in the table.
    round_last: i64,
    /// The last row.
    last: i64,
}

impl Places {
    fn of(table: &'static Table) -> Self {
        Self { table, held: None }
    }

    /// The place of what has this identity.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(place) = self.held(connection)?.places.get(&key) {
            return Ok(Some(*place));
        }
        connection
            .prepare_cached(self.table.select)?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    /// Notes an identity that the event in `row` brought, and that was not known.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        key: i64,
        place: i64,
        row: i64,
    ) -> rusqlite::Result<()> {
        let insert = self.table.insert;
        let held = self.held(connection)?;
        if row <= held.round_last {
            // An event that was known says more now: its row may be among those that are done with.
            let mut insert = connection.prepare_cached(insert)?;
            return insert.execute(params![key, place]).map(|_| ());
        }
        held.places.insert(key, place);
        held.last = held.last.max(row);
        Ok(())
    }

    /// Forgets an identity.
    pub(super) fn remove(&mut self, connection: &Connection, key: i64) -> rusqlite::Result<()> {
        self.held(connection)?.places.remove(&key);
        connection
            .prepare_cached(self.table.delete)?
            .execute([key])
            .map(|_| ())
    }

    fn put_away(&mut self, connection: &Connection, more: usize) -> rusqlite::Result<bool> {
        let table = self.table;
        let held = self.held(connection)?;
        let mut left = held.places.len().saturating_sub(HELD).max(more);
        let mut insert = connection.prepare_cached(table.insert)?;
        while left > 0 && !held.places.is_empty() {
            let Some(key) = held.round.pop() else {
                held.end_round(connection, table)?;
                continue;
            };
            // One that is gone was forgotten since.
            if let Some(place) = held.places.remove(&key) {
                insert.execute(params![key, place])?;
                left -= 1;
            }
        }
        if held.places.is_empty() {
            held.end_round(connection, table)?;
        }
        Ok(!held.places.is_empty())
    }

    fn held(&mut self, connection: &Connection) -> rusqlite::Result<&mut Held> {
        match &mut self.held {
            Some(held) => Ok(held),
            held => Ok(held.insert(Held::load(connection, self.table)?)),
        }
    }
}

impl Held {
    fn load(connection: &Connection, table: &Table) -> rusqlite::Result<Self> {
        let note = dimensions::note(connection, table.note)?;
        let reached: i64 = note.and_then(|row| row.parse().ok()).unwrap_or(0);
        let mut places = HashMap::new();
        let mut last = reached;
        let mut select = connection.prepare_cached(table.later)?;
        let mut later = select.query([reached])?;
        while let Some(row) = later.next()? {
            last = last.max(row.get(0)?);
            places.insert(row.get(1)?, row.get(2)?);
        }
        Ok(Self {
            places,
            round: Vec::new(),
            // Nothing is known of the rows before the last but that those up to `reached` are in the table.
            round_last: reached,
            last,
        })
    }

    /// All that were held when the round began are in the table.
    fn end_round(&mut self, connection: &Connection, table: &Table) -> rusqlite::Result<()> {
        if self.places.is_empty() {
            self.round_last = self.last;
        }
        dimensions::set_note(connection, table.note, &self.round_last.to_string())?;
        self.round.clear();
        self.round.extend(self.places.keys());
        self.round.sort_unstable_by(|a, b| b.cmp(a));
        self.round_last = self.last;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactKey;
    use crate::store::sqlite::schema;

    fn key(number: i64) -> i64 {
        FactKey::new("test", &[&number.to_le_bytes()]).0
    }

    fn add(connection: &Connection, keys: &mut Keys, number: i64) {
        connection
            .execute(
                "INSERT INTO event (seq, key, at, session, kind, status, truncated, credit)
                 VALUES (?1, ?2, 0, 1, 0, 0, 0, 0)",
                [number, key(number)],
            )
            .unwrap();
        keys.events
            .add(connection, key(number), number, number)
            .unwrap();
    }

    #[test]
    fn keys_are_found_wherever_they_are_and_after_every_restart() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = Keys::default();
        let mut added = 0;
        let mut in_table = 0;
        for step in 0..40 {
            for _ in 0..25 {
                added += 1;
                add(&connection, &mut keys, added);
            }
            keys.put_away(&connection, 20).unwrap();
            if step % 7 == 6 {
                keys.clear();
            }
            for number in 1..=added + 1 {
                let row = (number <= added).then_some(number);
                assert_eq!(
                    keys.events.find(&connection, key(number)).unwrap(),
                    row,
                    "{number}"
                );
            }
            let count = "SELECT count(*) FROM event_key";
            let now: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
            assert!((in_table..=added).contains(&now));
            in_table = now;
        }
        assert!(in_table > added / 3, "{in_table} of {added}");
        keys.events.remove(&connection, key(1)).unwrap();
        keys.events.remove(&connection, key(added)).unwrap();
        connection
            .execute("DELETE FROM event WHERE seq IN (1, ?1)", [added])
            .unwrap();
        while keys.put_away(&connection, 64).unwrap() {}
        keys.clear();
        for gone in [1, added] {
            assert_eq!(keys.events.find(&connection, key(gone)).unwrap(), None);
        }
        assert_eq!(keys.events.held(&connection).unwrap().places.len(), 0);
        assert_eq!(keys.events.find(&connection, key(2)).unwrap(), Some(2));
    }

    #[test]
    fn what_an_old_event_brings_late_is_not_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = Keys::default();
        for number in 1..=4 {
            add(&connection, &mut keys, number);
        }
        // In the middle of a round, and after one.
        keys.put_away(&connection, 2).unwrap();
        keys.calls.add(&connection, key(7), 1, 1).unwrap();
        let say = "UPDATE event SET call = seq, call_fact = ?2 WHERE seq = ?1";
        connection.execute(say, [1, key(7)]).unwrap();
        while keys.put_away(&connection, 9).unwrap() {}
        keys.calls.add(&connection, key(8), 2, 2).unwrap();
        connection.execute(say, [2, key(8)]).unwrap();
        keys.clear();
        assert_eq!(keys.calls.find(&connection, key(7)).unwrap(), Some(1));
        assert_eq!(keys.calls.find(&connection, key(8)).unwrap(), Some(2));
    }

    #[test]
    fn what_is_rolled_back_is_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = Keys::default();
        add(&connection, &mut keys, 1);
        let transaction = connection.transaction().unwrap();
        add(&transaction, &mut keys, 2);
        keys.put_away(&transaction, 9).unwrap();
        transaction.rollback().unwrap();
        keys.clear();
        assert_eq!(keys.events.find(&connection, key(1)).unwrap(), Some(1));
        assert_eq!(keys.events.find(&connection, key(2)).unwrap(), None);
    }
}
