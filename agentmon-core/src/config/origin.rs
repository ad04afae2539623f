//! Where a value comes from.

use std::fmt;
use std::path::PathBuf;

/// Where a value comes from, weakest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value from somewhere.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// A built-in value.
    pub fn default_value(value: T) -> Self {
        Self::new(value, Origin::Default)
    }
}

/// A setting as text, for `agentmon config show`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingRow {
    /// Its name in the file.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub origin: Origin,
}

impl SettingRow {
    pub(super) fn new<T>(key: &str, setting: &Setting<T>, show: impl FnOnce(&T) -> String) -> Self {
        Self {
            key: key.to_owned(),
            value: show(&setting.value),
            origin: setting.origin.clone(),
        }
    }
}
