//! `agentmon top`: the board in a terminal, always up to date.
//!
//! Everything shown comes from [`Monitor::board`], as with `agentmon status`, and for one session from
//! [`Monitor::session`] and [`Monitor::explain`]. [`app`] decides what is shown, [`draw`] and [`detail`] show it: both
//! are pure. Only [`screen`] and [`wake`] touch the terminal. Nothing is drawn unless something happened or a second
//! went by.

mod app;
mod detail;
mod draw;
mod list;
mod screen;
#[cfg(test)]
mod tests;
mod wake;

use std::io::Write;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::query::{Board, BoardQuery, RefreshOptions};

use super::words;
use crate::args::TopArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{Format, Output};
use app::{App, Opened, Then};
use screen::Screen;
use wake::Wake;

/// The least time between two looks at the board, however much happens.
const THROTTLE: Duration = Duration::from_millis(200);
/// How long the board is believed when nothing is heard: sessions grow too old for it, and a day ends.
const STALE: Duration = Duration::from_secs(60);

pub(super) fn run(args: &TopArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    if out.format != Format::Table || out.width.is_none() {
        return Err(Error::Usage(
            "`agentmon top` needs a terminal: use `agentmon status --json` or `agentmon watch --json`"
                .to_owned(),
        ));
    }
    let query = BoardQuery {
        agents: args.filter.agent.clone(),
        models: words(&args.filter.model),
        projects: cx.projects(&args.filter.project),
        hosts: words(&args.filter.host),
        ..BoardQuery::new(cx.zone().clone())
    };
    let monitor = cx.fresh_monitor(RefreshOptions {
        since: Some(cx.now - Board::RECENT),
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let wakes = wake::listen(&monitor)?;
    let _watching = monitor.start()?;
    let _playing = cx.play_demo()?;
    let mut app = App::new(cx.zone().clone(), out.palette);
    let mut screen = Screen::enter(out.raw())?;
    let ended = show(&mut app, &monitor, &query, &wakes, &mut screen);
    for message in screen.leave() {
        cx.warn(&message);
    }
    ended.map(|()| Exit::Done)
}

/// Shows the board until the user has seen enough.
fn show(
    app: &mut App,
    monitor: &Monitor,
    query: &BoardQuery,
    wakes: &Receiver<Wake>,
    screen: &mut Screen<impl Write>,
) -> Result<(), Error> {
    // Nothing is announced when another process keeps the database.
    let announced = monitor.other_writer().is_none();
    let mut stale = true;
    let mut looked = None;
    loop {
        let since = looked.map(|at: Instant| at.elapsed());
        let due = stale && since.is_none_or(|since| since >= THROTTLE);
        if due || since.is_none_or(|since| since >= STALE) {
            look(app, monitor, query);
            stale = false;
            looked = Some(Instant::now());
        }
        app.now = SystemClock.now();
        screen.draw(|frame| draw::frame(frame, app))?;

        let second = Duration::from_millis(1000 - app.now.0.rem_euclid(1000).unsigned_abs());
        let patience = if stale { second.min(THROTTLE) } else { second };
        let mut wake = wakes.recv_timeout(patience);
        stale |= !announced && wake == Err(RecvTimeoutError::Timeout);
        // Everything that is there, before it is shown.
        while let Ok(happened) = wake {
            match happened {
                Wake::Changed => stale = true,
                Wake::Resized => {}
                Wake::Stop => return Ok(()),
                Wake::Key(key) => match app.key(key) {
                    Then::Go => {}
                    Then::Open => {
                        stale = true;
                        looked = None;
                    }
                    Then::Quit => return Ok(()),
                },
            }
            wake = wakes.try_recv().map_err(|_| RecvTimeoutError::Timeout);
        }
        if wake == Err(RecvTimeoutError::Disconnected) {
            return Ok(());
        }
    }
}

/// Asks for what is shown. What cannot be had is told on the screen: it may be back in a moment.
fn look(app: &mut App, monitor: &Monitor, query: &BoardQuery) {
    let opened = app.open.clone().map(|key| {
        let id = key.to_string();
        let detail = Box::new(monitor.session(&id)?);
        let explanation = Box::new(monitor.explain(&id)?);
        Ok::<_, agentmon_core::Error>(Opened {
            detail,
            explanation,
        })
    });
    let seen = monitor
        .board(query)
        .and_then(|board| Ok((board, opened.transpose()?)));
    match seen {
        Ok((board, opened)) => app.show(board, opened),
        Err(error) => app.error = Some(error.to_string()),
    }
}
