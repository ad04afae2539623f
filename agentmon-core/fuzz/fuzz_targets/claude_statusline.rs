//! What Claude Code tells its status line.
#![no_main]

use agentmon_core::ingest::statusline;
use agentmon_core::source::claude_code::statusline::parse;
use agentmon_core_fuzz::{NOW, holds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = parse(data, NOW);
    if let Some(limits) = statusline::read(data, NOW) {
        holds(&limits);
    }
});
