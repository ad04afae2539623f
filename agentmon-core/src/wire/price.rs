//! `agentmon.prices.v1` and `agentmon.prices_check.v1`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::part::Time;
use crate::model::{PriceMode, Timestamp};
use crate::pricing::{ModelPrices, PriceBook, PriceWarning, Rate, RateSet, Rates};
use crate::query::Unpriced;

/// The prices of some models at a point in time, in US dollars per million tokens.
#[must_use]
pub fn prices<'a>(
    book: &'a PriceBook,
    models: &[ModelPrices<'a>],
    at: Timestamp,
) -> impl Serialize + use<'a> {
    Prices {
        schema: "agentmon.prices.v1",
        at: Time(at),
        built_at: Time(book.built()),
        sources: book
            .sources()
            .map(|(name, version)| Catalogue { name, version })
            .collect(),
        models: models.iter().map(|model| Model::new(*model, at)).collect(),
    }
}

/// What may be wrong with the prices, and the models in use that have none.
#[must_use]
pub fn prices_check<'a>(
    warnings: &[PriceWarning<'_>],
    unpriced: &'a [Unpriced],
) -> impl Serialize + use<'a> {
    Check {
        schema: "agentmon.prices_check.v1",
        ok: unpriced.is_empty(),
        unpriced: unpriced.iter().map(|unpriced| &*unpriced.model).collect(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
    }
}

#[derive(Serialize)]
struct Check<'a> {
    schema: &'static str,
    ok: bool,
    unpriced: Vec<&'a str>,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Prices<'a> {
    schema: &'static str,
    at: Time,
    built_at: Time,
    sources: Vec<Catalogue>,
    models: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Catalogue {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Model<'a> {
    model: &'a str,
    provider: &'a str,
    origin: &'static str,
    status: Option<&'static str>,
    context_window: Option<u64>,
    web_search_usd: Option<f64>,
    modes: BTreeMap<PriceMode, Set>,
    disputed: &'a [&'static str],
}

impl<'a> Model<'a> {
    fn new(prices: ModelPrices<'a>, at: Timestamp) -> Self {
        let modes = prices.history().map(|(mode, _)| mode);
        Self {
            model: prices.name(),
            provider: prices.provider(),
            origin: if prices.is_overridden() {
                "config"
            } else {
                "embedded"
            },
            status: prices.status(),
            context_window: prices.context_window(),
            web_search_usd: prices.web_search().map(|rate| rate.0 as f64 / 1e12),
            modes: modes
                .map(|mode| (mode, prices.at_mode(at, mode).into()))
                .collect(),
            disputed: prices.disputed(),
        }
    }
}

/// The price of one mode: since when it holds, and the rates of long prompts beside the ordinary ones.
#[derive(Serialize)]
struct Set {
    since: Option<Time>,
    #[serde(flatten)]
    rates: PerMillion,
    tiers: Vec<Tier>,
}

impl From<&RateSet> for Set {
    fn from(set: &RateSet) -> Self {
        Self {
            since: set.from.map(Time),
            rates: (&set.rates).into(),
            tiers: set
                .tiers
                .iter()
                .map(|tier| Tier {
                    over_tokens: tier.over,
                    rates: (&tier.rates).into(),
                })
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct Tier {
    over_tokens: u64,
    #[serde(flatten)]
    rates: PerMillion,
}

#[derive(Serialize)]
struct PerMillion {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write_5m: Option<f64>,
    cache_write_1h: Option<f64>,
}

impl From<&Rates> for PerMillion {
    fn from(rates: &Rates) -> Self {
        Self {
            input: rates.input.dollars_per_million(),
            output: rates.output.dollars_per_million(),
            cache_read: rates.cache_read.map(Rate::dollars_per_million),
            cache_write_5m: rates.cache_write_5m.map(Rate::dollars_per_million),
            cache_write_1h: rates.cache_write_1h.map(Rate::dollars_per_million),
        }
    }
}
