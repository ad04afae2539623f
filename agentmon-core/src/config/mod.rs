//! Configuration: defaults, then the file, then the environment, then flags; every value knows where it came from.
//!
//! The core never reads configuration by itself: a program loads a [`Config`] and hands it to the monitor. What may
//! be set is documented in `docs/configuration.md`.

mod alerts;
mod error;
mod file;
mod gateway;
mod origin;
mod paths;
mod secret;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use error::ConfigError;
pub use gateway::{GatewayConfig, SecretPlace};
pub use origin::{Origin, Setting, SettingRow};
pub use paths::data_dir as default_data_dir;
pub use secret::Secret;

use crate::alert::{AlertRule, Notify};
use crate::model::{AgentKind, Host, HostKind, Span, Timestamp};
use crate::pricing::PriceOverride;
use crate::query::{Budget, WeekStart, Zone, ZoneError};
use crate::source::Env;

/// Shortest secret that is accepted, in bytes.
const MIN_SECRET: usize = 16;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The configuration file that was looked for, and whether it exists.
    pub file: PathBuf,
    /// Whether `file` exists.
    pub file_exists: bool,
    /// The folder of agentmon's own files.
    pub data_dir: Setting<PathBuf>,
    /// Where days begin.
    pub time_zone: Setting<Zone>,
    /// Which day weeks begin with.
    pub week_start: Setting<WeekStart>,
    /// What this machine is called, if anything.
    pub host: Setting<Option<Box<str>>>,
    /// Sources that are configured; all others are on and look where their agents write by default.
    pub sources: BTreeMap<AgentKind, SourceConfig>,
    /// Prices that come before the built-in ones.
    pub prices: Vec<Setting<PriceOverride>>,
    /// When what is stored is deleted.
    pub retention: Retention,
    /// When a session counts as stalled or completed.
    pub state: StateConfig,
    /// Sums that are not to be exceeded.
    pub budgets: Vec<Setting<Budget>>,
    /// When to tell the user.
    pub alerts: Vec<Setting<AlertRule>>,
    /// How to tell the user, beside the log.
    pub notify: Notify,
    /// What senders of webhooks share with the server; without one there are none.
    pub webhook_secret: Option<Setting<Secret<String>>>,
    /// OpenClaw gateways that are always there; others are added while running.
    pub gateways: Vec<Setting<GatewayConfig>>,
}

/// How one agent's files are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceConfig {
    /// Whether they are read at all.
    pub enabled: Setting<bool>,
    /// Folders to look at besides the agent's own.
    pub roots: Setting<Vec<PathBuf>>,
}

/// When what is stored is deleted. Nothing is by default: history outlives the agents' own clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Age at which events and their text go; usage and sessions stay.
    pub events: Setting<Option<Span>>,
    /// Age (since the last activity) at which a session goes with its usage and events.
    pub sessions: Setting<Option<Span>>,
}

/// Times of the session state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateConfig {
    /// A working session that gives no sign for so long is stalled.
    pub stall_after: Setting<Span>,
    /// A session at rest, of whose process nothing is known, is over after so long without a sign; by default each
    /// agent has its own time.
    pub complete_after: Setting<Option<Span>>,
}

/// What the command line sets, by the flag's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--timezone`.
    pub time_zone: Option<String>,
    /// `--week-start`.
    pub week_start: Option<WeekStart>,
}

impl Config {
    /// The defaults in an environment, without any file.
    #[must_use]
    pub fn defaults(env: &Env) -> Self {
        Self {
            file: paths::config_file(env),
            file_exists: false,
            data_dir: Setting::default_value(paths::data_dir(env)),
            time_zone: match env.var("TZ") {
                Some(_) => {
                    // [`Config::load`] refuses a zone that does not exist, unless another one is set.
                    let zone = Zone::local(env).unwrap_or_else(|_| Zone::system());
                    Setting::new(zone, Origin::Environment("TZ"))
                }
                None => Setting::default_value(Zone::system()),
            },
            week_start: Setting::default_value(WeekStart::Monday),
            host: Setting::default_value(env.host.as_deref().and_then(host_name)),
            sources: BTreeMap::new(),
            prices: Vec::new(),
            retention: Retention {
                events: Setting::default_value(None),
                sessions: Setting::default_value(None),
            },
            state: StateConfig {
                stall_after: Setting::default_value(Span::from_mins(5)),
                complete_after: Setting::default_value(None),
            },
            budgets: Vec::new(),
            alerts: Vec::new(),
            notify: Notify::default(),
            webhook_secret: None,
            gateways: Vec::new(),
        }
    }

