//! Prices by the time of day: a factor on a model's rates inside certain hours.

use crate::model::{Span, Timestamp};

const DAY: i64 = 86_400_000;

/// A factor that holds in some hours. DeepSeek doubles its prices in peak hours; earlier it cut them off peak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schedule {
    /// In force from this instant ...
    pub(super) from: Timestamp,
    /// ... until before this one.
    pub(super) until: Option<Timestamp>,
    /// Windows of the UTC day in minutes, from the first up to before the second; one may run past midnight.
    pub(super) hours: Box<[(i64, i64)]>,
    /// Whether Saturdays and Sundays are left out.
    pub(super) weekdays_only: bool,
    /// The zone in which weekdays and holidays are counted.
    pub(super) offset: Span,
    /// Days that are left out, as days since 1970-01-01 in that zone, in order.
    pub(super) holidays: Box<[i64]>,
    /// The factor in thousandths.
    pub(super) permille: u64,
}

impl Schedule {
    /// Whether the factor applies at a time.
    fn covers(&self, at: Timestamp) -> bool {
        if at < self.from || self.until.is_some_and(|until| at >= until) {
            return false;
        }
        let day = (at + self.offset).0.div_euclid(DAY);
        // 1970-01-01 was a Thursday: day 0 of the week is a Sunday.
        let weekend = matches!((day + 4).rem_euclid(7), 0 | 6);
        if (self.weekdays_only && weekend) || self.holidays.binary_search(&day).is_ok() {
            return false;
        }
        let minute = at.0.rem_euclid(DAY) / 60_000;
        self.hours.iter().any(|&(start, end)| {
            if start < end {
                (start..end).contains(&minute)
            } else {
                minute >= start || minute < end
            }
        })
    }
}

/// The factor at a time in thousandths: that of the first schedule that applies, else 1000.
pub(super) fn permille(schedules: &[Schedule], at: Timestamp) -> u64 {
    schedules
        .iter()
        .find(|schedule| schedule.covers(at))
        .map_or(1000, |schedule| schedule.permille)
}
