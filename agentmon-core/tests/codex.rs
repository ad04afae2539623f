//! Codex rollouts: recordings of real clients against what the provider sent, and everything that bends a file.
#![cfg(feature = "monitor")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may fail and say what it skips"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use agentmon_core::model::{
    Batch, DedupKey, EventKind, PriceMode, ProblemKind, Relation, SessionPatch, Timestamp,
};
use agentmon_core::session::{Ask, Signal};
use agentmon_core::source::codex::Codex;
use agentmon_core::source::{Env, FileFormat, FileInfo, FileRole, Want, for_each_line};
use common::{by_session, copy, fixture, monitor, refresh, shared};
use proptest::prelude::*;
use serde_json::Value;

const ALL: Want = Want {
    accounting: true,
    evidence: true,
    content: true,
};
const FIXTURES: &str = "codex";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// The one file below `folder` whose path ends so.
fn find(folder: &str, end: &str) -> PathBuf {
    let mut pending = vec![fixture(FIXTURES).join(folder)];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(
                fs::read_dir(path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.to_string_lossy().contains(end) {
            return path;
        }
    }
    panic!("no {end} below {folder}");
}

fn info(path: &Path) -> FileInfo {
    FileInfo {
        root: fixture(FIXTURES),
        path: path.to_owned(),
        role: FileRole::Lines,
        born: NOW,
        modified: NOW,
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zst") {
        return zstd::decode_all(&*bytes).unwrap();
    }
    bytes
}

fn parse(info: &FileInfo, bytes: &[u8], want: Want) -> Batch {
    let mut out = Batch::default();
    let mut parser = Codex.start(info);
    parser.feed(0, bytes, want, NOW, &mut out);
    parser.finish(want, &mut out);
    out
}

fn read(path: &Path, want: Want) -> Batch {
    parse(&info(path), &bytes(path), want)
}

/// Lines as a client writes them, a second apart, of a thread of its own.
fn rollout(lines: &[(&str, &str)]) -> Batch {
    let head = (
        "session_meta",
        r#"{"id":"01a1fd70-0000-7000-8000-000000000001","source":"cli"}"#,
    );
    let text: String = std::iter::once(&head)
        .chain(lines)
        .enumerate()
        .map(|(second, (kind, payload))| {
            format!(
                "{{\"timestamp\":\"2026-11-21T10:00:{second:02}.000Z\",\"type\":\"{kind}\",\"payload\":{payload}}}\n"
            )
        })
        .collect();
    let path =
        Path::new("/x/rollout-2026-11-21T10-00-00-01a1fd70-0000-7000-8000-000000000001.jsonl");
    parse(&info(path), text.as_bytes(), ALL)
}

/// Calls, then input, cached, cache-write, output and reasoning tokens as the provider names them, by thread and model.
type Totals = BTreeMap<(String, String), [u64; 6]>;

fn totals(batch: &Batch) -> Totals {
    let mut totals = Totals::new();
    for call in &batch.calls {
        let thread = batch.sessions[call.session.0 as usize]
            .key
            .native_id
            .to_string();
        let model = batch.models[call.model as usize].to_string();
        let usage = call.usage;
        let sums = totals.entry((thread, model)).or_default();
        let tokens = [
            1,
            usage.prompt(),
            usage.cache_read,
            usage.cache_creation(),
            usage.output,
            usage.reasoning,
        ];
        for (sum, tokens) in std::iter::zip(sums, tokens) {
            *sum += tokens;
        }
    }
    totals
}

/// Checks one file against its entry in an `expected.json`.
fn check_totals(path: &Path, thread: &str, session: &Value) {
    let mut found = totals(&read(path, Want::ACCOUNTING));
    let mut expected = Totals::new();
    for (model, tokens) in session["models"].as_object().unwrap() {
        let count = |name: &str| tokens[name].as_u64().unwrap_or_default();
        let key = (thread.to_owned(), model.clone());
        if tokens.get("calls").is_none()
            && let Some(sums) = found.get_mut(&key)
        {
            sums[0] = 0;
        }
        let sums = [
            count("calls"),
            count("input_tokens"),
            count("cached_input_tokens"),
            count("cache_write_input_tokens"),
            count("output_tokens"),
            count("reasoning_output_tokens"),
        ];
        expected.insert(key, sums);
    }
    if session["unrecorded_on_disk"] == true {
        // The client was killed before it wrote the call down: nothing on disk can tell.
        assert_eq!(found, Totals::new(), "{}", path.display());
    } else {
        assert_eq!(found, expected, "{}", path.display());
    }
}

#[test]
fn every_recorded_session_counts_to_the_last_token() {
    let expected: Value =
        serde_json::from_slice(&bytes(&fixture(FIXTURES).join("expected.json"))).unwrap();
    for session in expected["sessions"].as_array().unwrap() {
        let path = fixture(FIXTURES).join(session["file"].as_str().unwrap());
        check_totals(&path, session["thread"].as_str().unwrap(), session);
    }
    let Some(shared) = shared("fixtures/codex") else {
        return;
    };
    let expected: Value = serde_json::from_slice(&bytes(&shared.join("expected.json"))).unwrap();
    let recordings = expected["recordings"].as_array().unwrap();
    let sessions = recordings
        .iter()
        .flat_map(|recording| recording["sessions"].as_object().unwrap());
    let mut count = 0;
    for (thread, session) in sessions {
        check_totals(
            &shared.join(session["file"].as_str().unwrap()),
            thread,
            session,
        );
        count += 1;
    }
    assert!(count >= 70, "only {count} sessions");
}

#[test]
fn one_thread_gives_the_same_calls_and_events_wherever_and_however_it_lies() {
    let calls = |folder: &str, end: &str| -> Vec<_> {
        let batch = read(&find(folder, end), ALL);
        batch
            .calls
            .iter()
            .map(|call| (call.fact, call.at, call.usage))
            .collect()
    };
    let events = |folder: &str, end: &str| -> Vec<DedupKey> {
        let batch = read(&find(folder, end), Want::CONTENT);
        batch.events.into_iter().map(|event| event.key).collect()
    };
    assert_eq!(
        calls("legacy/0.137.0", "f7b9"),
        calls("mixed/compressed", "f7b9")
    );
    assert_eq!(
        calls("legacy/0.137.0", "4b33"),
        calls("mixed/migrated", "4b33")
    );
    assert_eq!(
        events("legacy/0.137.0", "4b33"),
        events("mixed/migrated", "4b33")
    );
    // Both were continued: by a newer client, and after a migration.
    let original = calls("legacy/0.137.0", "211d");
    for folder in ["mixed/resumed", "mixed/migrated"] {
        assert_eq!(
            calls(folder, "211d")[..original.len()],
            original,
            "{folder}"
        );
    }
}

#[test]
fn a_monitor_counts_a_thread_once_wherever_it_lies() {
    let home = tempfile::tempdir().unwrap();
    // One thread lies in three places, another was continued where a copy of its beginning remains.
    for (from, to) in [
        ("sessions", "sessions"),
        ("archived_sessions", "archived_sessions"),
        ("legacy/0.137.0/sessions", "sessions/old"),
        ("mixed/compressed/sessions", "sessions/compressed"),
        ("mixed/migrated/sessions", "sessions/migrated"),
        ("mixed/resumed/sessions", "sessions/resumed"),
    ] {
        let to = home.path().join(".codex").join(to);
        copy(&fixture(FIXTURES).join(from), &to);
    }
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let expected: Value =
        serde_json::from_slice(&bytes(&fixture(FIXTURES).join("expected.json"))).unwrap();
    let mut wanted = BTreeMap::new();
    for session in expected["sessions"].as_array().unwrap() {
        if session["file"].as_str().unwrap().contains("0.45.0")
            || session["file"].as_str().unwrap().contains("0.104.0")
        {
            continue;
        }
        for (model, tokens) in session["models"].as_object().unwrap() {
            let count = |name: &str| tokens[name].as_u64().unwrap();
            let key = (
                session["thread"].as_str().unwrap().to_owned(),
                model.clone(),
            );
            let sums = [count("input_tokens"), count("output_tokens")];
            let most = wanted.entry(key).or_insert(sums);
            *most = sums.max(*most);
        }
    }
    let found: BTreeMap<_, _> = by_session(&monitor)
        .into_iter()
        .map(|(key, sums)| (key, [sums.usage.prompt(), sums.usage.output]))
        .collect();
    common::assert_same("threads", &found, &wanted);
}

fn fields(batch: &Batch) -> [String; 7] {
    [
        format!("{:#?}", batch.sessions),
        format!("{:#?}", batch.models),
        format!("{:#?}", batch.calls),
        format!("{:#?}", batch.evidence),
        format!("{:#?}", batch.events),
        format!("{:#?}", batch.quotas),
        format!("{:#?}", batch.problems),
    ]
}

#[test]
fn any_split_gives_the_same_batch() {
    for (folder, end) in [
        ("sessions", "f8db"),
        ("sessions", "887d"),
        ("sessions", "5a77"),
        ("legacy/0.45.0", "4c2c"),
        ("legacy/0.104.0", "af51"),
        ("mixed/resumed", "211d"),
    ] {
        let path = find(folder, end);
        let (info, bytes) = (info(&path), bytes(&path));
        for want in [ALL, Want::ACCOUNTING] {
            let whole = parse(&info, &bytes, want);
            let mut split = Batch::default();
            let mut parser = Codex.start(&info);
            for_each_line(0, &bytes, |offset, line| {
                parser.feed(offset, line, want, NOW, &mut split);
                let state = parser.state();
                assert!(state.len() < 2048, "{} bytes", state.len());
                parser = Codex.resume(&info, &state).expect("own state");
            });
            parser.finish(want, &mut split);
            for (whole, split) in std::iter::zip(fields(&whole), fields(&split)) {
                assert_eq!(whole, split, "{}", path.display());
            }
        }
    }
    assert!(Codex.resume(&info(Path::new("x")), b"{}").is_none());
}

#[test]
fn facts_of_a_clock_that_was_set_back_do_not_depend_on_where_the_file_is_cut() {
    let tokens = |second: u32, total: u64, last: u64| {
        format!(
            r#"{{"timestamp":"2026-11-21T10:00:{second:02}.000Z","type":"event_msg","payload":{{"type":"token_count","info":{{"total_token_usage":{{"input_tokens":{total}}},"last_token_usage":{{"input_tokens":{last}}}}}}}}}"#
        )
    };
    let text = [tokens(9, 7000, 7000), tokens(5, 10_000, 3000)].join("\n") + "\n";
    let cut = text.find('\n').unwrap() + 1;
    let info = info(Path::new("/x/rollout-copy.jsonl"));
    let whole = parse(&info, text.as_bytes(), ALL);
    let (mut first, mut second) = (Batch::default(), Batch::default());
    let mut parser = Codex.start(&info);
    parser.feed(0, &text.as_bytes()[..cut], ALL, NOW, &mut first);
    parser.feed(cut as u64, &text.as_bytes()[cut..], ALL, NOW, &mut second);
    let mut merged = first.sessions.remove(0);
    merged.merge(&second.sessions.remove(0));
    assert_eq!(whole.sessions, [merged]);
}

#[test]
fn a_file_cut_anywhere_never_panics_nor_counts_more() {
    let path = find("runs", "at_approval");
    let (info, bytes) = (info(&path), bytes(&path));
    let whole = parse(&info, &bytes, ALL);
    for end in 0..bytes.len() {
        let cut = parse(&info, &bytes[..end], ALL);
        assert!(cut.calls.len() <= whole.calls.len(), "cut at {end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_mangled_file_never_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        swaps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..8),
    ) {
        let path = find("mixed/resumed", "211d");
        let mut bytes = bytes(&path);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        for (a, b) in swaps {
            let (a, b) = (a.index(lines.len()), b.index(lines.len()));
            lines.swap(a, b);
        }
        parse(&info(&path), &lines.join(&b'\n'), ALL);
    }
}

/// What the evidence says, in words; repetitions and context sizes left out.
fn story(batch: &Batch) -> String {
    let mut words: Vec<String> = Vec::new();
    for (_, evidence) in &batch.evidence {
        let word = match &evidence.signal {
            Signal::SessionStarted { how } => format!("start({how})"),
            Signal::PromptSubmitted => "prompt".into(),
            Signal::ModelActive => "model".into(),
            Signal::ToolStarted { tool, .. } => format!("tool({tool})"),
            Signal::ToolFinished { .. } => "done".into(),
            Signal::NeedsInput {
                ask: Ask::Permission { tool },
                ..
            } => {
                format!("permission({})", tool.as_deref().unwrap_or_default())
            }
            Signal::NeedsInput { ask, .. } => format!("{ask:?}").to_lowercase(),
            Signal::InputGiven { .. } => "given".into(),
            Signal::Compacted => "compacted".into(),
            Signal::TurnEnded { .. } => "end".into(),
            Signal::TurnFailed { class, .. } => format!("failed({class})"),
            Signal::Interrupted => "interrupted".into(),
            Signal::Limited { reason, .. } => format!("limited({reason})"),
            Signal::SessionEnded { reason } => format!("over({reason})"),
            Signal::SubagentStarted { .. } => "child".into(),
            Signal::SubagentFinished { .. } => "child_over".into(),
            Signal::Activity | Signal::ContextUsed { .. } => continue,
            other => format!("{other:?}"),
        };
        if words.last() != Some(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

#[test]
fn recordings_tell_what_the_session_does() {
    for (folder, end, expected) in [
        (
            "runs",
            "at_approval",
            "start(startup) prompt model tool(exec_command) permission(exec_command)",
        ),
        (
            // Approval given, approval refused, interrupt, /compact.
            "sessions",
            "887d",
            "start(startup) prompt model tool(exec_command) permission(exec_command) given done model end \
             prompt model tool(exec_command) permission(exec_command) given done interrupted \
             prompt model tool(exec_command) done interrupted prompt model compacted end",
        ),
        (
            "sessions",
            "3fd9",
            "start(startup) prompt limited(rate_limit)",
        ),
        ("sessions", "468a", "start(startup) prompt failed(other)"),
        (
            "sessions",
            "70-1540",
            "start(startup) prompt model tool(exec_command)",
        ),
        (
            // A child that inherits its parent's history: none of that is its own.
            "sessions",
            "5a77",
            "start(subagent) prompt model tool(exec) done model tool(exec) done model over(finished)",
        ),
        (
            "sessions",
            "59df",
            "start(startup) prompt model tool(spawn_agent) child done model tool(wait_agent) child_over done model end",
        ),
        // The review's own turn is announced in the session that asked for it.
        ("sessions", "6b09", "start(startup) prompt model end"),
        (
            "sessions",
            "6b35",
            "start(subagent) prompt model over(finished)",
        ),
        (
            // A fork that copies its parent.
            "legacy/0.104.0",
            "af51",
            "start(fork) prompt model end",
        ),
        (
            // No frames: an answer ends the turn unless a tool call follows.
            "legacy/0.45.0",
            "42e8",
            "start(startup) prompt model end tool(shell) done model tool(shell) done model end",
        ),
        (
            "legacy/0.45.0",
            "5108",
            "start(startup) prompt model interrupted",
        ),
    ] {
        let path = find(folder, end);
        assert_eq!(
            story(&read(&path, Want::LIVE)),
            expected,
            "{}",
            path.display()
        );
        // Without evidence, the end is what remains.
        let batch = read(&path, Want::ACCOUNTING);
        assert_eq!(batch.evidence.len(), 1, "{}", path.display());
        let (last, ending) = (expected.rsplit(' ').next().unwrap(), story(&batch));
        assert!(
            last == ending || (ending == "prompt" && last.contains("exec_command")),
            "{}: {ending}",
            path.display()
        );
    }
}

const STARTED: (&str, &str) = (
    "event_msg",
    r#"{"type":"task_started","turn_id":"01a1fd70-0001-7000-8000-000000000001"}"#,
);
const COMPLETE: (&str, &str) = (
    "event_msg",
    r#"{"type":"task_complete","turn_id":"01a1fd70-0001-7000-8000-000000000001"}"#,
);

#[test]
fn turns_tell_questions_limits_and_late_lines_apart() {
    let call = |arguments: &str| {
        format!(
            r#"{{"type":"function_call","name":"request_user_input","call_id":"c","arguments":{arguments}}}"#
        )
    };
    let question = call(r#""{\"questions\":[{\"question\":\"Which one?\"}]}""#);
    let output = r#"{"type":"function_call_output","call_id":"c","output":"late"}"#;
    let complete = |turn: &str| format!(r#"{{"type":"task_complete","turn_id":"{turn}"}}"#);
    for (lines, expected) in [
        (
            &[
                STARTED,
                ("response_item", &question),
                ("response_item", output),
            ][..],
            "start(startup) prompt tool(request_user_input) question given done",
        ),
        (
            // A background command of an ended turn does not reopen it.
            &[
                STARTED,
                COMPLETE,
                ("response_item", output),
                (
                    "event_msg",
                    r#"{"type":"item_completed","turn_id":"01a1fd70-0001-7000-8000-000000000001","item":{"type":"CommandExecution","id":"c"}}"#,
                ),
            ],
            "start(startup) prompt end",
        ),
        (
            &[
                STARTED,
                (
                    "event_msg",
                    r#"{"type":"error","message":"You've hit your usage limit.","codex_error_info":"usage_limit_exceeded"}"#,
                ),
                COMPLETE,
            ],
            "start(startup) prompt limited(rate_limit)",
        ),
        (
            &[(
                "event_msg",
                r#"{"type":"token_count","info":null,"rate_limits":{"primary":{"used_percent":100.0,"resets_at":1795262400}}}"#,
            )],
            "start(startup) limited(rate_limit)",
        ),
        (
            &[
                (
                    "event_msg",
                    r#"{"type":"task_started","turn_id":"t","collaboration_mode_kind":"plan"}"#,
                ),
                (
                    "event_msg",
                    r#"{"type":"task_complete","turn_id":"t","last_agent_message":"<proposed_plan>x</proposed_plan>"}"#,
                ),
            ],
            "start(startup) prompt plan",
        ),
        (
            // The end of a turn that nobody heard of ends the turn at hand, unless it is known to be older.
            &[
                STARTED,
                (
                    "event_msg",
                    &complete("01a1fd70-0002-7000-8000-000000000009"),
                ),
            ],
            "start(startup) prompt end",
        ),
        (
            &[STARTED, ("event_msg", &complete("unheard of"))],
            "start(startup) prompt end",
        ),
        (
            &[
                STARTED,
                (
                    "event_msg",
                    &complete("01a1fd70-0000-7000-8000-000000000009"),
                ),
            ],
            "start(startup) prompt",
        ),
        (
            &[
                ("event_msg", r#"{"type":"task_started","turn_id":"1"}"#),
                ("event_msg", r#"{"type":"task_started","turn_id":"2"}"#),
                (
                    "event_msg",
                    r#"{"type":"turn_aborted","turn_id":"1","reason":"replaced"}"#,
                ),
                ("event_msg", &complete("1")),
            ],
            "start(startup) prompt",
        ),
    ] {
        assert_eq!(story(&rollout(lines)), expected);
    }
}

#[test]
fn sessions_have_their_facts() {
    let session = |folder: &str, end: &str| -> SessionPatch {
        read(&find(folder, end), Want::ACCOUNTING)
            .sessions
            .remove(0)
    };
    let value = |field: Option<agentmon_core::model::Stamped<Box<str>>>| {
        field.map(|stamped| stamped.value.to_string())
    };

    let tui = session("sessions", "887d");
    assert_eq!(
        &*tui.key.to_string(),
        "codex:01a1fd70-887d-7390-9a86-cc630913647c"
    );
    assert_eq!(
        &*tui.title.unwrap().text,
        "Please touch a file. [[scenario:approval]]"
    );
    assert_eq!(tui.started_at, Timestamp::parse("2026-11-21T09:29:33.070Z"));
    assert_eq!(
        tui.last_activity_at,
        Timestamp::parse("2026-11-21T09:30:02.220Z")
    );
    assert_eq!(value(tui.cwd).as_deref(), Some("/home/user/project"));
    assert_eq!(value(tui.branch).as_deref(), Some("main"));
    assert_eq!(value(tui.model).as_deref(), Some("gpt-5.5"));
    assert_eq!(value(tui.version).as_deref(), Some("0.169.0"));
    assert_eq!(value(tui.entrypoint).as_deref(), Some("cli"));
    // Right after the compaction the client estimates what is left.
    assert_eq!(tui.context.unwrap().value, (8123, Some(258_400)));

    let child = session("sessions", "5a77");
    let (parent, relation) = child.parent.unwrap();
    assert_eq!(
        (&*parent.native_id, relation),
        ("01a1fd70-59df-73c0-8875-88de47e2e475", Relation::Spawned)
    );
    assert_eq!(value(child.role).as_deref(), Some("helper"));
    assert_eq!(value(child.entrypoint).as_deref(), Some("subagent"));

    let review = session("sessions", "6b35");
    assert_eq!(review.parent.unwrap().1, Relation::Spawned);
    assert_eq!(value(review.role).as_deref(), Some("review"));

    let fork = session("legacy/0.104.0", "af51");
    let (parent, relation) = fork.parent.unwrap();
    assert_eq!(
        (&*parent.native_id, relation),
        ("01a1fd72-7aab-7461-8930-f87d37390d46", Relation::Fork)
    );
    // What it copied is not its own.
    assert_eq!(
        &*fork.title.unwrap().text,
        "Continue in a fork. [[scenario:simple]]"
    );

    let limits = read(&find("sessions", "468a"), Want::ACCOUNTING).quotas;
    let limits: Vec<_> = limits
        .iter()
        .map(|q| (&*q.limit, &*q.window, q.used_percent, q.window_minutes))
        .collect();
    assert_eq!(
        limits,
        [
            ("codex", "primary", 47.0, Some(300)),
            ("codex", "secondary", 22.0, Some(10_080))
        ]
    );
}

#[test]
fn plans_tiers_and_old_files_are_read() {
    let usage = r#"{"input_tokens":10,"output_tokens":1}"#;
    let count = format!(
        r#"{{"type":"token_count","info":{{"total_token_usage":{usage},"last_token_usage":{usage}}}}}"#
    );
    let batch = rollout(&[
        (
            "event_msg",
            r#"{"type":"thread_settings_applied","thread_settings":{"service_tier":"fast"}}"#,
        ),
        (
            "response_item",
            r#"{"type":"function_call","name":"update_plan","call_id":"p","arguments":"{\"plan\":[{\"step\":\"a\",\"status\":\"completed\"},{\"step\":\"b\",\"status\":\"pending\"}]}"}"#,
        ),
        ("event_msg", &count),
        ("event_msg", r#"{"type":"token_count","info":{"prompt":1}}"#),
    ]);
    assert_eq!(batch.calls[0].mode, PriceMode::Priority);
    assert_eq!(&*batch.models[0], "unknown");
    let progress = batch.sessions[0].progress.as_ref().unwrap().value;
    assert_eq!((progress.done, progress.total), (1, 2));
    assert_eq!(batch.problems[0].kind, ProblemKind::BadField);

    // Lines without an envelope, as clients of early 2025 wrote them.
    let bare = concat!(
        r#"{"id":"f2b7d8a0-1111-4222-8333-444455556666","timestamp":"2025-06-01T10:00:00.000Z","instructions":null,"git":{"branch":"dev"}}"#,
        "\n",
        r#"{"record_type":"state"}"#,
        "\n",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context>"}]}"#,
        "\n",
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"Fix it"}]}"#,
        "\n",
        r#"{"type":"message","role":"assistant","content":[{"type":"output_text","text":"Done"}]}"#,
        "\n",
    );
    let batch = parse(
        &info(Path::new("/x/sessions/rollout-old.jsonl")),
        bare.as_bytes(),
        ALL,
    );
    assert_eq!(story(&batch), "end");
    let session = &batch.sessions[0];
    assert_eq!(
        &*session.key.native_id,
        "f2b7d8a0-1111-4222-8333-444455556666"
    );
    assert_eq!(&*session.title.as_ref().unwrap().text, "Fix it");
    assert_eq!(session.started_at, Timestamp::parse("2025-06-01T10:00:00Z"));
    assert_eq!(
        (batch.calls.len(), batch.events.len(), batch.problems.len()),
        (0, 3, 0)
    );
}

/// Events in words, without thoughts.
fn told(folder: &str, end: &str) -> Vec<String> {
    let batch = read(&find(folder, end), Want::CONTENT);
    let told = batch
        .events
        .iter()
        .filter(|event| event.kind != EventKind::Thinking);
    told.map(|event| {
        let tool = event.tool.as_deref().unwrap_or_default();
        let text: String = event.text.chars().take(40).collect();
        let text = text.replace('\n', " ");
        format!("{} {:?} {tool} {text}", event.kind.as_str(), event.status)
    })
    .collect()
}

#[test]
fn the_timeline_tells_prompts_answers_tools_and_files() {
    assert_eq!(
        told("sessions", "eb2a"),
        [
            "session_start Success  startup",
            "user_prompt Success  Read a missing file. [[scenario:failtool",
            "response Success  Trying to read a missing file.",
            "tool_use Success exec_command cat /no/such/file",
            "tool_result Error  cat: /no/such/file: No such file or dire",
            "tool_use Success exec_command exit 3",
            "tool_result Error  ",
            "response Success  Both commands failed as expected.",
        ]
    );
    assert_eq!(
        told("sessions", "f5bf"),
        [
            "session_start Success  startup",
            "user_prompt Success  Add a note (code mode). [[scenario:patch",
            "tool_use Success exec const r = await tools.apply_patch(\"*** B",
            "file_change Success apply_patch /home/user/project/note.txt\tadded +2 -0",
            "tool_result Success  {}",
            "response Success  I added note.txt.",
        ]
    );
}

#[test]
fn public_rollouts_are_read_and_what_is_skipped_is_counted() {
    let Some(public) = shared("fixtures/codex").map(|shared| shared.join("public")) else {
        return;
    };
    let computed: Value = serde_json::from_slice(&bytes(&public.join("computed.json"))).unwrap();
    let mut skipped: BTreeMap<String, u32> = BTreeMap::new();
    for (file, expected) in computed["files"].as_object().unwrap() {
        let batch = read(&public.join(file), ALL);
        for problem in &batch.problems {
            *skipped.entry(problem.detail.to_string()).or_default() += 1;
        }
        let found: BTreeMap<_, _> = totals(&batch)
            .into_iter()
            .map(|((_, model), [_, input, cached, _, output, reasoning])| {
                (model, [input, cached, output, reasoning])
            })
            .collect();
        let expected: BTreeMap<_, _> = expected["models"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(model, tokens)| {
                let model = if model == "None" { "unknown" } else { model };
                (
                    model.to_owned(),
                    ["input", "cached", "output", "reasoning"]
                        .map(|name| tokens[name].as_u64().unwrap()),
                )
            })
            .filter(|(_, tokens)| *tokens != [0; 4])
            .collect();
        assert_eq!(found, expected, "{file}");
    }
    let skipped: Vec<_> = skipped
        .iter()
        .map(|(what, count)| (&**what, *count))
        .collect();
    assert_eq!(
        skipped,
        [
            ("event_msg:account/rateLimits/updated", 1),
            ("event_msg:codex/event/raw_item", 3),
            ("event_msg:turn.completed", 6),
            ("function_result", 1),
            ("response_item", 4),
            ("response_item:tool_call", 1),
            ("response_item:tool_result", 1),
            ("token_count without total_token_usage", 1),
            ("untyped line", 2),
        ]
    );
}

#[test]
fn it_looks_where_rollouts_are() {
    let env = Env::at("/home/u");
    let roots =
        |env: &Env| -> Vec<_> { Codex.roots(env).into_iter().map(|root| root.path).collect() };
    assert_eq!(roots(&env), [PathBuf::from("/home/u/.codex")]);
    let env = env.with("CODEX_HOME", "~/a, /b");
    assert_eq!(
        roots(&env),
        [PathBuf::from("/home/u/a"), PathBuf::from("/b")]
    );

    for (path, role) in [
        ("sessions/2026/11/21/rollout-x.jsonl", Some(FileRole::Lines)),
        (
            "sessions/rollout-x.jsonl.zst",
            Some(FileRole::CompressedLines),
        ),
        ("archived_sessions/rollout-x.jsonl", Some(FileRole::Lines)),
        ("archived_sessions/deeper/rollout-x.jsonl", None),
        ("sessions/2026/11/21/notes.jsonl", None),
        ("sessions/rollout-x.json", None),
        ("rollout-x.jsonl", None),
        ("history.jsonl", None),
        ("log/rollout-x.jsonl", None),
    ] {
        assert_eq!(Codex.role(Path::new(path)), role, "{path}");
    }
    for (path, enters) in [
        ("sessions", true),
        ("sessions/2026/11", true),
        ("archived_sessions", true),
        ("log", false),
    ] {
        assert_eq!(Codex.enters(Path::new(path)), enters, "{path}");
    }
}
