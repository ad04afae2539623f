//! Conversations of Cline in a terminal, and timelines of tasks in an editor.
#![no_main]

use agentmon_core::source::cline::{ClineSessions, ClineTasks, RooCode};
use agentmon_core::source::FileRole;
use agentmon_core_fuzz::{file, read_documents};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = |path| file(FileRole::Document, path);
    let session = "sessions/1795272109179_wv0y0/1795272109179_wv0y0.messages.json";
    read_documents(&ClineSessions, &at(session), data);
    read_documents(&ClineTasks, &at("tasks/1795272000000/ui_messages.json"), data);
    read_documents(&RooCode, &at("tasks/0f4b6a52/ui_messages.json"), data);
});
