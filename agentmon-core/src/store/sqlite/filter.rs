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

/// A filter for the identities of a table, and of what is to be put there. It forgets nothing.
#[derive(Debug)]
pub(super) struct Filter {
    /// Each has room for four times as many as the one before.
    parts: Vec<Part>,
    /// The section and the identity from which on the table is still to be read; `None` when all is known.
    unread: Option<(i64, i64)>,
    is_empty: bool,
    /// The last section that has to be read: what is put into later ones is added meanwhile.
    last_section: i64,
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
}

impl Filter {
    /// For a table whose rows are still to be [read](Self::read_on), those up to a section, and what is to be put there.
    pub(super) fn of_unread(last_section: i64, held: impl Iterator<Item = i64>) -> Self {
        let mut filter = Self::with_room(ROOM, last_section);
        held.for_each(|key| filter.add(key));
        filter
    }

    fn with_room(room: usize, last_section: i64) -> Self {
        Self {
            parts: vec![Part::new(room)],
            unread: Some((0, i64::MIN)),
            is_empty: true,
            last_section,
        }
    }

    /// Whether an identity may be in the table.
    pub(super) fn may_hold(&self, key: i64) -> bool {
        if self.is_empty && self.unread.is_none() {
            return false;
        }
        let hash = spread(key);
        self.unread.is_some() || self.parts.iter().any(|part| part.bits.contains_hash(hash))
    }

    /// Takes in an identity that is put into the table, now or later.
    pub(super) fn add(&mut self, key: i64) {
        self.is_empty = false;
        let room = match self.parts.last_mut() {
            Some(part) if part.left > 0 => {
                part.left -= 1;
                part.bits.insert_hash(spread(key));
                return;
            }
            Some(part) => part.room * 4,
            None => 1,
        };
        self.parts.push(Part::new(room));
        self.add(key);
    }

    /// Takes in up to `limit` more of the table's identities. `select` gives sections and identities from `(?1, ?2)` on, in
    /// their order, at most `?3`. Returns whether there are more.
    pub(super) fn read_on(
        &mut self,
        connection: &Connection,
        select: &str,
        limit: usize,
    ) -> rusqlite::Result<bool> {
        let Some((section, key)) = self.unread else {
            return Ok(false);
        };
        let mut select = connection.prepare_cached(select)?;
        let mut rows = select.query((section, key, limit as i64))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let (section, key): (i64, i64) = (row.get(0)?, row.get(1)?);
            self.add(key);
            count += 1;
            self.unread = match key.checked_add(1) {
                Some(next) => Some((section, next)),
                None => Some((section + 1, i64::MIN)),
            };
        }
        if count < limit {
            self.unread = None;
        }
        let last_section = self.last_section;
        self.unread.take_if(|(section, _)| *section > last_section);
        Ok(self.unread.is_some())
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
        let mut filter = Filter::with_room(1000, 0);
        filter.unread = None;
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
        let mut filter = Filter::of_unread(2, std::iter::once(77));
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
