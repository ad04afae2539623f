//! The dashboard API as its clients use it: sessions, manual agents with their logs, the WebSocket.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{BufReader, Read, Write};
use std::time::{Duration, Instant};

use common::socket::Socket;
use common::{Answer, Running, connect, read_head};
use serde_json::{Value, json};

const HOSTILE: &str = "<img src=x onerror=alert(1)>\u{202e}\u{0}\r\nX-Evil: 1";

fn event(server: &Running, session: &str, kind: &str, more: &str) {
    let body = format!(
        r#"{{"session_id":"{session}","agent_type":"my_agent","event_type":"{kind}"{more}}}"#
    );
    assert_eq!(server.post("/api/events", &body).status, 201);
}

fn ask(server: &Running, method: &str, path: &str, body: &Value) -> Answer {
    server.ask(method, path, &[], &body.to_string())
}

#[test]
fn sessions_are_told_in_milliseconds_and_two_statuses() {
    let server = Running::new();
    event(
        &server,
        "a/b",
        "llm_response",
        r#","model":"m-1","tokens_in":7,"tokens_out":3,"cost_usd":0.5"#,
    );
    event(&server, "over", "user_prompt", "");
    event(&server, "over", "session_end", "");
    let all = server.json("/api/clawdbot/sessions");
    assert_eq!((&all["success"], &all["count"]), (&json!(true), &json!(2)));
    let count =
        |query: &str| server.json(&format!("/api/clawdbot/sessions{query}"))["count"].clone();
    assert_eq!(count("/active"), 1);
    assert_eq!(count("?status=completed"), 1);
    assert_eq!(count("?status=nonsense"), 0);
    assert_eq!(
        (count("?kind=direct"), count("?kind=group")),
        (json!(2), json!(0))
    );
    assert_eq!(
        (count("?limit=1"), count("?model=m-1")),
        (json!(1), json!(1))
    );
    let sorted = server.json("/api/clawdbot/sessions?sortBy=totalTokens&sortOrder=asc");
    assert_eq!(sorted["sessions"][1]["id"], "my_agent:a/b");
    assert_eq!(
        server.get("/api/clawdbot/sessions?startDate=soon").status,
        400
    );

    for id in ["my_agent%3Aa%2Fb", "my_agent:a/b", "a/b"] {
        let one = server.json(&format!("/api/clawdbot/sessions/{id}"));
        let session = &one["session"];
        assert_eq!(
            (
                &session["inputTokens"],
                &session["outputTokens"],
                &session["totalTokens"],
                &session["status"]
            ),
            (&json!(7), &json!(3), &json!(10), &json!("running"))
        );
        assert_eq!(
            (&session["aborted"], &session["endTime"], &session["kind"]),
            (&json!(false), &Value::Null, &json!("direct"))
        );
        assert!(session["lastActivity"].as_i64().unwrap() > 1_600_000_000_000);
    }
    let over = server.json("/api/clawdbot/sessions/over");
    assert_eq!(over["session"]["status"], "completed");
    assert!(over["session"]["endTime"].is_i64());
    let logs = server.json("/api/clawdbot/sessions/over/logs");
    assert_eq!(
        (&logs["count"], &logs["logs"][0]["role"]),
        (&json!(2), &json!("user"))
    );

    let stats = server.json("/api/clawdbot/stats");
    assert_eq!(
        (
            &stats["stats"]["totalSessions"],
            &stats["stats"]["activeSessions"],
            &stats["stats"]["totalTokens"],
            &stats["stats"]["totalCost"]
        ),
        (&json!(2), &json!(1), &json!(10), &json!(0.5))
    );
    let health = server.json("/api/clawdbot/health");
    assert_eq!(
        (&health["status"], &health["sessions"]),
        (&json!("connected"), &json!(2))
    );
    assert_eq!(server.post("/api/clawdbot/refresh", "").json()["count"], 2);
}

