//! The bounded queue to the writer, and the one thread that empties it.
//!
//! The thread takes what is queued, stores it in one transaction and answers everybody who waited: the more who wait,
//! the less each of them costs. Who is answered is committed. A queue that is full says so at once. What can wait is
//! done while nothing is queued, and now and then even while there is.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::figures::Counted;
use super::{Delivery, IngestFigures, Receipt};
use crate::store::StoreError;

/// Deliveries that may wait.
const MAX_DELIVERIES: usize = 4096;
/// Bytes that may wait, about: a delivery that is alone may be larger.
const MAX_WAITING: usize = 32 << 20;
/// Bytes after which a transaction is closed, about, so that nobody waits long for others.
const MAX_GROUP: usize = 4 << 20;
/// How long to wait for those who sent something last time as well: one transaction for all of them costs far less than
/// one for the first and one for the others.
const GATHERING: Duration = Duration::from_micros(150);
/// Silence after which what can wait is done.
const QUIET: Duration = Duration::from_millis(20);
/// How long it waits at most, however much is sent.
const MAX_BEHIND: Duration = Duration::from_secs(1);

/// Where deliveries go.
pub(crate) trait Sink: Send + 'static {
    /// Stores deliveries in one transaction, and returns a receipt for each.
    fn commit(&mut self, deliveries: &[Delivery]) -> Result<Vec<Receipt>, IngestError>;

    /// Does a piece of what can wait. Returns whether there is more.
    fn catch_up(&mut self) -> bool;
}

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
    counted: Arc<Counted>,
}

impl Queue {
    /// Starts the thread.
    pub(crate) fn start(sink: impl Sink) -> io::Result<Self> {
        let (jobs, queued) = sync_channel(MAX_DELIVERIES);
        let counted = Arc::new(Counted::default());
        let shared = counted.clone();
        thread::Builder::new()
            .name("agentmon-store".into())
            .spawn(move || run(&queued, &shared, sink))?;
        Ok(Self { jobs, counted })
    }

    /// What waits and what was stored.
    pub(crate) fn figures(&self) -> IngestFigures {
        self.counted.figures()
    }

    /// Queues a delivery, or hands it back.
    pub(crate) fn offer(&self, delivery: Delivery) -> Result<Pending, (IngestError, Delivery)> {
        let weight = weight(&delivery);
        let counted = &self.counted;
        let before = counted.waiting_bytes.fetch_add(weight, Ordering::Relaxed);
        counted.waiting.fetch_add(1, Ordering::Relaxed);
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
                counted.waiting_bytes.fetch_sub(weight, Ordering::Relaxed);
                counted.waiting.fetch_sub(1, Ordering::Relaxed);
                counted.refused.fetch_add(1, Ordering::Relaxed);
                Err((error, job.delivery))
            }
        }
    }
}

fn run(queued: &Receiver<Job>, counted: &Counted, mut sink: impl Sink) {
    // What an earlier process left behind.
    let mut behind = true;
    let mut caught_up = Instant::now();
    let mut usual = 1;
    loop {
        let first = if behind {
            queued.recv_timeout(QUIET)
        } else {
            queued.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        let first = match first {
            Ok(first) => first,
            Err(RecvTimeoutError::Timeout) => {
                behind = sink.catch_up();
                caught_up = Instant::now();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut group = Group::new(first);
        group.take(queued);
        if group.jobs() < usual {
            thread::sleep(GATHERING);
            group.take(queued);
        }
        usual = group.jobs();
        let begin = Instant::now();
        let results = settle(&group.deliveries, &mut sink);
        counted.committed(begin.elapsed());
        counted
            .waiting_bytes
            .fetch_sub(group.weight, Ordering::Relaxed);
        counted.waiting.fetch_sub(usual, Ordering::Relaxed);
        let stored = results.iter().filter(|result| result.is_ok()).count();
        counted.stored.fetch_add(stored as u64, Ordering::Relaxed);
        for (answer, result) in group.answers.into_iter().zip(results) {
            // Who does not wait any more has lost nothing: it is stored.
            let _ = answer.send(result);
        }
        behind = true;
        if caught_up.elapsed() > MAX_BEHIND {
            behind = sink.catch_up();
            caught_up = Instant::now();
        }
    }
}

/// Deliveries that are stored together.
#[derive(Debug)]
struct Group {
    weight: usize,
    deliveries: Vec<Delivery>,
    answers: Vec<oneshot::Sender<Result<Receipt, IngestError>>>,
}

impl Group {
    fn new(first: Job) -> Self {
        Self {
            weight: first.weight,
            deliveries: vec![first.delivery],
            answers: vec![first.answer],
        }
    }

    fn jobs(&self) -> usize {
        self.deliveries.len()
    }

    /// Takes what is queued, as long as there is room.
    fn take(&mut self, queued: &Receiver<Job>) {
        while self.weight < MAX_GROUP
            && let Ok(next) = queued.try_recv()
        {
            self.weight += next.weight;
            self.deliveries.push(next.delivery);
            self.answers.push(next.answer);
        }
    }
}

/// Stores deliveries together or, when that fails for a reason that may lie in one of them, each alone: nobody pays
/// for another's.
fn settle(deliveries: &[Delivery], sink: &mut impl Sink) -> Vec<Result<Receipt, IngestError>> {
    let error = match sink.commit(deliveries) {
        Ok(receipts) => return receipts.into_iter().map(Ok).collect(),
        Err(error) => error,
    };
    if deliveries.len() == 1 || !is_about_content(&error) {
        return vec![Err(error); deliveries.len()];
    }
    let each = deliveries.iter().map(|delivery| {
        let mut receipts = sink.commit(std::slice::from_ref(delivery))?;
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
