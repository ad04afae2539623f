//! What agentmon exported, as an import reads it.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::exported::Exported;
use agentmon_core_fuzz::{file, read_lines};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    read_lines(&Exported, &file(FileRole::Lines, "everything.jsonl"), data);
});
