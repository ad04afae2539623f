//! The messages of a session of Droid.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::droid::Droid;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 1] = [
    "sessions/-home-dev-notes/2d025d84-7987-4d5f-b89a-b155de58c671.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&Droid, &file, data);
});
