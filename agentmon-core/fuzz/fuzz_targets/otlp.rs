//! OpenTelemetry exports: the three signals, as JSON and as protobuf.
#![no_main]

use agentmon_core::model::Batch;
use agentmon_core::source::otlp::{Encoding, Signal, answer, read};
use agentmon_core_fuzz::{NOW, holds};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    for encoding in [Encoding::Json, Encoding::Protobuf] {
        for signal in [Signal::Logs, Signal::Metrics, Signal::Traces] {
            let mut out = Batch::default();
            if let Ok(decoded) = read(signal, encoding, data, NOW, &mut out) {
                holds(&out);
                assert_eq!(decoded.rejected > 0, decoded.error.is_some());
                let _ = answer(signal, encoding, &decoded);
            }
        }
    }
});
