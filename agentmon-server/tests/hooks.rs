//! Hooks over HTTP: what an agent says is stored and decides the state of its session.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::Running;

fn tell(server: &Running, body: &str) {
    let answer = server.post("/api/hooks/claude-code", body);
    assert_eq!(answer.told(), (200, serde_json::json!({})), "{body}");
}

fn state(server: &Running) -> (String, String) {
    let session = &server.json("/api/v1/sessions")["sessions"][0];
    let text = |name: &str| session[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("reason"))
}

#[test]
fn a_session_is_followed_by_its_hooks() {
    let server = Running::new();
    tell(
        &server,
        r#"{"session_id":"s","hook_event_name":"SessionStart","source":"startup","cwd":"/tmp/x"}"#,
    );
    tell(
        &server,
        r#"{"session_id":"s","hook_event_name":"UserPromptSubmit","prompt":"Clean up"}"#,
    );
    assert_eq!(state(&server).0, "working");
    tell(
        &server,
        r#"{"session_id":"s","hook_event_name":"PreToolUse","tool_name":"Bash","tool_use_id":"t","tool_input":{"command":"rm -rf build"}}"#,
    );
    tell(
        &server,
        r#"{"session_id":"s","hook_event_name":"PermissionRequest","tool_name":"Bash","tool_input":{"command":"rm -rf build"}}"#,
    );
    assert_eq!(
        state(&server),
        ("needs_input".to_owned(), "permission(Bash)".to_owned())
    );
    tell(
        &server,
        r#"{"session_id":"s","hook_event_name":"PostToolUse","tool_name":"Bash","tool_use_id":"t","tool_response":{}}"#,
    );
    tell(&server, r#"{"session_id":"s","hook_event_name":"Stop"}"#);
    assert_eq!(state(&server).0, "idle");
}

#[test]
fn what_is_no_hook_is_refused() {
    let server = Running::new();
    for body in ["", "3", "{}", r#"{"session_id":""}"#] {
        let (status, told) = server.post("/api/hooks/claude-code", body).told();
        assert_eq!(status, 400, "{body}");
        assert!(
            told["error"]
                .as_str()
                .unwrap()
                .starts_with("Invalid hook payload"),
            "{told}"
        );
    }
    assert_eq!(server.post("/api/hooks/nobody", "{}").status, 404);
}

#[test]
fn gemini_and_codex_tell_too() {
    let server = Running::new();
    for (agent, body) in [
        (
            "gemini",
            r#"{"session_id":"g","hook_event_name":"Notification","notification_type":"ToolPermission","message":"?"}"#,
        ),
        (
            "codex",
            r#"{"session_id":"c","hook_event_name":"UserPromptSubmit","prompt":"Go"}"#,
        ),
        (
            "codex",
            r#"{"type":"agent-turn-complete","thread-id":"unknown","client":"x"}"#,
        ),
    ] {
        let answer = server.post(&format!("/api/hooks/{agent}"), body);
        assert_eq!(answer.told(), (200, serde_json::json!({})), "{body}");
    }
    let sessions = &server.json("/api/v1/sessions")["sessions"];
    let mut told: Vec<String> = sessions
        .as_array()
        .unwrap()
        .iter()
        .map(|session| format!("{} {}", session["id"], session["state"]))
        .collect();
    told.sort();
    assert_eq!(
        told,
        [r#""codex:c" "working""#, r#""gemini:g" "needs_input""#]
    );
}

#[test]
fn a_hook_that_is_told_twice_is_stored_once() {
    let server = Running::new();
    let now = server.monitor.now().0.to_string();
    let body = r#"{"session_id":"s","hook_event_name":"SessionStart","source":"startup"}"#;
    for _ in 0..2 {
        let answer = server.ask(
            "POST",
            "/api/hooks/claude-code",
            &[("x-agentmon-at", &now)],
            body,
        );
        assert_eq!(answer.status, 200);
    }
    assert_eq!(server.json("/api/events")["total"], 1);
    // Whoever claims to speak from long ago is heard now.
    let answer = server.ask(
        "POST",
        "/api/hooks/claude-code",
        &[("x-agentmon-at", "1000")],
        body,
    );
    assert_eq!(answer.status, 200);
    let sessions = server.json("/api/v1/sessions");
    assert!(!sessions.to_string().contains("1970"), "{sessions}");
}
