//! The home folder behind `--demo`: written for one command, gone after it.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::demo::{Demo, DemoOptions, Process};
use agentmon_core::source::Env;
use tempfile::TempDir;

use crate::error::Error;
use crate::stop;

/// Variables that also count in a demo.
const KEPT: [&str; 2] = ["TZ", "AGENTMON_TIMEZONE"];

/// A made-up home in a temporary folder.
#[derive(Debug)]
pub(crate) struct DemoHome {
    env: Env,
    /// What is still to happen in it, until somebody plays it.
    demo: Mutex<Option<Demo>>,
    folder: TempDir,
}

impl DemoHome {
    /// Writes it. This very process stands in for those of the agents.
    pub(crate) fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("agentmon-demo-")
            .tempdir()
            .map_err(Error::Demo)?;
        let options = DemoOptions {
            process: Process::own(),
            ..DemoOptions::default()
        };
        let demo = Demo::write(folder.path(), &options, SystemClock.now()).map_err(Error::Demo)?;
        let mut env = demo.env();
        for name in KEPT {
            if let Ok(value) = std::env::var(name) {
                env = env.with(name, value);
            }
        }
        Ok(Self {
            env,
            demo: Mutex::new(Some(demo)),
            folder,
        })
    }

    /// The environment of somebody whose home this is.
    pub(crate) fn env(&self) -> Env {
        self.env.clone()
    }

    /// Lets things happen in it as long as what is returned is kept.
    pub(crate) fn play(&self) -> Result<Playing, Error> {
        let demo = self
            .demo
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        Playing::start(demo)
    }

    /// Removes the folder when the process is told to stop: then nothing is dropped.
    pub(crate) fn remove_on_stop(&self) -> Result<(), Error> {
        let folder = self.folder.path().to_owned();
        stop::on_stop(move |signal| {
            // There is nobody left to be told that something stayed behind.
            let _ = std::fs::remove_dir_all(folder);
            stop::die_of(signal);
        })
        .map_err(Error::Demo)
    }
}

/// A demo that goes on until this is dropped.
#[derive(Debug)]
pub(crate) struct Playing {
    stop: SyncSender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Playing {
    /// Plays a demo in a thread of its own; without one, there is nothing to do.
    pub(crate) fn start(demo: Option<Demo>) -> Result<Self, Error> {
        let (stop, stopped) = sync_channel(1);
        let play = move |mut demo: Demo| {
            let mut patience = Duration::ZERO;
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(patience) {
                // A folder that is gone ends the play.
                let Ok(next) = demo.advance(SystemClock.now()) else {
                    return;
                };
                let wait = next.map_or(1000, |next| (next - SystemClock.now()).0);
                patience = Duration::from_millis(wait.clamp(50, 1000).unsigned_abs());
            }
        };
        let thread = demo.map(|demo| {
            std::thread::Builder::new()
                .name("agentmon-demo".into())
                .spawn(move || play(demo))
        });
        let thread = thread.transpose().map_err(Error::Demo)?;
        Ok(Self { stop, thread })
    }
}

impl Drop for Playing {
    fn drop(&mut self) {
        // A thread that is gone needs no word.
        let _ = self.stop.try_send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
