//! The server under test: the real program, over a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Result;

/// Kernel ticks in a second, on every Linux there is.
const TICKS: f64 = 100.0;

/// A server that runs until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    _home: TempDir,
}

impl Server {
    pub(crate) fn start(program: &Path, streams: usize) -> Result<Self> {
        let home = match std::env::var_os("BENCH_DIR") {
            Some(folder) => TempDir::new_in(folder)?,
            None => TempDir::new()?,
        };
        let mut child = Command::new(program)
            .args([
                "--listen",
                "127.0.0.1:0",
                "--no-sources",
                "--no-open",
                "--data-dir",
            ])
            .arg(home.path().join("data"))
            .env("HOME", home.path())
            .env("AGENTMONITOR_MAX_SSE_CLIENTS", streams.to_string())
            .env("AGENTMON_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let mut line = String::new();
        let out = child.stdout.take().ok_or("no output")?;
        BufReader::new(out).read_line(&mut line)?;
        let url = line.split_whitespace().next_back().unwrap_or_default();
        let address = url
            .strip_prefix("http://")
            .ok_or("the server did not start")?;
        Ok(Self {
            address: address.parse()?,
            child,
            _home: home,
        })
    }

    fn figure(&self, name: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no such figure")?.parse()?)
    }

    /// Memory in use, in MiB.
    pub(crate) fn resident(&self) -> Result<f64> {
        Ok(self.figure("VmRSS:")? / 1024.0)
    }

    /// The most memory that was in use, in MiB.
    pub(crate) fn peak(&self) -> Result<f64> {
        Ok(self.figure("VmHWM:")? / 1024.0)
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name stands in brackets and may hold anything.
        let after = stat.rsplit_once(") ").ok_or("no such figure")?.1;
        let ticks = after.split(' ').skip(11).take(2);
        let ticks = ticks
            .map(str::parse::<f64>)
            .sum::<std::result::Result<f64, _>>()?;
        Ok(Duration::from_secs_f64(ticks / TICKS))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
