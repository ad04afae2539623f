//! Measures the `agentmon` command on a large home folder, beside a peer, and checks that what it prints is exact.
//! `examples/bench_usage.sh` builds and fetches everything and runs this; docs/performance.md tells what to expect.
//!
//! Rounds are interleaved, so that a busy machine slows everybody; the least CPU time and the largest memory count.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use wait4::Wait4;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A most that is asked for.
#[derive(Debug, Clone, Copy)]
enum Target {
    /// CPU time and memory, as shares of the peer's.
    OfPeer(f64, Option<f64>),
    /// CPU time, as a multiple of the warm report's.
    OfWarm(f64),
    /// CPU time in seconds.
    Seconds(f64),
    /// Memory in MiB.
    Mib(f64),
}

/// What is asked of each run.
const TARGETS: [(&str, Target); 7] = [
    ("cold", Target::OfPeer(0.35, Some(0.25))),
    ("no-cache", Target::OfPeer(0.27, None)),
    ("warm", Target::OfPeer(0.03, None)),
    ("append to 3 files", Target::OfWarm(1.5)),
    ("status", Target::Seconds(0.040)),
    ("cold, since last day", Target::OfPeer(0.03, None)),
    ("one large file", Target::Mib(40.0)),
];

struct Options {
    agentmon: PathBuf,
    peer: Option<PathBuf>,
    corpus: Option<PathBuf>,
    work: PathBuf,
    size_mb: u64,
    single_mb: u64,
    rounds: usize,
}

impl Options {
    fn parse() -> Result<Self> {
        let mut options = Self {
            agentmon: "target/release/agentmon".into(),
            peer: None,
            corpus: None,
            work: std::env::temp_dir().join("agentmon-bench"),
            size_mb: 1024,
            single_mb: 620,
            rounds: 5,
        };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or(format!("{name} needs a value"))?;
            match name.as_str() {
                "--agentmon" => options.agentmon = value.into(),
                "--peer" => options.peer = Some(value.into()),
                "--corpus" => options.corpus = Some(value.into()),
                "--work" => options.work = value.into(),
                "--size-mb" => options.size_mb = value.parse()?,
                "--single-mb" => options.single_mb = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                _ => return Err(format!("unknown option {name}").into()),
            }
        }
        Ok(options)
    }
}

fn main() -> Result<()> {
    let options = Options::parse()?;
    fs::create_dir_all(&options.work)?;
    let home = match &options.corpus {
        Some(home) => home.clone(),
        None => plain_corpus(&options.work.join("plain"), options.size_mb)?,
    };
    let expected: Value = serde_json::from_slice(&fs::read(home.join("expected.json"))?)
        .map_err(|error| format!("{}: {error}", home.join("expected.json").display()))?;
    let single = options.work.join("single");
    let single_expected = single_file(&single, options.single_mb)?;

    let mut bench = Bench {
        data: options.work.join("data"),
        options,
        runs: BTreeMap::new(),
    };
    for round in 1..=bench.options.rounds {
        eprintln!("round {round} of {}", bench.options.rounds);
        bench.round(&home, &expected, &single, &single_expected)?;
    }
    bench.report();
    Ok(())
}

/// What one run took.
#[derive(Clone, Copy)]
struct Cost {
    cpu_seconds: f64,
    rss_mib: f64,
}

