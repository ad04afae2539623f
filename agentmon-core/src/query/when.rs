//! Reading `--since` and `--until`: dates, times, and words for them.

use jiff::ToSpan;
use jiff::civil::{Date, DateTime};

use crate::model::{Span, Timestamp};

use super::zone::{Zone, instant};

/// Which end of a range a text names. A date means its first moment as a start, and its last as an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The start, inclusive.
    Since,
    /// The end; the result is exclusive.
    Until,
}

/// A text that names no time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a time: write 2026-11-20, 2026-11, 2026-11-20T08:30 (in the report's time zone), \
     2026-11-20T08:30:00Z, today, yesterday, 7d (today and the six days before), 36h or 15m"
)]
pub struct WhenError {
    /// The text.
    pub text: String,
}

/// Reads a point in time as people write it, relative to `now` where it is.
///
/// # Errors
/// [`WhenError`] when the text names no time.
pub fn parse_when(
    text: &str,
    edge: Edge,
    now: Timestamp,
    zone: &Zone,
) -> Result<Timestamp, WhenError> {
    let text = text.trim();
    exact(text, zone)
        .or_else(|| {
            let (first, next) = dates(text, now, zone)?;
            Some(zone.start_of(match edge {
                Edge::Since => first,
                Edge::Until => next,
            }))
        })
        .or_else(|| relative(text, edge, now, zone))
        .ok_or_else(|| WhenError {
            text: text.to_owned(),
        })
}

/// A moment: with an offset where it stands, without one in the zone.
fn exact(text: &str, zone: &Zone) -> Option<Timestamp> {
    if !text.contains(['T', 't', ' ']) {
        return None;
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(at.as_millisecond()));
    }
    let local: DateTime = text.parse().ok()?;
    let zoned = local.to_zoned(zone.inner().clone()).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

/// The first day that a text names, and the one after its last.
fn dates(text: &str, now: Timestamp, zone: &Zone) -> Option<(Date, Date)> {
    let today = zone.date(now);
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let day = match text {
        "today" => today,
        "yesterday" => today.yesterday().ok()?,
        _ if digits == 6 && text.len() == 7 => {
            let first: Date = format!("{text}-01").parse().ok()?;
            return Some((first, first.checked_add(1.month()).ok()?));
        }
        _ if digits == 8 => text.parse().ok()?,
        _ => return None,
    };
    Some((day, day.tomorrow().ok()?))
}

/// So long ago. As a start, days and weeks are whole days that include today.
fn relative(text: &str, edge: Edge, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    if text == "now" {
        return Some(now);
    }
    let span = Span::parse(text.strip_suffix(" ago").unwrap_or(text))?;
    let day = 86_400_000;
    if edge == Edge::Since && span.0 > 0 && span.0 % day == 0 && text.contains(['d', 'w']) {
        let days = jiff::Span::new().try_days(span.0 / day - 1).ok()?;
        let first = zone.date(now).checked_sub(days).ok()?;
        return Some(zone.start_of(first));
    }
    let at = now - span;
    Some(Timestamp(instant(at).as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let berlin = Zone::get("Europe/Berlin").unwrap();
        let now = Timestamp::parse("2026-11-21T08:57:00Z").unwrap();
        for (text, since, until) in [
            (
                "2026-11-20",
                "2026-11-19T23:00:00.000Z",
                "2026-11-20T23:00:00.000Z",
            ),
            (
                "20261120",
                "2026-11-19T23:00:00.000Z",
                "2026-11-20T23:00:00.000Z",
            ),
            (
                "2026-10",
                "2026-09-30T22:00:00.000Z",
                "2026-10-31T23:00:00.000Z",
            ),
            (
                "today",
                "2026-11-20T23:00:00.000Z",
                "2026-11-21T23:00:00.000Z",
            ),
            (
                "yesterday",
                "2026-11-19T23:00:00.000Z",
                "2026-11-20T23:00:00.000Z",
            ),
            ("7d", "2026-11-14T23:00:00.000Z", "2026-11-14T08:57:00.000Z"),
            ("1w", "2026-11-14T23:00:00.000Z", "2026-11-14T08:57:00.000Z"),
            (
                "36h",
                "2026-11-19T20:57:00.000Z",
                "2026-11-19T20:57:00.000Z",
            ),
            (
                "15m ago",
                "2026-11-21T08:42:00.000Z",
                "2026-11-21T08:42:00.000Z",
            ),
            (
                "now",
                "2026-11-21T08:57:00.000Z",
                "2026-11-21T08:57:00.000Z",
            ),
            (
                "2026-11-20T08:30:00Z",
                "2026-11-20T08:30:00.000Z",
                "2026-11-20T08:30:00.000Z",
            ),
            (
                "2026-11-20T08:30:00+05:30",
                "2026-11-20T03:00:00.000Z",
                "2026-11-20T03:00:00.000Z",
            ),
            (
                "2026-11-20 08:30",
                "2026-11-20T07:30:00.000Z",
                "2026-11-20T07:30:00.000Z",
            ),
        ] {
            let read = |edge| parse_when(text, edge, now, &berlin).unwrap().to_string();
            assert_eq!(
                (read(Edge::Since).as_str(), read(Edge::Until).as_str()),
                (since, until),
                "{text}"
            );
        }
        for text in [
            "",
            "soon",
            "2026-13-01",
            "2026-02-30",
            "2026-13",
            "11/20/2026",
            "99999999d",
            "9999999999999999999d",
            "-7d",
            "2026-11-20Tx",
        ] {
            assert!(
                parse_when(text, Edge::Since, now, &berlin).is_err(),
                "{text}"
            );
        }
    }
}
