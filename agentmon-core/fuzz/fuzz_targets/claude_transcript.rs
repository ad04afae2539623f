//! Transcripts of Claude Code: of a session, and of a subagent in the present and the older place.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::claude_code::ClaudeCode;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 3] = [
    "projects/-home-user-calc/208c03df-39f5-5641-8051-11fd903c700c.jsonl",
    "projects/-home-user-calc/208c03df-39f5-5641-8051-11fd903c700c/subagents/agent-aad2e0ab.jsonl",
    "projects/-home-user-calc/agent-aad2e0ab.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&ClaudeCode::default(), &file, data);
});