struct Bench {
    options: Options,
    data: PathBuf,
    /// By peer or not, and what was done.
    runs: BTreeMap<(bool, &'static str), Cost>,
}

impl Bench {
    fn round(&mut self, home: &Path, expected: &Value, single: &Path, one: &Sum) -> Result<()> {
        let usage = ["usage", "daily", "--json", "--timezone", "UTC"];
        let days = expected_days(expected);
        let all: Sum = days.values().sum();
        let (last_day, last) = days.last_key_value().ok_or("no day is expected")?;

        self.peer("all", home)?;
        self.forget();
        exact("cold", &self.agentmon("cold", home, &usage)?, &all)?;
        exact("warm", &self.agentmon("warm", home, &usage)?, &all)?;
        // The first time, evidence is read that a report does not need.
        self.agentmon("status, first", home, &["status", "--json"])?;
        self.agentmon("status", home, &["status", "--json"])?;
        let appended = Appended::to_three(home)?;
        let mut more = all;
        more.requests += 3;
        more.output += 3 * APPENDED_OUTPUT;
        let printed = self.agentmon("append to 3 files", home, &usage);
        appended.undo()?;
        exact("append", &printed?, &more)?;
        let no_cache = [&usage[..], &["--no-cache"]].concat();
        exact(
            "no-cache",
            &self.agentmon("no-cache", home, &no_cache)?,
            &all,
        )?;
        self.forget();
        let since = [&usage[..], &["--since", last_day]].concat();
        let printed = self.agentmon("cold, since last day", home, &since)?;
        exact("since", &printed, last)?;

        self.peer("one large file", single)?;
        self.forget();
        exact(
            "single",
            &self.agentmon("one large file", single, &usage)?,
            one,
        )?;
        self.forget();
        Ok(())
    }

    fn forget(&self) {
        // Absent the first time.
        let _ = fs::remove_dir_all(&self.data);
    }

    fn agentmon(&mut self, name: &'static str, home: &Path, arguments: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.options.agentmon);
        command.args(arguments).env("AGENTMON_DATA_DIR", &self.data);
        self.run((false, name), command, home)
    }

    fn peer(&mut self, name: &'static str, home: &Path) -> Result<()> {
        if let Some(peer) = &self.options.peer {
            let mut command = Command::new(peer);
            command.args(["daily", "--json", "--offline"]);
            self.run((true, name), command, home)?;
        }
        Ok(())
    }

    /// Runs a command, notes what it took, and returns what it printed.
    fn run(
        &mut self,
        key: (bool, &'static str),
        mut command: Command,
        home: &Path,
    ) -> Result<Value> {
        let printed = self.options.work.join("printed.json");
        for variable in ["CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(variable);
        }
        command
            .env("HOME", home)
            .env("TZ", "UTC")
            .stdout(File::create(&printed)?)
            .stderr(Stdio::inherit());
        let used = command.spawn()?.wait4()?;
        if !used.status.success() {
            return Err(format!("{key:?} failed: {}", used.status).into());
        }
        let cost = self.runs.entry(key).or_insert(Cost {
            cpu_seconds: f64::MAX,
            rss_mib: 0.0,
        });
        let cpu = used.rusage.utime + used.rusage.stime;
        cost.cpu_seconds = cost.cpu_seconds.min(cpu.as_secs_f64());
        cost.rss_mib = cost
            .rss_mib
            .max(used.rusage.maxrss as f64 / (1024.0 * 1024.0));
        Ok(serde_json::from_slice(&fs::read(printed)?)?)
    }

    fn report(&self) {
        println!("| run | CPU s | peak MiB | CPU, of peer's | memory, of peer's | target |");
        println!("|---|---:|---:|---:|---:|---|");
        for (&(is_peer, name), cost) in &self.runs {
            let Cost {
                cpu_seconds,
                rss_mib,
            } = cost;
            let who = if is_peer { "peer" } else { "agentmon" };
            print!("| {who}: {name} | {cpu_seconds:.3} | {rss_mib:.0} |");
            if is_peer {
                println!(" | | |");
                continue;
            }
            let peer = self.peer_of(name);
            match peer {
                Some(peer) => print!(
                    " {:.3} | {:.2} |",
                    cpu_seconds / peer.cpu_seconds,
                    rss_mib / peer.rss_mib
                ),
                None => print!(" | |"),
            }
            println!(" {} |", self.verdict(name, cost, peer));
        }
    }

    /// The peer's run on the same files.
    fn peer_of(&self, name: &'static str) -> Option<&Cost> {
        let files = if name == "one large file" {
            name
        } else {
            "all"
        };
        self.runs.get(&(true, files))
    }

    /// What is asked for, and whether it is reached.
    fn verdict(&self, name: &str, cost: &Cost, peer: Option<&Cost>) -> String {
        let target = TARGETS.iter().find(|(known, _)| *known == name);
        let seconds = cost.cpu_seconds;
        let (text, reached) = match (target, peer) {
            (Some((_, Target::OfPeer(cpu, memory))), Some(peer)) => {
                let fits = memory.is_none_or(|most| cost.rss_mib <= most * peer.rss_mib);
                let memory = memory.map_or_else(String::new, |most| format!(", memory {most}"));
                let reached = fits && seconds <= cpu * peer.cpu_seconds;
                (format!("CPU {cpu}{memory}"), reached)
            }
            (Some((_, Target::OfWarm(times))), _) => {
                let warm = self.runs.get(&(false, "warm"));
                let reached = warm.is_some_and(|warm| seconds <= times * warm.cpu_seconds);
                (format!("{times} x warm"), reached)
            }
            (Some((_, Target::Seconds(most))), _) => (format!("{most} s"), seconds <= *most),
            (Some((_, Target::Mib(most))), _) => (format!("{most} MiB"), cost.rss_mib <= *most),
            _ => return String::new(),
        };
        let word = if reached { "reached" } else { "MISSED" };
        format!("{text}: {word}")
    }
}

/// Requests and tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum {
    requests: u64,
    input: u64,
    output: u64,
    cache_read: u64,
    cache_creation: u64,
}

impl<'a> std::iter::Sum<&'a Self> for Sum {
    fn sum<I: Iterator<Item = &'a Self>>(sums: I) -> Self {
        sums.fold(Self::default(), |mut all, sum| {
            all.add(sum);
            all
        })
    }
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.input += other.input;
        self.output += other.output;
        self.cache_read += other.cache_read;
        self.cache_creation += other.cache_creation;
    }
}

