//! What is certainly not in a table. Most identities that come were never seen before, and asking the table for each costs
//! a page. What a filter does not know is not there; what it knows may be, and the table is asked.

use fastbloom::BloomFilter;
use rusqlite::Connection;

use super::behind::spread;

/// Bits for an identity. With them and [`HASHES`] a filter that is full takes one in two hundred for known that is not. More
/// would take as many more misses of the processor's cache.
const BITS: usize = 16;
const HASHES: u32 = 3;

/// Identities that the first part of a filter has room for.
const ROOM: usize = 1 << 19;

/// A filter for the identities of a table, and of what is to be put there. It forgets nothing. One that has not
/// [begun](Self::begin) keeps nothing and takes everything for possible.
#[derive(Debug, Default)]
pub(super) struct Filter {
    known: Known,
    /// Each has room for four times as many as the one before.
    parts: Vec<Part>,
}

/// What of a table a filter knows.
#[derive(Debug, Default)]
enum Known {
    #[default]
    Nothing,
    /// What is before an identity of a section. What is put into sections after the last one is added as it comes.
    Before {
        section: i64,
        key: i64,
        last_section: i64,
    },
    All,
}

#[derive(Debug)]
struct Part {
    bits: BloomFilter,
    room: usize,
    left: usize,
}

impl Part {
    fn new(room: usize) -> Self {
        let bits = BloomFilter::with_num_bits(room * BITS).seed(&0);
        Self {
            bits: bits.hashes(HASHES),
            room,
            left: room,
        }
    }

    fn add(&mut self, key: i64) {
        self.left -= 1;
        self.bits.insert_hash(spread(key));
    }
}

impl Filter {
    /// Begins, unless it has begun: the table's rows are to be [read](Self::read_on), those up to a section, and what is held
    /// is to be put there.
    pub(super) fn begin(&mut self, last_section: i64, held: impl Iterator<Item = i64>) {
        if matches!(self.known, Known::Nothing) {
            self.known = Known::Before {
                section: 0,
                key: i64::MIN,
                last_section,
            };
            held.for_each(|key| self.add(key));
        }
    }

    /// Whether an identity may be in the table.
    pub(super) fn may_hold(&self, key: i64) -> bool {
        let hash = spread(key);
        let mut parts = self.parts.iter();
        !matches!(self.known, Known::All) || parts.any(|part| part.bits.contains_hash(hash))
    }

    /// Takes in an identity that is put into the table, now or later.
    pub(super) fn add(&mut self, key: i64) {
        if matches!(self.known, Known::Nothing) {
            return;
        }
        if let Some(part) = self.parts.last_mut().filter(|part| part.left > 0) {
            part.add(key);
            return;
        }
        let mut part = Part::new(self.parts.last().map_or(ROOM, |last| last.room * 4));
        part.add(key);
        self.parts.push(part);
    }

    /// Takes in up to `limit` more of the table's identities. `select` gives sections and identities from `(?1, ?2)` on, in
    /// their order, at most `?3`. Returns whether there are more.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        select: &str,
        limit: usize,
    ) -> rusqlite::Result<bool> {
        let Known::Before {
            mut section,
            mut key,
            last_section,
        } = self.known
        else {
            return Ok(false);
        };
        let mut select = connection.prepare_cached(select)?;
        let mut rows = select.query((section, key, limit as i64))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let read = row.get(1)?;
            self.add(read);
            count += 1;
            (section, key) = match i64::checked_add(read, 1) {
                Some(next) => (row.get(0)?, next),
                None => (row.get::<_, i64>(0)? + 1, i64::MIN),
            };
        }
        self.known = match count == limit && section <= last_section {
            true => Known::Before {
                section,
                key,
                last_section,
            },
            false => Known::All,
        };
        Ok(matches!(self.known, Known::Before { .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::FactKey;

    fn key(number: i64) -> i64 {
        FactKey::new("test", &[&number.to_le_bytes()]).0
    }

    #[test]
    fn what_was_added_may_be_there_and_hardly_anything_else() {
        let mut filter = Filter {
            known: Known::All,
            parts: vec![Part::new(1000)],
        };
        assert!(!filter.may_hold(0));
        for number in 0..20_000 {
            filter.add(key(number));
            filter.add(FactKey::serial(number as u64).0);
        }
        assert!((0..20_000).all(|number| filter.may_hold(key(number))));
        assert!((0..20_000).all(|number| filter.may_hold(FactKey::serial(number).0)));
        let wrong = (20_000..120_000).filter(|number| filter.may_hold(key(*number)));
        let wrong = wrong.count();
        assert!(wrong < 2500, "{wrong} of 100,000");
    }

    #[test]
    fn a_table_that_is_not_read_to_its_end_may_hold_anything() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (section, key, PRIMARY KEY (section, key))")
            .unwrap();
        let all = [
            (0, i64::MIN),
            (0, -5),
            (0, i64::MAX),
            (2, -7),
            (2, i64::MAX),
        ];
        for row in all {
            connection
                .execute("INSERT INTO t VALUES (?1, ?2)", row)
                .unwrap();
        }
        let mut filter = Filter::default();
        filter.add(1);
        assert!(filter.may_hold(5));
        filter.begin(2, std::iter::once(77));
        filter.begin(2, std::iter::once(5));
        let select = "SELECT section, key FROM t WHERE (section, key) >= (?1, ?2)
                      ORDER BY section, key LIMIT ?3";
        assert!(filter.may_hold(1));
        assert!(filter.read_on(&connection, select, 2).unwrap());
        assert!(filter.may_hold(1));
        while filter.read_on(&connection, select, 2).unwrap() {}
        assert!(all.iter().all(|(_, key)| filter.may_hold(*key)) && filter.may_hold(77));
        assert!(!filter.may_hold(1) && !filter.may_hold(5));
    }
}
