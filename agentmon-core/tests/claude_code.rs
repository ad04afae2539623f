//! Claude Code's transcripts: every recorded session counted to the token, and public ones read without a loss.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;

use agentmon_core::model::{Relation, Usage};
use agentmon_core::query::{EventFilter, RefreshOptions, SessionFilter};
use agentmon_core::session::{Reason, State};
use common::{
    anthropic, assert_same, by_model, by_session, copy, fixture, monitor, refresh, shared,
};
use serde_json::Value;

/// A copied session that the client itself marks as copied: its own calls are what it sent.
const FORK: &str = "04636248-3293-44cb-a6bb-c63fa5546ae7";

fn without_reasoning(usage: Usage) -> Usage {
    Usage {
        reasoning: 0,
        ..usage
    }
}

#[test]
fn every_recorded_session_is_counted_to_the_token() {
    let monitor = monitor(&fixture("claude_code/home"));
    refresh(&monitor).unwrap();
    let expected: Value =
        serde_json::from_slice(&fs::read(fixture("claude_code/expected.json")).unwrap()).unwrap();

    let mut wanted = BTreeMap::new();
    for (id, session) in expected["sessions"].as_object().unwrap() {
        let truth = if id == FORK {
            &session["sent"]
        } else {
            &session["transcript"]
        };
        for (model, counts) in truth.as_object().unwrap() {
            wanted.insert((id.clone(), model.clone()), anthropic(counts));
        }
    }
    let found: BTreeMap<_, _> = by_session(&monitor)
        .into_iter()
        .map(|(key, sums)| (key, (sums.requests, without_reasoning(sums.usage))))
        .collect();
    assert_same("totals", &found, &wanted);

    let models: BTreeMap<_, _> = expected["dedup"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(m, c)| (m.clone(), anthropic(c)))
        .collect();
    let found: BTreeMap<_, _> = by_model(&monitor)
        .into_iter()
        .map(|(model, sums)| (model, (sums.requests, without_reasoning(sums.usage))))
        .collect();
    assert_same("models", &found, &models);
}

#[test]
fn sessions_have_their_facts_parents_and_events() {
    let monitor = monitor(&fixture("claude_code/home"));
    refresh(&monitor).unwrap();
    let all = monitor
        .sessions(&SessionFilter {
            within: true,
            ..SessionFilter::default()
        })
        .unwrap()
        .sessions;
    let session = |id: &str| {
        all.iter()
            .find(|session| &*session.key.native_id == id)
            .unwrap()
    };

    let fork = session(FORK);
    let (parent, relation) = fork.parent.as_ref().unwrap();
    assert_eq!(
        (&*parent.native_id, *relation),
        ("07f39086-1b99-59d9-9738-7a73f66afdd9", Relation::Fork)
    );

    let fix = session("0bcabce6-f94b-5d01-b40a-085d257e2d71");
    assert_eq!(
        fix.title.as_deref(),
        Some("Fix the failing test in calc.py")
    );
    assert_eq!(fix.cwd.as_deref(), Some("/home/user/projects/calc"));
    assert_eq!(
        fix.project.as_ref().map(|project| &*project.name),
        Some("calc")
    );
    assert_eq!(fix.branch.as_deref(), Some("main"));
    assert_eq!(fix.model.as_deref(), Some("claude-sonnet-5"));
    assert_eq!(fix.version.as_deref(), Some("2.1.329"));

    let subagents: Vec<_> = all
        .iter()
        .filter(|s| matches!(s.parent, Some((_, Relation::Within))))
        .collect();
    assert!(subagents.len() >= 4, "{subagents:#?}");
    for agent in &subagents {
        let (parent, _) = agent.parent.as_ref().unwrap();
        assert!(agent.key.native_id.starts_with(&*parent.native_id));
        assert!(agent.role.is_some() && agent.title.is_some(), "{agent:#?}");
    }

    let detail = monitor.session("0bcabce6").unwrap();
    assert_eq!(
        detail.unattributed,
        [],
        "the client's own count is what was counted"
    );
    assert!(
        detail
            .tools
            .iter()
            .any(|tool| &*tool.tool == "Bash" && tool.calls > 0),
        "{:?}",
        detail.tools
    );
    let found = monitor
        .events(&EventFilter {
            text: Some("failing test".into()),
            ..EventFilter::default()
        })
        .unwrap();
    assert!(
        found
            .events
            .iter()
            .any(|event| &*event.text == "Fix the failing test in calc.py")
    );
}

/// Every recorded client was left in order, one of them while it asked for permission; some after a failed turn. Its
/// transcript alone tells so, whether it is read line by line or only for its end.
#[test]
fn the_end_of_every_recorded_session_is_told() {
    for want_state in [true, false] {
        let monitor = monitor(&fixture("claude_code/home"));
        let options = RefreshOptions {
            want_state,
            ..RefreshOptions::default()
        };
        monitor.refresh(&options).unwrap();
        let sessions = monitor
            .sessions(&SessionFilter::default())
            .unwrap()
            .sessions;
        for session in &sessions {
            let (state, reason) = (session.state, &session.reason);
            assert!(
                matches!(
                    (state, reason),
                    (State::Completed, Reason::SessionEnd) | (State::Failed, Reason::ApiError(_))
                ),
                "{}: {state} {reason}",
                session.key.native_id
            );
        }
        let left = sessions
            .iter()
            .find(|session| session.key.native_id.starts_with("c7deeae8"))
            .unwrap();
        assert_eq!(left.state, State::Completed);
        // Two `cost-state` lines are written at the exit: told one by one, the first counts.
        let since = left.since.to_string();
        assert!(since.starts_with("2026-11-21T09:33:"), "{since}");
        assert_eq!(left.title.as_deref(), Some("fix calculator bug"));
    }
}

#[test]
fn public_transcripts_are_read_and_every_skip_is_counted() {
    let Some(public) = shared("fixtures/claude-code/public") else {
        return;
    };
    let expected: Value =
        serde_json::from_slice(&fs::read(public.join("expected.json")).unwrap()).unwrap();
    let home = tempfile::tempdir().unwrap();
    for collection in ["claude-code-log", "claude-code-viewer", "session-share"] {
        copy(
            &public.join(collection),
            &home.path().join(".claude/projects").join(collection),
        );
    }
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let wanted: BTreeMap<String, Usage> = expected["by_model_all_files"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(model, counts)| (model.clone(), anthropic(counts).1))
        .collect();
    let total = |usage: Usage| Usage {
        cache_creation_5m: usage.cache_creation(),
        cache_creation_1h: 0,
        reasoning: 0,
        ..usage
    };
    let found: BTreeMap<String, Usage> = by_model(&monitor)
        .into_iter()
        .map(|(model, sums)| (model, total(sums.usage)))
        .filter(|(_, usage)| !usage.is_zero())
        .collect();
    let wanted: BTreeMap<String, Usage> = wanted
        .into_iter()
        .filter(|(_, usage)| !usage.is_zero())
        .collect();
    assert_same("totals", &found, &wanted);

    let broken: u64 = expected["files"]
        .as_object()
        .unwrap()
        .values()
        .map(|file| file["bad_json_lines"].as_u64().unwrap())
        .sum();
    let sources = monitor.sources().unwrap();
    let problems: Vec<_> = sources.iter().flat_map(|source| &source.problems).collect();
    let malformed: u64 = problems
        .iter()
        .filter(|p| p.kind == agentmon_core::model::ProblemKind::Malformed)
        .map(|p| p.count)
        .sum();
    assert!(
        malformed >= broken,
        "{malformed} of {broken} broken lines are told: {problems:#?}"
    );
}
