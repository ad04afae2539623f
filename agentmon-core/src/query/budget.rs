//! Budgets: how much of a sum that the user set is spent. They warn and never stop anything.

use jiff::ToSpan;
use jiff::civil::Date;

use super::zone::WeekStart;
use crate::model::{NanoUsd, Timestamp};

/// How long a budget is for, in the report's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BudgetPeriod {
    /// A day.
    Daily,
    /// A week.
    Weekly,
    /// A month.
    Monthly,
}

impl BudgetPeriod {
    /// All periods, the shortest first.
    pub const ALL: [Self; 3] = [Self::Daily, Self::Weekly, Self::Monthly];

    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    /// The first day of the period that a day belongs to.
    #[must_use]
    pub fn first_day(self, day: Date, week_start: WeekStart) -> Date {
        match self {
            Self::Daily => day,
            Self::Weekly => {
                let into = day.weekday().since(week_start.weekday());
                day.checked_sub(i64::from(into).days()).unwrap_or(day)
            }
            Self::Monthly => day.first_of_month(),
        }
    }
}

/// A sum that is not to be exceeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The project that it is for; `None` for everything together.
    pub project: Option<Box<str>>,
    /// How long it is for.
    pub period: BudgetPeriod,
    /// The sum; more than zero.
    pub limit: NanoUsd,
}

/// A budget and what is spent of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetState {
    /// The budget.
    pub budget: Budget,
    /// When its present period began.
    pub since: Timestamp,
    /// What calls with a known price cost since then.
    pub spent: NanoUsd,
}

impl BudgetState {
    /// How much of it is spent, in percent.
    #[must_use]
    pub fn used_percent(&self) -> f64 {
        self.spent.0 as f64 / self.budget.limit.0.max(1) as f64 * 100.0
    }

    /// Whether more than the sum is spent.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.spent > self.budget.limit
    }
}
