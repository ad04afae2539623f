//! The time zone in which days, weeks and months are counted.

use std::fmt;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::model::Timestamp;
use crate::source::Env;

/// A time zone: an IANA zone, the system's own, or a POSIX `TZ` rule.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A time zone that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown time zone {name:?}: use an IANA name such as Europe/Berlin, UTC, or `local`")]
pub struct ZoneError {
    /// What was asked for.
    pub name: String,
}

/// The first day of a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WeekStart {
    /// As in ISO 8601.
    #[default]
    Monday,
    /// As in the United States.
    Sunday,
}

impl Zone {
    /// Coordinated Universal Time.
    #[must_use]
    pub fn utc() -> Self {
        Self(TimeZone::UTC)
    }

    /// The zone that `TZ` names in this environment, or else the system's setting.
    ///
    /// # Errors
    /// [`ZoneError`] when `TZ` names none.
    pub fn local(env: &Env) -> Result<Self, ZoneError> {
        let Some(name) = env.var("TZ") else {
            return Ok(Self::system());
        };
        let name = name.strip_prefix(':').unwrap_or(name);
        if name.starts_with('/') {
            // POSIX leaves this open; every system takes it for a file of zone data.
            let zone = std::fs::read(name).ok();
            let zone = zone.and_then(|data| TimeZone::tzif("", &data).ok());
            return zone.map(Self).ok_or_else(|| ZoneError {
                name: name.to_owned(),
            });
        }
        Self::get(name)
    }

    /// The system's setting.
    #[must_use]
    pub fn system() -> Self {
        Self(TimeZone::system())
    }

    /// The zone of that name: an IANA name or a POSIX rule.
    ///
    /// # Errors
    /// [`ZoneError`] when there is no such zone.
    pub fn get(name: &str) -> Result<Self, ZoneError> {
        if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("z") {
            return Ok(Self::utc());
        }
        TimeZone::get(name)
            .or_else(|_| TimeZone::posix(name))
            .map(Self)
            .map_err(|_| ZoneError {
                name: name.to_owned(),
            })
    }

    /// The zone's IANA name, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.0.iana_name()
    }

    /// The date in this zone at a point in time.
    #[must_use]
    pub fn date(&self, at: Timestamp) -> Date {
        self.0.to_datetime(instant(at)).date()
    }

    /// The date and time of day in this zone at a point in time.
    #[must_use]
    pub fn datetime(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(instant(at))
    }

    /// The first moment of a date in this zone: usually midnight, later where clocks skip it.
    #[must_use]
    pub fn start_of(&self, date: Date) -> Timestamp {
        date.to_zoned(self.0.clone())
            .and_then(|midnight| midnight.start_of_day())
            .map_or(Timestamp::MAX, |start| {
                Timestamp(start.timestamp().as_millisecond())
            })
    }

    pub(super) fn inner(&self) -> &TimeZone {
        &self.0
    }
}

impl WeekStart {
    /// The name used in the configuration and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Sunday => "sunday",
        }
    }

    pub(super) fn weekday(self) -> Weekday {
        match self {
            Self::Monday => Weekday::Monday,
            Self::Sunday => Weekday::Sunday,
        }
    }
}

/// A point in time for calendar arithmetic, kept inside the years that a calendar can show.
pub(super) fn instant(at: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(at.0.clamp(MIN_MILLIS, Timestamp::MAX.0 - 86_400_000))
        .unwrap_or_default()
}

/// 0001-01-02T00:00:00Z.
const MIN_MILLIS: i64 = -62_135_510_400_000;

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl fmt::Display for Zone {
    /// The IANA name, or `local` for a zone without one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("local"))
    }
}
