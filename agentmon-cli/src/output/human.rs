//! Numbers, times and spans as people read them.

use agentmon_core::model::{NanoUsd, Span, Timestamp};
use agentmon_core::query::Zone;
use agentmon_core::session::Reason;

/// A whole number with separators: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 session`, `1,234 sessions`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", count(number))
}

/// A number in few characters: `950`, `1.2k`, `34M`.
pub(crate) fn short_count(number: u64) -> String {
    scaled(number, 1000, &["", "k", "M", "B", "T"])
}

/// Bytes in few characters: `950 B`, `1.2 MB`.
pub(crate) fn bytes(number: u64) -> String {
    scaled(number, 1000, &[" B", " kB", " MB", " GB", " TB"])
}

fn scaled(number: u64, base: u64, units: &[&str]) -> String {
    let mut scale = 1;
    let mut unit = 0;
    // Rounding must not give "1000k".
    while unit + 1 < units.len() && number as f64 / scale as f64 >= base as f64 - 0.5 {
        scale *= base;
        unit += 1;
    }
    let value = number as f64 / scale as f64;
    if unit == 0 || value >= 9.95 {
        format!("{value:.0}{}", units[unit])
    } else {
        format!("{value:.1}{}", units[unit])
    }
}

/// A span by its two largest units: `12s`, `5m`, `2h 5m`, `3d 4h`.
pub(crate) fn span(span: Span) -> String {
    let seconds = span.0.max(0) / 1000;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, 0) => format!("{hours}h"),
        (0, hours, minutes) => format!("{hours}h {minutes}m"),
        (days, 0, _) => format!("{days}d"),
        (days, hours, _) => format!("{days}d {hours}h"),
    }
}

/// A point in time in a zone: the time, before it the day unless it is today, before that the year unless it is this one.
pub(crate) fn time(at: Timestamp, now: Timestamp, zone: &Zone) -> String {
    time_as("%H:%M", at, now, zone)
}

/// The same, with the seconds of today.
pub(crate) fn time_with_seconds(at: Timestamp, now: Timestamp, zone: &Zone) -> String {
    time_as("%H:%M:%S", at, now, zone)
}

/// Why a session is in its state, with times as people read them: `rate_limit until 14:00`.
pub(crate) fn reason(reason: &Reason, now: Timestamp, zone: &Zone) -> String {
    match reason.until() {
        Some(until) => format!("{} until {}", reason.word(), time(until, now, zone)),
        None => reason.to_string(),
    }
}

fn time_as(today: &str, at: Timestamp, now: Timestamp, zone: &Zone) -> String {
    let (local, present) = (zone.datetime(at), zone.datetime(now));
    if local.date() == present.date() {
        local.strftime(today).to_string()
    } else if local.year() == present.year() {
        local.strftime("%m-%d %H:%M").to_string()
    } else {
        local.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// A cost, or `?` where none of the calls has a known price, with `+?` where some have none.
pub(crate) fn cost(known: Option<NanoUsd>, unpriced: u64) -> String {
    match known {
        None => "?".to_owned(),
        Some(cost) if unpriced > 0 => format!("{cost}+?"),
        Some(cost) => cost.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_short_and_true() {
        for (number, long, short) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1,000", "1.0k"),
            (9_949, "9,949", "9.9k"),
            (9_950, "9,950", "10k"),
            (999_499, "999,499", "999k"),
            (999_500, "999,500", "1.0M"),
            (12_345_678, "12,345,678", "12M"),
            (u64::MAX, "18,446,744,073,709,551,615", "18446744T"),
        ] {
            assert_eq!(
                (count(number).as_str(), short_count(number).as_str()),
                (long, short)
            );
        }
        for (seconds, text) in [
            (-5, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3600, "1h"),
            (7505, "2h 5m"),
            (86_400, "1d"),
            (100_000, "1d 3h"),
        ] {
            assert_eq!(span(Span::from_secs(seconds)), text);
        }
        assert_eq!(counted(1, "session"), "1 session");
        assert_eq!(counted(1000, "session"), "1,000 sessions");
        let at = |text| Timestamp::parse(text).unwrap();
        let now = at("2026-11-21T12:00:00.000Z");
        for (text, shown) in [
            (
                "rate_limit(2026-11-21T14:00:00.000Z)",
                "rate_limit until 15:00",
            ),
            ("quota(2026-11-24T14:00:00.000Z)", "quota until 11-24 15:00"),
            (
                "quota(2026-12-31T23:30:00.000Z)",
                "quota until 2027-01-01 00:30",
            ),
            ("scheduled", "scheduled"),
            ("tool(Bash)", "tool(Bash)"),
        ] {
            let zone = Zone::get("Europe/Berlin").unwrap();
            assert_eq!(reason(&Reason::parse(text), now, &zone), shown);
        }
        assert_eq!(bytes(1_234_567), "1.2 MB");
        assert_eq!(cost(None, 3), "?");
        assert_eq!(cost(Some(NanoUsd(12_400_000_000)), 3), "$12.40+?");
    }
}
