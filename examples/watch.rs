//! Prints every change of every session: `cargo run --example watch`.

use agentmon_core::{Error, Monitor, monitor::Heard};

fn main() -> Result<(), Error> {
    let monitor = Monitor::builder().open()?;
    let mut changes = monitor.subscribe();
    let _watching = monitor.start()?;
    while let Some(heard) = changes.blocking_recv() {
        match heard {
            Heard::Update(update) => println!("{:?}", update.change),
            Heard::Resync(missed) => println!("{missed} changes were missed"),
        }
    }
    Ok(())
}
