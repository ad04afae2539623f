//! How fast a change is published, and what watching costs: `cargo run --release --example bench_live -- [FILES]`.
//!
//! Makes a home folder with that many transcripts (15,000 unless told) in a temporary place, watches it, and prints how
//! long it takes from an append until subscribers hear of it, the processor time of doing nothing, and what one append
//! each second costs in processor time and bytes read. The last two need Linux.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agentmon_core::config::Config;
use agentmon_core::monitor::Heard;
use agentmon_core::query::SessionFilter;
use agentmon_core::source::Env;
use agentmon_core::{Error, Monitor, Subscription};

/// Transcripts in one project's folder.
const PER_PROJECT: usize = 100;
/// Lines in a transcript to begin with.
const LINES: usize = 6;
/// Appends whose way is timed.
const APPENDS: usize = 300;
/// Time between them.
const PAUSE: Duration = Duration::from_millis(30);
/// How long nothing is done: longer than a look at everything takes to come around.
const IDLE: Duration = Duration::from_secs(35);
/// How long one append is made each second.
const STEADY: u32 = 30;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = std::env::args()
        .nth(1)
        .map_or(Ok(15_000), |count| count.parse())?;
    let home = Home::make(files)?;
    println!("{files} files, {LINES} lines each");

    let begin = Instant::now();
    let cpu = cpu();
    let monitor = home.monitor()?;
    let mut subscription = monitor.subscribe();
    let watching = monitor.start()?;
    while monitor
        .sessions(&SessionFilter {
            limit: Some(1),
            ..SessionFilter::default()
        })?
        .matching
        < files as u64
    {
        std::thread::sleep(Duration::from_millis(50));
    }
    // Indexing is behind.
    settle();
    println!(
        "first look: {:.1} s, {:.2} s of processor time",
        begin.elapsed().as_secs_f64(),
        self::cpu() - cpu
    );

    let mut taken = Vec::with_capacity(APPENDS);
    for number in 0..APPENDS {
        taken.push(home.append_and_hear(number * 37 % files, LINES + number, &mut subscription)?);
        std::thread::sleep(PAUSE);
    }
    taken.sort_unstable();
    let at = |part: f64| taken[((taken.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "append to published: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        at(0.5),
        at(0.99),
        at(1.0)
    );

    settle();
    let (cpu, read) = (self::cpu(), bytes_read());
    std::thread::sleep(IDLE);
    let idle = self::cpu() - cpu;
    println!(
        "idle for {} s: {:.3} s of processor time ({:.2} % of a core), {} bytes read",
        IDLE.as_secs(),
        idle,
        100.0 * idle / IDLE.as_secs_f64(),
        bytes_read() - read
    );

    let (cpu, read) = (self::cpu(), bytes_read());
    let mut appended = 0;
    for second in 0..STEADY {
        let next = Instant::now() + Duration::from_secs(1);
        appended += home.append(second as usize * 101 % files, 10_000 + second as usize)?;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let used = self::cpu() - cpu;
    println!(
        "one append each second for {STEADY} s: {used:.3} s of processor time ({:.2} % of a core), {appended} bytes appended, {} bytes read",
        100.0 * used / f64::from(STEADY),
        bytes_read() - read
    );
    drop(watching);
    Ok(())
}

/// Waits until the indexing thread has nothing left to do.
fn settle() {
    let mut before = cpu();
    loop {
        std::thread::sleep(Duration::from_secs(2));
        let now = cpu();
        if now - before < 0.1 {
            return;
        }
        before = now;
    }
}

/// A home folder that is removed in the end.
struct Home(PathBuf);

impl Home {
    fn make(files: usize) -> io::Result<Self> {
        let home =
            Self(std::env::temp_dir().join(format!("agentmon-bench-{}", std::process::id())));
        for number in 0..files {
            let path = home.transcript(number);
            fs::create_dir_all(path.parent().unwrap_or(&home.0))?;
            let mut file = File::create(path)?;
            for line in 0..LINES {
                file.write_all(record(number, line).as_bytes())?;
            }
        }
        Ok(home)
    }

    fn monitor(&self) -> Result<Monitor, Error> {
        let env = Env::at(&self.0);
        Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .data_dir(self.0.join("agentmon"))
            .open()
    }

    fn transcript(&self, number: usize) -> PathBuf {
        let project = format!(".claude/projects/-work-project-{}", number / PER_PROJECT);
        self.0
            .join(project)
            .join(format!("{}.jsonl", session(number)))
    }

    fn append(&self, number: usize, line: usize) -> io::Result<usize> {
        let record = record(number, line);
        append(&self.transcript(number), record.as_bytes())?;
        Ok(record.len())
    }

    fn append_and_hear(
        &self,
        number: usize,
        line: usize,
        subscription: &mut Subscription,
    ) -> io::Result<Duration> {
        let session = session(number);
        let begin = Instant::now();
        self.append(number, line)?;
        while let Some(heard) = subscription.blocking_recv() {
            match heard {
                Heard::Update(update) if *update.change.key.native_id == *session => break,
                _ => {}
            }
        }
        Ok(begin.elapsed())
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

fn append(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::options().append(true).open(path)?.write_all(bytes)
}

fn session(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// An answer with its usage, of now.
fn record(number: usize, line: usize) -> String {
    use agentmon_core::clock::{Clock, SystemClock};
    let (session, at) = (session(number), SystemClock.now());
    let (input, text) = (10 + line, "word ".repeat(60));
    format!(
        r#"{{"type":"assistant","uuid":"{number:08x}-{line}","sessionId":"{session}","timestamp":"{at}","cwd":"/work/project-{}","version":"2.1.329","message":{{"id":"msg_{number}_{line}","role":"assistant","model":"claude-opus-4-6","content":[{{"type":"text","text":"{text}"}}],"stop_reason":"end_turn","usage":{{"input_tokens":{input},"cache_read_input_tokens":2000,"cache_creation_input_tokens":100,"output_tokens":200}}}}}}"#,
        number / PER_PROJECT
    ) + "\n"
}

/// Processor time of this process so far, in seconds; 0 where the system does not tell it this way.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .sum();
    // The unit is fixed at a hundredth of a second for programs.
    ticks as f64 / 100.0
}

/// Bytes that this process asked to read so far, whether they came from the disk or from memory.
fn bytes_read() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    read.and_then(|count| count.parse().ok()).unwrap_or(0)
}
