//! One request to a model and what it used.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{FactKey, NanoUsd, SessionIndex, Timestamp, Usage};

/// The way a request was served, where the price depends on it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum PriceMode {
    /// The ordinary service.
    #[default]
    Standard,
    /// Faster output at a higher price (Anthropic `speed: fast`).
    Fast,
    /// Asynchronous batches at a lower price.
    Batch,
    /// OpenAI `service_tier: flex`.
    Flex,
    /// Priority processing (OpenAI `service_tier: priority`).
    Priority,
}

impl PriceMode {
    /// All modes; the position is the number under which the store keeps a mode.
    pub const ALL: [Self; 5] = [
        Self::Standard,
        Self::Fast,
        Self::Batch,
        Self::Flex,
        Self::Priority,
    ];
}

/// Which kind of source saw a call; kept so that every figure can say where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallSource {
    /// The agent's own file on disk.
    Transcript,
    /// OpenTelemetry.
    Otlp,
    /// A hook.
    Hook,
    /// A gateway connection.
    Gateway,
    /// The events API.
    Api,
    /// Another monitor, in sums of its own: they count until the calls themselves are told.
    Remote,
}

/// One answered request to a model.
///
/// Two sightings of the same call (same `fact`) merge field by field, in any order, to the same result: the usage
/// with the most output tokens wins, and the session with the lowest `credit` keeps the call. See
/// `store::sqlite::calls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelCall {
    /// Identity of the call across sources.
    pub fact: FactKey,
    /// When the answer was complete (or, failing that, when it was written down).
    pub at: Timestamp,
    /// The session in the batch's table.
    pub session: SessionIndex,
    /// The model in the batch's table of names, as the agent spells it.
    pub model: u32,
    /// Tokens.
    pub usage: Usage,
    /// How it was served.
    pub mode: PriceMode,
    /// Server-side web searches, which are billed apart.
    pub web_searches: u32,
    /// The cost that the source itself states, if it does.
    pub reported: Option<NanoUsd>,
    /// Who is credited when several sessions hold the same call (a fork copies its parent's lines): the lowest
    /// wins. File sources use the file's birth in milliseconds, 0 when the line itself says that it is the original.
    pub credit: i64,
    /// Who saw it.
    pub source: CallSource,
}

impl ModelCall {
    /// Adds what another sighting of the same call says, which must name the same session and model. Commutative,
    /// associative and idempotent.
    pub fn merge(&mut self, other: &Self) {
        let (credit, reported) = (
            self.credit.min(other.credit),
            self.reported.max(other.reported),
        );
        if other.finality() > self.finality() {
            *self = *other;
        }
        (self.credit, self.reported) = (credit, reported);
    }

    /// How final this sighting is among those of the same call.
    #[must_use]
    pub fn finality(&self) -> Finality {
        Finality::new(
            &self.usage,
            self.at,
            self.source,
            self.mode,
            self.web_searches,
        )
    }
}

/// Orders sightings of one call: the one with the most output is the final one, then the one with the most tokens, then
/// the source that tells the most (a transcript knows reasoning and the lifetimes of caches), and between these the
/// earliest. What follows tells apart sightings that should be equal, so that the order is total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finality {
    output: u64,
    total: u64,
    source: Reverse<CallSource>,
    at: Reverse<Timestamp>,
    parts: [u64; 4],
    mode: PriceMode,
    web_searches: u32,
}

impl Finality {
    /// The rank of a sighting with these figures.
    #[must_use]
    pub fn new(
        usage: &Usage,
        at: Timestamp,
        source: CallSource,
        mode: PriceMode,
        web_searches: u32,
    ) -> Self {
        Self {
            output: usage.output,
            total: usage.total(),
            source: Reverse(source),
            at: Reverse(at),
            parts: [
                usage.cache_read,
                usage.cache_creation_5m,
                usage.cache_creation_1h,
                usage.reasoning,
            ],
            mode,
            web_searches,
        }
    }
}