    /// The configuration of this environment: the file that `AGENTMON_CONFIG` names (or else the platform's), then
    /// `AGENTMON_*` variables, then `flags`.
    ///
    /// # Errors
    /// [`ConfigError`] when the file cannot be read, does not parse, or a value anywhere makes no sense. A missing
    /// file is an error only when `AGENTMON_CONFIG` names it.
    pub fn load(env: &Env, flags: &Overrides) -> Result<Self, ConfigError> {
        let mut config = Self::defaults(env);
        match std::fs::read_to_string(&config.file) {
            Ok(text) => {
                config.file_exists = true;
                let path = config.file.clone();
                file::apply(&mut config, &path, &text, env)?;
            }
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && env.var("AGENTMON_CONFIG").is_none() => {}
            Err(error) => {
                return Err(ConfigError::Unreadable {
                    path: config.file,
                    error,
                });
            }
        }
        config.apply_environment(env)?;
        config.apply_flags(flags, env)?;
        let origin = &config.time_zone.origin;
        if *origin == Origin::Environment("TZ") {
            config.time_zone.value = zone("local", origin, env)?;
        }
        Ok(config)
    }

    fn apply_environment(&mut self, env: &Env) -> Result<(), ConfigError> {
        if let Some(folder) = env.var("AGENTMON_DATA_DIR") {
            let origin = Origin::Environment("AGENTMON_DATA_DIR");
            self.data_dir = Setting::new(env.expand(folder), origin);
        }
        if let Some(name) = env.var("AGENTMON_TIMEZONE") {
            let origin = Origin::Environment("AGENTMON_TIMEZONE");
            self.time_zone = Setting::new(zone(name, &origin, env)?, origin);
        }
        if let Some(name) = env.var("AGENTMON_HOST") {
            self.set_host(name, Origin::Environment("AGENTMON_HOST"))?;
        }
        if let Some(secret) = env.var("AGENTMON_WEBHOOK_SECRET") {
            let origin = Origin::Environment("AGENTMON_WEBHOOK_SECRET");
            self.set_webhook_secret(secret.to_owned(), origin)?;
        }
        Ok(())
    }

    fn set_host(&mut self, name: &str, origin: Origin) -> Result<(), ConfigError> {
        let Some(name) = host_name(name) else {
            return Err(ConfigError::Value {
                origin,
                key: "host".to_owned(),
                message: format!(
                    "give a name without spaces, of at most {} bytes",
                    Host::MAX_BYTES
                ),
            });
        };
        self.host = Setting::new(Some(name), origin);
        Ok(())
    }

    fn set_webhook_secret(&mut self, secret: String, origin: Origin) -> Result<(), ConfigError> {
        if secret.len() < MIN_SECRET {
            return Err(ConfigError::Value {
                origin,
                key: "webhook_secret".to_owned(),
                message: format!("it is shorter than {MIN_SECRET} bytes and could be guessed"),
            });
        }
        self.webhook_secret = Some(Setting::new(Secret::new(secret), origin));
        Ok(())
    }

    fn apply_flags(&mut self, flags: &Overrides, env: &Env) -> Result<(), ConfigError> {
        if let Some(folder) = &flags.data_dir {
            self.data_dir = Setting::new(folder.clone(), Origin::Flag("--data-dir"));
        }
        if let Some(name) = &flags.time_zone {
            let origin = Origin::Flag("--timezone");
            self.time_zone = Setting::new(zone(name, &origin, env)?, origin);
        }
        if let Some(week_start) = flags.week_start {
            self.week_start = Setting::new(week_start, Origin::Flag("--week-start"));
        }
        Ok(())
    }

