//! Any bytes as a Codex rollout: never a panic, and the same facts whether read at once or line by line.
//!
//! `cargo +nightly fuzz run codex_rollout CORPUS tests/fixtures/codex/sessions/2026/11/21`, in `agentmon-core`.
#![no_main]

use std::path::PathBuf;

use agentmon_core::model::{Batch, Timestamp};
use agentmon_core::source::codex::Codex;
use agentmon_core::source::{FileFormat, FileInfo, FileRole, Want, for_each_line};
use libfuzzer_sys::fuzz_target;

const WANT: Want = Want {
    accounting: true,
    evidence: true,
    content: true,
};
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fuzz_target!(|bytes: &[u8]| {
    let name = "rollout-2026-11-21T09-29-26-01a1fd70-6db7-7351-b501-9fe1612710b3.jsonl";
    let info = FileInfo {
        root: PathBuf::new(),
        path: name.into(),
        role: FileRole::Lines,
        born: NOW,
        modified: NOW,
    };
    let mut whole = Batch::default();
    let mut parser = Codex.start(&info);
    parser.feed(0, bytes, WANT, NOW, &mut whole);
    parser.finish(WANT, &mut whole);

    let mut split = Batch::default();
    let mut parser = Codex.start(&info);
    for_each_line(0, bytes, |offset, line| {
        parser.feed(offset, line, WANT, NOW, &mut split);
        parser = Codex
            .resume(&info, &parser.state())
            .expect("a parser reads its own state");
    });
    parser.finish(WANT, &mut split);

    assert_eq!(whole.calls, split.calls);
    assert_eq!(whole.sessions, split.sessions);
    assert_eq!(whole.evidence, split.evidence);
    assert_eq!(whole.events, split.events);
    assert_eq!(whole.problems, split.problems);
    for call in &whole.calls {
        let usage = call.usage;
        assert!(usage.reasoning <= usage.output);
    }
});
