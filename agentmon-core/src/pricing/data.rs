//! The embedded price data: its file layout and how the catalogue is read from it. Nobody else knows the layout.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

use super::catalogue::{Model, Models};
use super::names::{Route, Tables};
use super::rates::{Rate, RateSet, Rates, Tier};
use super::schedule::Schedule;
use crate::model::{PriceMode, Span, Timestamp};

/// The file, as `scripts/build_prices.py` builds it.
pub(super) const JSON: &str = include_str!("data/prices.json");

const DAY: i64 = 86_400_000;

static EMBEDDED: LazyLock<Embedded> = LazyLock::new(|| {
    parse(JSON)
        .expect("a test reads the very bytes that are embedded, and they never change at run time")
});

/// The embedded data; read at the first call.
pub(super) fn embedded() -> &'static Embedded {
    &EMBEDDED
}

/// Everything that the file says.
#[derive(Debug)]
pub(super) struct Embedded {
    /// The day on which the data was collected.
    pub(super) built: Timestamp,
    /// The catalogues it was collected from, the most trusted first.
    pub(super) sources: Vec<Source>,
    pub(super) models: Models,
    pub(super) tables: Tables,
    /// Providers whose price depends on a calendar of holidays, and the end of the calendar.
    pub(super) calendars: Vec<(&'static str, Timestamp)>,
}

/// A catalogue that the data was taken from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
}

