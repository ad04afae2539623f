//! The live stream: topics that clients subscribe to, each computed and rendered once for all its clients.
//!
//! One task, the hub, owns all topics. It hears of changes, gathers them for a moment, asks the core what is new for each
//! topic that has clients, and puts the message into their outboxes. An outbox never makes it wait: a client that
//! does not read is let go.

mod board;
mod channel;
mod feed;
mod hub;
mod message;
mod outbox;
mod session;
mod socket;
mod topic;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentmon_core::model::Timestamp;
use tokio::sync::mpsc;

pub(crate) use hub::run;
pub(crate) use socket::serve;

use hub::Command;

/// Connections at a time.
const MAX_CONNECTIONS: usize = 64;
/// Commands of clients that wait for the hub.
const COMMANDS: usize = 1024;

/// Where live streams come from.
#[derive(Debug)]
pub(crate) struct Live {
    /// Tells this run of the server from the next one.
    pub(crate) epoch: Box<str>,
    /// When the server started.
    pub(crate) started: Timestamp,
    commands: mpsc::Sender<Command>,
    connections: AtomicUsize,
}

/// A connection's place. It is given back when dropped.
#[derive(Debug)]
struct Seat(Arc<Live>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the hub takes commands from.
pub(crate) type Commands = mpsc::Receiver<Command>;

impl Live {
    /// Streams that the hub feeds which takes these commands.
    pub(crate) fn new(started: Timestamp) -> (Arc<Self>, Commands) {
        let (commands, taken) = mpsc::channel(COMMANDS);
        let mut epoch = [0; 8];
        if getrandom::fill(&mut epoch).is_err() {
            // Without randomness the time tells runs apart.
            epoch = started.0.to_be_bytes();
        }
        let live = Self {
            epoch: epoch.iter().map(|byte| format!("{byte:02x}")).collect(),
            started,
            commands,
            connections: AtomicUsize::new(0),
        };
        (Arc::new(live), taken)
    }

    fn seat(self: &Arc<Self>) -> Option<Seat> {
        let taken = self
            .connections
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < MAX_CONNECTIONS).then_some(taken + 1)
            });
        taken.ok().map(|_| Seat(self.clone()))
    }
}
