//! `[[alerts]]` and `[notify]`: when and how to tell the user.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::file::{Agent, span};
use super::{Config, ConfigError, Origin, Secret, Setting, SettingRow};
use crate::alert::{AlertRule, AlertWhen, Channel, Notify, SpendPer, Webhook};
use crate::model::{NanoUsd, Span};
use crate::source::Env;

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    name: Option<String>,
    when: When,
    #[serde(rename = "for")]
    lasting: Option<String>,
    per: Option<Per>,
    above_usd: Option<f64>,
    above_percent: Option<f64>,
    agent: Option<Agent>,
    project: Option<String>,
    #[serde(default)]
    notify: Vec<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum When {
    NeedsInput,
    Stalled,
    Failed,
    Spend,
    Quota,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Per {
    Day,
    Session,
    Project,
}

/// The ways as they are written.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Ways {
    desktop: Option<Spanned<Vec<String>>>,
    #[serde(default)]
    webhooks: BTreeMap<String, Spanned<Address>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    url: Option<String>,
    url_env: Option<String>,
    secret: Option<String>,
    secret_env: Option<String>,
}

fn wrong(origin: &Origin, key: &str, message: impl Into<String>) -> ConfigError {
    ConfigError::Value {
        origin: origin.clone(),
        key: key.to_owned(),
        message: message.into(),
    }
}

/// Reads the ways to tell the user.
pub(super) fn apply_ways(
    config: &mut Config,
    ways: Ways,
    env: &Env,
    place: impl Fn(Range<usize>) -> Origin,
) -> Result<(), ConfigError> {
    let mut notify = Notify::default();
    if let Some(command) = ways.desktop {
        let origin = place(command.span());
        if command.get_ref().first().is_none_or(String::is_empty) {
            return Err(wrong(&origin, "notify.desktop", "names no program"));
        }
        notify.desktop = Some(command.into_inner());
    }
    for (name, address) in ways.webhooks {
        let origin = place(address.span());
        let address = address.into_inner();
        let key = |field: &str| format!("notify.webhooks.{name}.{field}");
        let given = |value: Option<String>, variable: Option<String>, field: &str| {
            let Some(variable) = variable.filter(|_| value.is_none()) else {
                return Ok(value);
            };
            let found = env.var(&variable).map(str::to_owned);
            let missing = || {
                wrong(
                    &origin,
                    &key(field),
                    format!("the variable {variable} is not set"),
                )
            };
            found.ok_or_else(missing).map(Some)
        };
        let url = given(address.url, address.url_env, "url_env")?;
        let is_web = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        let Some(url) = url.filter(is_web) else {
            return Err(wrong(
                &origin,
                &key("url"),
                "is needed: an address that begins with https://",
            ));
        };
        let secret = given(address.secret, address.secret_env, "secret_env")?;
        notify.webhooks.push(Webhook {
            name: name.into(),
            url: Secret::new(url),
            secret: secret.map(Secret::new),
        });
    }
    config.notify = notify;
    Ok(())
}

/// Reads a rule. The ways are known.
pub(super) fn apply_rule(
    config: &mut Config,
    rule: Rule,
    origin: Origin,
) -> Result<(), ConfigError> {
    let lasting = |default: Span| match rule.lasting.as_deref() {
        None => Ok(default),
        Some(text) => span("alerts.for", text, &origin),
    };
    let when = match rule.when {
        When::NeedsInput => AlertWhen::NeedsInput(lasting(Span::from_mins(1))?),
        When::Stalled => AlertWhen::Stalled(lasting(Span::default())?),
        When::Failed => AlertWhen::Failed,
        When::Spend => {
            let limit = rule.above_usd.and_then(NanoUsd::from_dollars);
            let limit = limit.filter(|limit| limit.0 > 0).ok_or_else(|| {
                wrong(
                    &origin,
                    "alerts.above_usd",
                    "is needed: a sum above zero, in US dollars",
                )
            })?;
            let per = match rule.per {
                None | Some(Per::Day) => SpendPer::Day,
                Some(Per::Session) => SpendPer::Session,
                Some(Per::Project) => SpendPer::Project,
            };
            AlertWhen::Spend(per, limit)
        }
        When::Quota => {
            let percent = rule
                .above_percent
                .filter(|percent| (0.0..=100.0).contains(percent));
            AlertWhen::Quota(
                percent
                    .ok_or_else(|| wrong(&origin, "alerts.above_percent", "is needed: 0 to 100"))?,
            )
        }
    };
    let name: Box<str> = match rule.name {
        Some(name) => name.into(),
        None => when.as_str().into(),
    };
    if config.alerts.iter().any(|known| known.value.name == name) {
        return Err(wrong(
            &origin,
            "alerts.name",
            format!("{name:?} is the name of another rule"),
        ));
    }
    let known = |channel: &Channel| match channel {
        Channel::Log => true,
        Channel::Desktop => config.notify.desktop.is_some(),
        Channel::Webhook(name) => config
            .notify
            .webhooks
            .iter()
            .any(|known| known.name == *name),
    };
    let channels = rule.notify.iter().map(|name| {
        Channel::parse(name).filter(known).ok_or_else(|| {
            wrong(
                &origin,
                "alerts.notify",
                format!("{name:?} is not configured: log, desktop or webhook:NAME, see [notify]"),
            )
        })
    });
    let rule = AlertRule {
        channels: channels.collect::<Result<_, _>>()?,
        name,
        when,
        agent: rule.agent.map(Into::into),
        project: rule.project.map(Into::into),
    };
    config.alerts.push(Setting::new(rule, origin));
    Ok(())
}

/// Rules and ways as text. What is secret is not told.
pub(super) fn settings(config: &Config) -> Vec<SettingRow> {
    let rules = config.alerts.iter().map(|rule| {
        let key = format!("alerts.{:?}", rule.value.name);
        SettingRow::new(&key, rule, |rule| {
            let threshold = rule.when.threshold().unwrap_or_default();
            format!("{} {threshold}", rule.when.as_str())
                .trim()
                .to_owned()
        })
    });
    let place = Origin::File {
        path: config.file.clone(),
        line: 1,
    };
    let desktop = config.notify.desktop.iter().map(|command| SettingRow {
        key: "notify.desktop".to_owned(),
        value: command.join(" "),
        origin: place.clone(),
    });
    let webhooks = config.notify.webhooks.iter().map(|webhook| SettingRow {
        key: format!("notify.webhooks.{:?}", webhook.name),
        value: webhook.url.to_string(),
        origin: place.clone(),
    });
    rules.chain(desktop).chain(webhooks).collect()
}
