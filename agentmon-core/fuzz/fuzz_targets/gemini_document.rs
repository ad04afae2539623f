//! Chats of Gemini CLI as older versions replaced them: one document each.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::gemini::Gemini;
use agentmon_core_fuzz::{file, read_documents};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = "tmp/3f1f0ad2/chats/session-2026-11-21T10-03-2735f89c.json";
    read_documents(&Gemini, &file(FileRole::Document, path), data);
});
