//! A server that runs as a program, and the command beside it.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The command in a home folder.
pub fn agentmon(home: &Path) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("agentmon"));
    command.env_clear().env("HOME", home).env("TZ", "UTC");
    command
}

/// The folder of its own files there.
pub fn data(home: &Path) -> PathBuf {
    home.join(".local/share/agentmon")
}

/// A server that runs until it is dropped.
pub struct Server {
    child: Child,
    pub address: String,
}

impl Server {
    pub fn start(home: &Path, more: &[&str]) -> Self {
        let mut child = agentmon(home)
            .args(["serve", "--listen", "127.0.0.1:0", "--no-open"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let address = line.trim().rsplit("http://").next().unwrap().to_owned();
        Self { child, address }
    }

    pub fn ask(&self, head: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "{head}\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// The ids of its sessions.
    pub fn sessions(&self, token: Option<&str>) -> Vec<String> {
        let token = token.map_or_else(String::new, |token| {
            format!("\r\nauthorization: Bearer {token}")
        });
        let told = self.ask(&format!("GET /api/v1/sessions HTTP/1.1{token}"), "");
        let sessions = told["sessions"].as_array().unwrap();
        let mut ids: Vec<_> = sessions
            .iter()
            .map(|session| session["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }

    pub fn wait_for(&self, expected: &[&str]) {
        let begin = Instant::now();
        while self.sessions(None) != expected {
            assert!(begin.elapsed() < PATIENCE, "{:?}", self.sessions(None));
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
