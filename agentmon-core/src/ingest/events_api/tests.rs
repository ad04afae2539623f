//! The contract's examples, good and bad.

use super::*;

const LIMIT: usize = 10 * 1024;

fn errors(body: &str) -> Vec<String> {
    let errors = read_event(body.as_bytes(), LIMIT).unwrap_err();
    let told = |error: FieldError| format!("{}: {}", error.field, error.message);
    errors.into_iter().map(told).collect()
}

fn good(body: &str) -> PostedEvent {
    read_event(body.as_bytes(), LIMIT).unwrap()
}

#[test]
fn all_errors_are_told_at_once() {
    let kinds = "tool_use, session_start, session_end, error, llm_request, llm_response, response, file_change, \
                 git_commit, plan_step, user_prompt, instruction_load";
    assert_eq!(
        errors(
            r#"{"session_id":" ","agent_type":7,"event_type":"nope","status":"bad","event_id":1,"tool_name":[],
                "tokens_in":-1,"tokens_out":1.5,"duration_ms":"3","cost_usd":-0.1,"client_timestamp":"soon"}"#
        ),
        [
            "session_id: must be a non-empty string".to_owned(),
            "agent_type: must be a string".to_owned(),
            format!("event_type: must be one of: {kinds}"),
            "status: must be one of: success, error, timeout".to_owned(),
            "event_id: must be a string when provided".to_owned(),
            "tool_name: must be a string when provided".to_owned(),
            "duration_ms: must be a non-negative integer when provided".to_owned(),
            "tokens_in: must be a non-negative integer when provided".to_owned(),
            "tokens_out: must be a non-negative integer when provided".to_owned(),
            "cost_usd: must be a non-negative number when provided".to_owned(),
            "client_timestamp: must be a valid timestamp".to_owned(),
        ]
    );
    for body in ["", "[]", "7", "nonsense", "\"x\"", "null", "{\"a\":"] {
        assert_eq!(errors(body), ["body: must be a JSON object"], "{body}");
    }
    assert_eq!(
        errors("{}"),
        [
            "session_id: must be a string",
            "agent_type: must be a string",
            "event_type: must be a string"
        ]
    );
    let long = "x".repeat(MAX_NAME + 1);
    let body = format!(r#"{{"session_id":"{long}","agent_type":"a","event_type":"error"}}"#);
    assert_eq!(errors(&body), ["session_id: must be at most 1024 bytes"]);
}

#[test]
fn a_good_event_is_read_as_it_was_meant() {
    let event = good(
        r#"{"session_id":" s1 ","agent_type":"codex","event_type":"tool_use","tool_name":"Edit","tokens_in":3.0,
            "cost_usd":0,"duration_ms":0,"client_timestamp":"2026-11-21T10:00:00+02:00","unheard":{"of":1},
            "metadata":{"z":1,"file_path":"/a/b","lines_added":4,"message":"hi"},"branch":"","model":null}"#,
    );
    assert_eq!(event.session, SessionKey::new(AgentKind::Codex, "s1"));
    assert_eq!((event.usage.input, event.cost), (3, Some(NanoUsd(0))));
    assert_eq!(event.duration_ms, Some(0));
    assert_eq!(
        event.client_at.unwrap().to_string(),
        "2026-11-21T08:00:00.000Z"
    );
    assert_eq!(
        &*event.metadata,
        r#"{"z":1,"file_path":"/a/b","lines_added":4,"message":"hi"}"#
    );
    assert_eq!(
        (event.file.as_deref(), event.lines_added),
        (Some("/a/b"), 4)
    );
    assert_eq!((&*event.text, &*event.source), ("hi", "api"));
    assert_eq!((event.branch, event.model), (None, None));

    let inside = good(r#""{\"session_id\":\"s\",\"agent_type\":\"a\",\"event_type\":\"error\"}""#);
    assert_eq!(inside.status, EventStatus::Error);
    assert_eq!(&*inside.metadata, "{}");
}

#[test]
fn batches_keep_what_is_good() {
    let body = br#"{"events":[{"session_id":"s","agent_type":"a","event_type":"error"},7,{"session_id":1}]}"#;
    let batch = read_batch(body, LIMIT).unwrap();
    assert_eq!(batch.events.len(), 1);
    let rejected: Vec<_> = batch
        .rejected
        .iter()
        .map(|one| (one.index, one.errors.len()))
        .collect();
    assert_eq!(rejected, [(1, 1), (2, 3)]);
    for body in ["[]", "{}", r#"{"events":{}}"#, "x"] {
        assert_eq!(read_batch(body.as_bytes(), LIMIT), Err(NotABatch), "{body}");
    }
}

#[test]
fn times_are_read_as_clients_write_them() {
    for (text, expected) in [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("2026-11-21T10:30Z", "2026-11-21T10:30:00.000Z"),
        ("2026-11-21T10:30", "2026-11-21T10:30:00.000Z"),
        ("2026-11-21T10:30+01:00", "2026-11-21T09:30:00.000Z"),
        ("2026-11-21 10:30:05.1234567", "2026-11-21T10:30:05.123Z"),
        (" 2026-11-21T10:30:05Z ", "2026-11-21T10:30:05.000Z"),
    ] {
        assert_eq!(read_time(text).unwrap().to_string(), expected, "{text}");
    }
    for text in [
        "",
        "2026",
        "yesterday",
        "2026-11-21T",
        "日本語日本語日本語",
        "2026-13-21",
    ] {
        assert_eq!(read_time(text), None, "{text}");
    }
}

#[test]
fn an_event_means_what_any_source_would_have_said() {
    let now = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
    let mut batch = Batch::default();
    let told = |body: &str, batch: &mut Batch| good(body).observe(5, now, batch);
    told(
        r#"{"session_id":"s","agent_type":"claude_code","event_type":"session_end"}"#,
        &mut batch,
    );
    told(
        r#"{"session_id":"s","agent_type":"codex","event_type":"llm_response","tokens_out":7,"project":"app",
            "source":"import","client_timestamp":"2026-11-01T00:00:00Z"}"#,
        &mut batch,
    );
    told(
        r#"{"session_id":"s","agent_type":"codex","event_type":"user_prompt","client_timestamp":"2030-01-01T00:00:00Z",
            "metadata":{"message":"Fix it"}}"#,
        &mut batch,
    );
    let signals: Vec<String> = batch
        .evidence
        .iter()
        .map(|(_, one)| one.signal.to_string())
        .collect();
    assert_eq!(signals, ["turn_ended", "activity", "prompt_submitted"]);
    let call = &batch.calls[0];
    assert_eq!(call.at.to_string(), "2026-11-01T00:00:00.000Z");
    assert_eq!(&*batch.models[call.model as usize], "unknown");
    assert_eq!(batch.evidence[1].1.at, call.at);
    assert_eq!(batch.events[1].at, now);
    assert_eq!(
        batch.evidence[2].1.at, now,
        "a clock that is ahead is not believed"
    );
    let patch = &batch.sessions[1];
    assert_eq!(&*patch.title.as_ref().unwrap().text, "Fix it");
    assert_eq!(&*patch.project.as_ref().unwrap().value, "app");
    assert_eq!(batch.events[2].model_call, None);
}
