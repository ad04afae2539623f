//! OTLP exports in JSON, of every signal.
#![no_main]

use agentmon_core::source::otlp::Encoding;
use agentmon_core_fuzz::read_export;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| read_export(Encoding::Json, data));
