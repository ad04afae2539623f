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
/// Identities held in memory of each table (2 MiB).
const HELD: usize = 1 << 16;
/// Identities that are read into a filter at once: a few milliseconds.
const READ_AT_ONCE: usize = 1 << 15;

/// A table of identities.
trait Identities: Shelf<Item = i64> {
    const SELECT: &'static str;
    const INSERT: &'static str;
    const DELETE: &'static str;
    /// The first section after one.
    const NEXT_SECTION: &'static str;
    /// All identities, for the filter.
    const ALL: &'static str;
}

/// Events by their keys.
#[derive(Debug)]
pub(super) struct EventKeys;

impl Shelf for EventKeys {
    type Item = i64;
    const NOTE: &'static str = "event_keys";
    const HELD: usize = HELD;

    fn later(connection: &Connection, row: i64) -> rusqlite::Result<Vec<Brought<i64>>> {
        brought(
            connection,
            "SELECT seq, key, seq FROM event WHERE seq > ?1",
            row,
        )
    }

    fn section(place: &i64) -> i64 {
        place >> SECTION
    }
}

impl Identities for EventKeys {
    const SELECT: &'static str = "SELECT seq FROM event_key WHERE section = ?1 AND key = ?2";
    const INSERT: &'static str =
        "INSERT OR REPLACE INTO event_key (section, key, seq) VALUES (?1, ?2, ?3)";
    const DELETE: &'static str = "DELETE FROM event_key WHERE section = ?1 AND key = ?2";
    const NEXT_SECTION: &'static str = "SELECT min(section) FROM event_key WHERE section > ?1";
    const ALL: &'static str = "SELECT section, key FROM event_key WHERE (section, key) >= (?1, ?2) ORDER BY section, key LIMIT ?3";
}

/// By the call of a tool, the number that joins its events: the row of the first of them.
#[derive(Debug)]
pub(super) struct CallKeys;

impl Shelf for CallKeys {
    type Item = i64;
    const NOTE: &'static str = "call_keys";
    const HELD: usize = HELD;

    fn later(connection: &Connection, row: i64) -> rusqlite::Result<Vec<Brought<i64>>> {
        brought(
            connection,
            "SELECT seq, call_fact, call FROM event WHERE seq > ?1 AND call_fact IS NOT NULL",
            row,
        )
    }

    fn section(place: &i64) -> i64 {
        place >> SECTION
    }
}

impl Identities for CallKeys {
    const SELECT: &'static str = "SELECT call FROM call_key WHERE section = ?1 AND fact = ?2";
    const INSERT: &'static str =
        "INSERT OR REPLACE INTO call_key (section, fact, call) VALUES (?1, ?2, ?3)";
    const DELETE: &'static str = "DELETE FROM call_key WHERE section = ?1 AND fact = ?2";
    const NEXT_SECTION: &'static str = "SELECT min(section) FROM call_key WHERE section > ?1";
    const ALL: &'static str = "SELECT section, fact FROM call_key WHERE (section, fact) >= (?1, ?2) ORDER BY section, fact LIMIT ?3";
}

fn brought(connection: &Connection, select: &str, row: i64) -> rusqlite::Result<Vec<Brought<i64>>> {
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map([row], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    rows.collect()
}

/// All of them. They are those that the open transaction sees: to be [cleared](Self::clear) when it is rolled back.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The rows of events by their keys.
    pub(super) events: Places<EventKeys>,
    /// The numbers that join the events of tools' calls.
    pub(super) calls: Places<CallKeys>,
    /// The model calls that stand with their events.
    pub(super) told: ToldCalls,
    /// What is known by another name.
    pub(super) names: OtherNames,
    has_filters: bool,
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
pub(super) struct Places<T: Shelf> {
    behind: Behind<T>,
    /// The sections that the table has, in their order.
    sections: Option<Vec<i64>>,
    /// Of the table and of what is held.
    filter: Option<Filter>,
}

impl<T: Shelf> Default for Places<T> {
    fn default() -> Self {
        Self {
            behind: Behind::default(),
            sections: None,
            filter: None,
        }
    }
}

// The tables are this file's own.
#[expect(private_bounds)]
impl<T: Identities> Places<T> {
    /// The place of what has this identity.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let filter = self.filter.as_ref();
        if filter.is_some_and(|filter| !filter.may_hold(key)) {
            return Ok(None);
        }
        if let Some(place) = self.behind.get(connection, key)? {
            return Ok(Some(*place));
        }
        for section in sections::<T>(&mut self.sections, connection)?.iter().rev() {
            let mut select = connection.prepare_cached(T::SELECT)?;
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
        if let Some(filter) = &mut self.filter {
            filter.add(key);
        }
        match self.behind.add(connection, key, place, row)? {
            Some(place) => put::<T>(
                &mut self.sections,
                connection,
                &mut connection.prepare_cached(T::INSERT)?,
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
            .prepare_cached(T::DELETE)?
            .execute([T::section(&place), key])
            .map(|_| ())
    }

    fn put_away(&mut self, connection: &Connection, more: usize) -> rusqlite::Result<bool> {
        let sections = &mut self.sections;
        let mut insert = connection.prepare_cached(T::INSERT)?;
        self.behind.put_away(connection, more, |key, place| {
            put::<T>(sections, connection, &mut insert, (key, place))
        })
    }

    /// `last` is the last row of events.
    fn read_on(&mut self, connection: &Connection, last: i64) -> rusqlite::Result<bool> {
        if self.filter.is_none() {
            let held = self.behind.keys(connection)?;
            self.filter = Some(Filter::of_unread(T::section(&last), held));
        }
        let filter = self.filter.as_mut();
        filter.map_or(Ok(false), |filter| {
            filter.read_on(connection, T::ALL, READ_AT_ONCE)
        })
    }
}

/// The sections that a table has.
fn sections<'s, T: Identities>(
    known: &'s mut Option<Vec<i64>>,
    connection: &Connection,
) -> rusqlite::Result<&'s mut Vec<i64>> {
    if let Some(known) = known {
        return Ok(known);
    }
    let mut sections = Vec::new();
    let mut next = connection.prepare_cached(T::NEXT_SECTION)?;
    while let Some(section) =
        next.query_row([sections.last().copied().unwrap_or(-1)], |row| row.get(0))?
    {
        sections.push(section);
    }
    Ok(known.insert(sections))
}

/// Puts an identity into its table.
fn put<T: Identities>(
    known: &mut Option<Vec<i64>>,
    connection: &Connection,
    insert: &mut CachedStatement<'_>,
    (key, place): (i64, i64),
) -> rusqlite::Result<()> {
    let section = T::section(&place);
    let sections = sections::<T>(known, connection)?;
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
        keys.events.remove(&connection, key(1), 1).unwrap();
        keys.events.remove(&connection, key(added), added).unwrap();
        connection
            .execute("DELETE FROM event WHERE seq IN (1, ?1)", [added])
            .unwrap();
        while keys.put_away(&connection, 64).unwrap() {}
        keys.clear();
        for gone in [1, added] {
            assert_eq!(keys.events.find(&connection, key(gone)).unwrap(), None);
        }
        assert_eq!(keys.events.behind.items(&connection).unwrap().count(), 0);
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
