//! Frames of an OpenClaw gateway, one after the other.
#![no_main]

use agentmon_core::model::{Batch, Span};
use agentmon_core::source::openclaw::gateway::frame::{self, Incoming};
use agentmon_core::source::openclaw::gateway::observe::Observer;
use agentmon_core_fuzz::{NOW, holds, records};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (mut observer, mut out) = (Observer::default(), Batch::default());
    for (number, text) in records(data).enumerate() {
        let now = NOW + Span::from_secs(number as i64);
        if let Some(Incoming::Event { name, payload, .. }) = frame::read(text) {
            observer.event(&name, payload, now, &mut out);
        }
    }
    observer.lost(NOW, &mut out);
    observer.connected(4, NOW, &mut out);
    holds(&out);
});
