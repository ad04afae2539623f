//! The library's front door: wires sources, store, prices and clock; answers questions; watches.
//!
//! ```no_run
//! use agentmon_core::query::SessionFilter;
//! use agentmon_core::{Monitor, query::RefreshOptions};
//!
//! # fn main() -> Result<(), agentmon_core::Error> {
//! let monitor = Monitor::builder().open()?;
//! monitor.refresh(&RefreshOptions { want_state: true, ..RefreshOptions::default() })?;
//! for session in monitor.sessions(&SessionFilter::default())?.sessions {
//!     println!("{} {} {:?}", session.key, session.state, session.title);
//! }
//! # Ok(())
//! # }
//! ```

mod activity;
mod alerts;
mod board;
mod builder;
mod contracts;
mod export;
mod feed;
mod gateways;
mod hooks;
mod image;
mod import;
mod index;
mod ingest;
mod manual;
mod present;
mod queries;
mod refresh;
mod remote;
mod search;
mod transcript;
mod watch;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;
use tokio::sync::broadcast;

pub use builder::MonitorBuilder;
pub use manual::ManualCreated;
pub use remote::RemoteTask;
pub use watch::Watching;

use crate::Error;
use crate::clock::Clock;
use crate::config::Config;
use crate::ingest::queue::Queue;
use crate::model::Timestamp;
use crate::pricing::PriceBook;
use crate::session::StatePolicy;
use crate::source::{Env, FileFormat, Root};
use crate::store::sqlite::{Readers, StoreChange, Writer, suspect};
use crate::store::{StoreError, WriterLock};

/// Updates kept for subscribers that are slow. Who falls behind further is told to look anew.
const RING: usize = 4096;

/// Sees every session of every agent on this machine.
///
/// Cheap to clone: all clones are the same monitor.
#[derive(Debug, Clone)]
pub struct Monitor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    env: Env,
    config: Config,
    clock: Arc<dyn Clock>,
    formats: Vec<Box<dyn FileFormat>>,
    /// Those that the configuration switches off: told, never looked for.
    disabled: Vec<Box<dyn FileFormat>>,
    book: Arc<PriceBook>,
    policy: StatePolicy,
    /// The database file; `None` in memory.
    path: Option<PathBuf>,
    /// Where a damaged database was moved to on opening.
    moved_aside: Option<PathBuf>,
    /// `None` when another process writes.
    writer: Option<Mutex<Writer>>,
    readers: Option<Readers>,
    /// The other process that writes, 0 when it has not said who it is.
    other_writer: Option<u32>,
    updates: broadcast::Sender<Arc<Update>>,
    /// The event that was committed last; in a process that only reads it never changes.
    committed: tokio::sync::watch::Receiver<i64>,
    /// The way in for what others send, started with the first delivery.
    queue: OnceLock<Queue>,
    /// The sources that are reached over the network and run.
    remotes: remote::Remotes,
    /// Held as long as this process may write.
    _lock: Option<WriterLock>,
}

/// Something that changed, told after it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The session and what changed.
    pub change: StoreChange,
}

/// A stream of updates.
#[derive(Debug)]
pub struct Subscription {
    receiver: broadcast::Receiver<Arc<Update>>,
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A change.
    Update(Arc<Update>),
    /// So many updates were missed: ask anew for what is shown.
    Resync(u64),
}

impl Subscription {
    /// Waits for the next update; `None` when the monitor is gone.
    pub async fn recv(&mut self) -> Option<Heard> {
        heard(self.receiver.recv().await)
    }

    /// Waits for the next update, blocking the thread; `None` when the monitor is gone.
    ///
    /// # Panics
    /// When called inside an asynchronous task.
    pub fn blocking_recv(&mut self) -> Option<Heard> {
        heard(self.receiver.blocking_recv())
    }
}

fn heard(received: Result<Arc<Update>, broadcast::error::RecvError>) -> Option<Heard> {
    match received {
        Ok(update) => Some(Heard::Update(update)),
        Err(broadcast::error::RecvError::Lagged(missed)) => Some(Heard::Resync(missed)),
        Err(broadcast::error::RecvError::Closed) => None,
    }
}

impl Monitor {
    /// Settings of a monitor, all with defaults.
    #[must_use]
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }

    /// Hears of every change from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription {
            receiver: self.inner.updates.subscribe(),
        }
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The home folder and variables that it goes by.
    #[must_use]
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// The present, by the monitor's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// The prices in force.
    #[must_use]
    pub fn prices(&self) -> &PriceBook {
        &self.inner.book
    }

    /// The process that writes to the database, when it is another one. This one only reads then, and what it reads
    /// is as fresh as the other keeps it.
    #[must_use]
    pub fn other_writer(&self) -> Option<u32> {
        self.inner.other_writer
    }

    /// Where a damaged database was moved to on opening, if there was one.
    #[must_use]
    pub fn moved_aside(&self) -> Option<&PathBuf> {
        self.inner.moved_aside.as_ref()
    }

    /// Changes the store, if this process may.
    fn write<T>(
        &self,
        change: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        let Some(mut writer) = self.inner.writer() else {
            let pid = self.inner.other_writer.unwrap_or(0);
            return Err(StoreError::ReadOnly { pid }.into());
        };
        let changed = change(&mut writer);
        drop(writer);
        self.inner.noted(changed)
    }
}

impl Inner {
    /// The writer, if this process writes.
    fn writer(&self) -> Option<MutexGuard<'_, Writer>> {
        self.writer
            .as_ref()
            .map(|writer| writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads inside one transaction, without waiting for a writer that is busy.
    fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, Error> {
        // While others send, the writer is left to them.
        let is_shared = self.readers.is_some() && self.queue.get().is_some();
        if let Some(writer) = self.writer.as_ref().filter(|_| !is_shared) {
            // A free writer's connection is open and warm; in memory it is the only one.
            let guard = match (&self.readers, writer.try_lock()) {
                (_, Ok(guard)) => Some(guard),
                (None, Err(_)) => Some(writer.lock().unwrap_or_else(PoisonError::into_inner)),
                (Some(_), Err(_)) => None,
            };
            if let Some(guard) = guard {
                return self.noted(query(guard.connection()));
            }
        }
        match &self.readers {
            Some(readers) => self.noted(readers.read(query)),
            None => Err(StoreError::ReadOnly {
                pid: self.other_writer.unwrap_or(0),
            }
            .into()),
        }
    }

    /// Notes that damage was met, so that the database is checked when it is opened next.
    fn noted<T>(&self, result: Result<T, StoreError>) -> Result<T, Error> {
        if let (Err(StoreError::Damaged(_)), Some(path)) = (&result, &self.path)
            && self.writer.is_some()
        {
            suspect(path);
        }
        Ok(result?)
    }

    /// Lets time pass for sessions.
    fn tick(&self) -> Result<(), Error> {
        let Some(mut writer) = self.writer() else {
            return Ok(());
        };
        let changes = writer.tick(self.clock.now());
        drop(writer);
        self.publish(self.noted(changes)?);
        Ok(())
    }

    fn publish(&self, changes: Vec<StoreChange>) {
        for change in changes {
            // Nobody listening is no error.
            let _ = self.updates.send(Arc::new(Update { change }));
        }
    }

    /// The folders of a format: its own, and those that the user adds.
    fn roots(&self, format: &dyn FileFormat) -> Vec<Root> {
        let agent = format.agent();
        let mut roots = format.roots(&self.env);
        let extra = self.config.extra_roots(&agent).iter();
        roots.extend(extra.map(|path| Root {
            path: path.clone(),
            origin: "config",
        }));
        roots
    }
}
