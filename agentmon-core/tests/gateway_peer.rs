//! The real gateway, in both of its ways to keep sessions: connected, chatted with, asked for approval, aborted, killed in
//! mid-run, started again. Needs npm and the helper that starts a gateway; says so loudly where these are missing.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::print_stderr, reason = "a test says what it skips")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Secret};
use agentmon_core::gateways::{ChatStream, Gateways, MessageState, NewGateway};
use agentmon_core::query::{ReportKind, SearchFilter, SearchText, SessionFilter, UsageQuery};
use agentmon_core::source::Env;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A gateway on two busy cores takes its time.
const PATIENCE: Duration = Duration::from_secs(180);

struct Peer {
    child: Child,
    url: String,
    pid: String,
}

/// Starts the gateway over a folder of its own; `None` where that cannot be.
async fn start(version: &str, run: &Path, port: u16) -> Option<Peer> {
    let script = common::shared("peers/openclaw-gateway.sh")?;
    let cache = std::env::var_os("AGENTMON_PEER_CACHE").map_or_else(
        || std::env::temp_dir().join("agentmon-peers"),
        PathBuf::from,
    );
    let mut child = Command::new("bash")
        .arg(script)
        .arg(cache)
        .arg(port.to_string())
        .env("OPENCLAW_VERSION", version)
        .env("OPENCLAW_RUN_DIR", run)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = tokio::time::timeout(PATIENCE * 2, async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with("READY") {
                return Some(line);
            }
        }
        None
    })
    .await;
    let Ok(Some(ready)) = ready else {
        eprintln!("SKIPPED: openclaw {version} could not be started (npm unreachable?)");
        return None;
    };
    let word = |start: &str| {
        ready
            .split(' ')
            .find_map(|word| word.strip_prefix(start))
            .unwrap()
            .to_owned()
    };
    Some(Peer {
        child,
        url: format!("ws:{}", word("ws:")),
        pid: word("pid="),
    })
}

impl Peer {
    /// Ends the gateway as a crash would, with the processes that it started itself.
    async fn kill(mut self) {
        let children = Command::new("ps")
            .args(["-o", "pid=", "--ppid", &self.pid])
            .output()
            .await
            .unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all = children.split_whitespace().chain([&*self.pid]);
        Command::new("kill")
            .arg("-KILL")
            .args(all)
            .status()
            .await
            .unwrap();
        // The helper sees that the gateway is gone, and cleans up.
        let _ = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await;
    }

    async fn stop(mut self) {
        self.terminate();
        let _ = tokio::time::timeout(Duration::from_secs(40), self.child.wait()).await;
    }

    /// Asks the helper to clean up after itself.
    fn terminate(&self) {
        if let Some(own) = self.child.id() {
            let _ = std::process::Command::new("kill")
                .args(["-TERM", &own.to_string()])
                .status();
        }
    }
}

