//! When to try again: 1, 2, 4 ... 60 seconds, each a little less by chance, so that many clients of a gateway that was
//! restarted do not come at once.

use crate::model::Span;

/// The first wait.
const FIRST: Span = Span::from_secs(1);
/// The longest.
pub const LONGEST: Span = Span::from_secs(60);

/// The waits between attempts.
#[derive(Debug, Clone)]
pub struct Pace {
    failures: u32,
    random: u64,
}

impl Pace {
    /// A fresh start. The seed decides the chance.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            random: seed,
        }
    }

    /// How long to wait after one more failure.
    pub fn failed(&mut self) -> Span {
        let whole = FIRST
            .0
            .saturating_mul(1 << self.failures.min(6))
            .min(LONGEST.0);
        self.failures = self.failures.saturating_add(1);
        self.shortened(Span(whole))
    }

    /// The longest wait, for what only a person can mend.
    pub fn refused(&mut self) -> Span {
        self.failures = self.failures.max(6);
        self.shortened(LONGEST)
    }

    /// The next failure is the first again.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// Up to a fifth less.
    fn shortened(&mut self, span: Span) -> Span {
        // SplitMix64 (Steele, Lea, Flood 2014).
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.random;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        Span(span.0 - (word % (span.0 as u64 / 5 + 1)) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_success() {
        let mut pace = Pace::new(7);
        for whole in [1, 2, 4, 8, 16, 32, 60, 60] {
            let wait = pace.failed().0;
            assert!(
                (whole * 800..=whole * 1000).contains(&wait),
                "{whole}: {wait}"
            );
        }
        pace.succeeded();
        assert!(pace.failed() <= FIRST);
        assert!(pace.refused() >= Span::from_secs(48));
        let waits = |seed| Pace::new(seed).failed();
        assert_eq!(waits(1), waits(1));
        assert!((0..20).any(|seed| waits(seed) != waits(99)));
    }
}
