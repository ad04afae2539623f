//! Indexes a home folder's transcripts into a new database and searches it:
//! `cargo run --release --example bench_search [HOME]`.

use std::time::{Duration, Instant};

use agentmon_core::query::{EventFilter, RefreshOptions, SearchFilter, SearchOrder, SearchText};
use agentmon_core::source::Env;
use agentmon_core::{Error, Monitor};

/// Events whose words make up the queries.
const SAMPLED: usize = 5000;

fn main() -> Result<(), Error> {
    let mut env = Env::from_process();
    if let Some(home) = std::env::args_os().nth(1) {
        env = Env::at(home);
    }
    let data = std::env::temp_dir().join(format!("agentmon-bench-{}", std::process::id()));
    let monitor = Monitor::builder().env(env).data_dir(&data).open()?;
    monitor.refresh(&RefreshOptions::default())?;
    let before = cpu();
    let report = monitor.refresh(&RefreshOptions {
        content: true,
        ..RefreshOptions::default()
    })?;
    let spent = cpu() - before;
    let megabytes = report.bytes_read as f64 / 1e6;
    println!(
        "indexed {megabytes:.0} MB in {:.1} s, {:.1} CPU s: {:.0} MB per CPU second; peak memory {} MB",
        report.took.as_secs_f64(),
        spent.as_secs_f64(),
        megabytes / spent.as_secs_f64(),
        peak_memory() / 1_000_000,
    );

    let queries = queries(&monitor)?;
    for order in [SearchOrder::Newest, SearchOrder::Best] {
        let mut times = Vec::new();
        let mut hits = 0;
        for query in &queries {
            let filter = SearchFilter {
                text: SearchText::parse(query),
                order,
                ..SearchFilter::default()
            };
            let begin = Instant::now();
            hits += monitor.search(&filter)?.hits.len();
            times.push((begin.elapsed(), query));
        }
        times.sort();
        let at = |share: usize| times[(times.len() - 1) * share / 100].0.as_secs_f64() * 1e3;
        println!(
            "{:<6}  {} queries, {hits} hits: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms ({})",
            order.as_str(),
            times.len(),
            at(50),
            at(95),
            at(100),
            times[times.len() - 1].1,
        );
    }
    drop(monitor);
    // What is left behind is only a temporary folder.
    let _ = std::fs::remove_dir_all(&data);
    Ok(())
}

/// Words, pairs, phrases and beginnings of words as they occur in the text, common and rare ones.
fn queries(monitor: &Monitor) -> Result<Vec<String>, Error> {
    let page = monitor.events(&EventFilter {
        limit: SAMPLED,
        ..EventFilter::default()
    })?;
    let mut queries = vec!["zyzzyva".to_owned()];
    for (index, event) in page.events.iter().enumerate().step_by(SAMPLED / 200) {
        let mut words = event
            .text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| word.len() > 2)
            .skip(index % 7);
        if let (Some(first), Some(second)) = (words.next(), words.next()) {
            queries.push(match index % 4 {
                0 => first.to_owned(),
                1 => format!("{first} {second}"),
                2 => format!("\"{first} {second}\""),
                _ => format!("{}*", first.chars().take(4).collect::<String>()),
            });
        }
    }
    Ok(queries)
}

/// Processor time of this process so far, where the system says (Linux).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory that this process had so far, in bytes, where the system says (Linux).
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}
