//! Tables that are filled behind the events. Identities lie anywhere, so that a row for each as it comes makes a page new for
//! nearly every one. What the latest events brought is held in memory and put into its table in rounds, in the table's
//! order, many rows to a page. A note tells up to which event all is in the table; what later events brought is read from
//! them when it is first needed. Nobody but the writer looks anything up here.

use std::cmp::Reverse;
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
    /// What came since the round began.
    items: KeyMap<T>,
    /// What this round puts away, by section and identity, the next one last; nothing where it was taken since.
    round: Vec<((i64, i64), Option<T>)>,
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
        let held = &*self.held(connection)?;
        let in_round = || held.round[held.place_in_round(key)?].1.as_ref();
        Ok(held.items.get(&key).or_else(in_round))
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
        let held = self.held(connection)?;
        if let Some(item) = held.items.remove(&key) {
            return Ok(Some(item));
        }
        let in_round = held.place_in_round(key);
        Ok(in_round.and_then(|at| held.round[at].1.take()))
    }

    /// The identities of all that is held.
    pub(super) fn keys(
        &mut self,
        connection: &Connection,
    ) -> rusqlite::Result<impl Iterator<Item = i64>> {
        Ok(self.held(connection)?.all().map(|(key, _)| key))
    }

    /// All that is held.
    pub(super) fn items(
        &mut self,
        connection: &Connection,
    ) -> rusqlite::Result<impl Iterator<Item = &S::Item>> {
        Ok(self.held(connection)?.all().map(|(_, item)| item))
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
        let mut left = held.len().saturating_sub(shelf.held()).max(more);
        while left > 0 && held.len() > 0 {
            let Some(((_, key), item)) = held.round.pop() else {
                held.note(connection, shelf.note(), held.round_last)?;
                held.begin_round(|item| shelf.section(item));
                continue;
            };
            if let Some(item) = item {
                put(key, item)?;
                left -= 1;
            }
        }
        if held.len() == 0 {
            let last = events::last_row(connection)?;
            if held.last > held.noted || last - held.noted >= NOTED_AFTER {
                held.note(connection, shelf.note(), last)?;
                held.round_last = last;
            }
        }
        Ok(held.len() > 0)
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
        let items = self.items.drain();
        self.round
            .extend(items.map(|(key, item)| ((section(&item), key), Some(item))));
        self.round
            .sort_unstable_by_key(|(place, _)| Reverse(*place));
        self.round_last = self.last;
    }

    fn all(&self) -> impl Iterator<Item = (i64, &T)> {
        let round = self.round.iter();
        let in_round = round.filter_map(|((_, key), item)| Some((*key, item.as_ref()?)));
        in_round.chain(self.items.iter().map(|(key, item)| (*key, item)))
    }

    /// How many there are, with those that were taken.
    fn len(&self) -> usize {
        self.items.len() + self.round.len()
    }

    /// Where the round has an identity. Its sections are few: it holds what the latest rows brought.
    fn place_in_round(&self, key: i64) -> Option<usize> {
        let (((last, _), _), ((first, _), _)) = (self.round.first()?, self.round.last()?);
        (*first..=*last).find_map(|section| {
            let place = Reverse((section, key));
            let found = self
                .round
                .binary_search_by_key(&place, |(at, _)| Reverse(*at));
            found.ok()
        })
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
