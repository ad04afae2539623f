//! The terminal as long as the board has it, and as it was before, whatever happens.

use std::io::{self, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};

/// What other threads said when they panicked: on the board it would be seen by nobody for long.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether the terminal is ours.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal in raw mode on its other screen, until this is dropped.
#[derive(Debug)]
pub(super) struct Screen<W: Write> {
    terminal: Terminal<CrosstermBackend<W>>,
}

impl<W: Write> Screen<W> {
    /// Takes the terminal over.
    pub(super) fn enter(mut out: W) -> io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        TAKEN.store(true, Ordering::Relaxed);
        if let Err(error) = execute!(out, EnterAlternateScreen) {
            give_back(&mut out);
            return Err(error);
        }
        // The other screen is blank. `Terminal::clear` would ask where the cursor is, and the answer would be typed:
        // the thread that reads the keys takes it.
        Ok(Self {
            terminal: Terminal::new(CrosstermBackend::new(out))?,
        })
    }

    /// Draws what is different from what is there.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(render)?;
        Ok(())
    }

    /// Gives the terminal back, and tells what was held back meanwhile.
    pub(super) fn leave(self) -> Vec<String> {
        drop(self);
        let mut held_back = HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *held_back)
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        give_back(self.terminal.backend_mut());
    }
}

/// Gives the terminal back once: leaving the other screen again would put the cursor above a panic's message. A
/// terminal that is gone needs nothing back.
fn give_back(out: &mut impl Write) {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = execute!(out, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Shows a panic's message where it can be read. That of another thread waits: the board goes on without it.
fn give_back_on_panic() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().name() == Some("main") {
            give_back(&mut io::stdout());
            report(info);
        } else {
            let mut held_back = HELD_BACK.lock().unwrap_or_else(PoisonError::into_inner);
            held_back.push(info.to_string());
        }
    }));
}
