//! Where things are by their identities: events by their keys, and calls of tools. Both tables are filled behind the events
//! (`behind`), in sections of rows: what is put away goes into the last one, whose pages are few and at hand. Who looks for
//! an identity asks section by section, unless a filter knows that it is in none.

use rusqlite::{CachedStatement, Connection, OptionalExtension};

use super::aliases::OtherNames;
use super::behind::{Behind, Brought, Shelf};
use super::events;
use super::filter::Filter;
use super::told::ToldCalls;

/// Rows of events in a section, as a power of two.
const SECTION: u32 = 18;
/// Identities held in memory of each table (up to 4 MiB).
const HELD: usize = 1 << 16;
/// Identities that are read into a filter at once: a few milliseconds.
const READ_AT_ONCE: usize = 1 << 15;

/// A table of identities.
#[derive(Debug)]
struct Table {
    note: &'static str,
    select: &'static str,
    insert: &'static str,
    delete: &'static str,
    /// The first section after one.
    next_section: &'static str,
    /// All identities, for the filter.
    all: &'static str,
    /// Row, identity and place of the events after a row.
    later: &'static str,
}

const EVENTS: Table = Table {
    note: "event_keys",
    select: "SELECT seq FROM event_key WHERE section = ?1 AND key = ?2",
    insert: "INSERT OR REPLACE INTO event_key (section, key, seq) VALUES (?1, ?2, ?3)",
    delete: "DELETE FROM event_key WHERE section = ?1 AND key = ?2",
    next_section: "SELECT min(section) FROM event_key WHERE section > ?1",
    all: "SELECT section, key FROM event_key WHERE (section, key) >= (?1, ?2) ORDER BY section, key LIMIT ?3",
    later: "SELECT seq, key, seq FROM event WHERE seq > ?1",
};

const CALLS: Table = Table {
    note: "call_keys",
    select: "SELECT call FROM call_key WHERE section = ?1 AND fact = ?2",
    insert: "INSERT OR REPLACE INTO call_key (section, fact, call) VALUES (?1, ?2, ?3)",
    delete: "DELETE FROM call_key WHERE section = ?1 AND fact = ?2",
    next_section: "SELECT min(section) FROM call_key WHERE section > ?1",
    all: "SELECT section, fact FROM call_key WHERE (section, fact) >= (?1, ?2) ORDER BY section, fact LIMIT ?3",
    later: "SELECT seq, call_fact, call FROM event WHERE seq > ?1 AND call_fact IS NOT NULL",
};

/// The section of what is at a place.
fn section(place: i64) -> i64 {
    place >> SECTION
}

impl Shelf for &'static Table {
    type Item = i64;

    fn note(&self) -> &'static str {
        self.note
    }

    fn held(&self) -> usize {
        HELD
    }

    fn later(&self, connection: &Connection, row: i64) -> rusqlite::Result<Vec<Brought<i64>>> {
        let mut select = connection.prepare_cached(self.later)?;
        let rows = select.query_map([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect()
    }

    fn section(&self, place: &i64) -> i64 {
        section(*place)
    }
}

/// All of them. They are those that the open transaction sees: to be [cleared](Self::clear) when it is rolled back.
#[derive(Debug)]
pub(super) struct Keys {
    /// The rows of events by their keys.
    pub(super) events: Places,
    /// By the call of a tool, the number that joins its events: the row of the first of them.
    pub(super) calls: Places,
    /// The model calls that stand with their events.
    pub(super) told: ToldCalls,
    /// What is known by another name.
    pub(super) names: OtherNames,
    has_filters: bool,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            events: Places::of(&EVENTS),
            calls: Places::of(&CALLS),
            told: ToldCalls::default(),
            names: OtherNames::default(),
            has_filters: false,
        }
    }
}

impl Keys {
    /// Forgets what is held in memory; it is read again.
    pub(super) fn clear(&mut self) {
        *self = Self {
            has_filters: self.has_filters,
            ..Self::default()
        };
    }

    /// Keeps filters of the tables: many identities are to be looked up that nobody knows.
    pub(super) fn expect_load(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.has_filters = true;
        self.read_on(connection).map(|_| ())
    }

    /// Puts into the tables what is too much to be held, and `more` of the rest. Returns whether anything is left.
    pub(super) fn put_away(
        &mut self,
        connection: &Connection,
        more: usize,
    ) -> rusqlite::Result<bool> {
        let events = self.events.put_away(connection, more)?;
        let calls = self.calls.put_away(connection, more)?;
        Ok(self.told.put_away(connection, more)? || calls || events)
    }

    /// Reads more of the tables into their filters. Returns whether there is more to read.
    pub(super) fn read_on(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        if !self.has_filters {
            return Ok(false);
        }
        let last = events::last_row(connection)?;
        let more = [
            self.told.read_on(connection, READ_AT_ONCE)?,
            self.names.read_on(connection, READ_AT_ONCE)?,
            self.events.read_on(connection, last)?,
            self.calls.read_on(connection, last)?,
        ];
        Ok(more.contains(&true))
    }
}

/// Places by identity.
#[derive(Debug)]
pub(super) struct Places {
    table: &'static Table,
    behind: Behind<&'static Table>,
    /// The sections that the table has, in their order.
    sections: Option<Vec<i64>>,
    /// Of the table and of what is held.
    filter: Filter,
}

impl Places {
    fn of(table: &'static Table) -> Self {
        Self {
            table,
            behind: Behind::new(table),
            sections: None,
            filter: Filter::default(),
        }
    }

