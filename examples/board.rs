//! Prints a live board, anew whenever something changes: `cargo run --example board`.

use std::time::{Duration, Instant};

use agentmon_core::query::{BoardQuery, RefreshOptions, Zone};
use agentmon_core::{Error, Monitor};

fn main() -> Result<(), Error> {
    let monitor = Monitor::builder().open()?;
    monitor.refresh(&RefreshOptions {
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let mut changes = monitor.subscribe();
    let _watching = monitor.start()?;
    let query = BoardQuery::new(Zone::utc());
    loop {
        let board = monitor.board(&query)?;
        println!("--- {}, today {}", board.at, board.today.cost);
        for session in board
            .needs_you
            .iter()
            .chain(&board.stalled)
            .chain(&board.working)
        {
            // Text from agents is hostile: `{:?}` keeps it from acting on the terminal.
            println!(
                "{:<12} {:<24} {:?}",
                session.state,
                session.reason.to_string(),
                session.title
            );
        }
        // Waits for a change, then lets others join it: one look answers for all of them.
        let until = Instant::now() + Duration::from_millis(500);
        if changes.blocking_recv().is_none() {
            return Ok(());
        }
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
        changes = monitor.subscribe();
    }
}
