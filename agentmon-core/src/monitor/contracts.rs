//! Questions of the contracts that name sessions by their whole ids: single sessions, several of them, logs, usage by the
//! quarter of an hour.

use super::Monitor;
use super::queries::views;
use crate::Error;
use crate::model::{FactKey, SessionKey};
use crate::query::{CellUsage, LogLevel, LogPage, SessionView};
use crate::store::sqlite;

impl Monitor {
    /// The session of exactly that id, with or without the agent in front.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn find_session(&self, id: &str) -> Result<Option<SessionView>, Error> {
        self.inner.read(|connection| {
            let row = sqlite::exact(connection, id)?;
            Ok(views(connection, row.into_iter().collect())?.pop())
        })
    }

    /// Those of the sessions that there are.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn find_sessions(&self, keys: &[SessionKey]) -> Result<Vec<SessionView>, Error> {
        self.inner.read(|connection| {
            let mut rows = Vec::with_capacity(keys.len());
            for key in keys {
                let row = sqlite::exact(connection, &key.to_string())?;
                rows.extend(row.filter(|row| row.view.key == *key));
            }
            views(connection, rows)
        })
    }

    /// A page of a session's log, the newest line first; empty when there is no such session.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn session_log(
        &self,
        key: &SessionKey,
        level: Option<LogLevel>,
        offset: u64,
        limit: usize,
    ) -> Result<LogPage, Error> {
        self.inner.read(
            |connection| match sqlite::exact(connection, &key.to_string())? {
                Some(row) => sqlite::log(connection, row.id, level, offset, limit),
                None => Ok(LogPage::default()),
            },
        )
    }

    /// What a session itself used, by model and quarter of an hour, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn usage_cells(&self, key: &SessionKey) -> Result<Vec<CellUsage>, Error> {
        self.inner.read(
            |connection| match sqlite::exact(connection, &key.to_string())? {
                Some(row) => sqlite::usage_cells(connection, row.id),
                None => Ok(Vec::new()),
            },
        )
    }

    /// Whether any of these calls is stored.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn knows_any_call(&self, facts: &[FactKey]) -> Result<bool, Error> {
        self.inner
            .read(|connection| sqlite::knows_any_call(connection, facts))
    }

    /// Whether a session is only known from a remote source that runs.
    #[must_use]
    pub fn is_remote(&self, key: &SessionKey) -> bool {
        self.inner.remotes.has(key)
    }
}
