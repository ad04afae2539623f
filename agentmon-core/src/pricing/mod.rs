//! Price data -> price book -> cost of a call. Pure: no clock, no I/O; the caller says when a call was made.
//!
//! The embedded data (`data/prices.json`) is built by `scripts/build_prices.py`; `docs/prices.md` states every rule and
//! `docs/adding-a-price.md` how the data grows. A cost is exact: rates are whole picodollars per token, and a call is
//! rounded once. A model without a price is [`Unpriced`](crate::model::CostBasis::Unpriced): a wrong price is worse
//! than none, so a name never resolves to a merely similar model.

mod book;
mod catalogue;
mod check;
mod data;
mod names;
mod overrides;
mod rates;
mod schedule;
#[cfg(test)]
mod tests;

pub use book::{ModelPrices, PriceBook};
pub use check::PriceWarning;
pub use overrides::{ModeOverride, PriceError, PriceOverride, TierOverride};
pub use rates::{Rate, RateSet, Rates, Tier};
