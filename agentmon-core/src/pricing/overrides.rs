//! Prices from the user's configuration: their shape, their checks, and how they replace the embedded ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::catalogue::{Model, Models};
use super::data::{self, Embedded};
use super::names;
use super::rates::{Rate, RateSet, Rates, Tier};
use crate::model::{PriceMode, Timestamp};

/// The price of one model as the user's configuration gives it. All rates are USD per million tokens.
///
/// It replaces the whole price of the model: a cache rate, a tier or a mode that it does not name does not exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceOverride {
    /// The model, in any spelling. A bare name holds wherever the model is bought, a name with a prefix
    /// (`bedrock/...`) only for names written with that prefix.
    pub model: String,
    /// From when on, as `2026-08-21` (midnight UTC) or `2026-08-21T16:00:00Z`; before it the embedded price holds.
    /// Without it, or for a model that has no embedded price, it holds for all times.
    pub from: Option<String>,
    /// Fresh input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Cache reads; billed as input when missing.
    pub cache_read: Option<f64>,
    /// Five-minute cache writes; billed as input when missing.
    pub cache_write_5m: Option<f64>,
    /// One-hour cache writes; billed as five-minute writes when missing.
    pub cache_write_1h: Option<f64>,
    /// One web search, in USD; as before when missing.
    pub web_search: Option<f64>,
    /// Long-prompt tiers, the lowest limit first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierOverride>,
    /// Other modes; a mode that is missing is billed at the standard price.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub modes: BTreeMap<PriceMode, ModeOverride>,
}

/// The price of one mode in a [`PriceOverride`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModeOverride {
    /// Fresh input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Cache reads.
    pub cache_read: Option<f64>,
    /// Five-minute cache writes.
    pub cache_write_5m: Option<f64>,
    /// One-hour cache writes.
    pub cache_write_1h: Option<f64>,
    /// Long-prompt tiers, the lowest limit first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierOverride>,
}

/// A long-prompt tier in a [`PriceOverride`]. Its rates replace the base rates for the whole request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierOverride {
    /// Applies when the prompt has more tokens than this.
    pub over: u64,
    /// Fresh input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Cache reads.
    pub cache_read: Option<f64>,
    /// Five-minute cache writes.
    pub cache_write_5m: Option<f64>,
    /// One-hour cache writes.
    pub cache_write_1h: Option<f64>,
}

/// What is wrong with a [`PriceOverride`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PriceError {
    /// A price that names no model.
    #[error("price number {number}: `model` is empty")]
    NoModel {
        /// Position in the list, from 1.
        number: usize,
    },
    /// A rate that is negative, not a number or absurd.
    #[error(
        "price of `{model}`: `{field}` is {dollars}, but must be 0 to 1000000 (USD per million tokens)"
    )]
    Rate {
        /// The model.
        model: String,
        /// The field, such as `modes.fast.tiers[0].input`.
        field: String,
        /// Its value.
        dollars: f64,
    },
    /// A date that cannot be read.
    #[error(
        "price of `{model}`: `from` is {value:?}, but must be a day (2026-08-21) or a time (2026-08-21T16:00:00Z)"
    )]
    From {
        /// The model.
        model: String,
        /// Its value.
        value: String,
    },
    /// Tiers whose limits do not rise.
    #[error("price of `{model}`: the limits in `{field}` must rise")]
    Tiers {
        /// The model.
        model: String,
        /// The field.
        field: String,
    },
    /// The standard price given as a mode.
    #[error("price of `{model}`: `modes.standard` is the price itself")]
    StandardMode {
        /// The model.
        model: String,
    },
    /// Two prices of one model from the same time on.
    #[error("price of `{model}`: given twice for the same `from`")]
    Twice {
        /// The model.
        model: String,
    },
}

/// A checked override.
#[derive(Debug, Hash)]
pub(super) struct Replacement {
    key: String,
    from: Option<Timestamp>,
    name: Box<str>,
    web_search: Option<Rate>,
    /// The standard price, then the modes.
    sets: Vec<RateSet>,
}

impl Replacement {
    fn set(&self, mode: PriceMode) -> &RateSet {
        let of_mode = self.sets.iter().find(|set| set.mode == mode);
        of_mode.unwrap_or(&self.sets[0])
    }
}

/// Checks overrides; the result is in the order of models and dates.
pub(super) fn check(overrides: &[PriceOverride]) -> Result<Vec<Replacement>, PriceError> {
    let mut replacements = overrides
        .iter()
        .enumerate()
        .map(|(at, price)| check_one(at + 1, price))
        .collect::<Result<Vec<_>, _>>()?;
    replacements.sort_by(|a, b| (&a.key, a.from).cmp(&(&b.key, b.from)));
    let twice = replacements
        .windows(2)
        .find(|pair| (&pair[0].key, pair[0].from) == (&pair[1].key, pair[1].from));
    match twice {
        Some(pair) => Err(PriceError::Twice {
            model: pair[1].name.to_string(),
        }),
        None => Ok(replacements),
    }
}

