//! The configuration file's own shape. What is set there is applied to a [`Config`] with its line as origin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, ConfigError, Origin, PriceOverride, Setting, SourceConfig, zone};
use crate::model::{AgentKind, Span};
use crate::query::WeekStart;
use crate::source::Env;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
    week_start: Option<Spanned<WeekDay>>,
    #[serde(default)]
    sources: BTreeMap<Agent, Source>,
    #[serde(default)]
    prices: BTreeMap<String, Spanned<Price>>,
    #[serde(default)]
    retention: RetentionTimes,
    #[serde(default)]
    state: StateTimes,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WeekDay {
    Monday,
    Sunday,
}

/// The agents whose sources can be configured.
#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum Agent {
    ClaudeCode,
    Codex,
    Gemini,
    #[serde(rename = "opencode")]
    OpenCode,
    #[serde(rename = "openclaw")]
    OpenClaw,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Source {
    enabled: Option<Spanned<bool>>,
    roots: Option<Spanned<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Price {
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_creation_5m: Option<f64>,
    cache_creation_1h: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RetentionTimes {
    events: Option<Spanned<String>>,
    sessions: Option<Spanned<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StateTimes {
    stall_after: Option<Spanned<String>>,
    complete_after: Option<Spanned<String>>,
}

/// Reads `text`, the content of `path`, into `config`.
pub(super) fn apply(
    config: &mut Config,
    path: &Path,
    text: &str,
    env: &Env,
) -> Result<(), ConfigError> {
    let place = Place { path, text };
    let file: File = toml::from_str(text).map_err(|error| place.syntax(&error))?;

    if let Some(folder) = file.data_dir {
        let origin = place.origin(folder.span());
        config.data_dir = Setting::new(env.expand(folder.get_ref()), origin);
    }
    if let Some(name) = file.time_zone {
        let origin = place.origin(name.span());
        config.time_zone = Setting::new(zone(name.get_ref(), &origin, env)?, origin);
    }
    if let Some(day) = file.week_start {
        let start = match day.get_ref() {
            WeekDay::Monday => WeekStart::Monday,
            WeekDay::Sunday => WeekStart::Sunday,
        };
        config.week_start = Setting::new(start, place.origin(day.span()));
    }
    for (agent, source) in file.sources {
        let enabled = source.enabled.map_or(Setting::default_value(true), |set| {
            Setting::new(*set.get_ref(), place.origin(set.span()))
        });
        let roots = source
            .roots
            .map_or(Setting::default_value(Vec::new()), |set| {
                let folders = set.get_ref().iter().map(|root| env.expand(root)).collect();
                Setting::new(folders, place.origin(set.span()))
            });
        config
            .sources
            .insert(agent.into(), SourceConfig { enabled, roots });
    }
    for (model, price) in file.prices {
        let origin = place.origin(price.span());
        let setting = Setting::new(price_override(&model, price.get_ref(), &origin)?, origin);
        config.prices.insert(model.into(), setting);
    }

    let off_or_span =
        |key: &str, text: Option<Spanned<String>>, setting: &mut Setting<Option<Span>>| {
            let Some(text) = text else { return Ok(()) };
            let origin = place.origin(text.span());
            let span = match text.get_ref().as_str() {
                "off" => None,
                other => Some(span(key, other, &origin)?),
            };
            *setting = Setting::new(span, origin);
            Ok(())
        };
    off_or_span(
        "retention.events",
        file.retention.events,
        &mut config.retention.events,
    )?;
    off_or_span(
        "retention.sessions",
        file.retention.sessions,
        &mut config.retention.sessions,
    )?;

    let time = |key: &str, text: Option<Spanned<String>>, setting: &mut Setting<Span>| {
        let Some(text) = text else { return Ok(()) };
        let origin = place.origin(text.span());
        *setting = Setting::new(span(key, text.get_ref(), &origin)?, origin);
        Ok(())
    };
    time(
        "state.stall_after",
        file.state.stall_after,
        &mut config.state.stall_after,
    )?;
    time(
        "state.complete_after",
        file.state.complete_after,
        &mut config.state.complete_after,
    )
}

fn span(key: &str, text: &str, origin: &Origin) -> Result<Span, ConfigError> {
    Span::parse(text)
        .filter(|span| span.0 > 0)
        .ok_or_else(|| ConfigError::Value {
            origin: origin.clone(),
            key: key.to_owned(),
            message: format!("{text:?} is not a length of time: write 90s, 5m, 12h, 30d or 1h30m"),
        })
}

fn price_override(
    model: &str,
    price: &Price,
    origin: &Origin,
) -> Result<PriceOverride, ConfigError> {
    let all = [
        Some(price.input),
        Some(price.output),
        price.cache_read,
        price.cache_creation_5m,
        price.cache_creation_1h,
    ];
    // A million dollars a token is a typing error, and keeps sums far from the largest amount.
    if all
        .into_iter()
        .flatten()
        .any(|dollars| !(0.0..1e6).contains(&dollars))
    {
        return Err(ConfigError::Value {
            origin: origin.clone(),
            key: format!("prices.{model:?}"),
            message: "prices are US dollars per million tokens, zero or more".to_owned(),
        });
    }
    Ok(PriceOverride {
        input: price.input,
        output: price.output,
        cache_read: price.cache_read,
        cache_creation_5m: price.cache_creation_5m,
        cache_creation_1h: price.cache_creation_1h,
    })
}

impl From<Agent> for AgentKind {
    fn from(agent: Agent) -> Self {
        match agent {
            Agent::ClaudeCode => Self::ClaudeCode,
            Agent::Codex => Self::Codex,
            Agent::Gemini => Self::Gemini,
            Agent::OpenCode => Self::OpenCode,
            Agent::OpenClaw => Self::OpenClaw,
        }
    }
}

/// A file's text, for turning byte ranges into lines.
struct Place<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Place<'_> {
    fn line(&self, at: usize) -> usize {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line: self.line(span.start),
        }
    }

    fn syntax(&self, error: &toml::de::Error) -> ConfigError {
        let line = error.span().map_or(1, |span| self.line(span.start));
        ConfigError::Syntax {
            path: self.path.to_owned(),
            line,
            message: error.message().to_owned(),
            excerpt: self
                .text
                .lines()
                .nth(line - 1)
                .unwrap_or_default()
                .trim()
                .to_owned(),
        }
    }
}
