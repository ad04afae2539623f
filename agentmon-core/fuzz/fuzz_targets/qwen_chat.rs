//! The records of a chat of Qwen Code, and of a subagent.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::qwen::Qwen;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 2] = [
    "projects/-home-dev-notes/chats/d0be5893-8af9-4369-9685-a324eb1bb2a9.jsonl",
    "projects/-home-dev-notes/subagents/d0be5893-8af9-4369-9685-a324eb1bb2a9/agent-scout-1.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Qwen, &file, data);
});
