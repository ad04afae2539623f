//! OpenClaw's `sessions.json` in several versions.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::openclaw::OpenClawFiles;
use agentmon_core_fuzz::{file, read_versions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let rows = file(FileRole::Snapshot, "agents/main/sessions/sessions.json");
    read_versions(&OpenClawFiles, &rows, data);
});
