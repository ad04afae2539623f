//! The present in a few figures, for lines that are asked for every second: cheap, from what is stored.

use super::Monitor;
use crate::Error;
use crate::model::{AgentKind, QuotaWindow, SessionKey, Timestamp};
use crate::query::{Block, Dimensions, Present, ReportKind, UsageFilter, UsageQuery, Zone};
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
