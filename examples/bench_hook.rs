//! How long `agentmon hook` keeps an agent waiting: with a server, without one, and with one that hangs.
//!
//!     cargo build --release -p agentmon-cli
//!     cargo run --release -p agentmon-examples --example bench_hook -- target/release/agentmon [RUNS]

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const PAYLOAD: &str = r#"{"session_id":"bench","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"toolu_bench",
    "tool_input":{"command":"make"},"cwd":"/tmp"}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().ok_or("where is the agentmon binary?")?;
    let runs: usize = arguments.next().map_or(Ok(200), |runs| runs.parse())?;
    let dir = tempfile::tempdir()?;

    let data = dir.path().join("down");
    tell("no server (spooled)", measure(&program, &data, runs)?)?;

    let data = dir.path().join("up");
    let mut server = Command::new(&program)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--no-sources",
            "--no-open",
        ])
        .arg("--data-dir")
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let said = server.stdout.take().ok_or("no output")?;
    BufReader::new(said).read_line(&mut String::new())?;
    let measured = measure(&program, &data, runs);
    server.kill()?;
    server.wait()?;
    tell("a server", measured?)?;

    let data = dir.path().join("hangs");
    std::fs::create_dir_all(&data)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let pid = std::process::id();
    let address = listener.local_addr()?;
    let told = format!(r#"{{"pid":{pid},"start":null,"address":"{address}","token":"x"}}"#);
    std::fs::write(data.join("server.json"), told)?;
    tell(
        "a server that hangs",
        measure(&program, &data, runs.min(20))?,
    )
}

/// The times of so many runs, the shortest first.
fn measure(program: &str, data: &Path, runs: usize) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut times = Vec::with_capacity(runs);
    for _ in 0..runs {
        let begin = Instant::now();
        let mut child = Command::new(program)
            .args(["hook", "claude-code", "--data-dir"])
            .arg(data)
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(PAYLOAD.as_bytes())?;
        }
        child.wait()?;
        times.push(begin.elapsed());
    }
    times.sort();
    Ok(times)
}

fn tell(what: &str, times: Vec<Duration>) -> Result<(), Box<dyn Error>> {
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{what:<22} p50 {:>9.2?}   p95 {:>9.2?}   max {:>9.2?}",
        at(50),
        at(95),
        at(100)
    )?;
    Ok(())
}
