//! What goes wrong around a server: it is killed, the disk is full, others hold the database, clients do not read.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::program::Program;
use common::{Running, Stream, connect, read_answer, request};
use serde_json::{Value, json};

const EVENT: &str = r#"{"session_id":"s","agent_type":"a","event_type":"error"}"#;

/// Posts a body and returns the status of the answer, if there was one.
fn post(address: SocketAddr, path: &str, body: &str) -> Option<u16> {
    let asked = std::panic::catch_unwind(|| request(address, "POST", path, &[], body.as_bytes()));
    asked.ok().map(|answer| answer.status)
}

/// The ids of all stored events.
fn stored(address: SocketAddr) -> Vec<String> {
    let mut ids = Vec::new();
    for page in 0.. {
        let path = format!("/api/events?limit=1000&offset={}", page * 1000);
        let answer = request(address, "GET", &path, &[], b"").json();
        let rows = answer["events"].as_array().unwrap();
        if rows.is_empty() {
            break;
        }
        ids.extend(
            rows.iter()
                .map(|row: &Value| row["event_id"].as_str().unwrap().to_owned()),
        );
    }
    ids
}

#[test]
fn what_was_acknowledged_survives_twenty_kills_and_is_there_once() {
    const ROUNDS: u64 = 20;
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut program = Program::start(dir.path());
        let address = program.address;
        let clients: Vec<_> = (0..4)
            .map(|client| {
                std::thread::spawn(move || {
                    let mut done = Vec::new();
                    for number in 0.. {
                        let id = |part| format!("{round}-{client}-{number}-{part}");
                        let event = |part| {
                            format!(
                                r#"{{"session_id":"s{client}","agent_type":"a","event_type":"error","event_id":"{}"}}"#,
                                id(part)
                            )
                        };
                        let status = if client == 0 {
                            let body = format!(r#"{{"events":[{},{}]}}"#, event(0), event(1));
                            post(address, "/api/events/batch", &body)
                        } else {
                            post(address, "/api/events", &event(0))
                        };
                        if status != Some(201) {
                            break;
                        }
                        done.extend((0..if client == 0 { 2 } else { 1 }).map(id));
                    }
                    done
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(60 + 23 * (round % 7)));
        program.signal("KILL");
        program.wait();
        for client in clients {
            acknowledged.extend(client.join().unwrap());
        }
    }
    assert!(
        acknowledged.len() > 100,
        "only {} were stored",
        acknowledged.len()
    );
    let mut program = Program::start(dir.path());
    let stored = stored(program.address);
    let unique: BTreeSet<_> = stored.iter().cloned().collect();
    assert_eq!(unique.len(), stored.len(), "none twice");
    let lost: Vec<_> = acknowledged.difference(&unique).collect();
    assert!(lost.is_empty(), "{lost:?}");
    program.signal("TERM");
    assert_eq!(program.wait().code(), Some(0));
}

/// A small disk. Gone when dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(at)
            .output();
        mounted.ok()?.status.success().then_some(Self(at))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(dir.path(), "size=6m") else {
        eprintln!("SKIPPED: a full disk needs the right to mount a small one");
        return;
    };
    let program = Program::start(&dir.path().join("data"));
    let large = json!({"session_id":"s","agent_type":"a","event_type":"error","metadata":{"message":"x".repeat(9000)}});
    let batch = json!({ "events": vec![large; 50] }).to_string();
    let mut acknowledged = 0;
    let refused = loop {
        let answer = request(
            program.address,
            "POST",
            "/api/events/batch",
            &[],
            batch.as_bytes(),
        );
        if answer.status != 201 {
            break answer.told();
        }
        acknowledged += 50;
        assert!(acknowledged < 10_000, "the disk is never full");
    };
    assert_eq!(refused, (507, json!({"error":"The disk is full"})));
    // Reading goes on, and what was acknowledged is there.
    let page = request(program.address, "GET", "/api/events?limit=1", &[], b"").json();
    assert_eq!(page["total"], acknowledged);
    assert_eq!(
        request(program.address, "GET", "/api/health", &[], b"").status,
        200
    );
    // With room again, storing goes on.
    let more = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(dir.path())
        .status();
    assert!(more.unwrap().success());
    assert_eq!(
        post(program.address, "/api/events/batch", &batch),
        Some(201)
    );
}

#[test]
fn a_database_that_another_process_locks_is_waited_for_and_then_told() {
    let server = Running::new();
    assert_eq!(server.post("/api/events", EVENT).status, 201);
    let path = server.dir.path().join("data/agentmon.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begin = Instant::now();
    let refused = server.post("/api/events", EVENT);
    assert_eq!(
        refused.told(),
        (503, json!({"error":"The database is busy"}))
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(begin.elapsed() < Duration::from_secs(15));
    assert_eq!(server.json("/api/events")["total"], 1);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(server.post("/api/events", EVENT).status, 201);
    assert_eq!(server.json("/api/events")["total"], 2);
}

#[test]
fn ten_thousand_connections_are_held() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    // Both ends are in this process, and it needs some files of its own.
    let room = limit
        .maximum
        .map_or(u64::MAX, |most| most.saturating_sub(200) / 2);
    let count = room.min(10_000) as usize;
    if count < 10_000 {
        eprintln!("SKIPPED: 10,000 connections; the limit of open files allows {count}");
    }
    let server = Running::with(|options| {
        options.limits.connections = 20_000;
        options.limits.header_timeout = Duration::from_secs(120);
    });
    let mut held = Vec::with_capacity(count);
    for number in 0..count {
        let mut stream = TcpStream::connect(server.address).unwrap();
        if number % 2 == 0 {
            // Half of them have begun to ask.
            stream
                .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n")
                .unwrap();
        }
        held.push(stream);
    }
    let begin = Instant::now();
    assert_eq!(server.post("/api/events", EVENT).status, 201);
    assert_eq!(server.json("/api/events")["total"], 1);
    assert!(begin.elapsed() < Duration::from_secs(5));
    let open = server.get("/metrics").text();
    let open = open
        .lines()
        .find_map(|line| line.strip_prefix("agentmon_http_connections "));
    assert!(open.unwrap().parse::<usize>().unwrap() > count * 9 / 10);
}

#[test]
fn a_body_of_a_hundred_megabytes_costs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path());
    assert_eq!(post(program.address, "/api/events", EVENT), Some(201));
    let before = program.resident();
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let address = program.address;
            std::thread::spawn(move || {
                let mut stream = connect(address);
                let head = format!(
                    "POST /v1/logs HTTP/1.1\r\nhost: {address}\r\ncontent-length: 104857600\r\n\r\n"
                );
                stream.write_all(head.as_bytes()).unwrap();
                let block = vec![b'['; 1 << 20];
                // The server hangs up when it has heard enough.
                (0..100).all(|_| stream.write_all(&block).is_ok())
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(post(program.address, "/api/events", EVENT), Some(201));
    if let (Some(before), Some(after)) = (before, program.resident()) {
        assert!(after < before + 150, "{before} MiB became {after} MiB");
    }
}

#[test]
fn clients_that_never_read_are_let_go() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path());
    let address = program.address;
    let mut silent: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect(address);
            write!(
                stream,
                "GET /api/stream HTTP/1.1\r\nhost: {address}\r\n\r\n"
            )
            .unwrap();
            stream
        })
        .collect();
    let mut reading = Stream::open(address, "/api/stream", &[]);
    reading.next_of("connected").unwrap();
    let event = json!({"session_id":"s","agent_type":"a","event_type":"error","metadata":{"message":"x".repeat(8000)}});
    let body = json!({ "events": vec![event; 100] }).to_string();
    let before = program.resident();
    let (rounds, mut heard) = (60, 0);
    for _ in 0..rounds {
        assert_eq!(post(address, "/api/events/batch", &body), Some(201));
        for _ in 0..100 {
            reading.next_of("event").unwrap();
            heard += 1;
        }
    }
    assert_eq!(heard, rounds * 100, "who reads misses nothing");
    if let (Some(before), Some(after)) = (before, program.resident()) {
        assert!(after < before + 200, "{before} MiB became {after} MiB");
    }
    silent.clear();
    let health = request(address, "GET", "/api/health", &[], b"").json();
    assert_eq!(health["status"], "ok");
}