    /// The place of what has this identity.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<i64>> {
        if !self.filter.may_hold(key) {
            return Ok(None);
        }
        if let Some(place) = self.behind.get(connection, key)? {
            return Ok(Some(*place));
        }
        for section in sections(&mut self.sections, self.table, connection)?
            .iter()
            .rev()
        {
            let mut select = connection.prepare_cached(self.table.select)?;
            let place = select
                .query_row([section, &key], |row| row.get(0))
                .optional()?;
            if place.is_some() {
                return Ok(place);
            }
        }
        Ok(None)
    }

    /// Notes an identity that the event in `row` brought, and that was not known.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        key: i64,
        place: i64,
        row: i64,
    ) -> rusqlite::Result<()> {
        let table = self.table;
        self.filter.add(key);
        match self.behind.add(connection, key, place, row)? {
            Some(place) => put(
                &mut self.sections,
                table,
                connection,
                &mut connection.prepare_cached(table.insert)?,
                (key, place),
            ),
            None => Ok(()),
        }
    }

    /// Forgets the identity of what is at a place.
    pub(super) fn remove(
        &mut self,
        connection: &Connection,
        key: i64,
        place: i64,
    ) -> rusqlite::Result<()> {
        self.behind.take(connection, key)?;
        connection
            .prepare_cached(self.table.delete)?
            .execute([section(place), key])
            .map(|_| ())
    }

    fn put_away(&mut self, connection: &Connection, more: usize) -> rusqlite::Result<bool> {
        let (sections, table) = (&mut self.sections, self.table);
        let mut insert = connection.prepare_cached(table.insert)?;
        self.behind.put_away(connection, more, |key, place| {
            put(sections, table, connection, &mut insert, (key, place))
        })
    }

    /// `last` is the last row of events.
    fn read_on(&mut self, connection: &Connection, last: i64) -> rusqlite::Result<bool> {
        let held = self.behind.keys(connection)?;
        self.filter.begin(section(last), held);
        self.filter
            .read_on(connection, self.table.all, READ_AT_ONCE)
    }
}

/// The sections that a table has.
fn sections<'s>(
    known: &'s mut Option<Vec<i64>>,
    table: &Table,
    connection: &Connection,
) -> rusqlite::Result<&'s mut Vec<i64>> {
    if let Some(known) = known {
        return Ok(known);
    }
    let mut sections = Vec::new();
    let mut next = connection.prepare_cached(table.next_section)?;
    while let Some(section) =
        next.query_row([sections.last().copied().unwrap_or(-1)], |row| row.get(0))?
    {
        sections.push(section);
    }
    Ok(known.insert(sections))
}

/// Puts an identity into its table.
fn put(
    known: &mut Option<Vec<i64>>,
    table: &Table,
    connection: &Connection,
    insert: &mut CachedStatement<'_>,
    (key, place): (i64, i64),
) -> rusqlite::Result<()> {
    let section = section(place);
    let sections = sections(known, table, connection)?;
    if let Err(at) = sections.binary_search(&section) {
        sections.insert(at, section);
    }
    insert.execute([section, key, place]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactKey;
    use crate::store::sqlite::schema;

    fn key(number: i64) -> i64 {
        FactKey::new("test", &[&number.to_le_bytes()]).0
    }

    fn add(connection: &Connection, keys: &mut Keys, number: i64, row: i64) {
        connection
            .execute(
                "INSERT INTO event (seq, key, at, session, kind, status, truncated, credit)
                 VALUES (?1, ?2, 0, 1, 0, 0, 0, 0)",
                [row, key(number)],
            )
            .unwrap();
        keys.events.add(connection, key(number), row, row).unwrap();
    }

    fn find(connection: &Connection, keys: &mut Keys, number: i64) -> Option<i64> {
        keys.events.find(connection, key(number)).unwrap()
    }

    #[test]
    fn keys_are_found_wherever_they_are_and_after_every_restart() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = Keys::default();
        // Sixteen of them are a section.
        let row = |number: i64| number << (SECTION - 4);
        let mut added = 0;
        let mut in_table = 0;
        for step in 0..40 {
            for _ in 0..25 {
                added += 1;
                add(&connection, &mut keys, added, row(added));
            }
            keys.put_away(&connection, 20).unwrap();
            match step % 7 {
                // In the middle of a round.
                3 if step > 20 => keys.expect_load(&connection).unwrap(),
                6 => keys.clear(),
                _ => {}
            }
            for number in 1..=added {
                let found = find(&connection, &mut keys, number);
                assert_eq!(found, Some(row(number)), "{number}");
            }
            assert_eq!(find(&connection, &mut keys, added + 1), None);
            let count = "SELECT count(*) FROM event_key";
            let now: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
            assert!((in_table..=added).contains(&now));
            in_table = now;
        }
        assert!(in_table > added / 3, "{in_table} of {added}");
        for number in [1, added] {
            let removed = keys.events.remove(&connection, key(number), row(number));
            removed.unwrap();
            connection
                .execute("DELETE FROM event WHERE seq = ?1", [row(number)])
                .unwrap();
        }
        while keys.put_away(&connection, 64).unwrap() {}
        keys.clear();
        assert_eq!(find(&connection, &mut keys, 1), None);
        assert_eq!(find(&connection, &mut keys, added), None);
        assert_eq!(keys.events.behind.items(&connection).unwrap().count(), 0);
        assert_eq!(find(&connection, &mut keys, 2), Some(row(2)));
    }

    #[test]
    fn what_an_old_event_brings_late_is_not_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = Keys::default();
        for number in 1..=4 {
            add(&connection, &mut keys, number, number);
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
        add(&connection, &mut keys, 1, 1);
        let transaction = connection.transaction().unwrap();
        add(&transaction, &mut keys, 2, 2);
        keys.put_away(&transaction, 9).unwrap();
        transaction.rollback().unwrap();
        keys.clear();
        assert_eq!(find(&connection, &mut keys, 1), Some(1));
        assert_eq!(find(&connection, &mut keys, 2), None);
    }
}