/// Also where a test stops at a surprise.
impl Drop for Peer {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// A port that is free, and so is the next.
fn free_port() -> u16 {
    let pair = || {
        let one = std::net::TcpListener::bind("127.0.0.1:0").ok()?;
        let port = one.local_addr().ok()?.port();
        std::net::TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?;
        Some(port)
    };
    std::iter::repeat_with(pair).flatten().next().unwrap()
}

async fn next(stream: &mut ChatStream, kinds: &[&str]) -> Value {
    tokio::time::timeout(PATIENCE, async {
        loop {
            let frame: Value = serde_json::from_str(&stream.next().await.unwrap()).unwrap();
            if kinds.contains(&frame["type"].as_str().unwrap()) {
                return frame;
            }
        }
    })
    .await
    .unwrap_or_else(|_| panic!("none of {kinds:?}"))
}

async fn until(what: &str, good: impl Fn() -> bool) {
    tokio::time::timeout(PATIENCE, async {
        while !good() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("never: {what}"));
}

fn states(monitor: &Monitor) -> Vec<String> {
    let sessions = monitor
        .sessions(&SessionFilter::default())
        .unwrap()
        .sessions;
    sessions
        .iter()
        .map(|session| format!("{} {}", session.state, session.reason))
        .collect()
}

/// Tokens of all prompts, as the model was given them.
fn prompts(run: &Path) -> u64 {
    let log = std::fs::read_to_string(run.join("mock-requests.jsonl")).unwrap();
    let requests = log.lines().map(|line| {
        let request: Value = serde_json::from_str(line).unwrap();
        request["plan"]["promptTokens"].as_u64().unwrap()
    });
    requests.sum()
}

/// Tokens of all prompts, as they are counted.
fn counted_prompts(monitor: &Monitor) -> u64 {
    let report = monitor.usage(&UsageQuery::new(ReportKind::Daily)).unwrap();
    report.totals.usage.prompt()
}

/// Has the gateway ask before it runs a command, from its next start on.
fn ask_before_commands(run: &Path, exec: Value) {
    let path = run.join("home/.openclaw/openclaw.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    config["tools"]["exec"] = exec;
    std::fs::write(&path, config.to_string()).unwrap();
}

async fn story(version: &str) {
    let port = free_port();
    let run = tempfile::tempdir().unwrap();
    let Some(peer) = start(version, run.path(), port).await else {
        return;
    };
    let env = Env::at(run.path().join("nowhere"));
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .in_memory()
        .open()
        .unwrap();
    let gateways = Gateways::start(monitor.clone()).unwrap();
    let id = gateways
        .add(NewGateway {
            name: "Peer".into(),
            url: peer.url.clone(),
            token: Some(Secret::new("test-token".into())),
            password: None,
            enabled: true,
        })
        .unwrap()
        .id;
    let is_connected = || gateways.get(&id).unwrap().connected;
    until("connected", is_connected).await;
    assert!(
        gateways.note(&id).unwrap().contains(version),
        "{}",
        gateways.note(&id).unwrap()
    );
    assert!(
        gateways.agents(&id).await.unwrap()["agents"]
            .as_array()
            .unwrap()
            .len()
            >= 2
    );
    assert!(gateways.models(&id).await.unwrap()["models"].is_array());

    // A turn with a tool.
    let mut stream = gateways.watch(&id, "main").unwrap();
    let sent = gateways
        .send(&id, "main", "Count. @exec(echo one two)")
        .await
        .unwrap();
    let end = next(&mut stream, &["final", "error", "aborted"]).await;
    assert_eq!(end["type"], "final", "{end}");
    assert_eq!(end["runId"], sent.run.as_str());
    assert!(end["text"].as_str().unwrap().contains("one two"), "{end}");
    until("idle after a turn", || {
        states(&monitor)
            .iter()
            .any(|state| state.starts_with("idle"))
    })
    .await;

    // What the model was given is what is counted.
    until("all prompts are counted once", || {
        counted_prompts(&monitor) == prompts(run.path())
    })
    .await;
    let filter = SearchFilter {
        text: SearchText::parse("Count"),
        ..SearchFilter::default()
    };
    until("found by search", || {
        !monitor.search(&filter).unwrap().hits.is_empty()
    })
    .await;

    // Stopped by the user.
    let sent = gateways
        .send(&id, "main", "A long story. @slow(30)")
        .await
        .unwrap();
    next(&mut stream, &["delta"]).await;
    assert_eq!(
        gateways.abort(&id, "main", Some(&sent.run)).await.unwrap(),
        [sent.run.as_str()]
    );
    assert_eq!(
        next(&mut stream, &["final", "error", "aborted"]).await["type"],
        "aborted"
    );
    until("terminated", || {
        states(&monitor).contains(&"terminated aborted".to_owned())
    })
    .await;

    // Killed in mid-run.
    let lost = gateways
        .send(&id, "main", "Another story. @slow(60)")
        .await
        .unwrap();
    next(&mut stream, &["delta"]).await;
    peer.kill().await;
    until("disconnected", || !is_connected()).await;
    let asks = match version {
        "2026.7.1" => json!({"host": "gateway", "security": "full", "ask": "always"}),
        _ => json!({"host": "gateway", "mode": "ask"}),
    };
    ask_before_commands(run.path(), asks);
    let Some(peer) = start(version, run.path(), port).await else {
        panic!("it started before");
    };
    until("connected again", is_connected).await;
    // The newer one takes the run up again under another name, the older one has lost it.
    loop {
        let end = next(&mut stream, &["final", "error", "aborted"]).await;
        if end["runId"] == lost.run.as_str() {
            break;
        }
    }
    until("nothing runs", || {
        !states(&monitor)
            .iter()
            .any(|state| state.starts_with("working"))
    })
    .await;

    // And on.
    let sent = gateways.send(&id, "main", "Still there?").await.unwrap();
    loop {
        let end = next(&mut stream, &["final", "error", "aborted"]).await;
        if end["runId"] == sent.run.as_str() {
            assert_eq!(end["type"], "final", "{end}");
            break;
        }
    }
    // Commands need a yes now.
    for (decision, word) in [("allow-once", "curl "), ("deny", "")] {
        let text = format!("May you ({decision})? @exec(curl --version | head -1)");
        // What comes while the run before it winds up is queued, and answered under another name.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let sent = gateways.send(&id, "main", &text).await.unwrap();
        let asked = next(&mut stream, &["approval", "final"]).await;
        assert_eq!(asked["command"], "curl --version | head -1", "{asked}");
        until("needs input", || {
            states(&monitor).contains(&"needs_input permission(exec)".to_owned())
        })
        .await;
        let approval = asked["approvalId"].as_str().unwrap();
        gateways.resolve(&id, approval, decision).await.unwrap();
        loop {
            let end = next(&mut stream, &["final", "error", "aborted"]).await;
            if end["runId"] == sent.run.as_str() {
                assert_eq!(end["type"], "final", "{end}");
                assert!(end["text"].as_str().unwrap().contains(word), "{end}");
                break;
            }
        }
        until("idle after an approval", || {
            states(&monitor)
                .iter()
                .any(|state| state.starts_with("idle"))
        })
        .await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    for sync in [false, true, true] {
        let stored = gateways
            .history(&id, "main", None, 100, sync)
            .await
            .unwrap();
        let mine: Vec<_> = stored
            .iter()
            .filter(|message| message.role.as_str() == "user")
            .collect();
        let texts: Vec<&str> = mine.iter().map(|message| &*message.text).collect();
        let expected = [
            "Count. @exec(echo one two)",
            "A long story. @slow(30)",
            "Another story. @slow(60)",
            "Still there?",
            "May you (allow-once)? @exec(curl --version | head -1)",
            "May you (deny)? @exec(curl --version | head -1)",
        ];
        for text in expected {
            assert_eq!(
                texts.iter().filter(|known| **known == text).count(),
                1,
                "{text} in {texts:?}"
            );
        }
        assert!(
            mine.iter()
                .all(|message| message.state != MessageState::Pending),
            "{mine:?}"
        );
    }
    gateways.stop().await;
    peer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_of_today() {
    story("2026.9.6").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_that_keeps_files() {
    story("2026.7.1").await;
}
