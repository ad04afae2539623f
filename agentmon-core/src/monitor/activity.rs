//! When agents work, with which tools, and how long they wait for the user.

use super::Monitor;
use crate::Error;
use crate::model::Timestamp;
use crate::query::{
    BlockedReport, BlockedSession, BlockedTime, HourCell, SessionFilter, ToolFilter, ToolUsage,
    UsageQuery, Zone, blocked, hours,
};
use crate::store::sqlite;

impl Monitor {
    /// Usage by weekday and hour. Of the query, time, zone and filter count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn hours(&self, query: &UsageQuery) -> Result<Vec<HourCell>, Error> {
        let data = self
            .inner
            .read(|connection| sqlite::usage(connection, query))?;
        Ok(hours(query, &data))
    }

    /// How often tools were used and how that went, the most used first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tool_usage(&self, filter: &ToolFilter) -> Result<Vec<ToolUsage>, Error> {
        self.inner
            .read(|connection| sqlite::tool_usage(connection, filter))
    }

    /// How long sessions waited for the user from `since` to `until` (or now), as far as they were watched; the
    /// `limit` that waited longest one by one. Of the filter, agents and projects count.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn blocked(
        &self,
        filter: &SessionFilter,
        zone: &Zone,
        (since, until): (Timestamp, Option<Timestamp>),
        limit: usize,
    ) -> Result<BlockedReport, Error> {
        let filter = SessionFilter {
            agents: filter.agents.clone(),
            projects: filter.projects.clone(),
            since: Some(since),
            or_open: true,
            ..SessionFilter::default()
        };
        let now = self.inner.clock.now();
        let histories = self
            .inner
            .read(|connection| sqlite::histories(connection, &filter))?;
        let sessions = histories.into_iter().map(|(row, transitions)| {
            let session = BlockedSession {
                key: row.view.key,
                title: row.view.title,
                project: row.view.project.map(|project| project.name),
                time: BlockedTime::default(),
            };
            (session, transitions)
        });
        let until = until.map_or(now, |until| until.min(now));
        Ok(blocked(sessions, zone, (since, until), limit))
    }
}
