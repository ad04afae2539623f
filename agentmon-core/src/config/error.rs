//! What can be wrong with a configuration, always with its place and the next step.

use std::path::PathBuf;

use super::origin::Origin;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is there (or was named) but cannot be read.
    #[error("cannot read the configuration file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's message.
        #[source]
        error: std::io::Error,
    },
    /// The file is not TOML, has an unknown key, or a value has the wrong type.
    #[error("{}:{line}: {message}\n    {excerpt}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
        /// The line's text.
        excerpt: String,
    },
    /// A value makes no sense.
    #[error("{}{message}", place(.origin, .key))]
    Value {
        /// Where the value comes from.
        origin: Origin,
        /// Which setting.
        key: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

/// A flag or variable names its setting, a line of the file does not.
fn place(origin: &Origin, key: &str) -> String {
    match origin {
        Origin::Flag(_) | Origin::Environment(_) => format!("{origin}: "),
        Origin::Default | Origin::File { .. } => format!("{origin}: {key}: "),
    }
}
