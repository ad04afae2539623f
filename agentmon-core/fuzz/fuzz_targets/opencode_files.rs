//! Sessions and messages of opencode as older versions kept them: a file each.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::opencode::OpenCode;
use agentmon_core_fuzz::{file, read_documents, read_versions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let session = "storage/session/4b0ea68d/ses_4f2c9b7a8ffeXk2.json";
    read_versions(&OpenCode, &file(FileRole::Snapshot, session), data);
    let message = "storage/message/ses_4f2c9b7a8ffeXk2/msg_b0d36487f001.json";
    read_documents(&OpenCode, &file(FileRole::Document, message), data);
});
