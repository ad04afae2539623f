//! The program itself, as users start it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// A server process. It is killed when dropped.
pub struct Program {
    pub address: SocketAddr,
    child: Child,
}

impl Program {
    /// A server whose data lies in a folder.
    pub fn start(data: &Path) -> Self {
        Self::with(data, &[], &[], Stdio::null())
    }

    /// A server with further flags and variables, that logs to `log`.
    pub fn with(data: &Path, flags: &[&str], variables: &[(&str, &str)], log: Stdio) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_agentmon-server"));
        command
            .args(["--listen", "127.0.0.1:0", "--otlp-grpc", "off"])
            .args(["--no-sources", "--no-open", "--data-dir"])
            .arg(data)
            .args(flags)
            .env_clear()
            .env("HOME", data)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line.split_whitespace().next_back().unwrap();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { address, child }
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// Memory in use in MiB, where the system tells.
    pub fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
