//! Transcripts as blocks, and what came out of sessions.

use super::Monitor;
use crate::Error;
use crate::model::SessionKey;
use crate::query::{Artifacts, TranscriptBlock, TranscriptPage, TranscriptPlace};
use crate::store::sqlite;

impl Monitor {
    /// The session whose id this is, or begins with it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Store`].
    pub fn resolve_key(&self, id: &str) -> Result<SessionKey, Error> {
        Ok(self.resolve(id)?.view.key)
    }

    /// A page of at most `limit` blocks of a session's transcript.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn blocks(
        &self,
        session: &SessionKey,
        place: TranscriptPlace,
        limit: usize,
    ) -> Result<TranscriptPage, Error> {
        self.inner
            .read(|connection| sqlite::transcript_page(connection, session, place, limit))
    }

    /// The blocks that events after row `after` belong to, and how many the session has in all; `None` when there are
    /// more than `limit` such events: ask for a page then.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn blocks_after(
        &self,
        session: &SessionKey,
        after: i64,
        limit: usize,
    ) -> Result<Option<(Vec<TranscriptBlock>, u64)>, Error> {
        self.inner
            .read(|connection| sqlite::blocks_after(connection, session, after, limit))
    }

    /// What came out of a session and the subagents that are a part of it: files, commits, pull requests, pictures; at most
    /// `limit` files and as many other results.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Ambiguous`], [`Error::Store`].
    pub fn artifacts(&self, id: &str, limit: usize) -> Result<Artifacts, Error> {
        let row = self.resolve(id)?;
        self.inner
            .read(|connection| sqlite::artifacts(connection, &row, limit))
    }
}
