//! Sources that are reached over the network: what such a source must do, and what it is given.
//!
//! A source knows its protocol and nothing else: one call of [`RemoteSource::run`] is one connection. The monitor
//! (`monitor/remote.rs`) starts it again after a break, waits longer each time, and shows how it fares. Nothing here
//! knows an agent or opens a connection.

use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::Monitor;
use crate::ingest::{Delivery, IngestError, Receipt};
use crate::model::{AgentKind, Batch, SessionKey, Timestamp};

/// How long to wait before offering again what the store had no room for.
const PAUSE: Duration = Duration::from_millis(200);

/// A source that is reached over the network.
#[async_trait]
pub trait RemoteSource: Debug + Send + 'static {
    /// The protocol (`sessions_api`), as it is shown and logged.
    fn name(&self) -> &'static str;

    /// The agent whose sessions it tells of, where it does not say otherwise.
    fn agent(&self) -> AgentKind;

    /// Where it connects to, as it is shown and logged: without secrets.
    fn address(&self) -> String;

    /// What named that address: a variable, `config`.
    fn origin(&self) -> &'static str;

    /// Connects and delivers what it hears, until the connection ends. Ending in order is a break like any other. What is
    /// remembered in `self` survives it. Must return soon once [`RemoteContext::stopped`] does; may be dropped at any
    /// `await` then.
    ///
    /// # Errors
    /// [`RemoteError`]: why the connection ended.
    async fn run(&mut self, cx: &RemoteContext) -> Result<(), RemoteError>;

    /// What a break means for the sessions that only this source tells of, usually
    /// [`Signal::Uncovered`](crate::session::Signal::Uncovered). Called once for each break, not for each try.
    fn lost(&mut self, error: &RemoteError, now: Timestamp, out: &mut Batch) {
        let _ = (error, now, out);
    }
}

/// Why a connection ended. The texts are shown to the user: never a secret, never content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// Nobody answers there, or no longer.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// It answers and does not let us in.
    #[error("refuses: {0}")]
    Refused(String),
    /// It wants to be asked less often.
    #[error("asks to wait {} s", after.as_secs())]
    TooOften {
        /// How long to wait.
        after: Duration,
    },
    /// It speaks another language.
    #[error("does not answer as expected: {0}")]
    Protocol(String),
    /// What it said could not be stored here.
    #[error("what it said cannot be stored: {0}")]
    Store(String),
}

impl From<IngestError> for RemoteError {
    fn from(error: IngestError) -> Self {
        Self::Store(error.to_string())
    }
}

/// How a source that is reached over the network fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteState {
    /// It tries to connect for the first time.
    Connecting,
    /// It is connected since then.
    Connected(Timestamp),
    /// It is not connected since then, and is going to try again.
    Lost(Timestamp, RemoteError),
}

impl RemoteState {
    /// Since when it is so, if it has ever been anything but on its way.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Connecting => None,
            Self::Connected(since) | Self::Lost(since, _) => Some(*since),
        }
    }
}

/// The sessions of which only a remote source tells.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashSet<SessionKey>>);

impl Claims {
    fn all(&self) -> MutexGuard<'_, HashSet<SessionKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has(&self, key: &SessionKey) -> bool {
        self.all().contains(key)
    }

    pub(crate) fn count(&self) -> u64 {
        self.all().len() as u64
    }
}

/// What a remote source is given.
#[derive(Debug)]
pub struct RemoteContext {
    pub(crate) monitor: Monitor,
    pub(crate) state: tokio::sync::watch::Sender<RemoteState>,
    pub(crate) stopping: tokio::sync::watch::Receiver<bool>,
    pub(crate) claims: Arc<Claims>,
}

impl RemoteContext {
    /// The present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.monitor.now()
    }

    /// The monitor, for asking what is known already.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Says that the connection stands: the other side has let us in and speaks our language.
    pub fn connected(&self) {
        let now = self.now();
        self.state.send_if_modified(|state| {
            let is_news = !matches!(state, RemoteState::Connected(_));
            if is_news {
                *state = RemoteState::Connected(now);
            }
            is_news
        });
    }

    /// Says that only this source tells of a session. What was learnt so is not handed on to another agentmon that asks:
    /// two that watch each other would hear of themselves.
    pub fn claim(&self, session: &SessionKey) {
        let mut all = self.claims.all();
        if !all.contains(session) {
            all.insert(session.clone());
        }
    }

    /// Stores what was heard, and returns when it is committed. Waits where others have filled the queue.
    ///
    /// # Errors
    /// [`IngestError`]: then nothing of it is stored.
    pub async fn deliver(&self, batch: Batch) -> Result<Receipt, IngestError> {
        let mut delivery = Delivery::Observed(Box::new(batch));
        loop {
            match self.monitor.offer_or_return(delivery) {
                Ok(pending) => return pending.committed().await,
                Err((IngestError::Full, returned)) => delivery = returned,
                Err((error, _)) => return Err(error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until the monitor wants no more.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // Whoever could tell is gone: that is a stop too.
        let _ = stopping.wait_for(|stop| *stop).await;
    }
}
