//! Clients that are slow, wrong or rude, and processes that are killed.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Running, connect, read_answer, request};
use serde_json::{Value, json};

const EVENT: &str = r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#;

#[test]
fn what_makes_no_sense_is_answered_in_json() {
    let server = Running::new();
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
    let control = format!("Bearer {}", server.control_token());
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

/// The program itself, as users start it.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    fn start(home: &std::path::Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_agentmon-server"))
            .args([
                "--listen",
                "127.0.0.1:0",
                "--no-sources",
                "--no-open",
                "--data-dir",
            ])
            .arg(home.join("data"))
            .env_clear()
            .env("HOME", home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().next_back().unwrap();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, address }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }
}

#[test]
#[cfg(unix)]
fn what_was_acknowledged_survives_a_kill_and_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..5 {
        let mut program = Program::start(dir.path());
        let address = program.address;
        let clients: Vec<_> = (0..4)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut done = Vec::new();
                    for number in 0.. {
                        let id = format!("{round}-{client}-{number}");
                        let body = format!(r#"{{"session_id":"s","agent_type":"a","event_type":"error","event_id":"{id}"}}"#);
                        let answer = std::panic::catch_unwind(|| {
                            request(address, "POST", "/api/events", &[], body.as_bytes()).status
                        });
                        match answer {
                            Ok(201) => done.push(id),
                            _ => break,
                        }
                    }
                    done
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(150 + 50 * round));
        program.signal("KILL");
        program.child.wait().unwrap();
        for client in clients {
            acknowledged.extend(client.join().unwrap());
        }
    }
    assert!(
        acknowledged.len() > 20,
        "only {} were stored",
        acknowledged.len()
    );
    let mut program = Program::start(dir.path());
    let mut stored = Vec::new();
    for page in 0.. {
        let path = format!("/api/events?limit=1000&offset={}", page * 1000);
        let answer = request(program.address, "GET", &path, &[], b"").json();
        let rows = answer["events"].as_array().unwrap().clone();
        if rows.is_empty() {
            break;
        }
        stored.extend(
            rows.into_iter()
                .map(|row: Value| row["event_id"].as_str().unwrap().to_owned()),
        );
    }
    let unique: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(unique.len(), stored.len(), "none twice");
    let lost: Vec<_> = acknowledged.difference(&unique).collect();
    assert!(lost.is_empty(), "{lost:?}");
    program.signal("TERM");
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
}
