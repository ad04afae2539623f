//! Where events are by their keys. Keys lie anywhere: an index that is kept with every event makes a page new for nearly
//! each of them. So those of the latest events are held in memory and put into their table behind, in the order of keys,
//! many to a page. A note tells up to which row all are in the table; those of later rows are read from the events when
//! they are first needed. Nobody but the writer looks events up by their keys.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::dimensions;

/// Keys held in memory however much comes in (2 MiB).
const HELD: usize = 1 << 16;

/// The note that holds the last row up to which all keys are in the table.
const NOTE: &str = "event_keys";

/// The keys of all events. Belongs to the state that the open transaction sees: to be [cleared](Self::clear) when that
/// is rolled back.
#[derive(Debug, Default)]
pub(super) struct EventKeys {
    held: Option<Held>,
}

/// Keys that are not in the table, or not known to be.
#[derive(Debug, Default)]
struct Held {
    rows: BTreeMap<i64, i64>,
    /// The key from which on the next ones are put away. They go in rounds, so that neighbours go together.
    next: i64,
    /// The last row when the round began: at its end, all up to it are in the table.
    round: i64,
    /// The last row.
    last: i64,
}

impl EventKeys {
    /// Forgets what is held in memory; it is read again.
    pub(super) fn clear(&mut self) {
        self.held = None;
    }

    /// The row of the event with that key.
    pub(super) fn find(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(row) = self.held(connection)?.rows.get(&key) {
            return Ok(Some(*row));
        }
        connection
            .prepare_cached("SELECT seq FROM event_key WHERE key = ?1")?
            .query_row([key], |row| row.get(0))
            .optional()
    }

    /// Notes the key of an event that was just stored, which no other event has.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        key: i64,
        row: i64,
    ) -> rusqlite::Result<()> {
        let held = self.held(connection)?;
        held.rows.insert(key, row);
        held.last = held.last.max(row);
        Ok(())
    }

    /// Forgets the key of an event that is deleted.
    pub(super) fn remove(&mut self, connection: &Connection, key: i64) -> rusqlite::Result<()> {
        self.held(connection)?.rows.remove(&key);
        connection
            .prepare_cached("DELETE FROM event_key WHERE key = ?1")?
            .execute([key])
            .map(|_| ())
    }

    /// Puts keys into the table that are too many to be held, and `more` of the others. Returns whether some are left.
    pub(super) fn put_away(
        &mut self,
        connection: &Connection,
        more: usize,
    ) -> rusqlite::Result<bool> {
        let held = self.held(connection)?;
        let mut left = held.rows.len().saturating_sub(HELD).max(more);
        let mut insert = connection.prepare_cached(
            "INSERT INTO event_key (key, seq) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET seq = excluded.seq",
        )?;
        while left > 0 && !held.rows.is_empty() {
            let next = held.rows.range(held.next..).take(left);
            let batch: Vec<(i64, i64)> = next.map(|(key, row)| (*key, *row)).collect();
            for (key, row) in &batch {
                insert.execute(params![key, row])?;
                held.rows.remove(key);
            }
            left -= batch.len();
            match batch.last() {
                Some((key, _)) if left == 0 && !held.rows.is_empty() => held.next = *key,
                _ => held.end_round(connection)?,
            }
        }
        Ok(!held.rows.is_empty())
    }

    fn held(&mut self, connection: &Connection) -> rusqlite::Result<&mut Held> {
        match &mut self.held {
            Some(held) => Ok(held),
            held => Ok(held.insert(Held::load(connection)?)),
        }
    }
}

impl Held {
    fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let note = dimensions::note(connection, NOTE)?;
        let reached: i64 = note.and_then(|row| row.parse().ok()).unwrap_or(0);
        let mut rows = BTreeMap::new();
        let mut last = reached;
        let mut select = connection.prepare_cached("SELECT key, seq FROM event WHERE seq > ?1")?;
        let mut later = select.query([reached])?;
        while let Some(row) = later.next()? {
            let (key, seq) = (row.get(0)?, row.get(1)?);
            rows.insert(key, seq);
            last = last.max(seq);
        }
        Ok(Self {
            rows,
            next: i64::MIN,
            round: last,
            last,
        })
    }

    /// All keys that were held when the round began are in the table.
    fn end_round(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if self.rows.is_empty() {
            self.round = self.last;
        }
        dimensions::set_note(connection, NOTE, &self.round.to_string())?;
        (self.next, self.round) = (i64::MIN, self.last);
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

    fn add(connection: &Connection, keys: &mut EventKeys, number: i64) {
        connection
            .execute(
                "INSERT INTO event (seq, key, at, session, kind, status, truncated, credit)
                 VALUES (?1, ?2, 0, 1, 0, 0, 0, 0)",
                [number, key(number)],
            )
            .unwrap();
        keys.add(connection, key(number), number).unwrap();
    }

    #[test]
    fn keys_are_found_wherever_they_are_and_after_every_restart() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = EventKeys::default();
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
                    keys.find(&connection, key(number)).unwrap(),
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
        keys.remove(&connection, key(1)).unwrap();
        keys.remove(&connection, key(added)).unwrap();
        connection
            .execute("DELETE FROM event WHERE seq IN (1, ?1)", [added])
            .unwrap();
        while keys.put_away(&connection, 64).unwrap() {}
        keys.clear();
        for gone in [1, added] {
            assert_eq!(keys.find(&connection, key(gone)).unwrap(), None);
        }
        assert_eq!(keys.held(&connection).unwrap().rows.len(), 0);
        assert_eq!(keys.find(&connection, key(2)).unwrap(), Some(2));
    }

    #[test]
    fn what_is_rolled_back_is_forgotten() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::migrate(&mut connection, std::path::Path::new(":memory:")).unwrap();
        let mut keys = EventKeys::default();
        add(&connection, &mut keys, 1);
        let transaction = connection.transaction().unwrap();
        add(&transaction, &mut keys, 2);
        keys.put_away(&transaction, 9).unwrap();
        transaction.rollback().unwrap();
        keys.clear();
        assert_eq!(keys.find(&connection, key(1)).unwrap(), Some(1));
        assert_eq!(keys.find(&connection, key(2)).unwrap(), None);
    }
}
