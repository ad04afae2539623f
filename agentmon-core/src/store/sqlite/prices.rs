//! Keeps stored costs in step with the price book: when prices change, calls are priced again and totals rebuilt.

use std::collections::HashMap;

use rusqlite::Connection;

use super::told::ToldCalls;
use super::{calls, dimensions, rollup};
use crate::pricing::{ModelPrices, PriceBook};
use crate::store::StoreError;

/// The prices of stored models, each looked up once.
#[derive(Debug)]
pub(super) struct StoredPrices<'a> {
    book: &'a PriceBook,
    known: HashMap<i64, Option<ModelPrices<'a>>>,
}

impl<'a> StoredPrices<'a> {
    pub(super) fn new(book: &'a PriceBook) -> Self {
        Self {
            book,
            known: HashMap::new(),
        }
    }

    /// The price of the model with this id; `None` when none is known for it.
    pub(super) fn get(
        &mut self,
        connection: &Connection,
        model: i64,
    ) -> rusqlite::Result<Option<ModelPrices<'a>>> {
        if let Some(prices) = self.known.get(&model) {
            return Ok(*prices);
        }
        let name = dimensions::model_name(connection, model)?;
        let prices = self.book.lookup(&name);
        self.known.insert(model, prices);
        Ok(prices)
    }
}

const FINGERPRINT: &str = "price_book";

/// Prices all calls again if the book is not the one that they were priced with. Returns whether it did.
pub(super) fn reprice_if_changed(
    connection: &mut Connection,
    book: &PriceBook,
) -> Result<bool, StoreError> {
    let fingerprint = format!("{:016x}", book.fingerprint());
    let known = dimensions::note(connection, FINGERPRINT)?;
    if known.as_deref() == Some(&fingerprint) {
        return Ok(false);
    }
    let transaction = connection.transaction()?;
    if known.is_some() {
        reprice(&transaction, book)?;
    }
    dimensions::set_note(&transaction, FINGERPRINT, &fingerprint)?;
    transaction.commit()?;
    Ok(known.is_some())
}

fn reprice(connection: &Connection, book: &PriceBook) -> Result<(), StoreError> {
    ToldCalls::default().put_all(connection)?;
    let mut prices = StoredPrices::new(book);
    let mut changed = Vec::new();
    calls::for_each(connection, |call| {
        let mut priced = *call;
        priced.price(prices.get(connection, call.model)?.as_ref());
        if priced.cost != call.cost {
            changed.push(priced);
        }
        Ok(())
    })?;
    for call in &changed {
        calls::update(connection, call)?;
    }
    rollup::rebuild(connection)?;
    Ok(())
}
