//! A server on a free port over a temporary folder, and a client that can be as rude as needed.
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod program;
pub mod socket;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use agentmon_core::Monitor;
use agentmon_core::config::Config;
use agentmon_core::source::Env;
use agentmon_server::{Options, Server, serve};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How long a test waits for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server that runs until it is dropped.
pub struct Running {
    pub dir: TempDir,
    pub address: SocketAddr,
    pub monitor: Monitor,
    server: Option<Server>,
    runtime: Runtime,
}

/// A monitor that sees nothing but what is sent to it.
pub fn monitor(dir: &Path) -> Monitor {
    let env = Env::at(dir);
    Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .data_dir(dir.join("data"))
        .open()
        .unwrap()
}

impl Running {
    /// A server with the defaults, but for port and sources.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A server with other options.
    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let monitor = monitor(dir.path());
        let mut options = Options::new(monitor.clone());
        options.listen.set_port(0);
        options.sources = false;
        options.data_dir = Some(dir.path().join("data"));
        change(&mut options);
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(serve(options)).unwrap();
        Self {
            address: server.address(),
            server: Some(server),
            dir,
            monitor,
            runtime,
        }
    }

    pub fn control_token(&self) -> String {
        let path = self.dir.path().join("data/control.token");
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    }

    pub fn login_url(&self) -> String {
        self.server.as_ref().unwrap().login_url().unwrap()
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Where it takes gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.server().otlp_grpc().unwrap()
    }

    /// Stops in order.
    pub fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &[("content-type", "application/json")], body)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        request(self.address, method, path, headers, body.as_bytes())
    }

    /// The body of an answer that must be good.
    pub fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{}",
            self.text()
        );
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Status and body, for comparing.
    pub fn told(&self) -> (u16, Value) {
        (self.status, self.json())
    }
}

pub fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// One request on a connection of its own. A header that is given replaces the one that would be sent.
pub fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = connect(address);
    let given = |name: &str| {
        headers
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !given("host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    if !given("content-length") && !given("transfer-encoding") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // A server that has heard enough may close first: what it said counts.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
    read_answer(&mut BufReader::new(stream))
}

/// Reads an answer to its end.
pub fn read_answer(stream: &mut BufReader<TcpStream>) -> Answer {
    let (status, headers) = read_head(stream);
    let find = |name: &str| {
        let found = headers
            .iter()
            .find(|(known, _): &&(String, String)| known == name);
        found.map(|(_, value)| value.clone())
    };
    let mut body = Vec::new();
    if let Some(length) = find("content-length") {
        body.resize(length.parse().unwrap(), 0);
        stream.read_exact(&mut body).unwrap();
    } else if find("transfer-encoding").is_some() {
        while let Some(chunk) = read_chunk(stream) {
            body.extend(chunk);
        }
    } else {
        stream.read_to_end(&mut body).unwrap();
    }
    Answer {
        status,
        headers,
        body,
    }
}

pub fn read_head(stream: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status = line
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("no answer: {line:?}"));
    let status = status.parse().unwrap();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return (status, headers);
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

/// One chunk of a body, `None` at its end.
pub fn read_chunk(stream: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim(), 16).ok()?;
    let mut chunk = vec![0; length + 2];
    stream.read_exact(&mut chunk).ok()?;
    chunk.truncate(length);
    (length > 0).then_some(chunk)
}

/// A stream of server-sent events.
pub struct Stream {
    stream: BufReader<TcpStream>,
    waiting: String,
}

impl Stream {
    pub fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = connect(address);
        let mut head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let (status, headers) = read_head(&mut stream);
        assert_eq!(status, 200);
        let kind = headers
            .iter()
            .find(|(name, _)| name == "content-type")
            .unwrap();
        assert_eq!(kind.1, "text/event-stream");
        Self {
            stream,
            waiting: String::new(),
        }
    }

    /// The next frame with its `id`, comments left out; `None` at the end.
    pub fn next(&mut self) -> Option<(Option<i64>, Value)> {
        loop {
            if let Some(end) = self.waiting.find("\n\n") {
                let frame: String = self.waiting.drain(..end + 2).collect();
                let line = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                let Some(data) = line("data: ") else { continue };
                let id = line("id: ").map(|id| id.parse().unwrap());
                return Some((id, serde_json::from_str(data).unwrap()));
            }
            let chunk = read_chunk(&mut self.stream)?;
            self.waiting.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next frame of a type.
    pub fn next_of(&mut self, kind: &str) -> Option<(Option<i64>, Value)> {
        loop {
            let (id, frame) = self.next()?;
            if frame["type"] == kind {
                return Some((id, frame));
            }
        }
    }
}
