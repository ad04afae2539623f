//! Token usage of model calls, in disjoint buckets (I12).

use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Tokens of one model call or of a sum of calls. No token is in two buckets, except `reasoning`, which is the part
/// of `output` that the provider reports as reasoning and is never added again.
///
/// OpenTelemetry's `gen_ai.usage.input_tokens` and OpenAI's `input_tokens` include cached tokens, Anthropic's
/// `input_tokens` excludes them: each adapter converts once, at the border.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to a cache.
    pub input: u64,
    /// Prompt tokens read from a cache.
    pub cache_read: u64,
    /// Prompt tokens written to a cache that lives five minutes (or to a cache of unknown lifetime).
    pub cache_creation_5m: u64,
    /// Prompt tokens written to a cache that lives one hour.
    pub cache_creation_1h: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning.
    pub reasoning: u64,
}

impl Usage {
    /// All cache writes.
    #[must_use]
    pub const fn cache_creation(&self) -> u64 {
        self.cache_creation_5m
            .saturating_add(self.cache_creation_1h)
    }

    /// Everything that was sent: fresh input, cache reads and cache writes. Long-context price tiers look at this.
    #[must_use]
    pub const fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_creation())
    }

    /// All tokens, each once.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// Whether no token was counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_creation_5m = self
            .cache_creation_5m
            .saturating_add(other.cache_creation_5m);
        self.cache_creation_1h = self
            .cache_creation_1h
            .saturating_add(other.cache_creation_1h);
        self.output = self.output.saturating_add(other.output);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

impl Add for Usage {
    type Output = Self;
    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sub for Usage {
    type Output = Self;
    /// Field by field, never below zero.
    fn sub(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_sub(other.input),
            cache_read: self.cache_read.saturating_sub(other.cache_read),
            cache_creation_5m: self
                .cache_creation_5m
                .saturating_sub(other.cache_creation_5m),
            cache_creation_1h: self
                .cache_creation_1h
                .saturating_sub(other.cache_creation_1h),
            output: self.output.saturating_sub(other.output),
            reasoning: self.reasoning.saturating_sub(other.reasoning),
        }
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(calls: I) -> Self {
        calls.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_disjoint_and_reasoning_is_not_added_twice() {
        let call = Usage {
            input: 1,
            cache_read: 2,
            cache_creation_5m: 4,
            cache_creation_1h: 8,
            output: 16,
            reasoning: 9,
        };
        assert_eq!(call.prompt(), 15);
        assert_eq!(call.total(), 31);
        assert_eq!([call, call].into_iter().sum::<Usage>() - call, call);
    }
}
