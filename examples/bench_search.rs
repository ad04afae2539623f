//! Indexes a home folder's transcripts into a new database, asks for reports meanwhile, and searches it:
//! `cargo run --release --example bench_search [HOME]`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agentmon_core::query::{
    BoardQuery, EventFilter, RefreshOptions, ReportKind, SearchFilter, SearchOrder, SearchText,
    UsageQuery, Zone,
};
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
    let quiet = Questions::asked(&monitor, 20)?;
    let before = cpu();
    let content = RefreshOptions {
        content: true,
        ..RefreshOptions::default()
    };
    let done = AtomicBool::new(false);
    let (report, meanwhile) = thread::scope(|scope| {
        let asker = scope.spawn(|| -> Result<Questions, Error> {
            let mut questions = Questions::default();
            while !done.load(Ordering::Relaxed) {
                questions.ask(&monitor)?;
                // As often as somebody looks, not as often as possible: what is measured is the wait.
                thread::sleep(Duration::from_millis(500));
            }
            Ok(questions)
        });
        let report = monitor.refresh(&content);
        done.store(true, Ordering::Relaxed);
        (report, asker.join())
    });
    let report = report?;
    let spent = cpu() - before;
    quiet.print("before indexing");
    if let Ok(meanwhile) = meanwhile {
        meanwhile?.print("while indexing");
    }
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

/// How long reports took.
#[derive(Default)]
struct Questions {
    usage: Vec<Duration>,
    board: Vec<Duration>,
}

impl Questions {
    fn asked(monitor: &Monitor, times: usize) -> Result<Self, Error> {
        let mut questions = Self::default();
        for _ in 0..times {
            questions.ask(monitor)?;
        }
        Ok(questions)
    }

    /// Asks for all usage by day and for the board, as `agentmon usage` and `agentmon status` do.
    fn ask(&mut self, monitor: &Monitor) -> Result<(), Error> {
        let begin = Instant::now();
        monitor.usage(&UsageQuery::new(ReportKind::Daily))?;
        self.usage.push(begin.elapsed());
        let begin = Instant::now();
        monitor.board(&BoardQuery::new(Zone::utc()))?;
        self.board.push(begin.elapsed());
        Ok(())
    }

    fn print(mut self, when: &str) {
        for (what, times) in [("usage daily", &mut self.usage), ("board", &mut self.board)] {
            times.sort();
            let at = |share: usize| match times.len() {
                0 => 0.0,
                count => times[(count - 1) * share / 100].as_secs_f64() * 1e3,
            };
            println!(
                "{when}: {what} {} times: p50 {:.1} ms, p95 {:.1} ms, worst {:.1} ms",
                times.len(),
                at(50),
                at(95),
                at(100)
            );
        }
    }
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
