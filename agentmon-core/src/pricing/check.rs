//! What a careful user should know about the prices in use.

use std::fmt;

use super::PriceBook;
use super::data;
use crate::model::Timestamp;

const DAY: i64 = 86_400_000;

/// Prices of coding models change every few weeks: data older than this many days is suspect.
const STALE_DAYS: i64 = 60;

/// Something about the prices that may make a cost wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceWarning<'a> {
    /// The embedded data is old.
    Stale {
        /// When it was collected.
        built: Timestamp,
        /// How long ago that is.
        days: i64,
    },
    /// Prices depend on holidays that are not known any more.
    CalendarEnded {
        /// Whose prices.
        provider: &'static str,
        /// The end of the calendar.
        ended: Timestamp,
    },
    /// The model's cached tokens are billed as fresh input, because no cache rate is known.
    NoCacheRate {
        /// The model.
        model: &'a str,
    },
    /// The price catalogues disagree about the model.
    Disputed {
        /// The model.
        model: &'a str,
        /// About what.
        fields: &'a [&'static str],
    },
}

impl fmt::Display for PriceWarning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale { days, .. } => write!(f, "the price data is {days} days old"),
            Self::CalendarEnded { provider, ended } => write!(
                f,
                "{provider}: holidays after {} are not known, peak prices may be wrong",
                ended.to_string().get(..10).unwrap_or_default()
            ),
            Self::NoCacheRate { model } => {
                write!(
                    f,
                    "{model}: no cache rate is known, cached tokens are billed as input"
                )
            }
            Self::Disputed { model, fields } => {
                write!(
                    f,
                    "{model}: price catalogues disagree on {}",
                    fields.join(", ")
                )
            }
        }
    }
}

impl PriceBook {
    /// Looks for prices that may be wrong at a time. Models that were withdrawn are not looked at.
    #[must_use]
    pub fn check(&self, now: Timestamp) -> Vec<PriceWarning<'_>> {
        let embedded = data::embedded();
        let mut warnings = Vec::new();
        let days = (now - embedded.built).0.div_euclid(DAY);
        if days > STALE_DAYS {
            warnings.push(PriceWarning::Stale {
                built: embedded.built,
                days,
            });
        }
        for &(provider, ended) in &embedded.calendars {
            if now >= ended {
                warnings.push(PriceWarning::CalendarEnded { provider, ended });
            }
        }
        for model in self.models() {
            if model.status() == Some("removed") {
                continue;
            }
            let rates = &model.at(now).rates;
            if rates.cache_read.is_none() && rates.input.0 > 0 {
                warnings.push(PriceWarning::NoCacheRate {
                    model: model.name(),
                });
            }
            if !model.disputed().is_empty() {
                warnings.push(PriceWarning::Disputed {
                    model: model.name(),
                    fields: model.disputed(),
                });
            }
        }
        warnings
    }
}
