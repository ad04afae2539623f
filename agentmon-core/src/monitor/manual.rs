//! Agents that people keep by hand: kept in the store, and shown as sessions.

use super::Monitor;
use crate::Error;
use crate::ingest::manual;
use crate::model::Batch;
use crate::query::{LogLevel, ManualAgent, ManualChange, ManualLog};
use crate::source::piece::Piece;
use crate::store::sqlite::{self, MAX_MANUAL_AGENTS};

/// What became of a new manual agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManualCreated {
    /// It is kept.
    Created(ManualAgent),
    /// There is one of that id.
    Exists,
    /// There are too many.
    TooMany,
}

impl Monitor {
    /// All of them, the one that was changed last first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn manual_agents(&self) -> Result<Vec<ManualAgent>, Error> {
        self.inner.read(sqlite::manual_agents)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn manual_agent(&self, id: &str) -> Result<Option<ManualAgent>, Error> {
        self.inner
            .read(|connection| sqlite::manual_agent(connection, id))
    }

    /// The latest lines of a log, the newest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn manual_log(&self, id: &str, limit: usize) -> Result<Vec<ManualLog>, Error> {
        self.inner
            .read(|connection| sqlite::manual_log(connection, id, limit))
    }

    /// Keeps a new one; `id` is taken if the change names none.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn create_manual(&self, id: &str, change: ManualChange) -> Result<ManualCreated, Error> {
        let now = self.now();
        let id = change.id.clone().unwrap_or_else(|| id.into());
        let created = self.write(|writer| {
            writer.change_manual(&id, |known, count| match known {
                Some(_) => (None, ManualCreated::Exists),
                None if count >= MAX_MANUAL_AGENTS => (None, ManualCreated::TooMany),
                None => {
                    let agent = ManualAgent::new(id.clone(), change, now);
                    (Some(agent.clone()), ManualCreated::Created(agent))
                }
            })
        })?;
        if let ManualCreated::Created(agent) = &created {
            self.show(manual::observe(agent))?;
        }
        Ok(created)
    }

    /// Changes one; `None` if there is none of that id.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn change_manual(
        &self,
        id: &str,
        change: ManualChange,
    ) -> Result<Option<ManualAgent>, Error> {
        let now = self.now();
        let changed = self.write(|writer| {
            writer.change_manual(id, |known, _| {
                let changed = known.map(|mut agent| {
                    agent.change(change, now);
                    agent
                });
                (changed.clone(), changed)
            })
        })?;
        if let Some(agent) = &changed {
            self.show(manual::observe(agent))?;
        }
        Ok(changed)
    }

    /// Deletes one with its log; `None` if there is none of that id. Its session stays in the history.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn delete_manual(&self, id: &str) -> Result<Option<ManualAgent>, Error> {
        let deleted = self.write(|writer| writer.delete_manual(id))?;
        if let Some(agent) = &deleted {
            self.show(manual::observe_deleted(agent, self.now()))?;
        }
        Ok(deleted)
    }

    /// Adds a line to a log; `None` if there is no such agent.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn add_manual_log(
        &self,
        id: &str,
        message: &str,
        level: LogLevel,
    ) -> Result<Option<ManualLog>, Error> {
        let now = self.now();
        self.write(|writer| writer.add_manual_log(id, message, level, now))
    }

    /// Empties a log, and returns how many lines it had; `None` if there is no such agent.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn clear_manual_log(&self, id: &str) -> Result<Option<u64>, Error> {
        self.write(|writer| writer.clear_manual_log(id))
    }

    /// Shows a manual agent on the board.
    fn show(&self, batch: Batch) -> Result<(), Error> {
        let piece = Piece {
            batch,
            ..Piece::default()
        };
        self.inner.append(vec![piece], self.now())
    }
}
