//! The server that runs over this data folder, as commands talk to it: it alone writes to the database and holds the
//! connections to gateways.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use agentmon_core::config::Secret;
use agentmon_core::hooks::running::RunningServer;
use serde_json::Value;

use crate::error::Error;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(40);
/// Largest answer, in bytes.
const MAX_ANSWER: u64 = 64 << 20;

/// A server that runs.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    token: Secret<String>,
}

impl Client {
    /// The server of a data folder.
    pub(crate) fn find(data_dir: &Path) -> Option<Self> {
        let server = RunningServer::find(data_dir)?;
        let token = std::fs::read_to_string(data_dir.join("control.token")).ok()?;
        Some(Self {
            address: server.address,
            token: Secret::new(token.trim().to_owned()),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What opens a WebSocket or stands before a request: `Authorization`.
    pub(crate) fn authorization(&self) -> String {
        format!("Bearer {}", self.token.expose())
    }

    /// Makes a request. An answer that is an error is one here.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let failed = |error: io::Error| {
            Error::Server(format!(
                "the server at {} does not answer: {error}",
                self.address
            ))
        };
        let (status, body) = self.exchange(method, path, body).map_err(failed)?;
        let value: Value = serde_json::from_slice(&body).unwrap_or_default();
        match status {
            200..=299 => Ok(value),
            _ => Err(Error::Server(match value["error"].as_str() {
                Some(words) => words.to_owned(),
                None => format!("the server at {} answers {status}", self.address),
            })),
        }
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let body = body.map(ToString::to_string).unwrap_or_default();
        // HTTP/1.0: the answer comes whole, and ends with the connection.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nhost: {}\r\nauthorization: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            self.address,
            self.authorization(),
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer)?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "it speaks no HTTP");
        let end = answer
            .windows(4)
            .position(|part| part == b"\r\n\r\n")
            .ok_or_else(odd)?;
        let status = std::str::from_utf8(&answer[..end])
            .ok()
            .and_then(|head| head.split(' ').nth(1)?.parse().ok())
            .ok_or_else(odd)?;
        Ok((status, answer.split_off(end + 4)))
    }
}
