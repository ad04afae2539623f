//! `agentmon demo` and `--demo`.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

fn agentmon(home: &Path, line: &str) -> Command {
    let mut command = Command::cargo_bin("agentmon").unwrap();
    command
        .env_clear()
        .env("HOME", home)
        .env("TMPDIR", home)
        .env("TZ", "UTC")
        .args(line.split_whitespace());
    command
}

fn json(home: &Path, line: &str) -> Value {
    let output = agentmon(home, line).arg("--json").assert().success();
    serde_json::from_slice(&output.get_output().stdout).unwrap()
}

#[test]
fn every_command_runs_on_a_demo_and_leaves_no_trace() {
    let home = tempfile::tempdir().unwrap();
    let board = json(home.path(), "--demo");
    assert!(board["needs_you"].as_array().unwrap().len() >= 5);
    let today = board["today"]["cost_usd"].as_f64().unwrap();
    // A day that began a moment ago need not have seen a call.
    let is_young = jiff::Timestamp::now().as_second() % 86_400 < 600;
    assert!(today > 0.0 || is_young);
    #[cfg(target_os = "linux")]
    assert_eq!(board["done"][0]["liveness"], "alive");
    let id = board["needs_you"][0]["id"].as_str().unwrap().to_owned();
    for line in [
        format!("show {id} --demo"),
        format!("explain {id} --demo"),
        "usage monthly --demo".to_owned(),
        "sessions --demo".to_owned(),
        "events --demo".to_owned(),
        "sources --demo".to_owned(),
        "doctor --demo".to_owned(),
        "db check --demo".to_owned(),
    ] {
        json(home.path(), &line);
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_demo_is_a_home_like_any_other() {
    let home = tempfile::tempdir().unwrap();
    let output = agentmon(home.path(), "demo").assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    let demo = home.path().join(".local/share/agentmon/demo");
    let command = format!("HOME={} agentmon\n", demo.display());
    assert!(text.contains(&command), "{text}");
    let board = json(&demo, "status");
    assert!(board["needs_you"].as_array().unwrap().len() >= 5);
    // Once more is another telling of the same; another folder's content is nobody's business.
    json(home.path(), "demo --days 3");
    let own = tempfile::tempdir().unwrap();
    fs::write(own.path().join("letter"), "to somebody").unwrap();
    let line = format!("demo --dir {}", own.path().display());
    agentmon(home.path(), &line).assert().code(1);
}
