//! Taking in what others send.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;

use super::{Inner, Monitor};
use crate::Error;
use crate::ingest::queue::{Queue, Sink};
use crate::ingest::{Delivery, IngestError, IngestFigures, Pending, Receipt};
use crate::store::StoreError;

/// Events for which what can wait is done in one transaction: few enough that nobody waits long for it.
const BEHIND_AT_ONCE: usize = 512;

impl Monitor {
    /// Queues a delivery and returns at once; the answer tells when it is committed.
    ///
    /// # Errors
    /// [`IngestError::Full`] when too much is waiting; [`IngestError::Store`] when another process writes.
    pub fn offer(&self, delivery: Delivery) -> Result<Pending, IngestError> {
        self.offer_or_return(delivery).map_err(|(error, _)| error)
    }

    /// [`Monitor::offer`], handing back what was refused so that it can be offered again.
    pub(crate) fn offer_or_return(
        &self,
        delivery: Delivery,
    ) -> Result<Pending, (IngestError, Delivery)> {
        match self.queue() {
            Ok(queue) => queue.offer(delivery),
            Err(error) => Err((error, delivery)),
        }
    }

    /// The queue to the writer, started with the first delivery.
    fn queue(&self) -> Result<&Queue, IngestError> {
        let inner = &self.inner;
        if inner.writer.is_none() {
            let pid = inner.other_writer.unwrap_or(0);
            return Err(refused(StoreError::ReadOnly { pid }));
        }
        if inner.queue.get().is_none() {
            if let Some(Err(error)) = inner.writer().map(|mut writer| writer.expect_load()) {
                tracing::warn!(%error, "cannot keep more of the database in memory");
            }
            let monitor = Arc::downgrade(inner);
            let started = Queue::start(Storing { monitor }).map_err(|error| {
                tracing::error!(%error, "cannot start the thread that stores deliveries");
                IngestError::Stopped
            })?;
            // Somebody else may have been faster; this one's thread ends then.
            let _ = inner.queue.set(started);
        }
        inner.queue.get().ok_or(IngestError::Stopped)
    }

    /// Stores a delivery: what is acknowledged is committed and survives the end of the process.
    ///
    /// # Errors
    /// [`IngestError`]: then nothing of it is stored.
    pub async fn ingest(&self, delivery: Delivery) -> Result<Receipt, IngestError> {
        self.offer(delivery)?.committed().await
    }

    /// [`Monitor::ingest`], blocking the thread.
    ///
    /// # Errors
    /// [`IngestError`]: then nothing of it is stored.
    ///
    /// # Panics
    /// When called inside an asynchronous task.
    pub fn ingest_blocking(&self, delivery: Delivery) -> Result<Receipt, IngestError> {
        self.offer(delivery)?.blocking_committed()
    }

    /// How much waits to be stored, and how long storing takes.
    #[must_use]
    pub fn ingest_figures(&self) -> IngestFigures {
        let queue = self.inner.queue.get();
        queue.map(Queue::figures).unwrap_or_default()
    }

    /// Forgets what the configuration does not want kept, for about as long as `patience` lasts; whoever stores
    /// something meanwhile is let in. Returns whether there is more to forget. Watching files does this by itself.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn prune(&self, patience: Duration) -> Result<bool, Error> {
        self.inner.prune(self.inner.clock.now(), patience)
    }

    /// Lets time pass for sessions: a state can change because nothing happens. Watching files does this by itself.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn tick(&self) -> Result<(), Error> {
        self.inner.tick()
    }

    /// Tells the row of the event that was committed last, whenever that changes. Many commits may be told as one.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.inner.committed.clone()
    }
}

/// Stores what the queue holds.
struct Storing {
    monitor: Weak<Inner>,
}

impl Sink for Storing {
    fn commit(&mut self, deliveries: &[Delivery]) -> Result<Vec<Receipt>, IngestError> {
        let inner = self.monitor.upgrade().ok_or(IngestError::Stopped)?;
        let mut writer = inner.writer().ok_or(IngestError::Stopped)?;
        let result = writer.ingest(deliveries, inner.clock.now());
        drop(writer);
        let stored = inner.noted(result).map_err(|error| match error {
            Error::Store(error) => refused(error),
            _ => IngestError::Stopped,
        })?;
        inner.publish(stored.changes);
        Ok(stored.receipts)
    }

    fn catch_up(&mut self) -> bool {
        let Some(inner) = self.monitor.upgrade() else {
            return false;
        };
        let Some(mut writer) = inner.writer() else {
            return false;
        };
        let caught_up = writer.catch_up(BEHIND_AT_ONCE);
        drop(writer);
        inner.noted(caught_up).unwrap_or_else(|error| {
            // The next delivery brings another try.
            tracing::warn!(%error, "cannot do what waited for a quiet moment");
            false
        })
    }
}

fn refused(error: StoreError) -> IngestError {
    IngestError::Store(Arc::new(error))
}
