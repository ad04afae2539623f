//! The log of an agent of Kimi Code, and of a subagent.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::kimi::Kimi;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 2] = [
    "sessions/wd_notes_a4c307940488/session_4353caea/agents/main/wire.jsonl",
    "sessions/wd_notes_a4c307940488/session_4353caea/agents/agent-0/wire.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Kimi, &file, data);
});
