//! How the sources fare, as it was seen last. Looking walks through the folders of every agent: whoever has others to
//! serve meanwhile takes what is known, and has it looked at again behind.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::query::SourceReport;

use crate::app::App;
use crate::error::ApiError;

/// How old a look may be before there is another.
const MAX_AGE: Duration = Duration::from_secs(25);

/// What one look found.
type Reports = Arc<Vec<SourceReport>>;

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    seen: Mutex<Option<(Instant, Reports)>>,
    looking: AtomicBool,
}

impl Sources {
    fn last(&self) -> Option<(Instant, Reports)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    fn keep(&self, reports: Vec<SourceReport>) -> Reports {
        let reports = Arc::new(reports);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Some((Instant::now(), reports.clone()));
        reports
    }

    /// Looks in the background, unless somebody does.
    pub(crate) fn look(self: &Arc<Self>, monitor: &Monitor) {
        if self.looking.swap(true, Ordering::Relaxed) {
            return;
        }
        let (sources, monitor) = (self.clone(), monitor.clone());
        tokio::task::spawn_blocking(move || {
            match monitor.sources() {
                Ok(reports) => drop(sources.keep(reports)),
                Err(error) => tracing::warn!(%error, "cannot tell how the sources fare"),
            }
            sources.looking.store(false, Ordering::Relaxed);
        });
    }
}

impl App {
    /// How the sources fared not long ago. Waits only where nobody has looked yet.
    pub(crate) async fn sources(&self) -> Result<Reports, ApiError> {
        match self.sources.last() {
            Some((at, reports)) => {
                if at.elapsed() > MAX_AGE {
                    self.sources.look(&self.monitor);
                }
                Ok(reports)
            }
            None => Ok(self.sources.keep(self.ask(Monitor::sources).await?)),
        }
    }
}
