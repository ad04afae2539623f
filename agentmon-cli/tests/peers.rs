//! The real clients of agents, talking to a model that is not, watched by a server that runs as a user runs it: hooks,
//! telemetry and files tell of the same work, and it counts once.
//!
//! The clients come from npm. Where they or the scripts that drive them are missing, this says so and passes.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use agentmon_core::clock::{Clock, SystemClock};
use serde_json::Value;
use tempfile::TempDir;

use common::{PATIENCE, Server};

/// How long a client may take for everything it is told to do.
const RUN: Duration = Duration::from_secs(300);
/// How often the server is asked what it sees.
const LOOK: Duration = Duration::from_millis(20);

/// A script that drives a client, if it is here and its client can be had.
fn peer(script: &str, install: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../../shared/peers", "../../../shared/peers"]
        .iter()
        .map(|folder| root.join(folder).join(script))
        .find(|path| path.is_file());
    let Some(path) = found else {
        eprintln!("SKIPPED: ../shared/peers/{script} is not here");
        return None;
    };
    let installed = Command::new("bash").arg(&path).arg(install).output();
    match installed {
        Ok(output) if output.status.success() => Some(path),
        Ok(output) => {
            let error = String::from_utf8_lossy(&output.stderr);
            eprintln!("SKIPPED: {script} cannot install its client: {error}");
            None
        }
        Err(error) => {
            eprintln!("SKIPPED: cannot run {script}: {error}");
            None
        }
    }
}

fn has_program(name: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {name}")])
        .output();
    found.is_ok_and(|output| output.status.success())
}

fn millis() -> i64 {
    SystemClock.now().0
}

/// What the server said of each session, with the times at which it first said so.
type Seen = BTreeMap<String, Vec<(String, i64)>>;

/// Looks at the sessions until the client has done its work. Returns what was seen and what the client printed.
fn watch(server: &Server, mut client: Child) -> (Seen, Value) {
    let begin = Instant::now();
    let mut seen = Seen::new();
    loop {
        let done = client.try_wait().unwrap();
        for session in sessions(server) {
            let states = seen.entry(text(&session["native_id"])).or_default();
            let state = text(&session["state"]);
            if states.last().is_none_or(|(last, _)| *last != state) {
                states.push((state, millis()));
            }
        }
        if let Some(status) = done {
            let output = client.wait_with_output().unwrap();
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(status.success(), "{error}");
            return (seen, serde_json::from_slice(&output.stdout).unwrap());
        }
        assert!(begin.elapsed() < RUN, "the client does not end");
        std::thread::sleep(LOOK);
    }
}

fn sessions(server: &Server) -> Vec<Value> {
    let told = server.ask("GET /api/v1/sessions?limit=1000 HTTP/1.1", "");
    told["sessions"].as_array().unwrap().clone()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Requests, input, output, cache reads, cache writes.
type Totals = [u64; 5];

fn totals(sessions: &[Value]) -> Totals {
    let names = [
        "requests",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
    ];
    names.map(|name| {
        let counts = sessions
            .iter()
            .map(|session| session["usage"][name].as_u64());
        counts.map(Option::unwrap_or_default).sum()
    })
}

/// Waits until all that was sent is counted, and makes sure that nothing is counted twice after that.
fn count(server: &Server, expected: Totals) -> Vec<Value> {
    let begin = Instant::now();
    let mut right_since: Option<Instant> = None;
    loop {
        let sessions = sessions(server);
        let found = totals(&sessions);
        assert!(
            found
                .iter()
                .zip(&expected)
                .all(|(found, sent)| found <= sent),
            "{found:?} of {expected:?}"
        );
        if found != expected {
            right_since = None;
            assert!(begin.elapsed() < PATIENCE, "{found:?} of {expected:?}");
        } else if right_since.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(2) {
            return sessions;
        }
        std::thread::sleep(LOOK);
    }
}

/// The events of a kind, as session and text.
fn events(server: &Server, kind: &str) -> Vec<Value> {
    let told = server.ask(
        &format!("GET /api/v1/events?limit=1000&kind={kind} HTTP/1.1"),
        "",
    );
    told["events"].as_array().unwrap().clone()
}

/// The lines of all transcripts below a folder.
fn lines(folder: &Path, out: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            lines(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "jsonl") {
            let text = fs::read_to_string(path).unwrap();
            out.extend(
                text.lines()
                    .map(|line| serde_json::from_str::<Value>(line).unwrap()),
            );
        }
    }
}

