//! Clients that are slow, wrong or rude.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{BufReader, Read, Write};
use std::time::{Duration, Instant};

use common::{Running, connect, read_answer, request};
use serde_json::json;

const EVENT: &str = r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#;

#[test]
fn what_makes_no_sense_is_answered_in_json() {
    let server = Running::new();
    let control = format!("Bearer {}", server.control_token());
    let wrong = server.get("/api/events/batch");
    assert_eq!(wrong.header("allow"), Some("POST"));
    let wrong = server.ask(
        "PUT",
        "/api/events?limit=1",
        &[("authorization", &control)],
        "",
    );
    assert_eq!(
        (wrong.status, wrong.header("allow")),
        (405, Some("POST, GET"))
    );
    for (method, path, status, error) in [
        ("GET", "/nothing", 404, "Not found"),
        ("GET", "/api/events/extra/parts", 404, "Not found"),
        ("GET", "/api/../../etc/passwd", 404, "Not found"),
        ("GET", "/api/events/batch", 405, "Method not allowed"),
        ("POST", "/api/stats", 401, "A token is needed"),
    ] {
        let answer = server.ask(method, path, &[], "").told();
        assert_eq!(
            answer,
            (status, json!({ "error": error })),
            "{method} {path}"
        );
    }
    let wrong = server.ask("POST", "/api/stats", &[("authorization", &control)], "");
    assert_eq!(wrong.told(), (405, json!({"error":"Method not allowed"})));
    let query = server.get("/api/events?since=soon").told();
    let expected = json!({"error":"Invalid query","details":[{"field":"since","message":"must be a valid timestamp"}]});
    assert_eq!(query, (400, expected));
    let nothing = server.json("/api/events?event_type=nonsense&limit=x&offset=-3&%ff=%00");
    assert_eq!(nothing, json!({"events":[],"total":0}));
}

#[test]
fn bodies_have_a_limit_however_they_are_sent() {
    let server = Running::new();
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(2 << 20));
    let expected = (
        413,
        json!({"error":"The request body is larger than 1048576 bytes"}),
    );
    assert_eq!(server.post("/api/events", &large).told(), expected);
    let chunked = |body: &str| {
        let mut framed = Vec::new();
        for chunk in body.as_bytes().chunks(10_000) {
            framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
            framed.extend(chunk);
            framed.extend(b"\r\n");
        }
        framed.extend(b"0\r\n\r\n");
        request(
            server.address,
            "POST",
            "/api/events",
            &[("transfer-encoding", "chunked")],
            &framed,
        )
    };
    assert_eq!(chunked(&large).told(), expected);
    assert_eq!(chunked(EVENT).status, 201);
    // More than anybody waits for: the connection may end before the answer is read, the server goes on.
    let mut stream = connect(server.address);
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: {}\r\ncontent-length: 99999999999\r\n\r\n",
        server.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    let block = vec![b'x'; 1 << 20];
    for _ in 0..40 {
        if stream.write_all(&block).is_err() {
            break;
        }
    }
    drop(stream);
    assert_eq!(server.post("/api/events", EVENT).status, 201);
}

#[test]
fn garbage_is_survived() {
    let server = Running::new();
    let mut state = 7_u64;
    let mut byte = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as u8
    };
    for round in 0..60 {
        let garbage: Vec<u8> = (0..round * 37).map(|_| byte()).collect();
        let mut stream = connect(server.address);
        let _ = stream.write_all(&garbage);
        let _ = stream.write_all(b"\r\n\r\n");
        let answer = request(server.address, "POST", "/api/events", &[], &garbage);
        assert_eq!(answer.status, 400);
        answer.json();
        // Every beginning of a good event.
        let torn = &EVENT.as_bytes()[..round % EVENT.len()];
        assert_eq!(
            request(server.address, "POST", "/api/events", &[], torn).status,
            400
        );
    }
    let deep = "[".repeat(100_000);
    assert_eq!(server.post("/api/events", &deep).status, 400);
    let nested = format!(
        r#"{{"session_id":"s","agent_type":"a","event_type":"error","metadata":{}1{}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    assert_eq!(server.post("/api/events", &nested).status, 400);
    assert_eq!(server.json("/api/health")["status"], "ok");
}

#[test]
fn slow_clients_are_left_and_too_many_told_so() {
    let server = Running::with(|options| {
        options.limits.header_timeout = Duration::from_millis(300);
        options.limits.body_timeout = Duration::from_millis(300);
        options.limits.connections = 4;
    });
    let begin = Instant::now();
    let mut slow = connect(server.address);
    slow.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
        .unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "a half-sent head is given up"
    );

    let mut slow = connect(server.address);
    slow.write_all(b"POST /api/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        .unwrap();
    let answer = read_answer(&mut BufReader::new(slow));
    assert_eq!(
        answer.told(),
        (
            408,
            json!({"error":"The request body did not arrive in time"})
        )
    );

    let held: Vec<_> = (0..4).map(|_| connect(server.address)).collect();
    std::thread::sleep(Duration::from_millis(50));
    let refused = server.get("/api/health").told();
    assert_eq!(refused, (503, json!({"error":"Too many connections"})));
    drop(held);
    let begin = Instant::now();
    while server.get("/api/health").status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(50));
    }
}
