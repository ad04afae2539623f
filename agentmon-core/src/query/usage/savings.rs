//! What caches saved against sending every prompt token as fresh input.

use super::{UsageCell, UsageData};
use crate::model::{NanoUsd, Usage};
use crate::pricing::{PriceBook, Rates};

/// What caches saved, cell by cell.
pub(super) struct Savings<'a> {
    prices: Option<&'a PriceBook>,
    models: &'a [Box<str>],
    /// The last day's rates of each model: prices change by date, and looking them up takes a while.
    known: Vec<Option<(i64, Option<Rates>)>>,
}

impl<'a> Savings<'a> {
    /// Without prices, nothing is worked out.
    pub(super) fn new(prices: Option<&'a PriceBook>, data: &'a UsageData) -> Self {
        Self {
            prices,
            models: &data.models,
            known: vec![None; data.models.len()],
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.prices.is_some()
    }

    /// What caches saved in a cell; `None` where no price is known.
    pub(super) fn of(&mut self, cell: &UsageCell) -> Option<NanoUsd> {
        let prices = self.prices?;
        let model = cell.model as usize;
        let day = cell.bucket.0.div_euclid(86_400_000);
        let rates = match self.known.get(model)? {
            Some((known, rates)) if *known == day => *rates,
            _ => {
                let name = self.models.get(model)?;
                let rates = prices
                    .lookup(name)
                    .map(|prices| prices.at(cell.bucket).rates);
                self.known[model] = Some((day, rates));
                rates
            }
        };
        Some(saved(&cell.usage, &rates?))
    }
}

fn saved(usage: &Usage, rates: &Rates) -> NanoUsd {
    let write_5m = rates.cache_write_5m.unwrap_or(rates.input);
    let write_1h = rates.cache_write_1h.unwrap_or(write_5m);
    let picodollars: i128 = [
        (usage.cache_read, rates.cache_read.unwrap_or(rates.input)),
        (usage.cache_creation_5m, write_5m),
        (usage.cache_creation_1h, write_1h),
    ]
    .into_iter()
    .map(|(tokens, rate)| i128::from(tokens) * (i128::from(rates.input.0) - i128::from(rate.0)))
    .sum();
    NanoUsd(i64::try_from(picodollars / 1000).unwrap_or(i64::MAX))
}
