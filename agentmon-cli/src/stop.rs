//! Being told to stop: Ctrl-C, `kill`, a terminal that is closed.

use std::io;

/// Calls `act` once, in a thread of its own, when the process is told to stop, instead of stopping it.
#[cfg(unix)]
pub(crate) fn on_stop(act: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::Builder::new()
        .name("agentmon-stop".into())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                act(signal);
            }
        })?;
    Ok(())
}

/// Ends the process as `signal` would have ended it.
#[cfg(unix)]
pub(crate) fn die_of(signal: i32) {
    // It does not return unless the signal was none to die of.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// Elsewhere nothing is called: the process just ends.
#[cfg(not(unix))]
pub(crate) fn on_stop(act: impl FnOnce(i32) + Send + 'static) -> io::Result<()> {
    drop(act);
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn die_of(_signal: i32) {}
