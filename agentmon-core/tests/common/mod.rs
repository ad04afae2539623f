//! What several test files need: homes in temporary folders, and what a monitor makes of them.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::print_stderr, reason = "what is skipped says so")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{Timestamp, Usage};
use agentmon_core::query::{Dimensions, RefreshOptions, ReportKind, Sums, UsageQuery};
use agentmon_core::source::Env;
use agentmon_core::{Error, Monitor, MonitorBuilder};

/// The recordings that are not part of a bare clone, if they are there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["../../shared", "../../../shared"]
        .iter()
        .map(|up| here.join(up).join(path))
        .find(|at| at.exists());
    if found.is_none() {
        eprintln!("SKIPPED: shared/{path} is not there");
    }
    found
}

/// A recording in the repository.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(path)
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path)
            } else {
                found.push(path)
            }
        }
    }
    found.sort();
    found
}

/// The time at which the recordings had ended.
pub fn after_recordings() -> ManualClock {
    ManualClock::at(Timestamp::parse("2026-11-22T12:00:00Z").unwrap())
}

/// The settings of a monitor of a home, after its recordings.
pub fn builder(home: &Path) -> MonitorBuilder {
    let env = Env::at(home);
    let config = Config::defaults(&env);
    Monitor::builder()
        .env(env)
        .config(config)
        .clock(after_recordings())
}

/// A monitor of a home, in memory.
pub fn monitor(home: &Path) -> Monitor {
    builder(home).in_memory().open().unwrap()
}

/// Reads everything, with states and text.
pub fn refresh(monitor: &Monitor) -> Result<(), Error> {
    let everything = RefreshOptions {
        want_state: true,
        content: true,
        ..RefreshOptions::default()
    };
    monitor.refresh(&everything).map(|_| ())
}

/// Sums by session and model.
pub fn by_session(monitor: &Monitor) -> BTreeMap<(String, String), Sums> {
    let by = Dimensions {
        session: true,
        model: true,
        ..Dimensions::default()
    };
    let query = UsageQuery {
        by,
        ..UsageQuery::new(ReportKind::Session)
    };
    let report = monitor.usage(&query).unwrap();
    let key = |session: &Option<agentmon_core::model::SessionKey>| {
        session.as_ref().unwrap().native_id.to_string()
    };
    report
        .rows
        .iter()
        .map(|row| {
            (
                (key(&row.session), row.model.as_deref().unwrap().to_owned()),
                row.sums,
            )
        })
        .collect()
}

/// Sums by model.
pub fn by_model(monitor: &Monitor) -> BTreeMap<String, Sums> {
    let by = Dimensions {
        model: true,
        ..Dimensions::default()
    };
    let report = monitor
        .usage(&UsageQuery {
            by,
            ..UsageQuery::new(ReportKind::Models)
        })
        .unwrap();
    report
        .rows
        .iter()
        .map(|row| (row.model.as_deref().unwrap().to_owned(), row.sums))
        .collect()
}

/// Anthropic's field names, as `expected.json` has them.
pub fn anthropic(value: &serde_json::Value) -> (u64, Usage) {
    let count = |name: &str| value[name].as_u64().unwrap_or(0);
    let hour = count("ephemeral_1h_input_tokens");
    let usage = Usage {
        input: count("input_tokens"),
        cache_read: count("cache_read_input_tokens"),
        cache_creation_5m: count("cache_creation_input_tokens") - hour,
        cache_creation_1h: hour,
        output: count("output_tokens"),
        reasoning: 0,
    };
    (count("requests"), usage)
}

/// Compares two tables and tells only the rows that differ.
pub fn assert_same<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    name: &str,
    found: &BTreeMap<K, V>,
    wanted: &BTreeMap<K, V>,
) {
    let keys: std::collections::BTreeSet<&K> = found.keys().chain(wanted.keys()).collect();
    let wrong: Vec<String> = keys
        .into_iter()
        .filter(|key| found.get(key) != wanted.get(key))
        .map(|key| {
            format!(
                "{key:?}\n     is {:?}\n not {:?}",
                found.get(key),
                wanted.get(key)
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{name}: {} rows differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
