//! A report that is drawn anew in its place whenever something changed.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use agentmon_core::Monitor;

use crate::error::Error;
use crate::output::Output;

/// Changes within this time are drawn at once.
const GATHER: Duration = Duration::from_millis(250);
/// Time passes for projections too, and another process's changes are not announced here.
const PASSING: Duration = Duration::from_secs(10);

/// Draws whenever something changed, until the program is stopped.
pub(super) fn run(
    monitor: &Monitor,
    out: &mut Output,
    mut draw: impl FnMut(&mut Output) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut subscription = monitor.subscribe();
    let _watching = monitor.start()?;
    // One place: a change that waits to be drawn stands for all that come meanwhile.
    let (send, changed) = sync_channel(1);
    std::thread::spawn(move || {
        while subscription.blocking_recv().is_some() {
            // Full is as good as sent.
            let _ = send.try_send(());
        }
    });
    loop {
        out.frame()?;
        draw(out)?;
        out.flush()?;
        match changed.recv_timeout(PASSING) {
            Ok(()) => std::thread::sleep(GATHER),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}
