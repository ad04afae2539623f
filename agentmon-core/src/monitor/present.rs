//! The present in a few figures, for lines that are asked for every second: cheap, from what is stored.

use super::Monitor;
use crate::Error;
use crate::model::{AgentKind, NanoUsd, QuotaWindow, SessionKey, Timestamp};
use crate::query::{
    Block, Budget, BudgetPeriod, BudgetState, Dimensions, Present, ReportKind, UsageFilter,
    UsageQuery, WeekStart, Zone, project_matches,
};
use crate::source::piece::Piece;
use crate::store::sqlite;

impl Monitor {
    /// What is stored of one session, of today and of its agent's open five-hour window. Reads no file of an agent.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn present(&self, session: &SessionKey, zone: &Zone) -> Result<Present, Error> {
        let now = self.inner.clock.now();
        let today = self.usage(&UsageQuery {
            by: Dimensions::default(),
            since: Some(zone.start_of(zone.date(now))),
            zone: zone.clone(),
            ..UsageQuery::new(ReportKind::Daily)
        })?;
        let block = self.open_block(&session.agent, now)?;
        let session_cost = self
            .inner
            .read(|connection| sqlite::session_cost(connection, session))?;
        Ok(Present {
            session_cost,
            today: today.totals,
            block,
        })
    }

    /// The five-hour window of an agent that is open now.
    fn open_block(&self, agent: &AgentKind, now: Timestamp) -> Result<Option<Block>, Error> {
        let report = self.usage(&UsageQuery {
            by: Dimensions::default(),
            since: Some(now),
            filter: UsageFilter {
                agents: vec![agent.clone()],
                ..UsageFilter::default()
            },
            ..UsageQuery::new(ReportKind::Blocks)
        })?;
        let open = |block: &Block| block.projection.is_some();
        Ok(report.blocks.into_iter().find(open))
    }

    /// What is spent of each budget in the configuration.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn budgets(&self, zone: &Zone, week_start: WeekStart) -> Result<Vec<BudgetState>, Error> {
        let budgets = &self.inner.config.budgets;
        let mut states = Vec::with_capacity(budgets.len());
        for period in BudgetPeriod::ALL {
            let of_period = budgets.iter().map(|budget| &budget.value);
            let of_period: Vec<&Budget> =
                of_period.filter(|budget| budget.period == period).collect();
            if of_period.is_empty() {
                continue;
            }
            let today = zone.date(self.inner.clock.now());
            let since = zone.start_of(period.first_day(today, week_start));
            let report = self.usage(&UsageQuery {
                by: Dimensions {
                    project: true,
                    ..Dimensions::default()
                },
                since: Some(since),
                zone: zone.clone(),
                ..UsageQuery::new(ReportKind::Projects)
            })?;
            for budget in of_period {
                let rows = report.rows.iter().filter(|row| {
                    let project = row.project.as_ref().and_then(Option::as_ref);
                    let wanted = budget.project.as_deref();
                    wanted.is_none_or(|wanted| project_matches(project, wanted))
                });
                let spent = rows.map(|row| row.sums.cost);
                states.push(BudgetState {
                    budget: budget.clone(),
                    since,
                    spent: spent.fold(NanoUsd::ZERO, |sum, cost| sum + cost),
                });
            }
        }
        Ok(states)
    }

    /// Keeps what a client says of its plan limits. Does nothing when another process writes.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn record_quotas(&self, quotas: Vec<QuotaWindow>) -> Result<(), Error> {
        let mut piece = Piece::default();
        piece.batch.quotas = quotas;
        self.inner.append(vec![piece], self.inner.clock.now())
    }
}