/// What `expected.json` says of every day, all agents together.
fn expected_days(expected: &Value) -> BTreeMap<&String, Sum> {
    let mut days: BTreeMap<&String, Sum> = BTreeMap::new();
    let agents = expected["days"].as_object().into_iter().flatten();
    for (day, row) in agents.flat_map(|(_, days)| days.as_object().into_iter().flatten()) {
        let count = |name: &str| row[name].as_u64().unwrap_or(0);
        days.entry(day).or_default().add(&Sum {
            requests: count("responses"),
            input: count("input"),
            output: count("output"),
            cache_read: count("cache_read"),
            cache_creation: count("cache_write"),
        });
    }
    days
}

/// Fails unless the totals that agentmon printed are the expected ones.
fn exact(name: &str, printed: &Value, expected: &Sum) -> Result<()> {
    let count = |name: &str| printed["totals"][name].as_u64().unwrap_or(0);
    let counted = Sum {
        requests: count("requests"),
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_creation: count("cache_creation_tokens"),
    };
    if counted == *expected {
        Ok(())
    } else {
        Err(format!("{name}: {counted:?} instead of {expected:?}").into())
    }
}

/// Output tokens of each appended call.
const APPENDED_OUTPUT: u64 = 7;

/// Three transcripts with a call appended to each.
struct Appended(Vec<(PathBuf, u64)>);

impl Appended {
    fn to_three(home: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for project in fs::read_dir(home.join(".claude/projects"))? {
            for entry in fs::read_dir(project?.path())? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.ends_with(".jsonl") && !name.starts_with("agent-") {
                    files.push(path);
                }
            }
        }
        files.sort();
        files.truncate(3);
        let mut appended = Vec::new();
        for path in files {
            let length = fs::metadata(&path)?.len();
            let session = path.file_stem().unwrap_or_default().to_string_lossy();
            let usage = json!({"input_tokens": 0, "output_tokens": APPENDED_OUTPUT});
            // The line end in front ends a torn line, if the last one is.
            let line = assistant(&session, "appended", "2026-11-20T12:00:00.000Z", &usage);
            let mut file = OpenOptions::new().append(true).open(&path)?;
            write!(file, "\n{line}\n")?;
            appended.push((path, length));
        }
        Ok(Self(appended))
    }

    fn undo(self) -> Result<()> {
        for (path, length) in self.0 {
            OpenOptions::new().write(true).open(path)?.set_len(length)?;
        }
        Ok(())
    }
}

