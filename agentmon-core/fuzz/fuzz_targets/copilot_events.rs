//! The event log of Copilot CLI, in its folder and as the first versions had it.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::copilot::Copilot;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 2] = [
    "session-state/97b5d0aa-1695-4b0b-abf7-2bdfc413b880/events.jsonl",
    "session-state/97b5d0aa-1695-4b0b-abf7-2bdfc413b880.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Copilot, &file, data);
});
