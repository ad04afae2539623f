//! Pieces that several objects have in common.

use serde::{Serialize, Serializer};

use crate::model::{NanoUsd, Timestamp, Usage};
use crate::query::Sums;

/// US dollars. The amount is a whole number of nano-dollars, whose nearest binary fraction prints as that decimal
/// for any sum below a million dollars.
#[derive(Clone, Copy)]
pub(super) struct Usd(pub(super) NanoUsd);

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.dollars())
    }
}

/// A point in time.
#[derive(Clone, Copy)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Tokens in disjoint buckets: input excludes cache reads and writes, output includes reasoning.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Tokens {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_creation_tokens: u64,
    reasoning_tokens: u64,
    total_tokens: u64,
}

impl From<&Usage> for Tokens {
    fn from(usage: &Usage) -> Self {
        Self {
            input_tokens: usage.input,
            output_tokens: usage.output,
            cache_read_tokens: usage.cache_read,
            cache_creation_tokens: usage.cache_creation(),
            reasoning_tokens: usage.reasoning,
            total_tokens: usage.total(),
        }
    }
}

/// Calls, their tokens and what they cost.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Spent {
    requests: u64,
    #[serde(flatten)]
    tokens: Tokens,
    /// Of the calls with a known price; `null` when none of them has one.
    cost_usd: Option<Usd>,
    unpriced_requests: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_saved_usd: Option<Usd>,
}

impl From<&Sums> for Spent {
    fn from(sums: &Sums) -> Self {
        Self {
            requests: sums.requests,
            tokens: (&sums.usage).into(),
            cost_usd: sums.known_cost().map(Usd),
            unpriced_requests: sums.unpriced_requests,
            cache_saved_usd: sums.cache_saved.map(Usd),
        }
    }
}