    /// Whether an agent's files are read.
    #[must_use]
    pub fn is_enabled(&self, agent: &AgentKind) -> bool {
        self.sources
            .get(agent)
            .is_none_or(|source| source.enabled.value)
    }

    /// Folders to look at for an agent besides its own.
    #[must_use]
    pub fn extra_roots(&self, agent: &AgentKind) -> &[PathBuf] {
        self.sources
            .get(agent)
            .map_or(&[], |source| &source.roots.value)
    }

    /// Every value as text with its origin, in the order of the documentation.
    #[must_use]
    pub fn settings(&self) -> Vec<SettingRow> {
        let mut rows = vec![
            SettingRow::new("data_dir", &self.data_dir, |dir| dir.display().to_string()),
            SettingRow::new("time_zone", &self.time_zone, ToString::to_string),
            SettingRow::new("week_start", &self.week_start, |day| {
                day.as_str().to_owned()
            }),
            SettingRow::new("host", &self.host, |name| {
                name.as_deref().unwrap_or("unknown").to_owned()
            }),
            SettingRow::new("retention.events", &self.retention.events, span_or_off),
            SettingRow::new("retention.sessions", &self.retention.sessions, span_or_off),
            SettingRow::new(
                "state.stall_after",
                &self.state.stall_after,
                ToString::to_string,
            ),
            SettingRow::new("state.complete_after", &self.state.complete_after, |span| {
                span.map_or_else(|| "by agent".to_owned(), |span| span.to_string())
            }),
        ];
        for (agent, source) in &self.sources {
            rows.push(SettingRow::new(
                &format!("sources.{agent}.enabled"),
                &source.enabled,
                ToString::to_string,
            ));
            rows.push(SettingRow::new(
                &format!("sources.{agent}.roots"),
                &source.roots,
                |roots| {
                    let roots: Vec<String> = roots
                        .iter()
                        .map(|root| root.display().to_string())
                        .collect();
                    roots.join(", ")
                },
            ));
        }
        if let Some(secret) = &self.webhook_secret {
            rows.push(SettingRow::new(
                "webhook_secret",
                secret,
                ToString::to_string,
            ));
        }
        for budget in &self.budgets {
            let period = budget.value.period.as_str();
            let key = match &budget.value.project {
                None => format!("budgets.{period}_usd"),
                Some(project) => format!("budgets.projects.{project:?}.{period}_usd"),
            };
            rows.push(SettingRow::new(&key, budget, |budget| {
                budget.limit.to_string()
            }));
        }
        rows.extend(alerts::settings(self));
        for gateway in &self.gateways {
            let key = format!("gateways.{:?}", gateway.value.name);
            rows.push(SettingRow::new(&key, gateway, |gateway| {
                gateway.address.as_str().to_owned()
            }));
        }
        for price in &self.prices {
            rows.push(SettingRow::new(
                &format!("prices.{:?}", price.value.model),
                price,
                |price| {
                    format!(
                        "{} in, {} out per million tokens",
                        price.input, price.output
                    )
                },
            ));
        }
        rows
    }
}

/// The name of a machine, if it is one.
fn host_name(name: &str) -> Option<Box<str>> {
    Host::new(HostKind::Seen, Timestamp::default(), name).map(|host| host.name)
}

fn span_or_off(span: &Option<Span>) -> String {
    span.map_or_else(|| "off".to_owned(), |span| span.to_string())
}

fn zone(name: &str, origin: &Origin, env: &Env) -> Result<Zone, ConfigError> {
    if name.eq_ignore_ascii_case("local") {
        return Zone::local(env).map_err(|error| wrong_zone(Origin::Environment("TZ"), &error));
    }
    Zone::get(name).map_err(|error| wrong_zone(origin.clone(), &error))
}

fn wrong_zone(origin: Origin, error: &ZoneError) -> ConfigError {
    ConfigError::Value {
        origin,
        key: "time_zone".to_owned(),
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
