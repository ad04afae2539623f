//! Days, weeks and months of a time zone.

use std::ops::Range;

use jiff::ToSpan;
use jiff::civil::Date;

use super::ReportKind;
use crate::model::Timestamp;
use crate::query::{WeekStart, Zone};

/// Puts points in time into the periods of a report. Remembers the last day: cells mostly come in order, and the
/// calendar is slow.
pub(super) struct Calendar<'a> {
    kind: ReportKind,
    zone: &'a Zone,
    week_start: WeekStart,
    day: Range<Timestamp>,
    period: Date,
}

impl<'a> Calendar<'a> {
    pub(super) fn new(kind: ReportKind, zone: &'a Zone, week_start: WeekStart) -> Self {
        Self {
            kind,
            zone,
            week_start,
            day: Timestamp(0)..Timestamp(0),
            period: Date::ZERO,
        }
    }

    /// The first day of the period that holds a point in time.
    pub(super) fn period_of(&mut self, at: Timestamp) -> Date {
        if !self.day.contains(&at) {
            let date = self.zone.date(at);
            let next = date.tomorrow().unwrap_or(date);
            self.day = self.zone.start_of(date)..self.zone.start_of(next);
            self.period = match self.kind {
                ReportKind::Weekly => {
                    let into = date.weekday().since(self.week_start.weekday());
                    date.checked_sub(into.days()).unwrap_or(date)
                }
                ReportKind::Monthly => date.first_of_month(),
                _ => date,
            };
        }
        self.period
    }
}

/// How a report names a period.
pub(super) fn name(kind: ReportKind, first: Date) -> Box<str> {
    match kind {
        ReportKind::Monthly => format!("{:04}-{:02}", first.year(), first.month()).into(),
        _ => first.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_zone_and_its_clock_changes() {
        for (zone, kind, at, expected) in [
            (
                "UTC",
                ReportKind::Daily,
                "2026-11-20T23:59:59.999Z",
                "2026-11-20",
            ),
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-11-20T23:00:00Z",
                "2026-11-21",
            ),
            (
                "Asia/Kolkata",
                ReportKind::Daily,
                "2026-11-20T18:29:59Z",
                "2026-11-20",
            ),
            (
                "Asia/Kolkata",
                ReportKind::Daily,
                "2026-11-20T18:30:00Z",
                "2026-11-21",
            ),
            (
                "Asia/Kathmandu",
                ReportKind::Daily,
                "2026-11-20T18:15:00Z",
                "2026-11-21",
            ),
            (
                "Pacific/Kiritimati",
                ReportKind::Daily,
                "2026-11-20T10:00:00Z",
                "2026-11-21",
            ),
            // Clocks go forward: the day has 23 hours. At midnight, in Beirut: it starts at 01:00.
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-03-29T21:59:59Z",
                "2026-03-29",
            ),
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-03-29T22:00:00Z",
                "2026-03-30",
            ),
            (
                "Asia/Beirut",
                ReportKind::Daily,
                "2026-03-28T22:00:00Z",
                "2026-03-29",
            ),
            (
                "Asia/Beirut",
                ReportKind::Daily,
                "2026-03-28T21:59:59Z",
                "2026-03-28",
            ),
            // And back: 25 hours. The hour that comes twice belongs to the one day, both times.
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-10-25T00:30:00Z",
                "2026-10-25",
            ),
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-10-25T01:30:00Z",
                "2026-10-25",
            ),
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-10-25T22:59:59Z",
                "2026-10-25",
            ),
            (
                "Europe/Berlin",
                ReportKind::Daily,
                "2026-10-25T23:00:00Z",
                "2026-10-26",
            ),
            // Samoa had no 30 December 2011.
            (
                "Pacific/Apia",
                ReportKind::Daily,
                "2011-12-30T09:59:59Z",
                "2011-12-29",
            ),
            (
                "Pacific/Apia",
                ReportKind::Daily,
                "2011-12-30T10:00:00Z",
                "2011-12-31",
            ),
            (
                "UTC",
                ReportKind::Weekly,
                "2026-11-22T12:00:00Z",
                "2026-11-16",
            ),
            (
                "UTC",
                ReportKind::Weekly,
                "2026-01-01T12:00:00Z",
                "2025-12-29",
            ),
            (
                "America/New_York",
                ReportKind::Monthly,
                "2026-12-01T04:59:59Z",
                "2026-11",
            ),
            (
                "UTC",
                ReportKind::Monthly,
                "1969-12-31T23:59:59Z",
                "1969-12",
            ),
        ] {
            let zone_name = zone;
            let zone = Zone::get(zone).unwrap();
            let at = Timestamp::parse(at).unwrap();
            let mut calendar = Calendar::new(kind, &zone, WeekStart::Monday);
            // Once with an empty memory, once with a warm one.
            calendar.period_of(Timestamp(at.0 - 86_400_000));
            for _ in 0..2 {
                assert_eq!(
                    &*name(kind, calendar.period_of(at)),
                    expected,
                    "{zone_name} {at}"
                );
            }
        }
        let utc = Zone::utc();
        let mut sundays = Calendar::new(ReportKind::Weekly, &utc, WeekStart::Sunday);
        let at = Timestamp::parse("2026-11-22T12:00:00Z").unwrap();
        assert_eq!(sundays.period_of(at).to_string(), "2026-11-22");
    }

    #[test]
    fn any_point_in_time_has_a_period() {
        let zone = Zone::get("Pacific/Kiritimati").unwrap();
        let mut calendar = Calendar::new(ReportKind::Weekly, &zone, WeekStart::Monday);
        for at in [i64::MIN, -1, 0, Timestamp::MAX.0, i64::MAX] {
            calendar.period_of(Timestamp(at));
        }
    }
}