#[test]
fn errors_say_that_there_was_no_success() {
    let server = Running::new();
    event(&server, "s", "user_prompt", "");
    let token = format!("Bearer {}", server.control_token());
    let headers = [("authorization", token.as_str())];
    for (method, path, status) in [
        ("GET", "sessions/nobody", 404),
        ("GET", "sessions/nobody/logs", 404),
        ("GET", "sessions/..%2f..%2fetc", 404),
        ("GET", "nothing", 404),
        ("GET", "refresh", 405),
        ("DELETE", "sessions", 405),
        ("POST", "sessions/s/kill", 501),
        ("POST", "sessions/nobody/kill", 404),
    ] {
        let answer = server.ask(method, &format!("/api/clawdbot/{path}"), &headers, "");
        assert_eq!(
            (answer.status, &answer.json()["success"]),
            (status, &json!(false)),
            "{method} {path}"
        );
        assert!(answer.json()["error"].is_string());
        assert_eq!(
            answer.header("allow").is_some(),
            status == 405,
            "{method} {path}"
        );
    }
    assert_eq!(server.post("/api/clawdbot/sessions/s/kill", "").status, 401);
    for path in [
        "/api/agents",
        "/api/clawdbot/sessions",
        "/api/openclaw/sessions",
    ] {
        let mut stream = connect(server.address);
        let head = format!("HEAD {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        assert_eq!(read_head(&mut stream).0, 200, "{path}");
        assert_eq!(
            stream.read_to_end(&mut Vec::new()).unwrap(),
            0,
            "{path}: no body"
        );
    }
}

#[test]
fn manual_agents_are_kept_changed_and_shown_as_sessions() {
    let server = Running::new();
    assert_eq!(server.get("/api/agents").told(), (200, json!([])));
    let body = json!({ "name": HOSTILE, "model": "gpt-5.5", "task": "t", "tokensIn": 1000, "progress": 10 });
    let created = ask(&server, "POST", "/api/agents", &body);
    assert_eq!(created.status, 201);
    let agent = created.json();
    let id = agent["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&agent["name"], &agent["status"], &agent["label"]),
        (&json!(HOSTILE), &json!("running"), &Value::Null)
    );
    let path = format!("/api/agents/{id}");
    assert_eq!(server.json(&path), agent);
    assert_eq!(server.json("/api/agents"), json!([agent]));

    let session = server.json(&format!("/api/v1/sessions/manual%3A{id}"));
    assert_eq!(
        (&session["session"]["agent"], &session["session"]["state"]),
        (&json!("manual"), &json!("working"))
    );
    assert_eq!(session["session"]["usage"]["input_tokens"], 1000);
    assert!(session["session"]["cost_usd"].as_f64().unwrap() > 0.0);

    let patched = ask(
        &server,
        "PATCH",
        &path,
        &json!({ "status": "completed", "progress": 100, "tokensOut": 50 }),
    );
    assert_eq!(
        (patched.status, &patched.json()["status"]),
        (200, &json!("completed"))
    );
    assert!(patched.json()["endTime"].is_i64());
    let session = server.json(&format!("/api/v1/sessions/manual%3A{id}"));
    assert_eq!(
        (
            &session["session"]["state"],
            &session["session"]["usage"]["output_tokens"]
        ),
        (&json!("completed"), &json!(50))
    );
    let again = ask(
        &server,
        "POST",
        &format!("{path}/update-status"),
        &json!({ "status": "error" }),
    );
    assert_eq!(again.json()["status"], "error");

    let twice = ask(
        &server,
        "POST",
        "/api/agents",
        &json!({ "id": id, "name": "n", "model": "m" }),
    );
    assert_eq!(twice.status, 409);
    for body in [
        json!([]),
        json!({ "name": "n" }),
        json!({ "name": "n", "model": "m", "progress": 101 }),
        json!({ "name": "n", "model": "m", "id": "../x" }),
    ] {
        let wrong = ask(&server, "POST", "/api/agents", &body);
        assert_eq!(wrong.status, 400, "{body}");
        assert!(wrong.json()["details"][0]["field"].is_string());
    }
    assert_eq!(
        ask(&server, "PATCH", &path, &json!({ "id": "other" })).status,
        400
    );
    assert_eq!(
        ask(&server, "PATCH", "/api/agents/nobody", &json!({})).status,
        404
    );
    let refused = server.ask("PATCH", &path, &[("origin", "http://evil.example")], "{}");
    assert_eq!(refused.status, 403);
    let wrong = ask(&server, "POST", &path, &json!({}));
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("GET, HEAD, PUT, PATCH, DELETE"))
    );

    assert_eq!(
        ask(&server, "DELETE", &path, &json!({})).told(),
        (200, json!({ "success": true }))
    );
    assert_eq!(
        (
            server.get(&path).status,
            ask(&server, "DELETE", &path, &json!({})).status
        ),
        (404, 404)
    );
}

