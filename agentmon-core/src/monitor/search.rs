//! Searching text, and how much of it can be searched.

use super::Monitor;
use crate::Error;
use crate::model::SessionKey;
use crate::query::{
    EventCursor, EventFilter, EventPage, IndexProgress, Order, SearchFilter, SearchResults,
};
use crate::source::FileRole;
use crate::source::walk::is_gone;
use crate::store::sqlite;

/// Events in a page of a transcript.
const TRANSCRIPT_PAGE: usize = 500;

impl Monitor {
    /// Events whose text matches. What is not indexed is not found: [`SearchResults::index`] says how much that is.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn search(&self, filter: &SearchFilter) -> Result<SearchResults, Error> {
        let found = self
            .inner
            .read(|connection| sqlite::search(connection, filter))?;
        Ok(SearchResults {
            hits: found.hits,
            more: found.more,
            ranked_since: found.ranked_since,
            index: self.index_progress()?,
        })
    }

    /// A page of everything that was said and done in a session, from its beginning.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn transcript(
        &self,
        session: &SessionKey,
        after: Option<EventCursor>,
    ) -> Result<EventPage, Error> {
        self.events(&EventFilter {
            session: Some(session.clone()),
            order: Order::Ascending,
            after,
            limit: TRANSCRIPT_PAGE,
            ..EventFilter::default()
        })
    }

    /// How much of the text that was seen is indexed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn index_progress(&self) -> Result<IndexProgress, Error> {
        let indexed = self.inner.read(sqlite::indexed)?;
        let (files, bytes) = indexed.whole;
        let mut progress = IndexProgress {
            files,
            files_indexed: files,
            bytes,
            bytes_indexed: bytes,
        };
        let roots = self.inner.formats.iter().map(|format| {
            let format = &**format;
            (format, self.inner.roots(format))
        });
        let roots: Vec<_> = roots.collect();
        for (path, size, position) in indexed.part {
            let has_content = roots.iter().any(|(format, roots)| {
                roots.iter().any(|root| {
                    let relative = path.strip_prefix(&root.path);
                    let role = relative.ok().and_then(|relative| format.role(relative));
                    role.is_some_and(FileRole::has_content)
                })
            });
            if has_content && !is_gone(&path) {
                progress.files += 1;
                progress.bytes += size;
                progress.bytes_indexed += position;
            }
        }
        Ok(progress)
    }
}