#[test]
fn a_stop_lets_requests_finish_and_ends_streams_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut program = Program::start(dir.path());
    let mut stream = Stream::open(program.address, "/api/stream", &[]);
    stream.next_of("connected").unwrap();
    // A request whose body is still on its way, and one that never comes.
    let mut late = connect(program.address);
    let head = format!(
        "POST /api/events HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n",
        EVENT.len()
    );
    late.write_all(head.as_bytes()).unwrap();
    let mut never = connect(program.address);
    never.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    program.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    late.write_all(EVENT.as_bytes()).unwrap();
    assert_eq!(read_answer(&mut BufReader::new(late)).status, 201);
    // What was on its way is heard, then the stream ends.
    while stream.next().is_some() {}
    assert_eq!(program.wait().code(), Some(0));
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "not even the one that never comes is waited for forever"
    );
}

#[test]
fn a_counter_that_starts_again_goes_on() {
    let server = Running::new();
    let report = |start: u64, at: u64, tokens: u64| {
        let nano = |seconds: u64| ((1_795_251_000 + seconds) * 1_000_000_000).to_string();
        let text = |key: &str, value: &str| json!({"key":key,"value":{"stringValue":value}});
        let export = json!({"resourceMetrics":[{
            "resource":{"attributes":[text("service.name", "claude-code")]},
            "scopeMetrics":[{"metrics":[{"name":"claude_code.token.usage","sum":{
                "aggregationTemporality":2,"isMonotonic":true,
                "dataPoints":[{"startTimeUnixNano":nano(start),"timeUnixNano":nano(at),"asDouble":tokens,
                    "attributes":[text("session.id", "s1"),text("type", "output"),text("model", "claude-opus-5-5")]}]}}]}]}]});
        let answer = server.post("/v1/metrics", &export.to_string());
        assert_eq!(answer.told(), (200, json!({})));
    };
    report(0, 10, 100);
    report(0, 20, 150);
    report(0, 20, 150);
    report(0, 10, 100);
    // The process was started again and counts from zero.
    report(30, 40, 20);
    report(30, 50, 25);
    let session = server.json("/api/v1/sessions/claude_code:s1").to_string();
    assert!(
        session.contains(r#""output_tokens":175"#) || session.contains(r#""output":175"#),
        "{session}"
    );
}
