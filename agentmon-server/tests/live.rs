//! The live stream, over real connections.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::config::Config;
use agentmon_core::model::AgentKind;
use agentmon_core::source::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use common::Running;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

const PATIENCE: Duration = Duration::from_secs(20);

/// One client.
struct Client {
    socket: WebSocket<TcpStream>,
    epoch: String,
    /// What came while something else was waited for: topics are told in any order.
    early: VecDeque<Value>,
}

fn connect(server: &Running, origin: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut request = format!("ws://{}/api/v1/ws", server.address)
        .into_client_request()
        .unwrap();
    if let Some(origin) = origin {
        let headers = request.headers_mut();
        headers.insert("origin", origin.parse().unwrap());
    }
    match client(request, stream) {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(answer))) => {
            Err(answer.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

impl Client {
    fn new(server: &Running) -> Self {
        let mut client = Self {
            socket: connect(server, None).unwrap(),
            epoch: String::new(),
            early: VecDeque::new(),
        };
        let hello = client.next();
        assert_eq!(hello["type"], "hello");
        client.epoch = hello["epoch"].as_str().unwrap().to_owned();
        client
    }

    fn say(&mut self, message: &Value) {
        self.socket
            .send(Message::text(message.to_string()))
            .unwrap();
    }

    fn subscribe(&mut self, topic: &str) {
        self.say(&json!({"op": "subscribe", "topic": topic}));
    }

    /// The next message that is no sign of life.
    fn next(&mut self) -> Value {
        loop {
            match self.socket.read().unwrap() {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    if message["type"] != "heartbeat" {
                        return message;
                    }
                }
                Message::Close(close) => panic!("closed: {close:?}"),
                _ => {}
            }
        }
    }

    /// The next message of that type of a topic.
    fn wait(&mut self, topic: &str, kind: &str) -> Value {
        let is_it = |message: &Value| message["topic"] == topic && message["type"] == kind;
        if let Some(at) = self.early.iter().position(is_it) {
            return self.early.remove(at).unwrap();
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let message = self.next();
            if is_it(&message) {
                return message;
            }
            self.early.push_back(message);
            assert!(Instant::now() < end, "no {kind} of {topic}");
        }
    }

    /// The code with which the server closes.
    fn closed(&mut self) -> Option<u16> {
        loop {
            match self.socket.read() {
                Ok(Message::Close(close)) => return close.map(|close| close.code.into()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }
}

fn post(server: &Running, session: &str, kind: &str, more: &str) {
    let body = format!(
        r#"{{"session_id":"{session}","agent_type":"codex","event_type":"{kind}","project":"app"{more}}}"#
    );
    let answer = server.post("/api/events", &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[test]
fn a_screen_follows_what_happens() {
    let server = Running::new();
    post(
        &server,
        "s-1",
        "user_prompt",
        r#","metadata":{"message":"Fix the build"}"#,
    );
    let mut client = Client::new(&server);
    client.subscribe("board");
    let board = client.wait("board", "snapshot");
    let row = &board["data"]["sessions"][0];
    assert_eq!(
        (&row["id"], &row["group"], &row["title"]),
        (
            &json!("codex:s-1"),
            &json!("working"),
            &json!("Fix the build")
        )
    );
    assert_eq!(board["data"]["status"]["groups"]["working"], 1);
    client.subscribe("session:codex%3As-1");
    let session = client.wait("session:codex%3As-1", "snapshot");
    assert_eq!(
        session["data"]["blocks"]["blocks"][0]["text"],
        "Fix the build"
    );
    client.subscribe("events?kind=error");
    let events = client.wait("events?kind=error", "snapshot");
    assert_eq!(events["data"]["events"], json!([]));
    client.subscribe("usage");
    client.wait("usage", "snapshot");

    post(
        &server,
        "s-2",
        "error",
        r#","metadata":{"message":"It broke"}"#,
    );
    let patch = client.wait("board", "patch");
    assert_eq!(patch["rev"], board["rev"].as_u64().unwrap() + 1);
    let ids: Vec<&Value> = patch["data"]["upsert"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(ids, ["codex:s-2"]);
    let patch = client.wait("events?kind=error", "patch");
    assert_eq!(patch["data"]["events"][0]["session"], "codex:s-2");

    post(
        &server,
        "s-1",
        "tool_use",
        r#","tool_name":"Bash","metadata":{"command":"make"}"#,
    );
    let patch = client.wait("session:codex%3As-1", "patch");
    assert_eq!(patch["data"]["blocks"][0]["tool"]["type"], "shell");

    let call = r#","model":"gpt-5.5","tokens_in":10,"tokens_out":5,"cost_usd":0.5"#;
    post(&server, "s-1", "llm_response", call);
    let usage = client.wait("usage", "snapshot");
    assert_eq!(usage["data"]["today"]["cost_usd"], 0.5);
    assert_eq!(usage["data"]["by_model"][0]["model"], "gpt-5.5");

    client.say(&json!({"op": "unsubscribe", "topic": "board"}));
    client.say(&json!({"op": "ping"}));
    while client.next()["type"] != "pong" {}
    post(&server, "s-3", "error", "");
    client.wait("events?kind=error", "patch");
}

#[test]
fn who_comes_back_hears_what_was_missed() {
    let server = Running::new();
    post(&server, "s-1", "user_prompt", "");
    let mut first = Client::new(&server);
    first.subscribe("board");
    let had = first.wait("board", "snapshot")["rev"].as_u64().unwrap();
    drop(first);
    post(&server, "s-2", "user_prompt", "");
    thread::sleep(Duration::from_millis(500));

    let mut second = Client::new(&server);
    let epoch = second.epoch.clone();
    second.say(&json!({"op": "subscribe", "topic": "board", "epoch": epoch, "rev": had}));
    let resumed = second.next();
    assert_eq!(
        (&resumed["type"], &resumed["rev"]),
        (&json!("resumed"), &json!(had))
    );
    let mut rows = Vec::new();
    let mut rev = had;
    while !rows.contains(&json!("codex:s-2")) {
        let patch = second.wait("board", "patch");
        rev += 1;
        assert_eq!(patch["rev"], rev);
        let upsert = patch["data"]["upsert"].as_array().unwrap();
        rows.extend(upsert.iter().map(|row| row["id"].clone()));
    }
    // Revisions of another run of the server mean nothing, nor do those that are unknown.
    for (epoch, rev) in [("another", rev), (&*epoch, rev + 100)] {
        let mut third = Client::new(&server);
        third.say(&json!({"op": "subscribe", "topic": "board", "epoch": epoch, "rev": rev}));
        let whole = third.wait("board", "snapshot");
        assert_eq!(whole["data"]["sessions"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_breaks() {
    let server = Running::new();
    let mut client = Client::new(&server);
    let code = |client: &mut Client, topic: &str| {
        client.subscribe(topic);
        let error = client.wait(topic, "error");
        error["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(code(&mut client, "nonsense"), "bad_topic");
    assert_eq!(code(&mut client, "board?state=nonsense"), "bad_topic");
    assert_eq!(code(&mut client, "events?since=soon"), "bad_topic");
    assert_eq!(
        code(&mut client, &format!("board?project={}", "x".repeat(600))),
        "bad_topic"
    );
    assert_eq!(code(&mut client, "session:nobody"), "not_found");
    for message in ["", "{", "[]", r#"{"op":"dance"}"#, r#"{"op":"subscribe"}"#] {
        client.socket.send(Message::text(message)).unwrap();
        assert_eq!(client.next()["code"], "bad_message", "{message}");
    }
    for number in 0..40 {
        client.subscribe(&format!("board?project=p{number}"));
    }
    let mut refused = 0;
    client.say(&json!({"op": "ping"}));
    loop {
        let message = client.next();
        match message["type"].as_str() {
            Some("error") => refused += u32::from(message["code"] == "too_many"),
            Some("pong") => break,
            _ => {}
        }
    }
    // Five were taken by the topics above.
    assert_eq!(refused, 13);
    for _ in 0..20 {
        client.socket.send(Message::text("{")).unwrap();
    }
    assert_eq!(client.closed(), Some(4000));

    let mut client = Client::new(&server);
    client.socket.send(Message::binary(vec![1, 2, 3])).unwrap();
    assert_eq!(client.closed(), Some(1003));
    let mut client = Client::new(&server);
    client
        .socket
        .send(Message::text("x".repeat(70_000)))
        .unwrap();
    assert_eq!(client.closed(), Some(1009));

    assert_eq!(
        connect(&server, Some("http://evil.example")).err(),
        Some(403)
    );
    let own = format!("http://{}", server.address);
    assert!(connect(&server, Some(&own)).is_ok());
    assert_eq!(server.get("/api/v1/ws").status, 400);
}

#[test]
fn who_does_not_read_is_let_go_and_holds_up_nobody() {
    let server = Running::new();
    post(&server, "s-1", "user_prompt", "");
    let mut slow = Client::new(&server);
    slow.subscribe("events");
    slow.wait("events", "snapshot");
    let mut quick = Client::new(&server);
    quick.subscribe("events");
    quick.wait("events", "snapshot");
    let reader = thread::spawn(move || {
        let mut events = 0;
        let mut rev = None;
        while events < 6000 {
            let patch = quick.wait("events", "patch");
            let now = patch["rev"].as_u64().unwrap();
            assert!(rev.is_none_or(|rev| rev + 1 == now), "a gap before {now}");
            rev = Some(now);
            let told = patch["data"]["events"].as_array().unwrap().len() as u64;
            events += told + patch["data"]["skipped"].as_u64().unwrap();
        }
    });
    let text = "x".repeat(8000);
    let event = format!(
        r#"{{"session_id":"s-1","agent_type":"codex","event_type":"tool_use","tool_name":"Bash","metadata":{{"command":"{text}"}}}}"#
    );
    let batch = format!(r#"{{"events":[{}]}}"#, vec![event; 100].join(","));
    let mut longest = Duration::ZERO;
    for _ in 0..60 {
        let begin = Instant::now();
        assert_eq!(server.post("/api/events/batch", &batch).status, 201);
        longest = longest.max(begin.elapsed());
        thread::sleep(Duration::from_millis(100));
    }
    reader.join().unwrap();
    assert!(longest < Duration::from_secs(5), "storing took {longest:?}");
    let end = Instant::now() + PATIENCE;
    let dropped = || {
        let text = server.get("/metrics").text();
        !text.contains("agentmon_streams_dropped_total 0")
    };
    while !dropped() {
        assert!(Instant::now() < end, "the slow client is still there");
        thread::sleep(Duration::from_millis(100));
    }
    drop(slow);
}

#[test]
fn clients_of_one_topic_hear_the_same_and_the_end() {
    let mut server = Running::new();
    let mut clients: Vec<Client> = (0..10).map(|_| Client::new(&server)).collect();
    for client in &mut clients {
        client.subscribe("board");
        client.wait("board", "snapshot");
    }
    post(&server, "s-1", "user_prompt", "");
    let patches: Vec<Value> = clients
        .iter_mut()
        .map(|client| client.wait("board", "patch"))
        .collect();
    assert!(patches.iter().all(|patch| *patch == patches[0]));
    server.stop();
    for client in &mut clients {
        assert_eq!(client.closed(), Some(1001));
    }
}

/// An agent whose folders take long to look at.
#[derive(Debug)]
struct FarAway(Arc<AtomicUsize>);

impl FileFormat for FarAway {
    fn agent(&self) -> AgentKind {
        AgentKind::from("far_away")
    }
    fn name(&self) -> &'static str {
        "far-away"
    }
    fn version(&self) -> u32 {
        1
    }
    fn roots(&self, _: &Env) -> Vec<Root> {
        thread::sleep(Duration::from_secs(3));
        self.0.fetch_add(1, Ordering::SeqCst);
        Vec::new()
    }
    fn enters(&self, _: &Path) -> bool {
        false
    }
    fn role(&self, _: &Path) -> Option<FileRole> {
        None
    }
    fn start(&self, _: &FileInfo) -> Box<dyn Parser> {
        unreachable!("it has no files")
    }
    fn resume(&self, _: &FileInfo, _: &[u8]) -> Option<Box<dyn Parser>> {
        None
    }
}

#[test]
fn looking_at_folders_holds_up_nobody() {
    let looks = Arc::new(AtomicUsize::new(0));
    let dir = tempfile::tempdir().unwrap();
    let env = Env::at(dir.path());
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .formats(vec![Box::new(FarAway(looks.clone()))])
        .data_dir(dir.path().join("data"))
        .open()
        .unwrap();
    let server = Running::with(|options| options.monitor = monitor);
    // It looks by itself, before anybody asks.
    let begin = Instant::now();
    while looks.load(Ordering::SeqCst) == 0 {
        assert!(begin.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(200));
    let begin = Instant::now();
    let mut client = Client::new(&server);
    client.subscribe("sources");
    client.subscribe("board");
    let sources = client.wait("sources", "snapshot");
    assert!(sources["data"]["sources"].is_array(), "{sources}");
    client.wait("board", "snapshot");
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
}
