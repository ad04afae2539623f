//! The environment as adapters see it: home folder and variables, given, not read, so that tests own it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Home folder and environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Env {
    /// The user's home folder.
    pub home: PathBuf,
    /// Environment variables; empty ones count as unset.
    pub vars: BTreeMap<String, String>,
    /// What this machine is called, if that is known.
    pub host: Option<String>,
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn from_process() -> Self {
        let vars: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = vars
            .get("HOME")
            .filter(|home| !home.is_empty())
            .map_or_else(|| etcetera::home_dir().unwrap_or_default(), PathBuf::from);
        let host = super::machine::host_name();
        Self { home, vars, host }
    }

    /// An environment with nothing but a home folder.
    #[must_use]
    pub fn at(home: impl AsRef<Path>) -> Self {
        Self {
            home: home.as_ref().to_owned(),
            vars: BTreeMap::new(),
            host: None,
        }
    }

    /// The same on a machine of that name.
    #[must_use]
    pub fn on(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.vars.insert(name.to_owned(), value.into());
        self
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A path as the user may write it: `~` and `~/x` mean the home folder.
    #[must_use]
    pub fn expand(&self, path: &str) -> PathBuf {
        match path.strip_prefix('~') {
            Some("") => self.home.clone(),
            Some(rest) if rest.starts_with('/') => self.home.join(&rest[1..]),
            _ => PathBuf::from(path),
        }
    }
}
