//! Rollouts of Codex: under a name that tells the thread, and under one that does not.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::codex::Codex;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 2] = [
    "sessions/2026/11/21/rollout-2026-11-21T09-28-50-01a1fd6f-e3e0-7d02-b935-b0f7bd773c38.jsonl",
    "sessions/2026/11/21/rollout-copy.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Codex, &file, data);
});
