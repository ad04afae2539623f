//! agentmon reads: nothing below the folders of agents is created, changed or removed (I9).

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use agentmon_core::Monitor;
use agentmon_core::query::{EventFilter, SessionFilter};
use common::{after_recordings, by_session, copy, fixture, refresh};

/// A home with recordings of all agents.
fn fill(home: &Path) {
    for (from, to) in [
        ("claude_code/home", ""),
        ("codex/sessions", ".codex/sessions"),
        ("codex/archived_sessions", ".codex/archived_sessions"),
        ("openclaw/clawdbot-2026.1.24", ".clawdbot"),
        ("openclaw/openclaw-2026.7.1", ".openclaw"),
        ("gemini", ".gemini"),
        ("opencode/storage", ".local/share/opencode/storage"),
    ] {
        copy(&fixture(from), &home.join(to));
    }
    // A database is the likeliest to be touched: SQLite likes to leave files beside it.
    let database = fs::read(fixture("opencode/opencode.db.zst")).unwrap();
    let database = zstd::decode_all(&*database).unwrap();
    fs::write(home.join(".local/share/opencode/opencode.db"), database).unwrap();
}

/// What a change of a file or folder would show in.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    is_folder: bool,
    length: u64,
    modified: SystemTime,
    read_only: bool,
    content: Vec<u8>,
}

/// Everything below a folder, the folder itself included.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut seen = BTreeMap::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        let is_folder = metadata.is_dir();
        let mut content = Vec::new();
        if is_folder {
            pending.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else {
            content = fs::read(&path).unwrap();
        }
        let looks = Seen {
            is_folder,
            length: metadata.len(),
            modified: metadata.modified().unwrap(),
            read_only: metadata.permissions().readonly(),
            content,
        };
        seen.insert(path, looks);
    }
    seen
}

/// Reads, asks, watches and indexes all that there is. Returns how many sessions there are.
fn use_everything(home: &Path, data: &Path) -> usize {
    let env = agentmon_core::source::Env::at(home);
    let config = agentmon_core::config::Config::defaults(&env);
    let monitor = Monitor::builder()
        .env(env)
        .config(config)
        .clock(after_recordings())
        .data_dir(data)
        .open()
        .unwrap();
    refresh(&monitor).unwrap();
    let everyone = SessionFilter {
        within: true,
        ..SessionFilter::default()
    };
    let sessions = monitor.sessions(&everyone).unwrap().sessions;
    for session in &sessions {
        let id = session.key.to_string();
        monitor.session(&id).unwrap();
        monitor.explain(&id).unwrap();
    }
    monitor.sources().unwrap();
    monitor.db_vacuum().unwrap();
    drop(monitor);

    // A watching monitor of an empty database: the first thread reads, the second indexes.
    let env = agentmon_core::source::Env::at(home);
    let config = agentmon_core::config::Config::defaults(&env);
    let monitor = Monitor::builder()
        .env(env)
        .config(config)
        .clock(after_recordings())
        .data_dir(data.join("watching"))
        .open()
        .unwrap();
    let watching = monitor.start().unwrap();
    let patience = Instant::now() + Duration::from_secs(60);
    let indexed = || {
        let one = EventFilter {
            limit: 1,
            ..EventFilter::default()
        };
        let events = monitor.events(&one).unwrap().events.len();
        events > 0 && by_session(&monitor).len() > 30
    };
    while !indexed() {
        assert!(Instant::now() < patience, "watching read nothing");
        std::thread::sleep(Duration::from_millis(20));
    }
    // One more look at the files of running processes.
    std::thread::sleep(Duration::from_millis(1200));
    drop(watching);
    sessions.len()
}

#[test]
fn nothing_changes_in_the_folders_of_agents() {
    let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fill(home.path());
    let before = tree(home.path());
    let sessions = use_everything(home.path(), data.path());
    let after = tree(home.path());
    let changed: Vec<&PathBuf> = before
        .keys()
        .chain(after.keys())
        .filter(|path| before.get(*path) != after.get(*path))
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert!(sessions > 30);

    // The same where nothing can be written.
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount")
            .args(arguments)
            .arg(home.path())
            .output();
        done.is_ok_and(|output| output.status.success())
    };
    let own = home.path().to_str().unwrap();
    if !mount(&["--bind", own]) {
        eprintln!("SKIPPED: a read-only file system needs the right to mount");
        return;
    }
    let read_only = mount(&["-o", "remount,bind,ro"]);
    let again = read_only.then(|| {
        assert!(fs::write(home.path().join("probe"), "").is_err());
        use_everything(home.path(), &data.path().join("again"))
    });
    let unmounted = Command::new("umount").arg(home.path()).status().unwrap();
    assert!(unmounted.success());
    match again {
        Some(again) => assert_eq!(again, sessions),
        None => eprintln!("SKIPPED: the file system cannot be made read-only"),
    }
}
