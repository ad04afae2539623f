//! Prints what every model cost, day by day: `cargo run --release --example usage`.

use agentmon_core::query::{RefreshOptions, ReportKind, UsageQuery};
use agentmon_core::{Error, Monitor};

fn main() -> Result<(), Error> {
    let monitor = Monitor::builder().open()?;
    monitor.refresh(&RefreshOptions::default())?;
    let report = monitor.usage(&UsageQuery::new(ReportKind::Daily))?;
    for row in &report.rows {
        let (period, model) = (
            row.period.as_deref().unwrap_or(""),
            row.model.as_deref().unwrap_or(""),
        );
        println!(
            "{period} {model:30} {:>12} tokens {}",
            row.sums.usage.total(),
            row.sums.cost
        );
    }
    println!("{:?}", report.totals);
    Ok(())
}
