//! The native API, and its description of itself.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::Running;
use serde_json::json;

#[test]
fn every_question_of_the_command_line_is_answered() {
    let server = Running::new();
    let body = r#"{"events":[
        {"session_id":"abc-1","agent_type":"codex","event_type":"user_prompt","project":"app","metadata":{"message":"Fix the build"}},
        {"session_id":"abc-1","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":10,"tokens_out":5,"cost_usd":0.5},
        {"session_id":"abd-2","agent_type":"gemini","event_type":"tool_use","tool_name":"Bash","metadata":{"command":"make"}}]}"#;
    assert_eq!(server.post("/api/events/batch", body).status, 201);

    let sessions = server.json("/api/v1/sessions");
    assert_eq!(
        (&sessions["schema"], &sessions["matching"]),
        (&json!("agentmon.sessions.v1"), &json!(2))
    );
    let matching =
        |query: &str| server.json(&format!("/api/v1/sessions?{query}"))["matching"].clone();
    assert_eq!(matching("agent=codex,opencode"), 1);
    assert_eq!(matching("agent=codex&agent=gemini"), 2);
    assert_eq!(matching("state=completed"), 0);
    assert_eq!(matching("since=today&project=app"), 1);
    assert_eq!(server.get("/api/v1/sessions?state=nonsense").status, 400);
    assert_eq!(server.get("/api/v1/sessions?since=soon").status, 400);

    let one = server.json("/api/v1/sessions/abc");
    assert_eq!(
        (&one["session"]["state"], &one["session"]["cost_usd"]),
        (&json!("working"), &json!(0.5))
    );
    assert_eq!(one["session"]["title"], "Fix the build");
    assert_eq!(server.get("/api/v1/sessions/ab").status, 409);
    assert_eq!(server.get("/api/v1/sessions/nobody").status, 404);
    let explained = server.json("/api/v1/sessions/codex%3Aabc-1/explain");
    assert_eq!(explained["schema"], "agentmon.explain.v1");

    let first = server.json("/api/v1/events?limit=2&order=asc");
    assert_eq!(first["events"][0]["text"], "Fix the build");
    let next = first["next"].as_str().unwrap();
    let second = server.json(&format!("/api/v1/events?limit=2&order=asc&after={next}"));
    assert_eq!(
        (
            second["events"].as_array().unwrap().len(),
            second["next"].is_null()
        ),
        (1, true)
    );
    // Search is a moment behind.
    let begin = std::time::Instant::now();
    while server.json("/api/v1/events?search=build")["events"] == serde_json::json!([]) {
        assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let found = server.json("/api/v1/events?search=build");
    assert_eq!(found["events"].as_array().unwrap().len(), 1);
    assert_eq!(server.get("/api/v1/events?after=x").status, 400);

    let usage = server.json("/api/v1/usage?report=models&by=model");
    assert_eq!(usage["rows"][0]["model"], "gpt-5.5");
    assert_eq!(server.get("/api/v1/usage?report=hourly").status, 400);
    assert_eq!(server.get("/api/v1/usage?zone=Nowhere/Land").status, 400);
    assert_eq!(
        server.json("/api/v1/quotas")["schema"],
        "agentmon.quotas.v1"
    );
    assert_eq!(
        server.json("/api/v1/sources")["schema"],
        "agentmon.sources.v1"
    );
    assert_eq!(
        server.json("/api/v1/doctor")["schema"],
        "agentmon.doctor.v1"
    );
}

#[test]
fn what_is_described_is_there() {
    let server = Running::new();
    let api = server.json("/api/v1/openapi.json");
    assert!(api["openapi"].as_str().unwrap().starts_with("3."));
    let paths = api["paths"].as_object().unwrap();
    assert!(paths.len() >= 8);
    for (path, methods) in paths {
        for method in methods.as_object().unwrap().keys() {
            let answer = server.ask(&method.to_uppercase(), &path.replace("{id}", "x"), &[], "");
            let is_there = answer.json()["error"] != "Not found" && answer.status != 405;
            assert!(is_there, "{method} {path}: {}", answer.text());
        }
    }
}
