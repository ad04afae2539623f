//! A progress bar on a terminal, for work that takes longer than a moment.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use agentmon_core::query::{Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that is done within this time shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// Shows on standard error how far a refresh is.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    begin: Instant,
}

impl Bar {
    /// A bar if standard error is a terminal and the user did not ask for quiet.
    pub(crate) fn on_terminal(quiet: bool) -> Option<Self> {
        if quiet || !std::io::stderr().is_terminal() {
            return None;
        }
        Some(Self {
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            begin: Instant::now(),
        })
    }

    /// Shows the bar once the work takes long.
    fn show(&self) {
        if self.bar.is_hidden() && self.begin.elapsed() >= PATIENCE {
            self.bar
                .set_draw_target(ProgressDrawTarget::stderr_with_hz(8));
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn phase(&self, phase: Phase, total: Option<u64>) {
        let message = match phase {
            Phase::Discovering => "Looking for sessions",
            Phase::Accounting => "Reading usage",
            Phase::Content => "Reading timelines",
        };
        let template = if total.is_some() {
            "{msg} {bar:30} {bytes}/{total_bytes}"
        } else {
            "{msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style);
        }
        self.bar.set_message(message);
        self.bar.set_position(0);
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.show();
    }

    fn advance(&self, bytes: u64) {
        self.show();
        self.bar.inc(bytes);
    }
}
