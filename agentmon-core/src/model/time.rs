//! Points in time as UTC milliseconds. Time zones belong to reports, not to facts.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A length of time in milliseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    /// A span of whole minutes.
    #[must_use]
    pub const fn from_mins(minutes: i64) -> Self {
        Self(minutes * 60_000)
    }

    /// Units by their name in text, the longest first. `ms` stands before `m`, which it begins with.
    const UNITS: [(&'static str, i64); 6] = [
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("ms", 1),
        ("m", 60_000),
        ("s", 1000),
    ];

    /// Reads a length of time such as `90s`, `5m`, `1h30m` or `30d`: whole numbers with a unit (`ms`, `s`, `m`, `h`,
    /// `d`, `w`), longer units first or not. Returns `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut sum = 0_i64;
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: i64 = rest[..digits].parse().ok()?;
            rest = &rest[digits..];
            let (name, millis) = Self::UNITS
                .into_iter()
                .find(|(name, _)| rest.starts_with(name))?;
            rest = &rest[name.len()..];
            sum = sum.checked_add(number.checked_mul(millis)?)?;
        }
        Some(Self(sum))
    }
}

impl fmt::Display for Span {
    /// The form that [`Span::parse`] reads: `1h30m`, `0s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut rest = self.0.unsigned_abs();
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, millis) in [
            ("d", 86_400_000),
            ("h", 3_600_000),
            ("m", 60_000),
            ("s", 1000),
            ("ms", 1),
        ] {
            if rest >= millis {
                write!(f, "{}{name}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

impl std::ops::Add<Span> for Timestamp {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl std::ops::Sub<Span> for Timestamp {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl std::ops::Sub for Timestamp {
    type Output = Span;
    fn sub(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Timestamp {
    /// The latest time that can be written as a four-digit year.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Reads an RFC 3339 / ISO 8601 time such as `2026-11-21T08:57:00.071Z` or `2026-11-21T09:57:00+01:00`.
    ///
    /// Any number of fraction digits is accepted (the rest beyond milliseconds is cut). A time without an offset is
    /// taken as UTC. Returns `None` for anything else, never panics.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 19
            || bytes[4] != b'-'
            || bytes[7] != b'-'
            || bytes[13] != b':'
            || bytes[16] != b':'
        {
            return None;
        }
        if !matches!(bytes[10], b'T' | b't' | b' ') {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<i64> {
            bytes[from..to].iter().try_fold(0_i64, |sum, &digit| {
                digit
                    .is_ascii_digit()
                    .then(|| sum * 10 + i64::from(digit - b'0'))
            })
        };
        // Every line of every log has one of these: all its digits are checked at once.
        let mut digits = true;
        let mut two = |at: usize| {
            let [tens, ones] = [bytes[at], bytes[at + 1]].map(|digit| digit.wrapping_sub(b'0'));
            digits &= tens < 10 && ones < 10;
            i64::from(tens) * 10 + i64::from(ones)
        };
        let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
        let (hour, minute, second) = (two(11), two(14), two(17));
        if !digits {
            return None;
        }
        let days_in_month = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            _ => return None,
        };
        if day < 1 || day > days_in_month || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let mut at = 19;
        let mut millis = 0;
        if bytes.get(at).is_some_and(|&b| b == b'.' || b == b',') {
            at += 1;
            let mut scale = 100;
            let first = at;
            while let Some(digit) = bytes.get(at).filter(|b| b.is_ascii_digit()) {
                millis += i64::from(digit - b'0') * scale;
                scale /= 10;
                at += 1;
            }
            if at == first {
                return None;
            }
        }
        let offset_minutes = match bytes.get(at) {
            None => 0,
            Some(b'Z' | b'z') if at + 1 == bytes.len() => 0,
            Some(&sign @ (b'+' | b'-')) => {
                let rest = &bytes[at + 1..];
                let (h, m) = match rest.len() {
                    2 => (number(at + 1, at + 3)?, 0),
                    4 => (number(at + 1, at + 3)?, number(at + 3, at + 5)?),
                    5 if rest[2] == b':' => (number(at + 1, at + 3)?, number(at + 4, at + 6)?),
                    _ => return None,
                };
                if h > 23 || m > 59 {
                    return None;
                }
                (h * 60 + m) * if sign == b'-' { -1 } else { 1 }
            }
            Some(_) => return None,
        };
        let seconds =
            days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        Some(Self((seconds - offset_minutes * 60) * 1000 + millis))
    }
}

/// Days since 1970-01-01 of a proleptic Gregorian date (Hinnant's algorithm).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The civil date (year, month, day) of a count of days since 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T08:57:00.071Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.div_euclid(1000), self.0.rem_euclid(1000));
        let (days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            time / 3600,
            time / 60 % 60,
            time % 60
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_agents_write_and_writes_it_back() {
        for text in [
            "2026-11-21T08:57:00.071Z",
            "1969-12-31T23:59:59.999Z",
            "2024-02-29T00:00:00.000Z",
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().to_string(), text);
        }
        let same = Timestamp::parse("2026-11-21T08:57:00.071Z");
        for text in [
            "2026-11-21T09:57:00.0719+01:00",
            "2026-11-21 08:57:00.071",
            "2026-11-21T03:27:00.071-0530",
        ] {
            assert_eq!(Timestamp::parse(text), same, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_time() {
        for text in [
            "",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-11-21T25:00:00Z",
            "2026-11-21T08:57:00.Z",
            "2026-11-21T08:57:00+1",
            "2026-11-21T08:57:00Zx",
            "日本語日本語日本語日本語",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn spans_are_read_and_written() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2w", 1_209_600_000),
            ("0s", 0),
        ] {
            let span = Span::parse(text).unwrap();
            assert_eq!(span, Span(millis), "{text}");
            assert_eq!(Span::parse(&span.to_string()), Some(span));
        }
        for text in [
            "",
            " ",
            "5",
            "m",
            "-5m",
            "5 m",
            "5y",
            "99999999999999999d",
            "٥m",
        ] {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
