//! The board: one question of which every frontend shows the answer.

use super::Monitor;
use crate::Error;
use crate::query::{
    Board, BoardQuery, Dimensions, ReportKind, SessionFilter, Sums, UsageFilter, UsageQuery, board,
};

impl Monitor {
    /// Who needs the user, who is working, what is wrong, and what today cost.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn board(&self, query: &BoardQuery) -> Result<Board, Error> {
        let now = self.inner.clock.now();
        let sessions = SessionFilter {
            agents: query.agents.clone(),
            models: query.models.clone(),
            projects: query.projects.clone(),
            hosts: query.hosts.clone(),
            ..Board::filter(now)
        };
        let mut board = board(
            self.sessions(&sessions)?.sessions,
            self.today(query)?,
            self.quotas()?,
            now,
        );
        board.budgets = self.budgets(&query.zone, self.config().week_start.value)?;
        Ok(board)
    }

    /// Usage of today, of what the query lets through.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn today(&self, query: &BoardQuery) -> Result<Sums, Error> {
        let now = self.inner.clock.now();
        let today = UsageQuery {
            by: Dimensions::default(),
            since: Some(query.zone.start_of(query.zone.date(now))),
            zone: query.zone.clone(),
            filter: UsageFilter {
                agents: query.agents.clone(),
                models: query.models.clone(),
                projects: query.projects.clone(),
                hosts: query.hosts.clone(),
                sessions: Vec::new(),
            },
            ..UsageQuery::new(ReportKind::Daily)
        };
        Ok(self.usage(&today)?.totals)
    }
}
