//! The hub of all streams: hears of commits, reads and renders what is new once, and hands it to every client.
//!
//! Who reads slowly misses frames and is let go; it comes back with `Last-Event-ID` and hears what it missed. Nobody
//! who reads slowly holds up the hub, or whoever stores events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentmon_core::Heard;
use agentmon_core::model::{Span, Timestamp};
use agentmon_core::query::{FeedRow, StatsFilter};
use agentmon_core::wire::events_api;
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval};

use super::frame::Frames;
use crate::app::App;
use crate::error::ApiError;

/// Frames that a client may be behind.
const RING: usize = 256;
/// Events that are read at a time.
const CHUNK: usize = 500;
/// Events that are older than this when they are stored come from history that is being read: no news.
const NEWS: Span = Span::from_mins(10);

/// Where streams come from.
#[derive(Debug)]
pub(crate) struct Hub {
    frames: broadcast::Sender<Arc<Frames>>,
    clients: AtomicUsize,
    max_clients: usize,
}

/// A client's place. It is given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<Hub>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Hub {
    pub(crate) fn new(max_clients: usize) -> Self {
        Self {
            frames: broadcast::channel(RING).0,
            clients: AtomicUsize::new(0),
            max_clients,
        }
    }

    /// How many clients there are.
    pub(crate) fn clients(&self) -> usize {
        self.clients.load(Ordering::Relaxed)
    }

    /// How many there may be.
    pub(crate) fn max_clients(&self) -> usize {
        self.max_clients
    }

    /// A place for a client, if there is one.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<(Seat, broadcast::Receiver<Arc<Frames>>)> {
        let taken = self
            .clients
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < self.max_clients).then_some(taken + 1)
            });
        taken
            .ok()
            .map(|_| (Seat(self.clone()), self.frames.subscribe()))
    }

    fn send(&self, frames: Frames) {
        // Nobody listening is no error.
        let _ = self.frames.send(Arc::new(frames));
    }
}

/// Whether an event is told to streams: history that is read from files is not.
pub(super) fn is_news(row: &FeedRow, now: Timestamp) -> bool {
    now - row.created_at <= NEWS
}

/// Runs the hub until the server stops.
pub(crate) async fn run(app: Arc<App>) {
    let mut committed = app.monitor.committed();
    let mut last = *committed.borrow_and_update();
    let mut changes = app.monitor.subscribe();
    let every = |period| {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let mut stats = every(app.settings.stats_interval);
    let mut heartbeat = every(app.settings.heartbeat);
    loop {
        tokio::select! {
            () = app.stopped() => return,
            changed = committed.changed() => {
                if changed.is_err() {
                    // The monitor is gone, or another process writes: there will be no news.
                    return app.stopped().await;
                }
                let newest = *committed.borrow_and_update();
                if app.hub.clients() == 0 {
                    last = newest;
                } else if let Err(error) = tell_events(&app, &mut last, newest).await {
                    tracing::warn!(?error, "streams miss events");
                    last = newest;
                }
            }
            heard = changes.recv() => match heard {
                Some(Heard::Update(update)) if app.hub.clients() > 0 => {
                    if let Some(frame) = events_api::session_frame(&update.change) {
                        app.hub.send(Frames::everybody(&frame));
                    }
                }
                Some(_) => {}
                None => return,
            },
            _ = stats.tick() => {
                if app.hub.clients() > 0 && let Err(error) = tell_stats(&app).await {
                    tracing::warn!(?error, "streams miss statistics");
                }
            }
            _ = heartbeat.tick() => app.hub.send(Frames::heartbeat()),
        }
    }
}

/// Tells the events after row `last` up to row `newest`.
async fn tell_events(app: &App, last: &mut i64, newest: i64) -> Result<(), ApiError> {
    while *last < newest {
        let after = *last;
        let (rows, now) = app
            .ask(move |monitor| Ok((monitor.feed_after(after, CHUNK)?, monitor.now())))
            .await?;
        let is_whole = rows.len() < CHUNK;
        *last = if is_whole {
            rows.last().map_or(newest, |row| row.id.max(newest))
        } else {
            rows.last().map_or(newest, |row| row.id)
        };
        let news: Vec<FeedRow> = rows.into_iter().filter(|row| is_news(row, now)).collect();
        if !news.is_empty() {
            app.hub.send(Frames::events(&news));
        }
    }
    Ok(())
}

async fn tell_stats(app: &App) -> Result<(), ApiError> {
    let timeout = app.settings.session_timeout;
    let (stats, quotas) = app
        .ask(move |monitor| {
            let stats = monitor.feed_stats(&StatsFilter::default(), timeout)?;
            Ok((stats, monitor.quotas()?))
        })
        .await?;
    app.hub
        .send(Frames::everybody(&events_api::stats_frame(&stats, &quotas)));
    Ok(())
}