fn hook_command(agent: &str, home: &Path) -> String {
    format!(
        "{} hook {agent} --data-dir {}",
        assert_cmd::cargo::cargo_bin("agentmon").display(),
        common::data(home).display()
    )
}

#[test]
fn claude_code_is_seen_once_by_all_its_ways() {
    let Some(script) = peer("claude-code.sh", "install") else {
        return;
    };
    let home = TempDir::new().unwrap();
    let server = Server::start(home.path(), &[]);
    // Writes down when a permission is asked for, beside what agentmon is told.
    let witness = home.path().join("asked");
    let command = format!(
        "P=$(cat); case $P in *'\"PermissionRequest\"'*) date +%s%3N >> {};; esac; printf %s \"$P\" | {}",
        witness.display(),
        hook_command("claude-code", home.path())
    );
    let mut scenarios = vec![
        "simple", "tools", "fail", "deny", "subagent", "retry", "resume",
    ];
    let has_terminal = has_program("script");
    if has_terminal {
        scenarios.push("tty");
    } else {
        eprintln!("SKIPPED: no `script`: nobody is asked for permission");
    }
    let client = Command::new("bash")
        .arg(&script)
        .arg("run")
        .args(&scenarios)
        .env("CC_HOME", home.path())
        .env("HOOK_CMD", command)
        .env("STATUSLINE_CMD", "true")
        .env(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            format!("http://{}", server.address),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (seen, told) = watch(&server, client);

    let sent = &told["sent"]["by_model"];
    let sum = |name: &str| -> u64 {
        let models = sent.as_object().unwrap().values();
        models
            .map(|model| model[name].as_u64().unwrap_or_default())
            .sum()
    };
    let sessions = count(
        &server,
        [
            sum("requests"),
            sum("input_tokens"),
            sum("output_tokens"),
            sum("cache_read_input_tokens"),
            sum("cache_creation_input_tokens"),
        ],
    );
    // The client's own sum: that of a resumed session goes on from where it was.
    let mut costs = BTreeMap::<String, f64>::new();
    for run in told["runs"].as_array().unwrap() {
        let path = home
            .path()
            .join("out")
            .join(format!("{}.json", text(&run["name"])));
        let Ok(printed) = fs::read(path) else {
            continue;
        };
        let printed: Value = serde_json::from_slice(&printed).unwrap();
        let cost = costs.entry(text(&run["session_id"])).or_default();
        *cost = cost.max(printed["total_cost_usd"].as_f64().unwrap());
    }
    for session in &sessions {
        let Some(cost) = costs.get(&text(&session["native_id"])) else {
            continue;
        };
        let found = session["usage"]["cost_usd"].as_f64().unwrap();
        assert!(
            (found - cost).abs() < 1e-6,
            "{found} is not {cost}: {session}"
        );
    }

    for run in told["runs"].as_array().unwrap() {
        let states: Vec<&str> = seen[&text(&run["session_id"])]
            .iter()
            .map(|(state, _)| state.as_str())
            .collect();
        assert!(states.contains(&"working"), "{run}: {states:?}");
        assert!(
            matches!(states.last(), Some(&("idle" | "completed"))),
            "{run}: {states:?}"
        );
    }
    if has_terminal {
        let run = told["runs"].as_array().unwrap().last().unwrap();
        let states = &seen[&text(&run["session_id"])];
        let asked = fs::read_to_string(&witness).unwrap();
        let asked: i64 = asked.lines().last().unwrap().parse().unwrap();
        let at = states.iter().position(|(state, _)| state == "needs_input");
        let at = at.unwrap_or_else(|| panic!("{states:?}"));
        let late = states[at].1 - asked;
        eprintln!("needs_input {late} ms after the permission request");
        assert!(late <= 1000, "{late} ms: {states:?}");
        assert!(
            states[at..].iter().any(|(state, _)| state == "working"),
            "{states:?}"
        );
    }

    // Each tool call and each prompt is one event, with what each of the three knows of it.
    let mut transcripts = Vec::new();
    lines(&home.path().join(".claude/projects"), &mut transcripts);
    let blocks = |kind: &str, id: &str| -> BTreeSet<String> {
        let contents = transcripts
            .iter()
            .filter_map(|line| line["message"]["content"].as_array());
        let found = contents.flatten().filter(|block| block["type"] == kind);
        found.map(|block| text(&block[id])).collect()
    };
    assert_eq!(
        events(&server, "tool_use").len(),
        blocks("tool_use", "id").len()
    );
    let results = events(&server, "tool_result");
    assert_eq!(results.len(), blocks("tool_result", "tool_use_id").len());
    assert!(
        results
            .iter()
            .any(|result| result["duration_ms"].as_u64().is_some())
    );
    assert_eq!(
        events(&server, "llm_response").len() as u64,
        sum("requests")
    );
    // Only hooks tell of an end: they were heard too.
    assert!(events(&server, "session_end").len() >= scenarios.len());
    let prompts: Vec<String> = events(&server, "user_prompt")
        .iter()
        .map(|prompt| format!("{} {}", prompt["session_id"], prompt["text"]))
        .collect();
    let distinct: BTreeSet<_> = prompts.iter().collect();
    assert_eq!(distinct.len(), prompts.len(), "{prompts:#?}");
}

#[test]
fn codex_is_seen_once_by_all_its_ways() {
    let Some(script) = peer("codex.sh", "--install-only") else {
        return;
    };
    let home = TempDir::new().unwrap();
    let server = Server::start(home.path(), &[]);
    let command = hook_command("codex", home.path());
    let words: Vec<String> = command.split(' ').map(|word| format!("{word:?}")).collect();
    let scenarios = "simple shell parallel failtool patch resume retry compact";
    let client = Command::new("bash")
        .arg(&script)
        .env("CODEX_HOME", home.path().join(".codex"))
        .env("WORKDIR", home.path().join("project"))
        .env("HOOK", &command)
        .env("NOTIFY", format!("[{}]", words.join(",")))
        .env("OTLP_ENDPOINT", format!("http://{}", server.address))
        .env("SCENARIOS", scenarios)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let (seen, told) = watch(&server, client);

    let mut expected = Totals::default();
    let threads = told["threads"].as_object().unwrap();
    for model in threads
        .values()
        .flat_map(|thread| thread["models"].as_object().unwrap().values())
    {
        let number = |name: &str| model[name].as_u64().unwrap_or_default();
        let (read, written) = (
            number("cached_input_tokens"),
            number("cache_write_input_tokens"),
        );
        let sent = [
            number("calls"),
            number("input_tokens") - read - written,
            number("output_tokens"),
            read,
            written,
        ];
        for (sum, sent) in expected.iter_mut().zip(sent) {
            *sum += sent;
        }
    }
    count(&server, expected);

    for (thread, story) in threads {
        let states = &seen[thread];
        assert!(
            states.iter().any(|(state, _)| state == "working"),
            "{story}: {states:?}"
        );
        let last = &states.last().unwrap().0;
        assert!(
            matches!(last.as_str(), "idle" | "completed"),
            "{story}: {states:?}"
        );
    }
    let mut rollouts = Vec::new();
    lines(&home.path().join(".codex/sessions"), &mut rollouts);
    let called: BTreeSet<String> = rollouts
        .iter()
        .map(|line| &line["payload"])
        .filter(|payload| {
            matches!(
                text(&payload["type"]).as_str(),
                "function_call_output" | "custom_tool_call_output"
            )
        })
        .map(|payload| text(&payload["call_id"]))
        .collect();
    let results = events(&server, "tool_result");
    // Code mode runs commands inside its own call: these are results too.
    assert!(
        results.len() >= called.len(),
        "{} of {}",
        results.len(),
        called.len()
    );
    let prompts: Vec<String> = events(&server, "user_prompt")
        .iter()
        .map(|prompt| format!("{} {}", prompt["session_id"], prompt["text"]))
        .collect();
    let distinct: BTreeSet<_> = prompts.iter().collect();
    assert_eq!(distinct.len(), prompts.len(), "{prompts:#?}");
}
