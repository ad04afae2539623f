//! What Kimi Code, Droid and Cline keep beside a conversation: facts and sums of the session.
#![no_main]

use agentmon_core::source::FileRole;
use agentmon_core::source::{cline::ClineSessions, droid::Droid, kimi::Kimi};
use agentmon_core_fuzz::{file, read_versions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let at = |path| file(FileRole::Snapshot, path);
    read_versions(&Kimi, &at("sessions/wd_notes/session_1/state.json"), data);
    read_versions(&Droid, &at("sessions/-home-dev-notes/2d025d84.settings.json"), data);
    read_versions(&ClineSessions, &at("sessions/1795_wv/1795_wv.json"), data);
});
