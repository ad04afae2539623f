//! Streams: what is told, to whom, and who is let go.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::time::{Duration, Instant};

use common::{Running, Stream};
use serde_json::json;

fn post(server: &Running, agent: &str, kind: &str, id: &str) {
    let body = format!(
        r#"{{"session_id":"s","agent_type":"{agent}","event_type":"{kind}","event_id":"{id}"}}"#
    );
    assert_eq!(server.post("/api/events", &body).status, 201);
}

fn events(stream: &mut Stream, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let (id, frame) = stream.next_of("event").unwrap();
        assert_eq!(id, frame["payload"]["id"].as_i64());
        ids.push(frame["payload"]["event_id"].as_str().unwrap().to_owned());
    }
    ids
}

#[test]
fn events_changes_and_statistics_come_as_they_happen() {
    let server =
        Running::with(|options| options.settings.stats_interval = Duration::from_millis(300));
    post(&server, "codex", "session_start", "before");
    let mut all = Stream::open(server.address, "/api/stream", &[]);
    let (_, first) = all.next().unwrap();
    assert_eq!(first["type"], "connected");
    assert!(first["timestamp"].as_str().unwrap().ends_with('Z'));
    let mut tools = Stream::open(
        server.address,
        "/api/stream?agent_type=codex&event_type=tool_use",
        &[],
    );
    assert_eq!(server.json("/api/health")["sse_clients"], 2);

    post(&server, "gemini", "user_prompt", "1");
    post(&server, "codex", "tool_use", "2");
    post(&server, "codex", "error", "3");
    let body = r#"{"events":[{"session_id":"s","agent_type":"codex","event_type":"tool_use","event_id":"4"},
        {"session_id":"s","agent_type":"gemini","event_type":"tool_use","event_id":"5"}]}"#;
    assert_eq!(server.post("/api/events/batch", body).status, 201);
    assert_eq!(events(&mut all, 5), ["1", "2", "3", "4", "5"]);
    assert_eq!(events(&mut tools, 2), ["2", "4"]);
    let (_, stats) = tools.next_of("stats").unwrap();
    assert!(stats["payload"]["total_events"].as_u64().is_some());

    post(&server, "opencode", "session_start", "6");
    let (_, update) = all.next_of("session_update").unwrap();
    assert!(update["payload"]["session_id"].is_string(), "{update}");
}

#[test]
fn who_comes_back_hears_what_it_missed_once() {
    let server = Running::new();
    for id in ["1", "2", "3"] {
        post(&server, "codex", "error", id);
    }
    let mut back = Stream::open(server.address, "/api/stream", &[("last-event-id", "1")]);
    assert_eq!(events(&mut back, 2), ["2", "3"]);
    post(&server, "codex", "error", "4");
    assert_eq!(events(&mut back, 1), ["4"]);
    for nonsense in ["x", "-5", "99999999999"] {
        let mut stream = Stream::open(
            server.address,
            "/api/stream",
            &[("last-event-id", nonsense)],
        );
        assert_eq!(stream.next().unwrap().1["type"], "connected", "{nonsense}");
        post(&server, "codex", "error", nonsense);
        let (_, frame) = stream.next_of("event").unwrap();
        assert!(frame["payload"]["id"].as_i64().unwrap() > 0);
    }
}

#[test]
fn places_are_limited_and_given_back() {
    let server = Running::with(|options| options.settings.max_streams = 2);
    let one = Stream::open(server.address, "/api/stream", &[]);
    let _two = Stream::open(server.address, "/api/stream", &[]);
    let refused = server.get("/api/stream").told();
    assert_eq!(
        refused,
        (
            503,
            json!({"error":"SSE client limit reached","max_clients":2})
        )
    );
    drop(one);
    let begin = Instant::now();
    while server.json("/api/health")["sse_clients"] == 2 {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "the place is not given back"
        );
        std::thread::sleep(Duration::from_millis(20));
        // A client that is gone shows with the next frame.
        server.post(
            "/api/events",
            r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#,
        );
    }
    Stream::open(server.address, "/api/stream", &[]);
}

#[test]
fn a_stop_ends_streams_and_who_does_not_read_holds_up_nobody() {
    let mut server =
        Running::with(|options| options.limits.write_timeout = Duration::from_millis(500));
    let mut reads = Stream::open(server.address, "/api/stream", &[]);
    let stuck = Stream::open(server.address, "/api/stream", &[]);
    let blob = "x".repeat(9_000);
    for _ in 0..40 {
        let event = format!(
            r#"{{"session_id":"s","agent_type":"a","event_type":"error","metadata":{{"message":"{blob}"}}}}"#
        );
        let body = format!(r#"{{"events":[{}]}}"#, vec![event; 100].join(","));
        assert_eq!(server.post("/api/events/batch", &body).status, 201);
        for _ in 0..100 {
            reads.next_of("event").unwrap();
        }
    }
    let begin = Instant::now();
    while server.json("/api/health")["sse_clients"] == 2 {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "the stuck client is not let go"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(stuck);
    let begin = Instant::now();
    server.stop();
    assert!(begin.elapsed() < Duration::from_secs(4));
    while reads.next().is_some() {}
}
