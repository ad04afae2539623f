//! Sends events over some connections for some time, and notes how long each answer took.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::bodies::Bodies;
use crate::client::Client;
use crate::server::Server;
use crate::{BATCH, Result, Shape};

/// What to send, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) shape: Shape,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// Events after which it ends before its time.
    pub(crate) at_most: u64,
    /// Requests per second and connection; as many as possible without one.
    pub(crate) rate: Option<f64>,
}

/// What became of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Events that the server said it stored.
    pub(crate) acknowledged: u64,
    pub(crate) seconds: f64,
    /// How long each answer took, sorted.
    taken: Vec<Duration>,
}

impl Outcome {
    /// A percentile of the times, in milliseconds.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        percentile(&self.taken, part)
    }
}

/// A percentile of sorted times, in milliseconds.
pub(crate) fn percentile(sorted: &[Duration], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = sorted.get((last as f64 * part).round() as usize);
    at.map_or(0.0, Duration::as_secs_f64) * 1000.0
}

impl Load {
    pub(crate) async fn run(self, server: &Server, bodies: &mut Bodies) -> Result<Outcome> {
        let outcome = Rc::new(RefCell::new(Outcome::default()));
        let shared = Rc::new(RefCell::new(std::mem::replace(bodies, Bodies::new(1))));
        let begin = Instant::now();
        let local = tokio::task::LocalSet::new();
        let tasks: Vec<_> = (0..self.connections)
            .map(|_| {
                let (outcome, bodies) = (outcome.clone(), shared.clone());
                local.spawn_local(self.one(server.address, begin, outcome, bodies))
            })
            .collect();
        let mut failed = None;
        local
            .run_until(async {
                for task in tasks {
                    match task.await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => failed = Some(error),
                        Err(error) => failed = Some(error.into()),
                    }
                }
            })
            .await;
        if let Some(error) = failed {
            return Err(error);
        }
        *bodies = shared.replace(Bodies::new(1));
        let mut outcome = outcome.take();
        outcome.seconds = begin.elapsed().as_secs_f64();
        outcome.taken.sort_unstable();
        Ok(outcome)
    }

    async fn one(
        self,
        address: std::net::SocketAddr,
        begin: Instant,
        outcome: Rc<RefCell<Outcome>>,
        bodies: Rc<RefCell<Bodies>>,
    ) -> Result<()> {
        let mut client = Client::connect(address).await?;
        let (path, events) = match self.shape {
            Shape::Single | Shape::Identified => ("/api/events", 1),
            Shape::Batch | Shape::IdentifiedBatch => ("/api/events/batch", BATCH as u64),
            Shape::Otlp => ("/v1/logs", BATCH as u64),
        };
        let mut sent = 0.0;
        while begin.elapsed() < self.time && outcome.borrow().acknowledged < self.at_most {
            if let Some(rate) = self.rate {
                let due = Duration::from_secs_f64(sent / rate);
                tokio::time::sleep(due.saturating_sub(begin.elapsed())).await;
                sent += 1.0;
            }
            let body = bodies.borrow_mut().next(self.shape);
            let asked = Instant::now();
            let (status, answer) = client.ask("POST", path, &body).await?;
            let took = asked.elapsed();
            if !(200..300).contains(&status) {
                return Err(format!("{status}: {}", String::from_utf8_lossy(answer)).into());
            }
            let mut outcome = outcome.borrow_mut();
            outcome.acknowledged += events;
            outcome.taken.push(took);
        }
        Ok(())
    }
}
