//! Bodies of the events API, one event or a batch, with metadata that fits and that does not.
#![no_main]

use agentmon_core::ingest::PostedEvent;
use agentmon_core::ingest::events_api::{read_batch, read_event};
use agentmon_core::model::Batch;
use agentmon_core_fuzz::{NOW, holds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for most in [64, 1024, 10 * 1024] {
        let mut batch = Batch::default();
        match read_event(data, most) {
            Ok(event) => take(&event, most, &mut batch),
            Err(errors) => assert!(!errors.is_empty()),
        }
        if let Ok(read) = read_batch(data, most) {
            assert!(
                read.rejected
                    .iter()
                    .all(|rejected| !rejected.errors.is_empty())
            );
            for event in &read.events {
                take(event, most, &mut batch);
            }
        }
        holds(&batch);
    }
});

fn take(event: &PostedEvent, most: usize, batch: &mut Batch) {
    // What says that something is missing takes its own room.
    assert!(event.metadata.len() <= most.max(64));
    let metadata: Result<serde_json::Value, _> = serde_json::from_str(&event.metadata);
    assert!(metadata.is_ok());
    assert!(!event.session.native_id.is_empty());
    event.observe(batch.events.len() as u64 + 1, NOW, batch);
}