#[test]
fn manual_agents_have_logs() {
    let server = Running::new();
    let body = json!({ "id": "a 1", "name": "n", "model": "m" });
    assert_eq!(ask(&server, "POST", "/api/agents", &body).status, 201);
    let path = "/api/agents/a%201/logs";
    for (message, level) in [("one", "info"), (HOSTILE, "error")] {
        let line = ask(
            &server,
            "POST",
            path,
            &json!({ "message": message, "level": level }),
        );
        assert_eq!((line.status, &line.json()["agentId"]), (201, &json!("a 1")));
    }
    let logs = server.json(path);
    assert_eq!(
        (&logs[0]["message"], &logs[0]["level"], &logs[1]["message"]),
        (&json!(HOSTILE), &json!("error"), &json!("one"))
    );
    assert_eq!(
        server
            .json(&format!("{path}?limit=1"))
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for body in [
        json!({}),
        json!({ "message": "x", "level": "loud" }),
        json!({ "message": "" }),
    ] {
        assert_eq!(ask(&server, "POST", path, &body).status, 400, "{body}");
    }
    assert_eq!(
        ask(
            &server,
            "POST",
            "/api/agents/nobody/logs",
            &json!({ "message": "x" })
        )
        .status,
        404
    );
    assert_eq!(server.get("/api/agents/nobody/logs").status, 404);
    assert_eq!(
        ask(&server, "DELETE", path, &json!({})).json()["deleted"],
        2
    );
    assert_eq!(server.json(path), json!([]));
}

#[test]
fn the_socket_tells_what_clients_subscribe_to() {
    let server =
        Running::with(|options| options.settings.stats_interval = Duration::from_millis(300));
    event(&server, "old", "user_prompt", "");
    let mut all = Socket::open(server.address, "/ws", &[]).unwrap();
    let greeting = all.next().unwrap();
    assert_eq!(
        (&greeting["type"], &greeting["status"]),
        (&json!("connection"), &json!("connected"))
    );
    let mut ends = Socket::open(server.address, "/ws", &[]).unwrap();
    ends.say(r#"{"type":"subscribe","topics":["session-completed"]}"#);
    assert_eq!(
        ends.next_of("subscribed")["topics"],
        json!(["session-completed"])
    );
    for nonsense in [
        "x",
        r#"{"type":"subscribe","topics":["everything"]}"#,
        r#"{"type":"dance"}"#,
    ] {
        ends.say(nonsense);
        assert!(ends.next_of("error")["error"].is_string(), "{nonsense}");
    }
    all.say(r#"{"type":"ping"}"#);
    all.next_of("pong");

    event(&server, "new", "user_prompt", "");
    let started = all.next_of("session-started");
    assert_eq!(
        (&started["data"]["id"], &started["data"]["status"]),
        (&json!("my_agent:new"), &json!("running"))
    );
    assert!(started["timestamp"].is_i64());
    event(
        &server,
        "old",
        "llm_response",
        r#","model":"m","tokens_in":7,"tokens_out":3"#,
    );
    let updated = all.next_of("session-updated");
    assert_eq!(
        (
            &updated["data"]["session"]["id"],
            &updated["data"]["changes"]["totalTokens"]["delta"]
        ),
        (&json!("my_agent:old"), &json!(10))
    );
    event(&server, "new", "session_end", "");
    assert_eq!(
        all.next_of("session-completed")["data"]["id"],
        "my_agent:new"
    );
    assert!(all.next_of("stats-updated")["data"]["totalSessions"].is_u64());
    let first = ends.next().unwrap();
    assert_eq!(
        (&first["type"], &first["data"]["id"]),
        (&json!("session-completed"), &json!("my_agent:new"))
    );
}

#[test]
fn the_socket_needs_what_reading_needs_and_lets_silent_clients_go() {
    let mut server = Running::with(|options| {
        options.require_token = true;
        options.settings.heartbeat = Duration::from_millis(150);
    });
    let open = |path: &str, headers: &[(&'static str, &str)]| {
        Socket::open(server.address, path, headers).map(|_| ())
    };
    assert_eq!(open("/ws", &[]), Err(401));
    assert_eq!(open("/ws?access_token=wrong", &[]), Err(401));
    let path = format!("/ws?token={}", server.control_token());
    assert_eq!(open(&path, &[]), Ok(()));
    assert_eq!(open(&path, &[("origin", "http://evil.example")]), Err(403));
    let bearer = format!("Bearer {}", server.control_token());
    assert_eq!(open("/ws", &[("authorization", &bearer)]), Ok(()));

    // Who reads answers pings; who does not is let go.
    let mut silent = Socket::open(server.address, &path, &[]).unwrap();
    std::thread::sleep(Duration::from_millis(900));
    while silent.next().is_some() {}
    let mut reads = Socket::open(server.address, &path, &[]).unwrap();
    let begin = Instant::now();
    server.stop();
    while reads.next().is_some() {}
    assert!(begin.elapsed() < Duration::from_secs(4));
}
