//! Model calls kept beside a database in memory, for a monitor that answers one report and goes: the table of calls
//! serves to merge later sightings, and storing rows takes longer than reading the logs. The rows and the totals are
//! those that the table would hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rusqlite::Connection;

use super::behind::KeyMap;
use super::calls::StoredCall;
use super::incoming::IncomingCalls;
use super::prices::StoredPrices;
use super::rollup::RollupChanges;
use crate::model::FactKey;

/// Calls by their key.
#[derive(Debug, Default)]
pub(super) struct HeldCalls {
    places: KeyMap<u32>,
    calls: Vec<StoredCall>,
}

impl HeldCalls {
    /// Adds calls, merging with those that are known, and notes the changes of totals.
    pub(super) fn store(
        &mut self,
        connection: &Connection,
        calls: &IncomingCalls<'_>,
        prices: &mut StoredPrices<'_>,
        rollup: &mut RollupChanges,
    ) -> rusqlite::Result<()> {
        let known = self.calls.len();
        let calls = calls.iter();
        self.calls.reserve(calls.len());
        // As they were before this transaction: totals hear of a call once.
        let mut before = HashMap::new();
        for call in calls {
            match self.places.entry(call.fact.0) {
                Entry::Vacant(place) => {
                    place.insert(self.calls.len() as u32);
                    self.calls.push(call);
                }
                Entry::Occupied(place) => {
                    let place = *place.get() as usize;
                    let held = self.calls[place];
                    if place < known {
                        before.entry(place).or_insert(held);
                    }
                    self.calls[place] = held.merge(call, connection, prices)?;
                }
            }
        }
        for call in &self.calls[known..] {
            rollup.added(call);
        }
        for (place, before) in before {
            if self.calls[place] != before {
                rollup.changed(&before, &self.calls[place]);
            }
        }
        Ok(())
    }

    /// Takes a call out.
    pub(super) fn take(&mut self, fact: FactKey) -> Option<StoredCall> {
        let place = self.places.remove(&fact.0)?;
        let call = self.calls.swap_remove(place as usize);
        if let Some(moved) = self.calls.get(place as usize) {
            self.places.insert(moved.fact.0, place);
        }
        Some(call)
    }

    /// All calls, in no order.
    pub(super) fn all(&self) -> &[StoredCall] {
        &self.calls
    }
}
