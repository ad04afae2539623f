//! What caches saved against sending every prompt token as fresh input.

use super::{CacheRates, Rates, UsageCell, UsageData};
use crate::model::NanoUsd;

/// What caches saved, cell by cell.
pub(super) struct Savings<'a> {
    rates: Option<&'a dyn CacheRates>,
    models: &'a [Box<str>],
    /// The last day's rates of each model: prices change by date, and looking them up takes a while.
    known: Vec<Option<(i64, Option<Rates>)>>,
}

impl<'a> Savings<'a> {
    pub(super) fn new(rates: Option<&'a dyn CacheRates>, data: &'a UsageData) -> Self {
        Self {
            rates,
            models: &data.models,
            known: vec![None; data.models.len()],
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.rates.is_some()
    }

    pub(super) fn of(&mut self, cell: &UsageCell) -> Option<NanoUsd> {
        let book = self.rates?;
        let model = cell.model as usize;
        let day = cell.bucket.0.div_euclid(86_400_000);
        let rates = match self.known.get(model).copied().flatten() {
            Some((known, rates)) if known == day => rates,
            _ => {
                let rates = book.rates(self.models.get(model)?, cell.bucket);
                self.known[model] = Some((day, rates));
                rates
            }
        }?;
        let usage = &cell.usage;
        let against_input = |tokens: u64, rate: f64| tokens as f64 * (rates.input - rate);
        let saved = against_input(usage.cache_read, rates.cache_read)
            + against_input(usage.cache_creation_5m, rates.cache_creation_5m)
            + against_input(usage.cache_creation_1h, rates.cache_creation_1h);
        Some(NanoUsd(saved.round() as i64))
    }
}
