//! The one writer: takes in a piece of observations in one transaction (I5, I6).

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::calls::StoredCall;
use super::rollup::RollupChanges;
pub use super::sessions::StoreChange;
use super::sessions::{self, Sessions};
use super::{Opened, calls, cursors, dimensions, events, maintain, prices, quotas};
use crate::ingest::project::ProjectResolver;
use crate::model::{Batch, ModelCall, Timestamp};
use crate::pricing::PriceBook;
use crate::query::{DbBackup, DbVacuum};
use crate::session::StatePolicy;
use crate::source::scan::Piece;
use crate::store::StoreError;

/// Owns the writable connection.
#[derive(Debug)]
pub struct Writer {
    connection: Connection,
    path: Option<PathBuf>,
    book: Arc<PriceBook>,
    policy: StatePolicy,
    projects: ProjectResolver,
    sessions: Sessions,
}

impl Writer {
    /// A writer on an open database. Prices stored calls again if the price book changed.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read or written.
    pub fn new(
        opened: Opened,
        path: Option<PathBuf>,
        book: Arc<PriceBook>,
        policy: StatePolicy,
    ) -> Result<Self, StoreError> {
        let mut connection = opened.connection;
        prices::reprice_if_changed(&mut connection, &book)?;
        Ok(Self {
            connection,
            path,
            book,
            policy,
            projects: ProjectResolver::default(),
            sessions: Sessions::default(),
        })
    }

    /// Reads through the writer's own connection: for databases in memory, and for reads that must follow a write.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Stores a piece: all of it or, on an error, nothing. Storing the same observations again changes nothing (I7).
    ///
    /// # Errors
    /// [`StoreError`]; the piece can be offered again.
    pub fn append(&mut self, piece: Piece, now: Timestamp) -> Result<Vec<StoreChange>, StoreError> {
        let result = self.try_append(piece, now);
        if result.is_err() {
            // What is in memory may be ahead of what was rolled back.
            self.sessions.clear();
        }
        result
    }

    fn try_append(&mut self, piece: Piece, now: Timestamp) -> Result<Vec<StoreChange>, StoreError> {
        let Piece {
            mut batch, files, ..
        } = piece;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut ids = Vec::with_capacity(batch.sessions.len());
        for patch in &batch.sessions {
            // The project follows from the earliest folder, which may be known from before.
            let known = self.sessions.cwd(&transaction, &patch.key)?;
            let project = match (&patch.cwd, known) {
                (Some(cwd), None) => Some(
                    self.projects
                        .resolve(std::path::Path::new(&*cwd.value), now),
                ),
                _ => None,
            };
            ids.push(self.sessions.observe(
                &transaction,
                patch,
                project.as_ref(),
                now,
                &self.policy,
            )?);
        }
        for (index, evidence) in &batch.evidence {
            let key = &batch.sessions[index.0 as usize].key;
            self.sessions.witness(key, evidence, now, &self.policy);
        }
        let changes = self.sessions.flush(&transaction, now, &self.policy)?;
        let mut rollup = RollupChanges::default();
        let calls = stored_calls(
            &transaction,
            &self.book,
            std::mem::take(&mut batch.calls),
            &batch,
            &ids,
        )?;
        calls::store(&transaction, calls, &mut rollup)?;
        rollup.flush(&transaction)?;
        events::store(&transaction, &batch.events, &ids)?;
        quotas::store(&transaction, &batch.quotas)?;
        cursors::store(&transaction, &files)?;
        transaction.commit()?;
        Ok(changes)
    }

    /// Brings every session up to date whose state the passing of time may have changed.
    ///
    /// # Errors
    /// [`StoreError`]; nothing changed then.
    pub fn tick(&mut self, now: Timestamp) -> Result<Vec<StoreChange>, StoreError> {
        let overdue = sessions::overdue(&self.connection, now)?;
        if overdue.is_empty() {
            return Ok(Vec::new());
        }
        let mut run = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)?;
            for key in &overdue {
                self.sessions.tick(&transaction, key)?;
            }
            let changes = self.sessions.flush(&transaction, now, &self.policy)?;
            transaction.commit()?;
            Ok(changes)
        };
        let result = run();
        if result.is_err() {
            self.sessions.clear();
        }
        result
    }

    /// When the next session is due for a [`Writer::tick`].
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be read.
    pub fn next_deadline(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(sessions::next_deadline(&self.connection)?)
    }

    /// Forgets what is older than `before`. Returns how many rows.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is forgotten then.
    pub fn prune(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.sessions.clear();
        maintain::prune(&mut self.connection, before)
    }

    /// Gives unused space back.
    ///
    /// # Errors
    /// [`StoreError`], such as a full disk.
    pub fn vacuum(&mut self) -> Result<DbVacuum, StoreError> {
        maintain::vacuum(&self.connection, self.path.as_deref())
    }

    /// Writes a compact copy.
    ///
    /// # Errors
    /// [`StoreError`] when the target exists or cannot be written.
    pub fn backup(&self, to: &std::path::Path) -> Result<DbBackup, StoreError> {
        maintain::backup(&self.connection, to)
    }
}

/// The batch's calls with the store's ids, and priced.
fn stored_calls(
    connection: &Connection,
    book: &PriceBook,
    calls: Vec<ModelCall>,
    batch: &Batch,
    sessions: &[i64],
) -> Result<Vec<StoredCall>, StoreError> {
    let mut models = Vec::with_capacity(batch.models.len());
    for name in &batch.models {
        models.push((dimensions::model(connection, name)?, book.lookup(name)));
    }
    let stored = calls.iter().map(|call| {
        let (model, prices) = &models[call.model as usize];
        StoredCall::new(
            call,
            sessions[call.session.0 as usize],
            *model,
            prices.as_ref(),
        )
    });
    Ok(stored.collect())
}
