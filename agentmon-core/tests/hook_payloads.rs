//! Every recorded hook payload, and what is read from it. Shared recordings are read whole where they are here; of each a
//! shortened copy is kept with the tests.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

mod common;

use std::fmt::Write as _;
use std::fs;

use agentmon_core::hooks::HookAgent;
use agentmon_core::model::{Batch, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

const NOW: Timestamp = Timestamp(1_795_253_000_000);

#[derive(Deserialize)]
struct Line {
    name: String,
    payload: Box<RawValue>,
}

/// What a payload tells: of whom, which signs, which events.
fn told(agent: HookAgent, name: &str, payload: &str) -> String {
    let mut batch = Batch::default();
    let read = agent.read(payload.as_bytes(), NOW, &|_| true, &mut batch);
    let session = read.unwrap_or_else(|problem| panic!("{name}: {problem:?}"));
    let id = &session.native_id;
    // A subagent is told from its session by what follows it.
    let part = id.split_once('/').map_or("", |(_, agent)| agent);
    let mut text = format!("{name}{}{part}", if part.is_empty() { "" } else { " in " });
    for (index, evidence) in &batch.evidence {
        let other = &batch.sessions[index.0 as usize].key;
        let whose = if *other == session {
            ""
        } else {
            " of the other"
        };
        write!(text, "\n    sign{whose}: {}", evidence.signal).unwrap();
    }
    for event in &batch.events {
        let words: String = event.text.chars().take(60).collect();
        write!(
            text,
            "\n    event: {} {} {} {words:?}",
            event.kind.as_str(),
            event.status.as_str(),
            event.tool.as_deref().unwrap_or("-"),
        )
        .unwrap();
    }
    for problem in &batch.problems {
        write!(text, "\n    problem: {}", problem.detail).unwrap();
    }
    text.push('\n');
    text
}

fn snapshot(agent: HookAgent, file: &str) -> String {
    let text = fs::read_to_string(common::fixture(file)).unwrap();
    let lines = text.lines().map(|line| {
        let line: Line = serde_json::from_str(line).unwrap();
        told(agent, &line.name, line.payload.get())
    });
    lines.collect()
}

#[test]
fn claude_code_payloads_are_understood() {
    insta::assert_snapshot!(snapshot(
        HookAgent::ClaudeCode,
        "claude_code/hooks/payloads.jsonl"
    ));
}

#[test]
fn gemini_payloads_are_understood() {
    insta::assert_snapshot!(snapshot(HookAgent::Gemini, "gemini/hooks/tui.jsonl"));
    insta::assert_snapshot!(snapshot(HookAgent::Gemini, "gemini/hooks/shell.jsonl"));
}

#[test]
fn every_shared_recording_is_accepted() {
    for (agent, folder) in [
        (HookAgent::ClaudeCode, "fixtures/claude-code/hooks"),
        (HookAgent::Codex, "fixtures/codex/runs"),
        (HookAgent::Gemini, "fixtures/gemini/runs"),
    ] {
        let Some(folder) = common::shared(folder) else {
            eprintln!("SKIPPED: {folder} is not here");
            continue;
        };
        let mut count = 0;
        for path in common::files(&folder) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_hook = name == "hooks.jsonl" || path.parent() == Some(&*folder);
            if !is_hook || matches!(&*name, "http-request.json" | "settings.json" | "README.md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
            for value in values {
                let mut value = value.unwrap();
                if let Some(payload) = value.get_mut("payload") {
                    value = payload.take();
                }
                told(agent, &name, &value.to_string());
                count += 1;
            }
        }
        assert!(count > 10, "{folder:?}: {count}");
    }
}
