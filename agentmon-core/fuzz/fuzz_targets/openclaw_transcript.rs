//! Transcripts of OpenClaw: the conversation's own file, an ended one, a copy and a fork.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::openclaw::OpenClawFiles;
use agentmon_core_fuzz::{file, one_of, read_lines};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 4] = [
    "agents/main/sessions/197e3cb9-0ceb-47a9-b179-1bfd5ffd1310.jsonl",
    "agents/main/sessions/197e3cb9-0ceb-47a9-b179-1bfd5ffd1310.jsonl.deleted.2026-11-21T09-30-53.634Z",
    "agents/main/sessions/197e3cb9-0ceb-47a9-b179-1bfd5ffd1310.jsonl.bak.2026-11-21T09-30-53.315Z",
    "agents/main/sessions/2026-11-21T09-30-53-634Z_197e3cb9-0ceb-47a9-b179-1bfd5ffd1310.jsonl",
];

fuzz_target!(|data: &[u8]| {
    let file = file(FileRole::Lines, one_of(&PATHS, data));
    read_lines(&OpenClawFiles, &file, data);
});