/// Why a file of prices cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum DataError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("schema {0} is not known")]
    Schema(u32),
    #[error("{0}: not a price")]
    Rate(f64),
    #[error("{0:?}: not a time")]
    Time(&'static str),
    #[error("{0}: history or tiers are missing or out of order")]
    Order(&'static str),
    #[error("alias {0}: no such model")]
    Alias(&'static str),
    #[error("{0}: source {1} is not in the list")]
    Source(&'static str, usize),
}

#[derive(Deserialize)]
struct File {
    schema: u32,
    built: &'static str,
    sources: Vec<Source>,
    bedrock_regions: Vec<&'static str>,
    routes: HashMap<&'static str, Route>,
    schedules: Vec<FileSchedule>,
    aliases: HashMap<&'static str, &'static str>,
    models: BTreeMap<&'static str, FileModel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileModel {
    provider: &'static str,
    context: Option<u64>,
    /// USD for one search.
    web_search: Option<f64>,
    prices: Vec<FileEntry>,
    #[serde(default)]
    modes: BTreeMap<PriceMode, Vec<FileEntry>>,
    status: Option<&'static str>,
    sources: Vec<usize>,
    #[serde(default)]
    disputed: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    from: Option<&'static str>,
    rates: FileRates,
    #[serde(default)]
    tiers: Vec<FileTier>,
    source: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTier {
    over: u64,
    rates: FileRates,
}

/// An array in this order, cut off after the last known rate; USD per million tokens.
#[derive(Deserialize)]
struct FileRates {
    input: f64,
    output: f64,
    #[serde(default)]
    cache_read: Option<f64>,
    #[serde(default)]
    cache_write_5m: Option<f64>,
    #[serde(default)]
    cache_write_1h: Option<f64>,
}

#[derive(Deserialize)]
struct FileSchedule {
    provider: &'static str,
    from: &'static str,
    until: Option<&'static str>,
    hours_utc: Vec<(&'static str, &'static str)>,
    /// For every model of the provider ...
    factor: Option<f64>,
    /// ... or for these, without a reseller's prefix.
    #[serde(default)]
    factors: HashMap<&'static str, f64>,
    #[serde(default)]
    weekdays_only: bool,
    holidays: Option<FileHolidays>,
}

#[derive(Deserialize)]
struct FileHolidays {
    utc_offset_hours: i64,
    covers_through: &'static str,
    dates: Vec<&'static str>,
}

/// Reads a file of prices.
pub(super) fn parse(json: &'static str) -> Result<Embedded, DataError> {
    let file: File = serde_json::from_str(json)?;
    if file.schema != 1 {
        return Err(DataError::Schema(file.schema));
    }
    let mut models = Models::default();
    for (name, model) in file.models {
        let schedules = file
            .schedules
            .iter()
            .filter_map(|schedule| schedule.of(name, model.provider).transpose())
            .collect::<Result<_, _>>()?;
        models.push(model.read(name, schedules, &file.sources)?);
    }
    for (name, target) in file.aliases {
        if !models.alias(name, target) {
            return Err(DataError::Alias(name));
        }
    }
    let calendars = file.schedules.iter().filter_map(|schedule| {
        let holidays = schedule.holidays.as_ref()?;
        Some(
            time(holidays.covers_through)
                .map(|last| (schedule.provider, last + Span(DAY) - holidays.offset())),
        )
    });
    Ok(Embedded {
        built: time(file.built)?,
        calendars: calendars.collect::<Result<_, _>>()?,
        sources: file.sources,
        models,
        tables: Tables {
            routes: file.routes,
            bedrock_regions: file.bedrock_regions,
        },
    })
}

impl FileModel {
    fn read(
        self,
        name: &'static str,
        schedules: Vec<Schedule>,
        sources: &[Source],
    ) -> Result<Model, DataError> {
        let timeline = |mode, entries: Vec<FileEntry>| {
            let timeline = entries
                .into_iter()
                .map(|entry| entry.read(mode))
                .collect::<Result<Vec<_>, _>>()?;
            let first_is_open = timeline.first().is_some_and(|first| first.from.is_none());
            let rises = timeline.windows(2).all(|pair| pair[0].from < pair[1].from);
            let tiers_rise = timeline
                .iter()
                .all(|set| set.tiers.is_sorted_by(|a, b| a.over < b.over));
            if first_is_open && rises && tiers_rise {
                Ok((mode, timeline))
            } else {
                Err(DataError::Order(name))
            }
        };
        let mut timelines = vec![timeline(PriceMode::Standard, self.prices)?];
        for (mode, entries) in self.modes {
            timelines.push(timeline(mode, entries)?);
        }
        let source = |at: usize| {
            let source = sources.get(at).map(|source| source.name);
            source.ok_or(DataError::Source(name, at))
        };
        Ok(Model {
            name: name.into(),
            provider: self.provider,
            context: self.context,
            web_search: self
                .web_search
                .map(|dollars| Rate::per_unit(dollars).ok_or(DataError::Rate(dollars)))
                .transpose()?,
            timelines,
            schedules,
            status: self.status,
            sources: self
                .sources
                .into_iter()
                .map(source)
                .collect::<Result<_, _>>()?,
            disputed: self.disputed,
            overridden: false,
        })
    }
}

impl FileEntry {
    fn read(self, mode: PriceMode) -> Result<RateSet, DataError> {
        let tier = |tier: FileTier| {
            Ok(Tier {
                over: tier.over,
                rates: tier.rates.read()?,
            })
        };
        Ok(RateSet {
            mode,
            from: self.from.map(time).transpose()?,
            rates: self.rates.read()?,
            tiers: self
                .tiers
                .into_iter()
                .map(tier)
                .collect::<Result<_, DataError>>()?,
            source: self.source,
        })
    }
}

impl FileRates {
    fn read(&self) -> Result<Rates, DataError> {
        let rate = |dollars: f64| Rate::per_million(dollars).ok_or(DataError::Rate(dollars));
        Ok(Rates {
            input: rate(self.input)?,
            output: rate(self.output)?,
            cache_read: self.cache_read.map(rate).transpose()?,
            cache_write_5m: self.cache_write_5m.map(rate).transpose()?,
            cache_write_1h: self.cache_write_1h.map(rate).transpose()?,
        })
    }
}

impl FileSchedule {
    /// This schedule for one model, if it is about it.
    fn of(&self, model: &str, provider: &str) -> Result<Option<Schedule>, DataError> {
        let bare = model.rsplit_once('/').map_or(model, |(_, bare)| bare);
        let factor = self.factor.or_else(|| self.factors.get(bare).copied());
        let Some(factor) = factor.filter(|_| provider == self.provider) else {
            return Ok(None);
        };
        // A factor above ten would be a mistake, and the cost arithmetic relies on it.
        if !(0.0..=10.0).contains(&factor) {
            return Err(DataError::Rate(factor));
        }
        let offset = self.holidays.as_ref().map_or(Span(0), FileHolidays::offset);
        let dates = self.holidays.iter().flat_map(|holidays| &holidays.dates);
        let mut holidays = dates
            .map(|date| Ok(time(date)?.0.div_euclid(DAY)))
            .collect::<Result<Vec<_>, DataError>>()?;
        holidays.sort_unstable();
        Ok(Some(Schedule {
            from: time(self.from)?,
            until: self.until.map(time).transpose()?,
            hours: self
                .hours_utc
                .iter()
                .map(|(start, end)| Ok((minute(start)?, minute(end)?)))
                .collect::<Result<_, DataError>>()?,
            weekdays_only: self.weekdays_only,
            offset,
            holidays: holidays.into(),
            permille: (factor * 1000.0).round() as u64,
        }))
    }
}

impl FileHolidays {
    fn offset(&self) -> Span {
        Span::from_mins(self.utc_offset_hours * 60)
    }
}

/// Reads a day (midnight UTC) such as `2026-08-21`, or an instant.
pub(super) fn read_time(text: &str) -> Option<Timestamp> {
    if text.len() == 10 {
        Timestamp::parse(&format!("{text}T00:00:00Z"))
    } else {
        Timestamp::parse(text)
    }
}

fn time(text: &'static str) -> Result<Timestamp, DataError> {
    read_time(text).ok_or(DataError::Time(text))
}

/// Reads `16:30` as minutes of the day.
fn minute(text: &'static str) -> Result<i64, DataError> {
    let (hours, minutes) = text.split_once(':').ok_or(DataError::Time(text))?;
    match (hours.parse(), minutes.parse()) {
        (Ok(hours @ 0..24), Ok(minutes @ 0..60)) => Ok(hours * 60 + minutes),
        _ => Err(DataError::Time(text)),
    }
}