/// A line with a call, as Claude Code writes it.
fn assistant(session: &str, id: &str, at: &str, usage: &Value) -> Value {
    json!({
        "type": "assistant", "timestamp": at, "sessionId": session, "uuid": format!("{session}-{id}"),
        "cwd": "/home/dev/work", "version": "2.1.0",
        "message": {
            "id": format!("msg_{session}_{id}"), "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
            "content": [{"type": "text", "text": "Done; the tests pass now."}], "usage": usage,
        },
    })
}

/// Writes one transcript of at least `bytes`: answers between large tool results, the way real ones are.
fn transcript(path: &Path, day: u32, bytes: u64) -> Result<Sum> {
    let session = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut out = BufWriter::new(File::create(path)?);
    let text = "fn main() { println!(\"{}\", 42); } // and so on, line after line\n".repeat(60);
    let (mut written, mut sum) = (0, Sum::default());
    while written < bytes {
        let turn = sum.requests;
        let at = format!(
            "2026-11-{day:02}T10:{:02}:{:02}.000Z",
            turn / 60 % 60,
            turn % 60
        );
        let result = json!({
            "type": "user", "timestamp": at, "sessionId": session, "uuid": format!("{session}-u{turn}"),
            "message": {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": text}]},
        });
        let usage = json!({
            "input_tokens": 3, "output_tokens": 100 + turn % 50, "cache_read_input_tokens": 20_000 + turn,
            "cache_creation_input_tokens": 900,
        });
        let answer = assistant(&session, &turn.to_string(), &at, &usage);
        for line in [result, answer] {
            let line = line.to_string();
            writeln!(out, "{line}")?;
            written += line.len() as u64 + 1;
        }
        sum.add(&Sum {
            requests: 1,
            input: 3,
            output: 100 + turn % 50,
            cache_read: 20_000 + turn,
            cache_creation: 900,
        });
    }
    out.flush()?;
    Ok(sum)
}

/// A plain corpus for where no generator is at hand: Claude Code alone, none of the traps that real logs hold.
fn plain_corpus(home: &Path, size_mb: u64) -> Result<PathBuf> {
    // One written by an earlier run may be of another size.
    let _ = fs::remove_dir_all(home);
    let mut days = BTreeMap::new();
    // Many small files and a few large ones.
    let files = size_mb.max(4) * 2;
    for file in 0..files {
        let folder = home.join(format!(".claude/projects/-home-dev-work-{:02}", file % 20));
        fs::create_dir_all(&folder)?;
        let day = 1 + (file % 20) as u32;
        let bytes = if file % 40 == 0 { 10_400_000 } else { 270_000 };
        let path = folder.join(format!("00000000-0000-4000-8000-{file:012}.jsonl"));
        let sum = transcript(&path, day, bytes)?;
        let all: &mut Sum = days.entry(format!("2026-11-{day:02}")).or_default();
        all.add(&sum);
    }
    let days: BTreeMap<String, Value> = days
        .into_iter()
        .map(|(day, sum)| {
            let row = json!({
                "responses": sum.requests, "input": sum.input, "output": sum.output, "cache_read": sum.cache_read,
                "cache_write": sum.cache_creation,
            });
            (day, row)
        })
        .collect();
    let expected = json!({"days": {"claude": days}});
    fs::write(home.join("expected.json"), expected.to_string())?;
    Ok(home.to_owned())
}

/// A home folder with one large transcript.
fn single_file(home: &Path, size_mb: u64) -> Result<Sum> {
    let folder = home.join(".claude/projects/-home-dev-work");
    fs::create_dir_all(&folder)?;
    let path = folder.join("00000000-0000-4000-8000-999999999999.jsonl");
    transcript(&path, 20, size_mb * 1024 * 1024)
}
