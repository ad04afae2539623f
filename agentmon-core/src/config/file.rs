//! The configuration file's own shape. What is set there is applied to a [`Config`] with its line as origin.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::{Config, ConfigError, Origin, Setting, SourceConfig, alerts, gateway, zone};
use crate::model::{AgentKind, NanoUsd, Span};
use crate::pricing::{PriceBook, PriceOverride};
use crate::query::{Budget, BudgetPeriod, WeekStart};
use crate::source::Env;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    data_dir: Option<Spanned<String>>,
    time_zone: Option<Spanned<String>>,
    week_start: Option<Spanned<WeekDay>>,
    host: Option<Spanned<String>>,
    webhook_secret: Option<Spanned<String>>,
    #[serde(default)]
    sources: BTreeMap<Agent, Source>,
    #[serde(default)]
    prices: Vec<Spanned<PriceOverride>>,
    #[serde(default)]
    retention: RetentionTimes,
    #[serde(default)]
    state: StateTimes,
    #[serde(default)]
    budgets: Budgets,
    #[serde(default)]
    alerts: Vec<Spanned<alerts::Rule>>,
    #[serde(default)]
    notify: alerts::Ways,
    #[serde(default)]
    gateways: Vec<Spanned<gateway::Gateway>>,
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
pub(super) enum Agent {
    ClaudeCode,
    Codex,
    Gemini,
    #[serde(rename = "opencode")]
    OpenCode,
    #[serde(rename = "openclaw")]
    OpenClaw,
    Copilot,
    Qwen,
    Kimi,
    Droid,
    Cline,
    RooCode,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Source {
    enabled: Option<Spanned<bool>>,
    roots: Option<Spanned<Vec<String>>>,
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

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Budgets {
    daily_usd: Option<Spanned<f64>>,
    weekly_usd: Option<Spanned<f64>>,
    monthly_usd: Option<Spanned<f64>>,
    #[serde(default)]
    projects: BTreeMap<String, ProjectBudgets>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct ProjectBudgets {
    daily_usd: Option<Spanned<f64>>,
    weekly_usd: Option<Spanned<f64>>,
    monthly_usd: Option<Spanned<f64>>,
}

impl Budgets {
    /// Every sum with its project, if it is for one.
    fn each(self) -> impl Iterator<Item = (Option<String>, BudgetPeriod, Spanned<f64>)> {
        let own = (None, [self.daily_usd, self.weekly_usd, self.monthly_usd]);
        let projects = self.projects.into_iter().map(|(project, budgets)| {
            let sums = [budgets.daily_usd, budgets.weekly_usd, budgets.monthly_usd];
            (Some(project), sums)
        });
        std::iter::once(own)
            .chain(projects)
            .flat_map(|(project, sums)| {
                let sums = BudgetPeriod::ALL.into_iter().zip(sums);
                sums.filter_map(move |(period, sum)| Some((project.clone(), period, sum?)))
            })
    }
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
    if let Some(name) = file.host {
        config.set_host(name.get_ref(), place.origin(name.span()))?;
    }
    if let Some(secret) = file.webhook_secret {
        let origin = place.origin(secret.span());
        config.set_webhook_secret(secret.into_inner(), origin)?;
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
    for price in file.prices {
        let origin = place.origin(price.span());
        let price = price.into_inner();
        PriceBook::with_overrides(std::slice::from_ref(&price)).map_err(|error| {
            ConfigError::Value {
                origin: origin.clone(),
                key: "prices".to_owned(),
                message: error.to_string(),
            }
        })?;
        config.prices.push(Setting::new(price, origin));
    }

    for gateway in file.gateways {
        let origin = place.origin(gateway.span());
        let gateway = gateway.into_inner().read(env, &origin)?;
        config.gateways.push(Setting::new(gateway, origin));
    }

    for (project, period, sum) in file.budgets.each() {
        let origin = place.origin(sum.span());
        let limit = NanoUsd::from_dollars(*sum.get_ref()).filter(|limit| limit.0 > 0);
        let Some(limit) = limit else {
            return Err(ConfigError::Value {
                origin,
                key: format!("budgets.{}_usd", period.as_str()),
                message: format!("{} is not a sum above zero, in US dollars", sum.get_ref()),
            });
        };
        let budget = Budget {
            project: project.map(Into::into),
            period,
            limit,
        };
        config.budgets.push(Setting::new(budget, origin));
    }

    alerts::apply_ways(config, file.notify, env, |span| place.origin(span))?;
    for rule in file.alerts {
        let origin = place.origin(rule.span());
        alerts::apply_rule(config, rule.into_inner(), origin)?;
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

    if let Some(text) = file.state.stall_after {
        let origin = place.origin(text.span());
        let stall_after = span("state.stall_after", text.get_ref(), &origin)?;
        config.state.stall_after = Setting::new(stall_after, origin);
    }
    if let Some(text) = file.state.complete_after {
        let origin = place.origin(text.span());
        let complete_after = span("state.complete_after", text.get_ref(), &origin)?;
        config.state.complete_after = Setting::new(Some(complete_after), origin);
    }
    Ok(())
}

pub(super) fn span(key: &str, text: &str, origin: &Origin) -> Result<Span, ConfigError> {
    Span::parse(text)
        .filter(|span| span.0 > 0)
        .ok_or_else(|| ConfigError::Value {
            origin: origin.clone(),
            key: key.to_owned(),
            message: format!("{text:?} is not a length of time: write 90s, 5m, 12h, 30d or 1h30m"),
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
            Agent::Copilot => Self::Copilot,
            Agent::Qwen => Self::Qwen,
            Agent::Kimi => Self::Kimi,
            Agent::Droid => Self::Droid,
            Agent::Cline => Self::Cline,
            Agent::RooCode => Self::RooCode,
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
