//! The rules of `docs/prices.md`, each with values computed by hand.

mod data;
mod golden;
mod names;
mod over_time;
mod overrides;
mod properties;

use super::PriceBook;
use crate::model::{Cost, CostBasis, NanoUsd, PriceMode, Timestamp, Usage};

/// A day on which every current price of the embedded data is in force; a Saturday.
const TODAY: &str = "2026-11-21T12:00:00Z";

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Usage from input, cache read, five-minute write, one-hour write and output.
fn usage(
    [
        input,
        cache_read,
        cache_creation_5m,
        cache_creation_1h,
        output,
    ]: [u64; 5],
) -> Usage {
    Usage {
        input,
        cache_read,
        cache_creation_5m,
        cache_creation_1h,
        output,
        reasoning: 0,
    }
}

/// Checks that a call of `model` with [input, cache read, 5 m write, 1 h write, output] tokens costs `nano`.
#[track_caller]
fn check(model: &str, at: &str, mode: PriceMode, tokens: [u64; 5], nano: i64) {
    let cost = PriceBook::embedded().cost(model, time(at), &usage(tokens), mode, 0);
    let expected = Cost {
        amount: NanoUsd(nano),
        basis: CostBasis::Priced,
    };
    assert_eq!(cost, expected, "{model} {mode:?} at {at}: {tokens:?}");
}
