//! Figures about the way into the store: how much waits, and how long transactions take.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper ends of the classes that transactions are counted in, in microseconds.
const ENDS: [u64; 9] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 1_000_000,
];

/// Figures about the way into the store, at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct IngestFigures {
    /// Deliveries that wait to be stored.
    pub waiting: u64,
    /// Bytes that they take, about.
    pub waiting_bytes: u64,
    /// Deliveries that were refused because too much was waiting.
    pub refused: u64,
    /// Deliveries that were stored.
    pub stored: u64,
    /// Transactions that stored them, those that failed included.
    pub commits: u64,
    /// How long all of them took together.
    pub commit_time: Duration,
    /// How many of them took up to so long, each class with those before it.
    pub commits_within: Vec<(Duration, u64)>,
}

/// The figures as they are counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) waiting: AtomicUsize,
    pub(super) waiting_bytes: AtomicUsize,
    pub(super) refused: AtomicU64,
    pub(super) stored: AtomicU64,
    commits: AtomicU64,
    nanoseconds: AtomicU64,
    /// By [`ENDS`]; what took longer is in none.
    classes: [AtomicU64; ENDS.len()],
}

impl Counted {
    /// A transaction ended.
    pub(super) fn committed(&self, took: Duration) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
        let class = ENDS
            .iter()
            .position(|end| took <= Duration::from_micros(*end));
        if let Some(class) = class {
            self.classes[class].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of them, now.
    pub(super) fn figures(&self) -> IngestFigures {
        let mut so_far = 0;
        let within = ENDS.iter().zip(&self.classes).map(|(end, class)| {
            so_far += class.load(Ordering::Relaxed);
            (Duration::from_micros(*end), so_far)
        });
        IngestFigures {
            waiting: self.waiting.load(Ordering::Relaxed) as u64,
            waiting_bytes: self.waiting_bytes.load(Ordering::Relaxed) as u64,
            refused: self.refused.load(Ordering::Relaxed),
            stored: self.stored.load(Ordering::Relaxed),
            commits_within: within.collect(),
            commits: self.commits.load(Ordering::Relaxed),
            commit_time: Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)),
        }
    }
}
