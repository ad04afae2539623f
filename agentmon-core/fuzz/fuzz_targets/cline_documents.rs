//! Conversations of Cline in a terminal, and timelines of tasks in an editor.
#![no_main]

use agentmon_core::model::Batch;
use agentmon_core::source::cline::{ClineSessions, ClineTasks, RooCode};
use agentmon_core::source::{FileFormat, FileRole, Want};
use agentmon_core_fuzz::{NOW, file, holds, read_versions};
use libfuzzer_sys::fuzz_target;

fn read(format: &dyn FileFormat, path: &str, data: &[u8]) {
    let file = file(FileRole::Document, path);
    read_versions(format, &file, data);
    let mut out = Batch::default();
    format
        .start(&file)
        .feed(0, data, Want::CONTENT, NOW, &mut out);
    holds(&out);
}

fuzz_target!(|data: &[u8]| {
    let session = "sessions/1795272109179_wv0y0/1795272109179_wv0y0.messages.json";
    read(&ClineSessions, session, data);
    read(&ClineTasks, "tasks/1795272000000/ui_messages.json", data);
    read(&RooCode, "tasks/0f4b6a52/ui_messages.json", data);
});
