//! How long things took: counts by time, which add up over any selection and still tell percentiles.

use std::fmt;

/// How often something took how long.
///
/// Times are rounded to two significant digits, the second one to steps of 1, 2 or 5 (1,234 ms counts as 1,200, 2,345 ms
/// as 2,400, 6,789 ms as 7,000): any time that is told of them is within 5 % of a real one, and below 20 ms exact. So
/// there are 35 of a power of ten, however many are counted. The text form, `12:1 1200:3`, is once 12 ms and three times
/// 1,200 ms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Times {
    /// Milliseconds, in their order, and how often. Of what a transaction takes away, less than nothing.
    counts: Vec<(u64, i64)>,
}

impl Times {
    /// Counts a time in milliseconds so many times more, or fewer.
    pub(crate) fn count(&mut self, ms: u64, times: i64) {
        self.count_rounded(rounded(ms), times);
    }

    /// Adds what a text counts, or several with spaces between them. What makes no sense in it is left out.
    pub(crate) fn add_text(&mut self, text: &str) {
        for part in text.split(' ') {
            let (ms, times) = part.split_once(':').unwrap_or_default();
            if let (Ok(ms), Ok(times)) = (ms.parse(), times.parse()) {
                self.count_rounded(ms, times);
            }
        }
    }

    fn count_rounded(&mut self, ms: u64, times: i64) {
        match self.counts.binary_search_by_key(&ms, |(ms, _)| *ms) {
            Ok(at) => {
                let count = &mut self.counts[at].1;
                *count = count.saturating_add(times);
                if *count == 0 {
                    self.counts.remove(at);
                }
            }
            Err(at) if times != 0 => self.counts.insert(at, (ms, times)),
            Err(_) => {}
        }
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The time in milliseconds within which `percent` of all were done (nearest rank), if there is any.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let times = |count: i64| u128::from(count.unsigned_abs());
        let total: u128 = self.counts.iter().map(|(_, count)| times(*count)).sum();
        let rank = (total * u128::from(percent)).div_ceil(100).max(1);
        let mut passed = 0;
        self.counts.iter().find_map(|(ms, count)| {
            passed += times(*count);
            (passed >= rank).then_some(*ms)
        })
    }

    /// The longest time in milliseconds, if there is any.
    #[must_use]
    pub fn longest(&self) -> Option<u64> {
        self.counts.last().map(|(ms, _)| *ms)
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Written with every commit that brings tool calls, a hundred numbers and more.
        let mut digits = itoa::Buffer::new();
        for (index, (ms, times)) in self.counts.iter().enumerate() {
            f.write_str(if index > 0 { " " } else { "" })?;
            f.write_str(digits.format(*ms))?;
            f.write_str(":")?;
            f.write_str(digits.format(*times))?;
        }
        Ok(())
    }
}

/// A time with two significant digits, of the second of which steps are told apart that are 5 % to 10 % of the time.
fn rounded(ms: u64) -> u64 {
    let digits = ms.checked_ilog10().unwrap_or(0);
    let scale = 10_u64.pow(digits.saturating_sub(1));
    let step = match ms / scale {
        ..20 => scale,
        20..50 => scale * 2,
        50.. => scale * 5,
    };
    ms.saturating_add(step / 2) / step * step
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(all: impl IntoIterator<Item = u64>) -> Times {
        let mut times = Times::default();
        for ms in all {
            times.count(ms, 1);
        }
        times
    }

    #[test]
    fn a_time_keeps_two_digits_and_is_never_more_than_five_percent_off() {
        for (ms, kept) in [
            (0, 0),
            (7, 7),
            (19, 19),
            (23, 24),
            (52, 50),
            (99, 100),
            (104, 100),
            (105, 110),
            (996, 1000),
            (1234, 1200),
            (2345, 2400),
            (6789, 7000),
            (1 << 40, 1_100_000_000_000),
        ] {
            assert_eq!(rounded(ms), kept);
        }
        assert_eq!(rounded(u64::MAX), 18_000_000_000_000_000_000);
        for ms in (1..100_000).chain((0..40).map(|power| 3_u64.pow(power))) {
            let off = rounded(ms).abs_diff(ms) as f64 / ms as f64;
            assert!(off < 0.05, "{ms} counts as {}", rounded(ms));
        }
    }

    #[test]
    fn percentiles_are_those_of_the_times_themselves() {
        assert_eq!(times([]).percentile(50), None);
        assert_eq!(times([]).longest(), None);
        let cases: [(Vec<u64>, [u64; 3]); 4] = [
            (vec![40], [40, 40, 40]),
            (vec![1, 2], [1, 2, 2]),
            ((1..=99).collect(), [50, 95, 100]),
            (vec![10, 10, 10, 90_000], [10, 90_000, 90_000]),
        ];
        for (all, expected) in cases {
            let times = times(all);
            let told = [times.percentile(50), times.percentile(95), times.longest()];
            assert_eq!(told, expected.map(Some));
        }
    }

    #[test]
    fn counts_add_up_and_take_away() {
        let mut all = times([12, 1234, 1180]);
        assert_eq!(all.to_string(), "12:1 1200:2");
        all.add_text("12:-1 5:2 nonsense :3 9:x 1200:1 5:1");
        assert_eq!(all.to_string(), "5:3 1200:3");
        all.count(1190, -3);
        assert_eq!(all.to_string(), "5:3");
        let mut read = Times::default();
        read.add_text(&all.to_string());
        assert_eq!(read, all);
        all.add_text("5:-3");
        assert!(all.is_empty() && all.to_string().is_empty());
    }
}
