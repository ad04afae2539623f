//! Handing a hook's input to the server, in a time that no agent notices. Plain HTTP over one connection and nothing
//! that would have to be started first: this runs at every tool call.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::running::RunningServer;
use super::{AT_HEADER, HookAgent, spool};
use crate::model::Timestamp;

/// Longest input that is passed on, in bytes.
pub const MAX_PAYLOAD: usize = 4 << 20;

/// What became of a hook's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handed {
    /// A server has stored it.
    Over,
    /// No server took it: it waits in the spool.
    Spooled,
    /// It is lost: a server says that it is no hook's input, or the spool is full.
    Dropped,
}

/// Passes on what `agent` told at `at`, until `deadline`.
pub fn hand_over(
    data_dir: &Path,
    agent: HookAgent,
    payload: &[u8],
    at: Timestamp,
    deadline: Instant,
) -> Handed {
    let path = format!("/api/hooks/{}", agent.as_str());
    match post(data_dir, &path, payload, at, deadline) {
        Ok(200..300) => Handed::Over,
        // It would not be taken later either.
        Ok(400 | 404 | 413) => Handed::Dropped,
        _ => match spool::put(data_dir, agent, payload, at) {
            Ok(()) => Handed::Spooled,
            Err(_) => Handed::Dropped,
        },
    }
}

/// Posts JSON to the server that runs over a data folder. Returns the status of its answer.
///
/// # Errors
/// There is no server, or it did not answer in time.
pub fn post(
    data_dir: &Path,
    path: &str,
    body: &[u8],
    at: Timestamp,
    deadline: Instant,
) -> io::Result<u16> {
    let server = RunningServer::find(data_dir).ok_or(io::ErrorKind::NotConnected)?;
    let mut stream = TcpStream::connect_timeout(&server.address, left(deadline)?)?;
    stream.set_nodelay(true)?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{AT_HEADER}: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        server.address,
        server.token.expose(),
        at.0,
        body.len()
    );
    for mut part in [head.as_bytes(), body] {
        while !part.is_empty() {
            stream.set_write_timeout(Some(left(deadline)?))?;
            let written = stream.write(part)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            part = &part[written..];
        }
    }
    status(&mut stream, deadline)
}

/// The status in `HTTP/1.1 200 OK`.
fn status(stream: &mut TcpStream, deadline: Instant) -> io::Result<u16> {
    let mut line = [0; 12];
    let mut read = 0;
    while read < line.len() {
        stream.set_read_timeout(Some(left(deadline)?))?;
        match stream.read(&mut line[read..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => read += more,
        }
    }
    let text = std::str::from_utf8(&line).ok();
    text.filter(|text| text.starts_with("HTTP/1."))
        .and_then(|text| text.get(9..12)?.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The time that is left; an error when none is.
fn left(deadline: Instant) -> io::Result<Duration> {
    deadline
        .checked_duration_since(Instant::now())
        .filter(|left| !left.is_zero())
        .ok_or_else(|| io::ErrorKind::TimedOut.into())
}
