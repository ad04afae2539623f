//! The sessions API as its clients use it: reading, limits, errors, what cannot be done, the WebSocket.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::socket::Socket;
use common::{Answer, Running};
use serde_json::{Value, json};

const BASE: &str = "/api/openclaw/sessions";
const HOSTILE: &str = "<script>alert(1)</script> \u{202e}\u{0} \"' -- ; DROP TABLE session";

/// A session that works and one that has ended.
fn fill(server: &Running) {
    let prompt = json!(HOSTILE);
    let body = format!(
        r#"{{"events":[
        {{"session_id":"w/1","agent_type":"codex","event_type":"user_prompt","project":"app","metadata":{{"message":{prompt}}}}},
        {{"session_id":"w/1","agent_type":"codex","event_type":"llm_response","model":"gpt-5.5","tokens_in":100,"tokens_out":20,"cost_usd":0.25}},
        {{"session_id":"w/1","agent_type":"codex","event_type":"tool_use","tool_name":"Bash","status":"error","metadata":{{"command":"make"}}}},
        {{"session_id":"over","agent_type":"my_agent","event_type":"user_prompt","metadata":{{"message":"Hi"}}}},
        {{"session_id":"over","agent_type":"my_agent","event_type":"session_end"}}]}}"#
    );
    assert_eq!(server.post("/api/events/batch", &body).status, 201);
}

fn code(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    let error = &body["error"];
    assert!(
        error["message"].is_string() && error["details"].is_object(),
        "{body}"
    );
    assert!(
        error["timestamp"].as_str().unwrap().ends_with('Z'),
        "{body}"
    );
    (answer.status, error["code"].as_str().unwrap().to_owned())
}

fn control(server: &Running, path: &str, body: &str) -> Answer {
    let token = format!("Bearer {}", server.control_token());
    server.ask("POST", path, &[("authorization", &token)], body)
}

