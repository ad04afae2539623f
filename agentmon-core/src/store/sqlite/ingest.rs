//! Taking in what others send: many deliveries in one transaction, each with a receipt of its own.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, TransactionBehavior};

use super::event_cells::CellChanges;
use super::incoming::IncomingCalls;
use super::keys::Keys;
use super::posted::{self, SessionChanges};
use super::prices::StoredPrices;
use super::writer::{Projects, Writer, locate, store_calls, witness};
use super::{StoreChange, counters, events, quotas};
use crate::ingest::{Delivery, PostedEvent, Receipt};
use crate::model::{Batch, DedupKey, Timestamp, stamp};
use crate::store::StoreError;

/// What a transaction stored.
#[derive(Debug, Default)]
pub struct Ingested {
    /// One receipt for each delivery, in their order.
    pub receipts: Vec<Receipt>,
    /// What it did to sessions.
    pub changes: Vec<StoreChange>,
}

/// The posted events of a transaction that are new, as one batch: a session that many of them name is touched once.
#[derive(Debug, Default)]
struct Posted<'a> {
    batch: Batch,
    /// The delivery that each event of the batch came with, and the event.
    origins: Vec<(usize, &'a PostedEvent)>,
}

impl Writer {
    /// Stores deliveries in one transaction: all of them or, on an error, nothing. An event that is known already
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError`]; the deliveries can be offered again.
    pub fn ingest(
        &mut self,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<Ingested, StoreError> {
        let result = self.try_ingest(deliveries, now);
        self.finished(result.is_ok());
        result
    }

    fn try_ingest(
        &mut self,
        deliveries: &[Delivery],
        now: Timestamp,
    ) -> Result<Ingested, StoreError> {
        let Self {
            connection,
            sessions,
            projects,
            policy,
            book,
            held,
            keys,
            ..
        } = self;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut receipts = vec![Receipt::default(); deliveries.len()];
        let posted = new_events(&transaction, deliveries, &mut receipts, projects, keys, now)?;

        let mut batches: Vec<(Option<usize>, &Batch)> = Vec::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            if let Delivery::Observed(batch) = delivery {
                batches.push((Some(index), batch));
            }
        }
        batches.push((None, &posted.batch));

        let mut ids = Vec::with_capacity(batches.len());
        for (_, batch) in &batches {
            ids.push(locate(
                &transaction,
                sessions,
                projects,
                policy,
                batch,
                now,
            )?);
        }
        let observed = batches.iter().map(|(_, batch)| *batch);
        witness(sessions, observed, policy, now);
        let changes = sessions.flush(&transaction, now, policy)?;
        let mut prices = StoredPrices::new(book);
        let mut calls = IncomingCalls::default();
        for ((_, batch), ids) in batches.iter().zip(&ids) {
            calls.add(&transaction, &mut prices, batch, ids)?;
        }
        let names = batches.iter().flat_map(|(_, batch)| &batch.aliases);
        store_calls(&transaction, names, calls, &mut prices, held.as_mut(), keys)?;
        let mut cells = CellChanges::default();
        let mut own = BTreeMap::<i64, SessionChanges>::new();
        let mut own_rows = posted::Rows::new(&transaction)?;
        for ((index, batch), ids) in batches.iter().zip(&ids) {
            let rows = events::store(&transaction, &batch.events, ids, keys, &mut cells)?;
            quotas::store(&transaction, &batch.quotas)?;
            counters::store(&transaction, &batch.counters, ids, &batch.models)?;
            if let Some(index) = index {
                let receipt = &mut receipts[*index];
                receipt.duplicates += rows.iter().filter(|row| row.is_none()).count() as u64;
                receipt.ids.extend(rows.into_iter().flatten());
                continue;
            }
            for ((row, event), (index, own_part)) in
                rows.into_iter().zip(&batch.events).zip(&posted.origins)
            {
                let receipt = &mut receipts[*index];
                let Some(row) = row else {
                    receipt.duplicates += 1;
                    continue;
                };
                receipt.ids.push(row);
                own_rows.store(row, own_part)?;
                let session = own.entry(ids[event.session.0 as usize]).or_default();
                session.added(own_part, now);
            }
        }
        drop(own_rows);
        keys.told.settle(&transaction)?;
        cells.flush(&transaction)?;
        for (session, changes) in own {
            changes.flush(&transaction, session)?;
        }
        keys.put_away(&transaction, 0)?;
        transaction.commit()?;
        Ok(Ingested { receipts, changes })
    }
}

/// The posted events without those that are known: they must not touch their session.
fn new_events<'a>(
    connection: &Connection,
    deliveries: &'a [Delivery],
    receipts: &mut [Receipt],
    projects: &mut Projects,
    keys: &mut Keys,
    now: Timestamp,
) -> Result<Posted<'a>, StoreError> {
    let mut posted = Posted::default();
    // Every posted event becomes a row, so that what this transaction gives out is behind what the next one starts at.
    let mut serial = events::last_row(connection)?.max(0) as u64;
    let mut seen = HashSet::new();
    for (index, delivery) in deliveries.iter().enumerate() {
        let Delivery::Posted(events) = delivery else {
            continue;
        };
        for event in events {
            let key = event.key(serial);
            if !matches!(key, DedupKey::Serial(_)) {
                let known = keys
                    .events
                    .find(connection, events::key_of(&key))?
                    .is_some()
                    || !seen.insert(key);
                if known {
                    receipts[index].duplicates += 1;
                    continue;
                }
            }
            serial += 1;
            event.observe(serial, now, &mut posted.batch);
            add_branch(event, &mut posted.batch, projects, now);
            posted.origins.push((index, event));
        }
    }
    Ok(posted)
}

/// The branch that is checked out in a project whose folder is known, where the client names none.
fn add_branch(event: &PostedEvent, batch: &mut Batch, projects: &mut Projects, now: Timestamp) {
    let (Some(project), None) = (&event.project, &event.branch) else {
        return;
    };
    if let Some(branch) = projects.stated.resolve(project, now).branch {
        let session = batch.session(&event.session);
        stamp(
            &mut batch.patch(session).branch,
            event.active_at(now),
            &branch,
        );
    }
}
