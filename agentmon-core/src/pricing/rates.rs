//! Rates, tiers and the arithmetic of one call. Knows no model and no name.

use crate::model::{NanoUsd, PriceMode, Timestamp, Usage};

/// A price per token (or per web search) in whole picodollars, 10⁻¹² dollar.
///
/// One picodollar per token is a millionth of a dollar per million tokens: finer than any published price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(pub u64);

impl Rate {
    /// The highest rate that is taken for a price and not for a mistake: a million dollars per million tokens. The
    /// cost arithmetic relies on it to stay inside 128 bits.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// The rate nearest to a number of dollars per million tokens; `None` when negative, not finite or over
    /// [`Rate::MAX`].
    #[must_use]
    pub fn per_million(dollars: f64) -> Option<Self> {
        Self::from_picodollars(dollars * 1e6)
    }

    /// The rate nearest to a number of dollars for one unit, such as a web search.
    #[must_use]
    pub fn per_unit(dollars: f64) -> Option<Self> {
        Self::from_picodollars(dollars * 1e12)
    }

    fn from_picodollars(picodollars: f64) -> Option<Self> {
        (0.0..=Self::MAX.0 as f64)
            .contains(&picodollars)
            .then(|| Self(picodollars.round() as u64))
    }

    /// The rate in dollars per million tokens, as price lists show it.
    #[must_use]
    pub fn dollars_per_million(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// What tokens of each kind cost. A missing rate is one that no price list names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rates {
    /// Fresh input.
    pub input: Rate,
    /// Output, reasoning included.
    pub output: Rate,
    /// Input read from a cache; billed as input when missing.
    pub cache_read: Option<Rate>,
    /// Input written to a five-minute cache; billed as input when missing.
    pub cache_write_5m: Option<Rate>,
    /// Input written to a one-hour cache; billed as a five-minute write when missing.
    pub cache_write_1h: Option<Rate>,
}

impl Rates {
    /// What the tokens of one call cost, in picodollars.
    pub(super) fn picodollars(&self, usage: &Usage) -> u128 {
        let write_5m = self.cache_write_5m.unwrap_or(self.input);
        [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read.unwrap_or(self.input)),
            (usage.cache_creation_5m, write_5m),
            (
                usage.cache_creation_1h,
                self.cache_write_1h.unwrap_or(write_5m),
            ),
            (usage.output, self.output),
        ]
        .into_iter()
        .map(|(tokens, rate)| u128::from(tokens) * u128::from(rate.0))
        .sum()
    }
}

/// The rates of a request with a long prompt. They replace the base rates for the whole request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tier {
    /// Applies when the prompt (fresh input, cache reads and cache writes) has more tokens than this.
    pub over: u64,
    /// The rates.
    pub rates: Rates,
}

/// The price of one mode of one model from one date on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RateSet {
    /// The mode whose price this is. [`PriceMode::Standard`] in answer to another mode means that no price of that
    /// mode is known and the standard price stands in.
    pub mode: PriceMode,
    /// When it came into force; `None` for the first known price, which also covers everything before it.
    pub from: Option<Timestamp>,
    /// The rates below every tier.
    pub rates: Rates,
    /// Long-prompt tiers, the lowest limit first.
    pub tiers: Box<[Tier]>,
    /// Where the price was published; `models.dev@COMMIT` is a commit of that catalogue.
    pub source: Option<&'static str>,
}

impl RateSet {
    /// The rates of a request with a prompt of so many tokens.
    #[must_use]
    pub fn for_prompt(&self, tokens: u64) -> &Rates {
        self.tiers
            .iter()
            .rev()
            .find(|tier| tokens > tier.over)
            .map_or(&self.rates, |tier| &tier.rates)
    }
}

/// The entry of a timeline (oldest first, never empty) that was in force at a time.
pub(super) fn in_force(timeline: &[RateSet], at: Timestamp) -> &RateSet {
    let begun = timeline.partition_point(|set| set.from.is_none_or(|from| from <= at));
    &timeline[begun.saturating_sub(1)]
}

/// Rounds femtodollars (10⁻¹⁵) half up to the nano-dollars of the store, at most [`i64::MAX`].
pub(super) fn to_nano(femtodollars: u128) -> NanoUsd {
    let nano = femtodollars.saturating_add(500_000) / 1_000_000;
    NanoUsd(i64::try_from(nano).unwrap_or(i64::MAX))
}
