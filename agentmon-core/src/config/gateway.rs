//! Gateways in the configuration file. Secrets are named there, never written: by a variable or a file.

use std::path::PathBuf;

use serde::Deserialize;

use super::{ConfigError, Origin, Secret};
use crate::source::Env;
use crate::source::openclaw::gateway::socket::Address;

/// Longest file that holds a secret, in bytes.
const MAX_SECRET: u64 = 64 * 1024;

/// A gateway of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// What to call it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Where its token is, if it has one.
    pub token: Option<SecretPlace>,
    /// Where its password is, if it has one.
    pub password: Option<SecretPlace>,
    /// Whether agentmon connects to it.
    pub enabled: bool,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In this variable of the environment.
    Variable(String),
    /// In this file, alone.
    File(PathBuf),
}

impl SecretPlace {
    /// The secret; `None` where there is none.
    #[must_use]
    pub fn read(&self, env: &Env) -> Option<Secret<String>> {
        let text = match self {
            Self::Variable(name) => env.var(name)?.to_owned(),
            Self::File(path) => {
                let is_fit = std::fs::metadata(path)
                    .is_ok_and(|file| file.is_file() && file.len() <= MAX_SECRET);
                is_fit
                    .then(|| std::fs::read_to_string(path).ok())
                    .flatten()?
            }
        };
        let text = text.trim();
        (!text.is_empty()).then(|| Secret::new(text.to_owned()))
    }
}

/// The table as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gateway {
    name: String,
    url: String,
    token_env: Option<String>,
    token_file: Option<String>,
    password_env: Option<String>,
    password_file: Option<String>,
    #[serde(default = "enabled")]
    enabled: bool,
}

fn enabled() -> bool {
    true
}

impl Gateway {
    pub(super) fn read(self, env: &Env, origin: &Origin) -> Result<GatewayConfig, ConfigError> {
        let wrong = |key: &str, message: String| ConfigError::Value {
            origin: origin.clone(),
            key: format!("gateways.{key}"),
            message,
        };
        let place = |variable: Option<String>, file: Option<String>| match (variable, file) {
            (Some(name), _) => Some(SecretPlace::Variable(name)),
            (None, Some(path)) => Some(SecretPlace::File(env.expand(&path))),
            (None, None) => None,
        };
        if self.name.trim().is_empty() {
            return Err(wrong("name", "a gateway has a name".to_owned()));
        }
        Ok(GatewayConfig {
            address: Address::parse(&self.url).map_err(|error| wrong("url", error.to_string()))?,
            token: place(self.token_env, self.token_file),
            password: place(self.password_env, self.password_file),
            enabled: self.enabled,
            name: self.name,
        })
    }
}
