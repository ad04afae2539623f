//! Small writes of gateways and chats, one after the other, off the tasks that must not wait for the disk.

use tokio::sync::mpsc;

use crate::Monitor;

/// Writes that may wait.
const MAX_WAITING: usize = 1024;

type Job = Box<dyn FnOnce(&Monitor) + Send>;

/// The way to the task that writes. It ends when the last of these is dropped and everything is written.
#[derive(Debug, Clone)]
pub(super) struct Recorder(mpsc::Sender<Job>);

impl Recorder {
    /// Starts the task on the runtime at hand.
    pub(super) fn start(monitor: Monitor) -> Self {
        let (jobs, mut queued) = mpsc::channel::<Job>(MAX_WAITING);
        tokio::spawn(async move {
            while let Some(job) = queued.recv().await {
                let monitor = monitor.clone();
                if let Err(error) = tokio::task::spawn_blocking(move || job(&monitor)).await {
                    tracing::error!(%error, "a write of a gateway failed");
                }
            }
        });
        Self(jobs)
    }

    /// Has something written, behind what waits. Waits for room.
    pub(super) async fn write(&self, job: impl FnOnce(&Monitor) + Send + 'static) {
        // The task ends after the last sender: it is there.
        let _ = self.0.send(Box::new(job)).await;
    }
}
