//! The events API's questions.

use super::Monitor;
use crate::Error;
use crate::model::Span;
use crate::query::{
    CostReport, FeedFilter, FeedPage, FeedRow, FeedSessionFilter, FeedSessions, FeedStats,
    FilterOptions, StatsFilter, ToolTotals,
};
use crate::store::sqlite;

impl Monitor {
    /// A page of the feed.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn feed(&self, filter: &FeedFilter) -> Result<FeedPage, Error> {
        self.inner
            .read(|connection| sqlite::feed(connection, filter))
    }

    /// The events that were stored after row `after`, in the order in which they were, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn feed_after(&self, after: i64, limit: usize) -> Result<Vec<FeedRow>, Error> {
        self.inner
            .read(|connection| sqlite::feed_after(connection, after, limit))
    }

    /// Sessions by the events API's clock: idle after `timeout` without an event, ended after twice that.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn feed_sessions(
        &self,
        filter: &FeedSessionFilter,
        timeout: Span,
    ) -> Result<FeedSessions, Error> {
        let now = self.inner.clock.now();
        self.inner
            .read(|connection| sqlite::feed_sessions(connection, filter, timeout, now))
    }

    /// Counts over everything; `timeout` as in [`Monitor::feed_sessions`].
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn feed_stats(&self, filter: &StatsFilter, timeout: Span) -> Result<FeedStats, Error> {
        let now = self.inner.clock.now();
        self.inner
            .read(|connection| sqlite::feed_stats(connection, filter, timeout, now))
    }

    /// How often tools were used.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tool_totals(&self, filter: &StatsFilter) -> Result<Vec<ToolTotals>, Error> {
        self.inner
            .read(|connection| sqlite::tool_stats(connection, filter))
    }

    /// What was spent; at most `limit` projects.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn cost_report(&self, filter: &StatsFilter, limit: usize) -> Result<CostReport, Error> {
        self.inner
            .read(|connection| sqlite::feed_cost(connection, filter, limit))
    }

    /// The values that filters can take.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn filter_options(&self) -> Result<FilterOptions, Error> {
        self.inner.read(sqlite::filter_options)
    }

    /// Size of the database and its log, in bytes.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn db_bytes(&self) -> Result<u64, Error> {
        self.inner
            .read(|connection| sqlite::bytes(connection, self.inner.path.as_deref()))
    }
}
