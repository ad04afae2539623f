//! Tables that are filled behind the events. Identities lie anywhere, so that a row for each as it comes makes a page new for
//! nearly every one. What the latest events brought is held in memory and put into its table in rounds, in the table's
//! order, many rows to a page. A note tells up to which event all is in the table; what later events brought is read from
//! them when it is first needed. Nobody but the writer looks anything up here.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, Hasher};

use rusqlite::Connection;

use super::{dimensions, events};

/// Events after which the note moves on although nothing was put away: whoever begins reads those after it.
const NOTED_AFTER: i64 = 4096;

/// What an event brought for a table: the event's row, the identity, and what is kept under it.
pub(super) type Brought<T> = (i64, i64, T);

/// A table that is filled behind.
pub(super) trait Shelf: Debug {
    /// What is kept under an identity.
    type Item: Debug;

    /// The note that holds the last row of events up to which all is in the table.
    fn note(&self) -> &'static str;

    /// What is held in memory however much comes in.
    fn held(&self) -> usize;

    /// What events after a row brought that may not be in the table.
    fn later(
        &self,
        connection: &Connection,
        row: i64,
    ) -> rusqlite::Result<Vec<Brought<Self::Item>>>;

    /// What the table is ordered by before the identity.
    fn section(&self, item: &Self::Item) -> i64;
}

/// What is not in the table, or not known to be. It is what the open transaction sees: to be made anew when that is rolled
/// back.
#[derive(Debug)]
pub(super) struct Behind<S: Shelf> {
    shelf: S,
    held: Option<Held<S::Item>>,
}

#[derive(Debug)]
struct Held<T> {
    items: KeyMap<T>,
    /// The sections and identities that this round puts away, the next one last.
    round: Vec<(i64, i64)>,
    /// The last row when the round began: at its end, all that rows up to it brought is in the table.
    round_last: i64,
    /// The last row that brought something.
    last: i64,
    /// What the note says.
    noted: i64,
}

impl<S: Shelf> Behind<S> {
    pub(super) fn new(shelf: S) -> Self {
        Self { shelf, held: None }
    }

    /// What is held under an identity.
    pub(super) fn get(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<&S::Item>> {
        Ok(self.held(connection)?.items.get(&key))
    }

    /// Holds what the event in `row` brought. Hands it back when it must go into the table at once: an event that was known
    /// says more now, and its row is among those that are done with.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        key: i64,
        item: S::Item,
        row: i64,
    ) -> rusqlite::Result<Option<S::Item>> {
        let held = self.held(connection)?;
        if row <= held.round_last {
            return Ok(Some(item));
        }
        held.items.insert(key, item);
        held.last = held.last.max(row);
        Ok(None)
    }

    /// Holds no longer what is under an identity.
    pub(super) fn take(
        &mut self,
        connection: &Connection,
        key: i64,
    ) -> rusqlite::Result<Option<S::Item>> {
        Ok(self.held(connection)?.items.remove(&key))
    }

    /// The identities of all that is held.
    pub(super) fn keys(
        &mut self,
        connection: &Connection,
    ) -> rusqlite::Result<impl Iterator<Item = i64>> {
        Ok(self.held(connection)?.items.keys().copied())
    }

    /// All that is held.
    pub(super) fn items(
        &mut self,
        connection: &Connection,
    ) -> rusqlite::Result<impl Iterator<Item = &S::Item>> {
        Ok(self.held(connection)?.items.values())
    }

    /// Puts into the table, with `put`, what is too much to be held, and `more` of the rest. Returns whether anything is
    /// left.
    pub(super) fn put_away(
        &mut self,
        connection: &Connection,
        more: usize,
        mut put: impl FnMut(i64, S::Item) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<bool> {
        let Self { shelf, held } = self;
        let held = Held::of(held, shelf, connection)?;
        let mut left = held.items.len().saturating_sub(shelf.held()).max(more);
        while left > 0 && !held.items.is_empty() {
            let Some((_, key)) = held.round.pop() else {
                held.note(connection, shelf.note(), held.round_last)?;
                held.begin_round(|item| shelf.section(item));
                continue;
            };
            // One that is gone was taken since.
            if let Some(item) = held.items.remove(&key) {
                put(key, item)?;
                left -= 1;
            }
        }
        if held.items.is_empty() {
            let last = events::last_row(connection)?;
            if held.last > held.noted || last - held.noted >= NOTED_AFTER {
                held.note(connection, shelf.note(), last)?;
                held.begin_round(|item| shelf.section(item));
                held.round_last = last;
            }
        }
        Ok(!held.items.is_empty())
    }

    fn held(&mut self, connection: &Connection) -> rusqlite::Result<&mut Held<S::Item>> {
        Held::of(&mut self.held, &self.shelf, connection)
    }
}

impl<T> Held<T> {
    /// What a shelf holds, loaded if it is not.
    fn of<'h>(
        known: &'h mut Option<Self>,
        shelf: &impl Shelf<Item = T>,
        connection: &Connection,
    ) -> rusqlite::Result<&'h mut Self> {
        match known {
            Some(held) => Ok(held),
            held => Ok(held.insert(Self::load(shelf, connection)?)),
        }
    }

    fn load(shelf: &impl Shelf<Item = T>, connection: &Connection) -> rusqlite::Result<Self> {
        let note = dimensions::note(connection, shelf.note())?;
        let noted: i64 = note.and_then(|row| row.parse().ok()).unwrap_or(0);
        let later = shelf.later(connection, noted)?;
        Ok(Self {
            last: later.iter().map(|(row, ..)| *row).max().unwrap_or(noted),
            items: later
                .into_iter()
                .map(|(_, key, item)| (key, item))
                .collect(),
            round: Vec::new(),
            // Nothing is known of later rows.
            round_last: noted,
            noted,
        })
    }

    /// All that rows up to `row` brought is in the table.
    fn note(&mut self, connection: &Connection, note: &str, row: i64) -> rusqlite::Result<()> {
        if row > self.noted {
            dimensions::set_note(connection, note, &row.to_string())?;
            self.noted = row;
        }
        Ok(())
    }

    fn begin_round(&mut self, section: impl Fn(&T) -> i64) {
        let items = self.items.iter();
        self.round.clear();
        self.round
            .extend(items.map(|(key, item)| (section(item), *key)));
        self.round.sort_unstable_by(|a, b| b.cmp(a));
        self.round_last = self.last;
    }
}

/// Things by their identity.
pub(super) type KeyMap<T> = HashMap<i64, T, BuildHasherDefault<KeyHasher>>;

/// Keys are hashes already, but for those that the store itself numbered.
#[derive(Debug, Default)]
pub(super) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_i64(&mut self, key: i64) {
        self.0 = spread(key);
    }
}

/// An identity with all its bits in each of its bits.
pub(super) fn spread(key: i64) -> u64 {
    let spread = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    spread ^ (spread >> 32)
}
