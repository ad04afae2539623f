//! TEMP
use crate::model::*;
#[derive(Debug)]
pub struct PriceBook;
#[derive(Debug, Clone, Copy)]
pub struct ModelPrices<'a>(&'a ());
impl PriceBook {
    pub fn embedded() -> &'static PriceBook {
        &PriceBook
    }
    pub fn fingerprint(&self) -> u64 {
        1
    }
    pub fn lookup(&self, _: &str) -> Option<ModelPrices<'_>> {
        Some(ModelPrices(&()))
    }
}
impl ModelPrices<'_> {
    pub fn cost(&self, _: Timestamp, u: &Usage, _: PriceMode, _: u32) -> Cost {
        Cost {
            amount: NanoUsd(u.total() as i64),
            basis: CostBasis::Priced,
        }
    }
}
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct PriceError;
