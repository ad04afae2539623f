//! One request to a model and what it used.

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
    /// Adds what another sighting of the same call says. Commutative, associative and idempotent, given that both
    /// index the same batch.
    pub fn merge(&mut self, other: &Self) {
        if other.finality() > self.finality() {
            let (session, credit) = (self.session, self.credit);
            *self = Self {
                reported: other.reported.or(self.reported),
                session,
                credit,
                ..*other
            };
        } else {
            self.reported = self.reported.or(other.reported);
        }
        if (other.credit, other.session) < (self.credit, self.session) {
            (self.credit, self.session) = (other.credit, other.session);
        }
    }

    /// Orders sightings of one call: the one with the most output is the final one; between equals, the earliest.
    #[must_use]
    pub fn finality(&self) -> (u64, u64, std::cmp::Reverse<Timestamp>, CallSource) {
        (
            self.usage.output,
            self.usage.total(),
            std::cmp::Reverse(self.at),
            self.source,
        )
    }
}
