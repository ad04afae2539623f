//! Chats of Gemini CLI: a session's own and a subagent's.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::gemini::Gemini;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 2] = [
    "tmp/project/chats/session-2026-11-21T10-03-2735f89c.jsonl",
    "tmp/project/chats/2735f89c-1011-4413-b446-e4a3d3ab46d8/951607d0-b9d3-46e3-88be-0c06bf7a3e3a.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Gemini, &file, data);
});
