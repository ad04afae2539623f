//! Search where very many events match: best first ranks the newest of them, and says so.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

mod common;

use std::fmt::Write;
use std::fs;

use agentmon_core::model::Timestamp;
use agentmon_core::query::{RefreshOptions, SearchFilter, SearchOrder, SearchResults, SearchText};

const EVENTS: usize = 4_000;
const SESSION: &str = "11111111-aaaa-4000-8000-000000000001";

/// When the event with that number happened.
fn at(number: usize) -> Timestamp {
    let first = Timestamp::parse("2026-11-20T00:00:00.000Z").unwrap();
    Timestamp(first.0 + 1000 * number as i64)
}

fn prompt(number: usize) -> &'static str {
    match number {
        // The more often a word stands in a short text, the better it fits.
        0 => "common common common first",
        n if n == EVENTS - 100 => "common common late",
        _ => "common word among several others",
    }
}

#[test]
fn of_very_many_matches_the_newest_are_ranked() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".claude/projects/-p-app");
    fs::create_dir_all(&folder).unwrap();
    let mut lines = String::new();
    for number in 0..EVENTS {
        writeln!(
            lines,
            r#"{{"type":"user","message":{{"role":"user","content":"{}"}},"sessionId":"{SESSION}","cwd":"/p/app","version":"2.1.329","uuid":"u{number}","timestamp":"{}"}}"#,
            prompt(number),
            at(number),
        )
        .unwrap();
    }
    fs::write(folder.join(format!("{SESSION}.jsonl")), lines).unwrap();
    let monitor = common::monitor(home.path());
    let content = RefreshOptions {
        content: true,
        ..RefreshOptions::default()
    };
    monitor.refresh(&content).unwrap();

    let search = |text: &str, until: Option<Timestamp>, limit| -> SearchResults {
        let filter = SearchFilter {
            text: SearchText::parse(text),
            order: SearchOrder::Best,
            until,
            limit,
            ..SearchFilter::default()
        };
        monitor.search(&filter).unwrap()
    };
    let best = |results: &SearchResults| results.hits[0].at;

    let many = search("common", None, 3);
    assert_eq!(best(&many), at(EVENTS - 100));
    assert_eq!(many.ranked_since, Some(at(EVENTS - 3_001)));
    assert!(many.more);
    // Few that match, few that a filter lets through, and few at all: everything is ranked.
    for (text, until, expected) in [
        ("common first", None, at(0)),
        ("common", Some(at(500)), at(0)),
        ("late", None, at(EVENTS - 100)),
    ] {
        let results = search(text, until, 3);
        assert_eq!(best(&results), expected, "{text}");
        assert_eq!(results.ranked_since, None, "{text}");
    }
    // Who wants more than were ranked is given all.
    let all = search("common", None, 3_500);
    assert_eq!((best(&all), all.ranked_since), (at(0), None));
}
