//! The error of the whole library.

use std::path::PathBuf;

use crate::config::ConfigError;
use crate::store::StoreError;

/// What can go wrong with a [`Monitor`](crate::Monitor).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A price that the user set.
    #[error(transparent)]
    Price(#[from] crate::pricing::PriceError),
    /// No session has that id or an id that begins so.
    #[error(
        "no session has the id {id:?}, or one that begins with it: `agentmon sessions` lists them"
    )]
    NotFound {
        /// What was asked for.
        id: String,
    },
    /// Several sessions have an id that begins so.
    #[error("{} sessions have an id that begins with {id:?}: {}", candidates.len(), candidates.join(", "))]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// Some of the sessions.
        candidates: Vec<String>,
    },
    /// A folder or file that was to be imported.
    #[error("cannot read {}: {source}", path.display())]
    Import {
        /// What was to be imported.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Watching the folders.
    #[error("cannot watch files: {0}")]
    Watch(#[from] notify::Error),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
}