fn check_one(number: usize, price: &PriceOverride) -> Result<Replacement, PriceError> {
    let model = price.model.trim();
    if model.is_empty() {
        return Err(PriceError::NoModel { number });
    }
    let read_from = |value: &String| {
        data::read_time(value).ok_or_else(|| PriceError::From {
            model: model.to_owned(),
            value: value.clone(),
        })
    };
    let from = price.from.as_ref().map(read_from).transpose()?;
    let read_set = |mode, prefix: &str, dollars, tiers: &[TierOverride]| {
        Ok(RateSet {
            mode,
            from,
            rates: check_rates(model, prefix, dollars)?,
            tiers: check_tiers(model, prefix, tiers)?,
            source: None,
        })
    };
    let standard = [
        Some(price.input),
        Some(price.output),
        price.cache_read,
        price.cache_write_5m,
        price.cache_write_1h,
    ];
    let mut sets = vec![read_set(PriceMode::Standard, "", standard, &price.tiers)?];
    for (&mode, price) in &price.modes {
        let prefix = match mode {
            PriceMode::Standard => {
                return Err(PriceError::StandardMode {
                    model: model.to_owned(),
                });
            }
            PriceMode::Fast => "modes.fast.",
            PriceMode::Batch => "modes.batch.",
            PriceMode::Flex => "modes.flex.",
            PriceMode::Priority => "modes.priority.",
        };
        let rates = [
            Some(price.input),
            Some(price.output),
            price.cache_read,
            price.cache_write_5m,
            price.cache_write_1h,
        ];
        sets.push(read_set(mode, prefix, rates, &price.tiers)?);
    }
    let web_search = price.web_search.map(|dollars| {
        Rate::per_unit(dollars).ok_or_else(|| PriceError::Rate {
            model: model.to_owned(),
            field: "web_search".to_owned(),
            dollars,
        })
    });
    Ok(Replacement {
        key: names::canonical(model),
        from,
        name: model.into(),
        web_search: web_search.transpose()?,
        sets,
    })
}

/// Reads rates given in the order of the fields of [`Rates`].
fn check_rates(model: &str, prefix: &str, dollars: [Option<f64>; 5]) -> Result<Rates, PriceError> {
    let fields = [
        "input",
        "output",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
    ];
    let mut rates = [None; 5];
    for ((rate, dollars), field) in rates.iter_mut().zip(dollars).zip(fields) {
        if let Some(dollars) = dollars {
            *rate = Some(Rate::per_million(dollars).ok_or_else(|| PriceError::Rate {
                model: model.to_owned(),
                field: format!("{prefix}{field}"),
                dollars,
            })?);
        }
    }
    let [input, output, cache_read, cache_write_5m, cache_write_1h] = rates;
    Ok(Rates {
        input: input.unwrap_or_default(),
        output: output.unwrap_or_default(),
        cache_read,
        cache_write_5m,
        cache_write_1h,
    })
}

fn check_tiers(
    model: &str,
    prefix: &str,
    tiers: &[TierOverride],
) -> Result<Box<[Tier]>, PriceError> {
    if !tiers.is_sorted_by(|a, b| a.over < b.over) {
        return Err(PriceError::Tiers {
            model: model.to_owned(),
            field: format!("{prefix}tiers"),
        });
    }
    let read = |(at, tier): (usize, &TierOverride)| {
        let dollars = [
            Some(tier.input),
            Some(tier.output),
            tier.cache_read,
            tier.cache_write_5m,
            tier.cache_write_1h,
        ];
        Ok(Tier {
            over: tier.over,
            rates: check_rates(model, &format!("{prefix}tiers[{at}]."), dollars)?,
        })
    };
    tiers.iter().enumerate().map(read).collect()
}

/// The models that have an override, with the embedded prices that still hold.
pub(super) fn apply(replacements: &[Replacement], embedded: &Embedded) -> Models {
    let mut models = Models::default();
    for of_model in replacements.chunk_by(|a, b| a.key == b.key) {
        let wanted = names::read(&of_model[0].name, &embedded.tables);
        let base = wanted.and_then(|wanted| embedded.models.find(&wanted));
        models.push(merge(of_model, base));
    }
    models
}

/// One model: its embedded prices up to the first override, then the overrides.
fn merge(replacements: &[Replacement], base: Option<&Model>) -> Model {
    let first = replacements[0].from;
    let kept = base.filter(|_| first.is_some());
    let mut modes = BTreeSet::from([PriceMode::Standard]);
    modes.extend(
        replacements
            .iter()
            .flat_map(|r| r.sets.iter().map(|set| set.mode)),
    );
    modes.extend(
        kept.iter()
            .flat_map(|base| base.timelines.iter().map(|(mode, _)| *mode)),
    );
    let timeline = |mode| {
        let before = kept.map_or(&[][..], |base| {
            base.timeline(mode).unwrap_or(base.standard())
        });
        let before = before.iter().filter(|set| set.from < first);
        let after = replacements.iter().map(|r| r.set(mode));
        let mut timeline: Vec<RateSet> = before.chain(after).cloned().collect();
        timeline[0].from = None;
        (mode, timeline)
    };
    let mut schedules = kept.map_or_else(Vec::new, |base| base.schedules.clone());
    for schedule in &mut schedules {
        schedule.until = [schedule.until, first].into_iter().flatten().min();
    }
    Model {
        name: replacements[0].name.clone(),
        provider: base.map_or("", |base| base.provider),
        context: base.and_then(|base| base.context),
        web_search: replacements
            .iter()
            .rev()
            .find_map(|r| r.web_search)
            .or(base.and_then(|base| base.web_search)),
        timelines: modes.into_iter().map(timeline).collect(),
        schedules,
        status: base.and_then(|base| base.status),
        sources: Vec::new(),
        disputed: Vec::new(),
        overridden: true,
    }
}
