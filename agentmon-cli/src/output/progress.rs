//! A progress bar on a terminal, for work that takes longer than a moment.

use std::io::IsTerminal;
use std::time::Duration;

use agentmon_core::query::{Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows on standard error how far a refresh is.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar if standard error is a terminal and the user did not ask for quiet.
    pub(crate) fn on_terminal(quiet: bool) -> Option<Self> {
        if quiet || !std::io::stderr().is_terminal() {
            return None;
        }
        // Four times a second: short work ends before anything was drawn.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
        Some(Self(bar))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
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
            "{msg} {spinner}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_message(message);
        self.0.set_position(0);
        if let Some(total) = total {
            self.0.set_length(total);
        } else {
            self.0.enable_steady_tick(Duration::from_millis(250));
        }
    }

    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}
