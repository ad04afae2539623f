//! What all routes share.

use std::sync::Arc;
use std::time::Instant;

use agentmon_core::gateways::Gateways;
use agentmon_core::{Error as CoreError, Monitor};
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::contracts::news::News;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::options::{Limits, Settings};
use crate::sources::Sources;
use crate::stream::Hub;
use crate::stream::live::Live;

/// Questions that are answered at a time: each keeps a thread and a connection to the database busy.
pub(crate) const READERS: usize = 4;
/// Questions that may wait for their turn.
const MAX_WAITING: usize = 256;

/// What all routes share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) monitor: Monitor,
    pub(crate) gateways: Gateways,
    pub(crate) limits: Limits,
    pub(crate) settings: Settings,
    pub(crate) access: Access,
    pub(crate) hub: Arc<Hub>,
    pub(crate) live: Arc<Live>,
    pub(crate) news: News,
    pub(crate) sources: Arc<Sources>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) started: Instant,
    /// Turns true when the server stops.
    pub(crate) stopping: watch::Receiver<bool>,
    pub(crate) readers: Readers,
}

/// The turns of questions.
#[derive(Debug)]
pub(crate) struct Readers {
    turns: Semaphore,
    places: Semaphore,
}

impl Default for Readers {
    fn default() -> Self {
        Self {
            turns: Semaphore::new(READERS),
            places: Semaphore::new(READERS + MAX_WAITING),
        }
    }
}

impl App {
    /// Waits until the server stops.
    pub(crate) async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // Whoever could tell is gone: that is a stop too.
        let _ = stopping.wait_for(|stop| *stop).await;
    }

    /// Asks the core something, on a thread that may wait for the disk.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Monitor) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let Ok(_place) = self.readers.places.try_acquire() else {
            return Err(ApiError::busy(
                "Too many questions are waiting for an answer",
            ));
        };
        let _turn = self.readers.turns.acquire().await;
        let monitor = self.monitor.clone();
        let asked = tokio::task::spawn_blocking(move || question(&monitor)).await;
        let answer = asked.map_err(|error| ApiError::internal(&error))?;
        Ok(answer?)
    }
}
