//! The bounded queue to the writer, and the one thread that empties it.
//!
//! The thread takes what is queued, stores it in one transaction and answers everybody who waited: the more who wait,
//! the less each of them costs. Who is answered is committed. A queue that is full says so at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use super::{Delivery, Receipt};
use crate::store::StoreError;

/// Deliveries that may wait.
const MAX_DELIVERIES: usize = 4096;
/// Bytes that may wait, about: a delivery that is alone may be larger.
const MAX_WAITING: usize = 32 << 20;
/// Bytes after which a transaction is closed, about, so that nobody waits long for others.
const MAX_GROUP: usize = 4 << 20;

/// Why a delivery was not stored.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IngestError {
    /// Too much is waiting already. Try again in a moment.
    #[error("too many deliveries are waiting to be stored; try again in a moment")]
    Full,
    /// The monitor is shutting down, or could not start its writer.
    #[error("nothing is stored any more")]
    Stopped,
    /// The store refused it.
    #[error(transparent)]
    Store(Arc<StoreError>),
}

/// A delivery on its way.
#[derive(Debug)]
pub struct Pending {
    answer: oneshot::Receiver<Result<Receipt, IngestError>>,
}

impl Pending {
    /// Waits until the delivery is committed.
    ///
    /// # Errors
    /// [`IngestError`]: then nothing of it is stored.
    pub async fn committed(self) -> Result<Receipt, IngestError> {
        self.answer.await.unwrap_or(Err(IngestError::Stopped))
    }

    /// Waits until the delivery is committed, blocking the thread.
    ///
    /// # Errors
    /// [`IngestError`]: then nothing of it is stored.
    ///
    /// # Panics
    /// When called inside an asynchronous task.
    pub fn blocking_committed(self) -> Result<Receipt, IngestError> {
        self.answer
            .blocking_recv()
            .unwrap_or(Err(IngestError::Stopped))
    }
}

#[derive(Debug)]
struct Job {
    delivery: Delivery,
    weight: usize,
    answer: oneshot::Sender<Result<Receipt, IngestError>>,
}

/// The queue. Its thread ends when it is dropped and what was queued is stored.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

impl Queue {
    /// Starts the thread. `commit` stores deliveries in one transaction, and returns a receipt for each.
    pub(crate) fn start(
        commit: impl FnMut(&mut [Delivery]) -> Result<Vec<Receipt>, IngestError> + Send + 'static,
    ) -> io::Result<Self> {
        let (jobs, queued) = sync_channel(MAX_DELIVERIES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let left = waiting.clone();
        thread::Builder::new()
            .name("agentmon-store".into())
            .spawn(move || run(&queued, &left, commit))?;
        Ok(Self { jobs, waiting })
    }

    /// Queues a delivery, or hands it back.
    pub(crate) fn offer(&self, delivery: Delivery) -> Result<Pending, (IngestError, Delivery)> {
        let weight = weight(&delivery);
        let before = self.waiting.fetch_add(weight, Ordering::Relaxed);
        let (answer, waits) = oneshot::channel();
        let job = Job {
            delivery,
            weight,
            answer,
        };
        let refused = if before > 0 && before.saturating_add(weight) > MAX_WAITING {
            Some((IngestError::Full, job))
        } else {
            match self.jobs.try_send(job) {
                Ok(()) => None,
                Err(TrySendError::Full(job)) => Some((IngestError::Full, job)),
                Err(TrySendError::Disconnected(job)) => Some((IngestError::Stopped, job)),
            }
        };
        match refused {
            None => Ok(Pending { answer: waits }),
            Some((error, job)) => {
                self.waiting.fetch_sub(weight, Ordering::Relaxed);
                Err((error, job.delivery))
            }
        }
    }
}

fn run(
    queued: &Receiver<Job>,
    waiting: &AtomicUsize,
    mut commit: impl FnMut(&mut [Delivery]) -> Result<Vec<Receipt>, IngestError>,
) {
    while let Ok(first) = queued.recv() {
        let mut weight = first.weight;
        let mut answers = vec![first.answer];
        let mut deliveries = vec![first.delivery];
        while weight < MAX_GROUP
            && let Ok(next) = queued.try_recv()
        {
            weight += next.weight;
            answers.push(next.answer);
            deliveries.push(next.delivery);
        }
        let results = settle(&mut deliveries, &mut commit);
        waiting.fetch_sub(weight, Ordering::Relaxed);
        for (answer, result) in answers.into_iter().zip(results) {
            // Who does not wait any more has lost nothing: it is stored.
            let _ = answer.send(result);
        }
    }
}

/// Stores deliveries together or, when that fails for a reason that may lie in one of them, each alone: nobody pays
/// for another's.
fn settle(
    deliveries: &mut [Delivery],
    commit: &mut impl FnMut(&mut [Delivery]) -> Result<Vec<Receipt>, IngestError>,
) -> Vec<Result<Receipt, IngestError>> {
    let error = match commit(deliveries) {
        Ok(receipts) => return receipts.into_iter().map(Ok).collect(),
        Err(error) => error,
    };
    if deliveries.len() == 1 || !is_about_content(&error) {
        return vec![Err(error); deliveries.len()];
    }
    let each = deliveries.iter_mut().map(|delivery| {
        let mut receipts = commit(std::slice::from_mut(delivery))?;
        receipts.pop().ok_or(IngestError::Stopped)
    });
    each.collect()
}

fn is_about_content(error: &IngestError) -> bool {
    match error {
        IngestError::Store(error) => {
            matches!(**error, StoreError::Sqlite(_) | StoreError::Value { .. })
        }
        IngestError::Full | IngestError::Stopped => false,
    }
}

/// About how many bytes a delivery takes.
fn weight(delivery: &Delivery) -> usize {
    /// What a row takes beside its texts.
    const ROW: usize = 512;
    match delivery {
        Delivery::Posted(events) => {
            let bytes = events
                .iter()
                .map(|event| ROW + event.metadata.len() + event.text.len());
            bytes.sum()
        }
        Delivery::Observed(batch) => {
            let texts: usize = batch.events.iter().map(|event| event.text.len()).sum();
            let rows = batch.events.len()
                + batch.calls.len()
                + batch.evidence.len()
                + batch.sessions.len();
            texts + rows * ROW
        }
    }
}
