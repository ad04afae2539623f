//! The server that runs over a data folder: where it listens, for programs of the same user.
//!
//! The file names a token that lasts as long as the server and may only tell what agents do: whoever gets hold of it
//! later, or of the port, has nothing.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::Secret;
use crate::source::process;

/// The file in the data folder.
const FILE: &str = "server.json";

/// A server that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningServer {
    /// Where it is reached from this machine.
    pub address: SocketAddr,
    /// A token that allows to tell what agents do.
    pub token: Secret<String>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    pid: u32,
    start: Option<u64>,
    address: SocketAddr,
    token: String,
}

impl RunningServer {
    /// Says in the folder that this process is the server.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn announce(&self, data_dir: &Path) -> io::Result<()> {
        let written = Written {
            pid: std::process::id(),
            start: process::own_start(),
            address: self.address,
            token: self.token.expose().clone(),
        };
        let text = serde_json::to_vec(&written)?;
        write_private(data_dir, FILE, &text)
    }

    /// Takes back what [`announce`](Self::announce) said. Another server's word stays.
    pub fn retract(data_dir: &Path) {
        let is_own = read(data_dir).is_some_and(|written| written.pid == std::process::id());
        if is_own {
            // Left behind, it names a process that is gone: nobody believes it.
            let _ = fs::remove_file(data_dir.join(FILE));
        }
    }

    /// The server that runs over a folder, if there is one.
    #[must_use]
    pub fn find(data_dir: &Path) -> Option<Self> {
        let written = read(data_dir)?;
        // Where the system does not tell, the connection will.
        let alive = process::alive(written.pid, written.start).unwrap_or(true);
        alive.then(|| Self {
            address: written.address,
            token: Secret::new(written.token),
        })
    }
}

fn read(data_dir: &Path) -> Option<Written> {
    serde_json::from_slice(&fs::read(data_dir.join(FILE)).ok()?).ok()
}

/// Writes a file that only its owner can read, whole or not at all.
pub(super) fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let new = folder.join(format!(".{name}.{}", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(&new)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&new, folder.join(name)));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_found_until_it_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RunningServer::find(dir.path()), None);
        let server = RunningServer {
            address: "127.0.0.1:3141".parse().unwrap(),
            token: Secret::new("word".to_owned()),
        };
        server.announce(dir.path()).unwrap();
        assert_eq!(RunningServer::find(dir.path()), Some(server));
        let path = dir.path().join(FILE);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        if cfg!(target_os = "linux") {
            // Killed: the file names a process that is not there.
            let text = fs::read_to_string(&path).unwrap();
            let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
            json["start"] = 1.into();
            fs::write(&path, json.to_string()).unwrap();
            assert_eq!(RunningServer::find(dir.path()), None);
        }
        RunningServer::retract(dir.path());
        assert!(!path.exists());
        fs::write(&path, "{").unwrap();
        assert_eq!(RunningServer::find(dir.path()), None);
    }
}
