//! Money as whole nano-dollars, so that sums are exact in any order.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};

use serde::{Deserialize, Serialize};

/// An amount of US dollars in units of 10⁻⁹ dollar.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NanoUsd(pub i64);

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The nearest amount to a number of dollars; `None` when it is not finite or does not fit.
    #[must_use]
    pub fn from_dollars(dollars: f64) -> Option<Self> {
        let nano = (dollars * 1e9).round();
        (nano.is_finite() && nano.abs() < 9e18).then_some(Self(nano as i64))
    }

    /// The amount in dollars, for showing and for JSON.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for NanoUsd {
    /// Dollars with two decimals, four below one cent's worth: `$12.40`, `$0.0031`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = if self.0 != 0 && self.0.abs() < 10_000_000 {
            4
        } else {
            2
        };
        write!(
            f,
            "{}${:.decimals$}",
            if self.0 < 0 { "-" } else { "" },
            self.dollars().abs()
        )
    }
}

impl Add for NanoUsd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for NanoUsd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for NanoUsd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Where the amount of a cost comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBasis {
    /// The agent or provider said so.
    Reported,
    /// Tokens times the price book.
    Priced,
    /// No price is known for the model. The amount is zero and must be shown as unknown, never as free.
    Unpriced,
}

/// What one model call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount; zero when `basis` is [`CostBasis::Unpriced`].
    pub amount: NanoUsd,
    /// Where the amount comes from.
    pub basis: CostBasis,
}

impl Cost {
    /// The cost of a call whose model has no price.
    pub const UNPRICED: Self = Self {
        amount: NanoUsd::ZERO,
        basis: CostBasis::Unpriced,
    };
}
