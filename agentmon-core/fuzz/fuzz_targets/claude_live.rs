//! The small files of Claude Code: `sessions/<pid>.json`, `jobs/<id>/state.json` and `agent-<id>.meta.json`, each in
//! several versions.
#![no_main]

use std::sync::Arc;

use agentmon_core::source::FileRole;
use agentmon_core::source::claude_code::ClaudeCode;
use agentmon_core::source::process::{ProcessId, ProcessTable};
use agentmon_core_fuzz::{file, read_versions};
use libfuzzer_sys::fuzz_target;

/// A third of all processes lives, a third is gone, of a third nothing is known.
#[derive(Debug)]
struct ByNumber;

impl ProcessTable for ByNumber {
    fn alive(&self, process: ProcessId) -> Option<bool> {
        [Some(true), Some(false), None][process.pid as usize % 3]
    }

    fn domain(&self) -> Option<&str> {
        Some("linux:m:pid:[1]")
    }
}

fuzz_target!(|data: &[u8]| {
    let format = ClaudeCode::new(Arc::new(ByNumber));
    for (role, path) in [
        (FileRole::Live, "sessions/4242.json"),
        (FileRole::Snapshot, "jobs/1f/state.json"),
        (
            FileRole::Snapshot,
            "projects/-home-user-calc/208c03df-39f5-5641-8051-11fd903c700c/subagents/agent-aad2e0ab.meta.json",
        ),
    ] {
        read_versions(&format, &file(role, path), data);
    }
});
