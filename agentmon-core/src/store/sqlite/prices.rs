//! Keeps stored costs in step with the price book: when prices change, calls are priced again and totals rebuilt.

use std::collections::HashMap;

use rusqlite::Connection;

use super::{calls, dimensions, rollup};
use crate::pricing::PriceBook;
use crate::store::StoreError;

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
    let mut names = HashMap::new();
    let mut select = connection.prepare("SELECT id, name FROM model")?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
    })?;
    for row in rows {
        let (id, name) = row?;
        names.insert(id, name);
    }
    let prices: HashMap<i64, _> = names
        .iter()
        .filter_map(|(id, name)| Some((*id, book.lookup(name)?)))
        .collect();
    let mut changed = Vec::new();
    calls::for_each(connection, |call| {
        let mut priced = *call;
        priced.price(prices.get(&call.model));
        if priced.cost != call.cost {
            changed.push(priced);
        }
    })?;
    for call in &changed {
        calls::update(connection, call)?;
    }
    rollup::rebuild(connection)?;
    Ok(())
}
