//! The rules of `docs/prices.md`, each with values computed by hand.

mod data;
mod golden;
mod names;
mod overrides;
mod properties;

use crate::model::{Timestamp, Usage};

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
