//! The conformance corpus of the session state machine: every file of `state_corpus/` is data, and a new case needs no
//! Rust. `docs/state.md` explains the formats.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may panic, and says what it skips"
)]

#[path = "state_corpus/cases.rs"]
mod cases;
#[path = "state_corpus/properties.rs"]
mod properties;
#[path = "state_corpus/timelines.rs"]
mod timelines;

use std::path::PathBuf;

use agentmon_core::model::Timestamp;
use agentmon_core::session::Session;
use serde::Deserialize;

/// The time that the corpus calls 0.
const EPOCH: &str = "2026-11-21T09:00:00.000Z";

fn epoch() -> Timestamp {
    Timestamp::parse(EPOCH).unwrap()
}

/// A time of the corpus, in seconds since [`EPOCH`].
fn at(seconds: f64) -> Timestamp {
    Timestamp(epoch().0 + (seconds * 1000.0).round() as i64)
}

fn seconds(at: Timestamp) -> f64 {
    (at.0 - epoch().0) as f64 / 1000.0
}

fn corpus(prefix: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/state_corpus");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .filter(|(name, _)| name.starts_with("timeline_") == (prefix == "timeline_"))
        .collect();
    files.sort();
    files
}

/// What is expected of a session at some time; what is not named is not checked.
#[derive(Debug, Clone, Default, Deserialize)]
struct Expect {
    /// State and reason: `needs_input permission(Bash)`.
    is: Option<String>,
    /// Since when, in seconds.
    since: Option<f64>,
    liveness: Option<String>,
    confidence: Option<String>,
    /// The detail, or its beginning.
    shows: Option<String>,
    /// When time alone changes it, in seconds; -1 for never.
    deadline: Option<f64>,
    /// Seconds blocked on the user so far: waiting for an answer, and idle with a result that nobody has seen.
    blocked: Option<(f64, f64)>,
}

impl Expect {
    /// What differs from the truth, in words.
    fn differs(&self, session: &Session, now: Timestamp) -> Vec<String> {
        let verdict = &session.verdict;
        let mut found = Vec::new();
        let mut check = |what: &str, expected: Option<String>, actual: String| {
            if let Some(expected) = expected
                && expected != actual
            {
                found.push(format!("{what} is {actual:?}, not {expected:?}"));
            }
        };
        check(
            "it",
            self.is.clone(),
            format!("{} {}", verdict.state, verdict.reason),
        );
        check(
            "since",
            self.since.map(|since| format!("{since:.3}")),
            format!("{:.3}", seconds(verdict.since)),
        );
        check(
            "liveness",
            self.liveness.clone(),
            verdict.liveness.to_string(),
        );
        check(
            "confidence",
            self.confidence.clone(),
            verdict.confidence.to_string(),
        );
        let detail = verdict.detail.as_deref().unwrap_or_default();
        let shown: String = match &self.shows {
            Some(shows) if !shows.is_empty() && detail.starts_with(shows.as_str()) => shows.clone(),
            _ => detail.to_owned(),
        };
        check("detail", self.shows.clone(), shown);
        check(
            "deadline",
            self.deadline.map(|deadline| format!("{deadline:.3}")),
            verdict
                .next_deadline
                .map_or_else(|| "-1.000".into(), |at| format!("{:.3}", seconds(at))),
        );
        let blocked = session.blocked(now);
        check(
            "blocked",
            self.blocked
                .map(|(asked, idle)| format!("{asked:.3} {idle:.3}")),
            format!(
                "{:.3} {:.3}",
                blocked.needs_input.0 as f64 / 1000.0,
                blocked.idle_unseen.0 as f64 / 1000.0
            ),
        );
        if !found.is_empty() {
            let quoted: Vec<String> = verdict
                .evidence
                .iter()
                .map(|by| format!("{:.3} {} {}", seconds(by.at), by.source.as_str(), by.signal))
                .collect();
            found.push(format!("because of {quoted:?}"));
        }
        found
    }
}