#[test]
fn sessions_are_told_in_the_words_of_the_contract() {
    let server = Running::new();
    fill(&server);
    let list = server.json(BASE);
    assert_eq!(
        (&list["total"], list["sessions"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    assert!(list["timestamp"].as_str().unwrap().ends_with('Z'));
    let find = |id: &str| {
        let all = list["sessions"].as_array().unwrap().iter();
        all.clone()
            .find(|session| session["sessionId"] == id)
            .unwrap()
            .clone()
    };
    let works = find("codex:w/1");
    assert_eq!(
        (
            &works["status"],
            &works["tokensUsed"],
            &works["priority"],
            &works["parentSession"]
        ),
        (
            &json!("working"),
            &json!(120),
            &json!("normal"),
            &Value::Null
        )
    );
    assert!(
        works.get("tokensLimit").is_none() && works.get("progress").is_none(),
        "{works}"
    );
    assert_eq!(works["metadata"]["costUsd"], 0.25);
    let over = find("my_agent:over");
    assert_eq!(
        (&over["status"], &over["progress"]),
        (&json!("completed"), &json!(100))
    );
    let only = |status: &str| server.json(&format!("{BASE}?status={status}"))["total"].clone();
    assert_eq!((only("completed"), only("stalled")), (json!(1), json!(0)));
    assert_eq!(
        server.json(&format!("{BASE}?limit=1"))["sessions"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // Encoded, not encoded, with and without the agent: one session.
    for id in ["codex%3Aw%2F1", "codex:w/1", "w/1"] {
        let one = server.json(&format!("{BASE}/{id}"));
        assert_eq!(one["session"]["sessionId"], "codex:w/1", "{id}");
        assert!(
            one["session"]["fullPrompt"]
                .as_str()
                .unwrap()
                .contains("<script>")
        );
        assert_eq!(one["session"]["childSessions"], json!([]));
    }
    let metrics = server.json(&format!("{BASE}/codex:w/1/metrics"));
    assert_eq!(metrics["metrics"]["tokens"]["used"], 120);
    assert_eq!(
        metrics["metrics"]["performance"]["memoryUsage"],
        Value::Null
    );
}

#[test]
fn logs_come_in_pages_and_by_level() {
    let server = Running::new();
    fill(&server);
    let logs = |query: &str| server.json(&format!("{BASE}/codex:w/1/logs{query}"));
    let all = logs("");
    assert_eq!((&all["total"], &all["hasMore"]), (&json!(3), &json!(false)));
    assert_eq!(all["logs"][0]["message"], "Bash: make");
    assert_eq!(all["logs"][0]["level"], "warn");
    let page = logs("?limit=1&offset=1");
    assert_eq!(
        (&page["hasMore"], page["logs"].as_array().unwrap().len()),
        (&json!(true), 1)
    );
    assert_eq!(page["logs"][0]["context"]["tokensUsed"], 120);
    for (level, total) in [("warn", 1), ("info", 1), ("debug", 1), ("error", 0)] {
        assert_eq!(logs(&format!("?level={level}"))["total"], total, "{level}");
    }
    assert_eq!(logs("?limit=0")["logs"].as_array().unwrap().len(), 1);
    assert_eq!(logs("?limit=99999&offset=-3")["total"], 3);
    let wrong = server.get(&format!("{BASE}/codex:w/1/logs?level=loud"));
    assert_eq!(code(&wrong), (400, "INVALID_REQUEST".to_owned()));
}

#[test]
fn what_cannot_be_done_is_an_error_of_the_contract() {
    let server = Running::new();
    fill(&server);
    let create = |body: &str| code(&control(&server, BASE, body));
    let good = r#"{"name":"n","prompt":"p","priority":"high","tokensLimit":50000,"expectedDuration":3600000,"metadata":{}}"#;
    for (body, expected) in [
        (good, (501, "NOT_SUPPORTED")),
        ("{", (400, "INVALID_REQUEST")),
        (r#"{"name":"n"}"#, (400, "INVALID_REQUEST")),
        (
            r#"{"name":"n","prompt":"p","priority":"now"}"#,
            (400, "INVALID_REQUEST"),
        ),
        (
            r#"{"name":"n","prompt":"p","tokensLimit":99999999}"#,
            (400, "INVALID_TOKEN_LIMIT"),
        ),
        (
            r#"{"name":"n","prompt":"p","tokensLimit":0}"#,
            (400, "INVALID_TOKEN_LIMIT"),
        ),
        (
            r#"{"name":"n","prompt":"p","parentSession":"nobody"}"#,
            (404, "SESSION_NOT_FOUND"),
        ),
    ] {
        assert_eq!(create(body), (expected.0, expected.1.to_owned()), "{body}");
    }
    for (path, body, expected) in [
        (
            "codex:w/1/kill",
            r#"{"reason":"r","force":true}"#,
            (501, "NOT_SUPPORTED"),
        ),
        ("codex:w/1/kill", "", (501, "NOT_SUPPORTED")),
        (
            "codex:w/1/kill",
            r#"{"force":"yes"}"#,
            (400, "INVALID_REQUEST"),
        ),
        (
            "my_agent:over/kill",
            "{}",
            (409, "SESSION_ALREADY_TERMINATED"),
        ),
        ("nobody/kill", "{}", (404, "SESSION_NOT_FOUND")),
        ("codex:w/1/respawn", "{}", (409, "RESPAWN_NOT_ALLOWED")),
        (
            "codex:w/1/respawn",
            r#"{"newTokenLimit":-1}"#,
            (400, "INVALID_TOKEN_LIMIT"),
        ),
        ("nobody/respawn", "{}", (404, "SESSION_NOT_FOUND")),
    ] {
        let answer = control(&server, &format!("{BASE}/{path}"), body);
        assert_eq!(
            code(&answer),
            (expected.0, expected.1.to_owned()),
            "{path} {body}"
        );
    }
    // Without a token, with a foreign page, with too much.
    let answer = server.post(&format!("{BASE}/codex:w/1/kill"), "{}");
    assert_eq!(code(&answer), (401, "UNAUTHORIZED".to_owned()));
    let origin = [("origin", "http://evil.example")];
    let answer = server.ask("POST", BASE, &origin, "{}");
    assert_eq!(code(&answer), (403, "FORBIDDEN".to_owned()));
    let wrong = [("authorization", "Bearer wrong")];
    assert_eq!(
        code(&server.ask("GET", BASE, &wrong, "")),
        (401, "UNAUTHORIZED".to_owned())
    );
    let large = control(&server, BASE, &"x".repeat((1 << 20) + 1));
    assert_eq!(code(&large), (413, "PAYLOAD_TOO_LARGE".to_owned()));
}

#[test]
fn unknown_ids_paths_and_methods_are_told_as_such() {
    let server = Running::new();
    fill(&server);
    for id in [
        "nobody",
        "codex:w",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "a'b",
        "w/1/logs/x",
    ] {
        let answer = server.get(&format!("{BASE}/{id}"));
        assert_eq!(code(&answer), (404, "SESSION_NOT_FOUND".to_owned()), "{id}");
    }
    assert_eq!(
        code(&server.get("/api/openclaw/agents")),
        (404, "NOT_FOUND".to_owned())
    );
    assert_eq!(
        code(&server.get("/api/openclaw")),
        (404, "NOT_FOUND".to_owned())
    );
    let answer = server.get(&format!("{BASE}/ws"));
    assert_eq!(code(&answer), (426, "UPGRADE_REQUIRED".to_owned()));
    let token = format!("Bearer {}", server.control_token());
    for (method, path, allow) in [
        ("DELETE", "", "GET, HEAD, POST"),
        ("PUT", "/codex:w/1", "GET, HEAD"),
        ("POST", "/codex:w/1/logs", "GET, HEAD"),
        ("GET", "/codex:w/1/kill", "POST"),
    ] {
        let headers = [("authorization", token.as_str())];
        let answer = server.ask(method, &format!("{BASE}{path}"), &headers, "");
        assert_eq!(
            code(&answer),
            (405, "METHOD_NOT_ALLOWED".to_owned()),
            "{method} {path}"
        );
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[test]
fn each_key_has_its_limits_also_on_loopback() {
    let server = Running::new();
    let created: Vec<u16> = (0..11)
        .map(|_| control(&server, BASE, "{}").status)
        .collect();
    assert_eq!((&created[..10], created[10]), (&[400; 10][..], 429));
    let mut answers = (0..140).map(|_| server.get(BASE));
    let refused = answers.find(|answer| answer.status == 429).unwrap();
    assert_eq!(code(&refused), (429, "RATE_LIMIT_EXCEEDED".to_owned()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait));
    // Somebody else's key, and the other contracts, have their own.
    assert_eq!(
        control(&server, &format!("{BASE}/x/kill"), "{}").status,
        404
    );
    assert_eq!(server.get("/api/sessions").status, 200);
}

#[test]
fn changes_come_over_the_socket_as_the_four_messages() {
    let server = Running::new();
    fill(&server);
    let mut socket = Socket::open(server.address, "/api/openclaw/sessions/ws", &[]).unwrap();
    let post = |kind: &str, more: &str| {
        let body = format!(
            r#"{{"session_id":"new","agent_type":"my_agent","event_type":"{kind}"{more}}}"#
        );
        assert_eq!(server.post("/api/events", &body).status, 201);
    };
    post(
        "llm_response",
        r#","model":"m","tokens_in":7,"tokens_out":3"#,
    );
    let update = socket.next_of("session_update");
    assert_eq!(
        (
            &update["data"]["sessionId"],
            &update["data"]["status"],
            &update["data"]["tokensUsed"]
        ),
        (&json!("my_agent:new"), &json!("working"), &json!(10))
    );
    post("session_end", "");
    let complete = socket.next_of("session_complete");
    assert_eq!(
        (
            &complete["data"]["status"],
            &complete["data"]["totalTokensUsed"]
        ),
        (&json!("completed"), &json!(10))
    );
    assert!(complete["data"]["completedTime"].is_string());

    let open = |headers| Socket::open(server.address, "/api/openclaw/sessions/ws", headers).err();
    assert_eq!(open(&[("origin", "http://evil.example")]), Some(403));
    assert_eq!(open(&[("authorization", "Bearer wrong")]), Some(401));
    let many: Vec<_> = (0..16)
        .map(|_| Socket::open(server.address, "/ws", &[]))
        .collect();
    let refused: Vec<u16> = many
        .iter()
        .filter_map(|socket| socket.as_ref().err().copied())
        .collect();
    assert_eq!(refused, [429], "16 connections of one client");
}
