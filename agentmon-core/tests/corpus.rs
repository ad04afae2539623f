//! Generated corpora with known totals: the default mix and one corpus for each way in which logs mislead.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use agentmon_core::Monitor;
use agentmon_core::model::Usage;
use agentmon_core::query::{Dimensions, ReportKind, UsageQuery};
use common::{assert_same, builder, by_session, monitor, refresh, shared};
use serde_json::Value;

/// Traps, each with the features that isolate it, as the generator names them.
const TRAPS: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("stream", &["stream=0.6"]),
    ("interleave", &["stream=0.9", "interleave=1"]),
    ("subagents", &["subagents=0.5"]),
    ("subagents_old", &["subagents=0.5", "subagents_old=1"]),
    ("sub_stream", &["subagents=0.5", "stream=0.6"]),
    ("progress", &["subagents=0.5", "progress=1"]),
    (
        "progress_stream",
        &["subagents=0.5", "progress=1", "stream=0.6"],
    ),
    ("task_result", &["subagents=0.5", "task_result=1"]),
    ("fork", &["fork=1"]),
    ("fork_stream", &["fork=1", "stream=0.6"]),
    ("btw", &["btw=0.3"]),
    ("noreq", &["noreq=1"]),
    ("noreq_stream", &["noreq=1", "stream=0.6"]),
    ("synthetic", &["synthetic=1"]),
    ("escaped", &["escaped=0.5"]),
    ("nullfield", &["nullfield=0.5"]),
    ("iterations", &["iterations=1"]),
    ("cache1h", &["cache1h=1"]),
    ("torn", &["torn=1"]),
    ("image", &["image=0.2"]),
    ("dup_tc", &["dup_tc=0.5"]),
    ("null_info", &["null_info=1"]),
    ("model_switch", &["model_switch=1"]),
    ("codex_fork", &["codex_fork=1"]),
    ("fork_spread", &["codex_fork=1", "fork_spread=1"]),
    ("fork_origts", &["codex_fork=1", "fork_origts=1"]),
    ("fork_inherit", &["codex_fork=1", "fork_inherit=1"]),
    ("archived", &["archived=0.5"]),
    ("totals_only", &["totals_only=1"]),
    ("codex_resume", &["codex_resume=1"]),
];

fn generate(generator: &Path, prices: &Path, out: &Path, arguments: &[&str]) -> Option<Value> {
    let mut command = Command::new("python3");
    command
        .arg(generator)
        .arg("--out")
        .arg(out)
        .arg("--prices")
        .arg(prices)
        .args(arguments);
    let Ok(output) = command.output() else {
        eprintln!("SKIPPED: python3 is not there");
        return None;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&fs::read(out.join("expected.json")).unwrap()).unwrap())
}

fn usage(value: &Value) -> (u64, Usage) {
    let count = |name: &str| value[name].as_u64().unwrap_or(0);
    let usage = Usage {
        input: count("input"),
        cache_read: count("cache_read"),
        cache_creation_5m: count("cache_write_5m"),
        cache_creation_1h: count("cache_write_1h"),
        output: count("output"),
        reasoning: count("reasoning"),
    };
    (count("responses"), usage)
}

/// Every session, day and model, to the token; and the cost of each model.
fn check(name: &str, home: &Path, expected: &Value) {
    let report = builder(home).for_one_report().open().unwrap();
    for monitor in [monitor(home), report] {
        refresh(&monitor).unwrap();
        check_monitor(name, &monitor, expected);
    }
}

fn check_monitor(name: &str, monitor: &Monitor, expected: &Value) {
    let mut sessions: BTreeMap<String, (u64, Usage)> = BTreeMap::new();
    for ((session, _), sums) in by_session(monitor) {
        let entry = sessions.entry(session).or_default();
        entry.0 += sums.requests;
        entry.1 += sums.usage;
    }
    let truth = |table: &str| -> BTreeMap<String, (u64, Usage)> {
        let agents = expected[table].as_object().unwrap();
        agents
            .values()
            .flat_map(|rows| rows.as_object().unwrap())
            .map(|(key, row)| (key.clone(), usage(row)))
            .collect()
    };
    assert_same(&format!("{name}: sessions"), &sessions, &truth("sessions"));

    let by = Dimensions {
        model: true,
        ..Dimensions::default()
    };
    let daily = monitor
        .usage(&UsageQuery {
            by,
            ..UsageQuery::new(ReportKind::Daily)
        })
        .unwrap();
    let days: BTreeMap<String, (u64, Usage)> = daily
        .rows
        .iter()
        .map(|row| {
            let key = format!(
                "{}|{}",
                row.period.as_deref().unwrap(),
                row.model.as_deref().unwrap()
            );
            (key, (row.sums.requests, row.sums.usage))
        })
        .collect();
    assert_same(
        &format!("{name}: days_models"),
        &days,
        &truth("days_models"),
    );

    let models = monitor
        .usage(&UsageQuery {
            by,
            ..UsageQuery::new(ReportKind::Models)
        })
        .unwrap();
    for row in &models.rows {
        let model = row.model.as_deref().unwrap();
        let agents = expected["models"].as_object().unwrap();
        let truth = agents.values().find_map(|rows| rows.get(model)).unwrap();
        let cost = truth["cost_usd"].as_f64().unwrap();
        // The generator prices sums in floating point, agentmon each call exactly, rounded to a nano-dollar.
        assert!(
            (row.sums.cost.dollars() - cost).abs() < 1e-5,
            "{name}: {model} costs {cost}, not {}",
            row.sums.cost.dollars()
        );
    }
}

#[test]
fn no_trap_changes_a_count() {
    let (Some(generator), Some(prices)) = (
        shared("bench/gen_corpus.py"),
        shared("pricing/reference.json"),
    ) else {
        return;
    };
    std::thread::scope(|scope| {
        for half in TRAPS.chunks(TRAPS.len().div_ceil(2)) {
            let (generator, prices) = (&generator, &prices);
            scope.spawn(move || {
                for (name, features) in half {
                    let home = tempfile::tempdir().unwrap();
                    let mut arguments =
                        vec!["--size-mb", "3", "--sessions", "16", "--base", "none"];
                    arguments.extend(features.iter().flat_map(|feature| ["--feature", feature]));
                    let Some(expected) = generate(generator, prices, home.path(), &arguments)
                    else {
                        return;
                    };
                    check(name, home.path(), &expected);
                }
            });
        }
    });
}

#[test]
fn the_default_mix_is_counted_to_the_token() {
    let (Some(generator), Some(prices)) = (
        shared("bench/gen_corpus.py"),
        shared("pricing/reference.json"),
    ) else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    if let Some(expected) = generate(
        &generator,
        &prices,
        home.path(),
        &["--size-mb", "20", "--seed", "7"],
    ) {
        check("default mix", home.path(), &expected);
    }
}
