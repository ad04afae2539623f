//! Events that clients post, alone and in batches.
#![no_main]

use agentmon_core::ingest::events_api::{PostedEvent, read_batch, read_event};
use agentmon_core::model::Batch;
use agentmon_core_fuzz::{NOW, holds};
use libfuzzer_sys::fuzz_target;

const MAX_METADATA: usize = 10_240;

fn observe(event: &PostedEvent) {
    let mut out = Batch::default();
    event.observe(7, NOW, &mut out);
    holds(&out);
}

fuzz_target!(|data: &[u8]| {
    if let Ok(event) = read_event(data, MAX_METADATA) {
        observe(&event);
    }
    if let Ok(batch) = read_batch(data, MAX_METADATA) {
        batch.events.iter().for_each(observe);
    }
});
