//! Everything that can wake the board: a key, another size, a change, the word to stop.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use agentmon_core::Monitor;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};

use crate::stop;

/// What woke the board.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// A key was pressed.
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    /// Some session changed.
    Changed,
    /// The process is to end.
    Stop,
}

/// Wakes that may wait.
const QUEUE: usize = 64;

/// Listens to the terminal, the monitor and the system.
pub(super) fn listen(monitor: &Monitor) -> io::Result<Receiver<Wake>> {
    let (wake, wakes) = sync_channel(QUEUE);
    let stop = wake.clone();
    stop::on_stop(move |_| {
        let _ = stop.send(Wake::Stop);
    })?;
    let terminal = wake.clone();
    spawn("agentmon-keys", move || keys(&terminal))?;
    let mut subscription = monitor.subscribe();
    spawn("agentmon-changes", move || {
        // What is missed is asked for anew in any case; a full queue holds a change already, or a person's keys.
        while subscription.blocking_recv().is_some() {
            let _ = wake.try_send(Wake::Changed);
        }
    })?;
    Ok(wakes)
}

/// Passes on what is typed until nobody listens, or the terminal is gone.
fn keys(wakes: &SyncSender<Wake>) {
    loop {
        let wake = match event::read() {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Wake::Key(key),
            Ok(Event::Resize(..)) => Wake::Resized,
            Ok(_) => continue,
            Err(_) => Wake::Stop,
        };
        if wakes.send(wake).is_err() || wake == Wake::Stop {
            return;
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.into()).spawn(run)?;
    Ok(())
}
