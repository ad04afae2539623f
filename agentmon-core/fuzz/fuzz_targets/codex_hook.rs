//! Hook and `notify` payloads of Codex, one after another in one batch.
#![no_main]

use agentmon_core::model::Batch;
use agentmon_core::source::codex::hook;
use agentmon_core_fuzz::{NOW, holds, records};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut all = Batch::default();
    for payload in records(data) {
        let mut one = Batch::default();
        let alone = hook::parse(payload, NOW, &mut one);
        let among = hook::parse(payload, NOW, &mut all);
        assert_eq!(alone, among);
        if let Ok(session) = alone {
            assert!(one.sessions.iter().any(|patch| patch.key == session));
        } else {
            assert!(one.sessions.is_empty() && one.evidence.is_empty() && one.events.is_empty());
        }
        let mut unknown = Batch::default();
        let notified = hook::notify(payload, NOW, &|_| false, &mut unknown);
        assert!(unknown.sessions.is_empty() && unknown.evidence.is_empty());
        assert_eq!(notified, hook::notify(payload, NOW, &|_| true, &mut all));
    }
    holds(&all);
});
