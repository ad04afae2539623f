//! `agentmon hook`: what an agent tells arrives, at once or later, once; and the agent is never kept waiting.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it measured"
)]

mod common;

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use common::{PATIENCE, Server, agentmon, data};

/// Runs a hook. Returns how long it took; it must succeed without a word.
fn hook(home: &Path, words: &[&str], payload: &str) -> Duration {
    let begin = Instant::now();
    let mut child = agentmon(home)
        .arg("hook")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A hook that does not want its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(payload.as_bytes());
    let output = child.wait_with_output().unwrap();
    let took = begin.elapsed();
    assert!(output.status.success());
    assert_eq!((&*output.stdout, &*output.stderr), (&b""[..], &b""[..]));
    took
}

fn payload(session: &str, event: &str) -> String {
    format!(
        r#"{{"session_id":"{session}","hook_event_name":"{event}","source":"startup","cwd":"/tmp"}}"#
    )
}

fn spooled(home: &Path) -> Vec<PathBuf> {
    fs::read_dir(data(home).join("spool"))
        .map(|files| files.map(|file| file.unwrap().path()).collect())
        .unwrap_or_default()
}

#[test]
fn what_a_hook_tells_is_stored_when_it_ends() {
    let home = TempDir::new().unwrap();
    let server = Server::start(home.path(), &["--no-sources"]);
    hook(home.path(), &["claude-code"], &payload("s", "SessionStart"));
    assert_eq!(server.sessions(None), ["claude_code:s"]);
    hook(
        home.path(),
        &["gemini"],
        r#"{"session_id":"g","hook_event_name":"BeforeAgent","prompt":"Go"}"#,
    );
    hook(
        home.path(),
        &["codex", "Stop"],
        &payload("c", "SessionStart"),
    );
    // The program of Codex's `notify` setting: of threads that nobody knows nothing is said.
    for thread in ["c", "nobody"] {
        let notice = format!(
            r#"{{"type":"agent-turn-complete","thread-id":"{thread}","client":"codex-tui"}}"#
        );
        hook(home.path(), &["codex", &notice], "");
    }
    assert_eq!(
        server.sessions(None),
        ["claude_code:s", "codex:c", "gemini:g"]
    );
    // Nothing that makes no sense is kept.
    for (words, payload) in [
        (&["nobody"][..], "{}"),
        (&[][..], "{}"),
        (&["codex"][..], "nonsense"),
    ] {
        hook(home.path(), words, payload);
    }
    assert_eq!(spooled(home.path()), Vec::<PathBuf>::new());
}

#[test]
fn what_a_hook_tells_nobody_is_stored_later_and_once() {
    let home = TempDir::new().unwrap();
    hook(home.path(), &["claude-code"], &payload("a", "SessionStart"));
    hook(home.path(), &["claude-code"], &payload("b", "SessionStart"));
    let files = spooled(home.path());
    assert_eq!(files.len(), 2);
    #[cfg(unix)]
    for path in &files {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
    let kept: Vec<_> = files
        .iter()
        .map(|path| (path, fs::read(path).unwrap()))
        .collect();
    // Any command that opens the store takes them in.
    let told = agentmon(home.path())
        .args(["sessions", "--json"])
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(told["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(spooled(home.path()), Vec::<PathBuf>::new());
    // A crash between storing and deleting delivers them again.
    for (path, bytes) in kept {
        fs::write(path, bytes).unwrap();
    }
    hook(home.path(), &["claude-code"], &payload("c", "SessionStart"));
    let server = Server::start(home.path(), &["--no-sources"]);
    server.wait_for(&["claude_code:a", "claude_code:b", "claude_code:c"]);
    let begin = Instant::now();
    while !spooled(home.path()).is_empty() {
        assert!(begin.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    let events = server.ask("GET /api/events HTTP/1.1", "");
    assert_eq!(events["total"], 3, "{events}");
}

#[test]
fn a_server_that_hangs_keeps_no_agent_waiting() {
    let home = TempDir::new().unwrap();
    fs::create_dir_all(data(home.path())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let told = format!(
        r#"{{"pid":{},"start":null,"address":"{}","token":"x"}}"#,
        std::process::id(),
        listener.local_addr().unwrap()
    );
    fs::write(data(home.path()).join("server.json"), told).unwrap();
    // The fastest of a few: other tests run at the same time.
    let took = (0..3)
        .map(|_| hook(home.path(), &["claude-code"], &payload("s", "SessionStart")))
        .min()
        .unwrap();
    eprintln!("hook against a server that hangs: {took:?}");
    assert!(
        took >= Duration::from_millis(100) && took < Duration::from_millis(400),
        "{took:?}"
    );
    assert_eq!(spooled(home.path()).len(), 3);
    // Nor does an agent that never ends its sentence wait for itself.
    let begin = Instant::now();
    let mut child = agentmon(home.path())
        .args(["hook", "codex"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let _open = child.stdin.take();
    assert!(child.wait().unwrap().success());
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn hooks_need_no_token_of_the_users() {
    let home = TempDir::new().unwrap();
    let server = Server::start(home.path(), &["--no-sources", "--require-token"]);
    hook(home.path(), &["claude-code"], &payload("s", "SessionStart"));
    let control = fs::read_to_string(data(home.path()).join("control.token")).unwrap();
    assert_eq!(server.sessions(Some(control.trim())), ["claude_code:s"]);
    let file: Value =
        serde_json::from_slice(&fs::read(data(home.path()).join("server.json")).unwrap()).unwrap();
    // What is lent to hooks reads nothing.
    let lent = file["token"].as_str().unwrap();
    let told = server.ask(
        &format!("GET /api/v1/sessions HTTP/1.1\r\nauthorization: Bearer {lent}"),
        "",
    );
    assert!(told["error"].as_str().unwrap().contains("scope"), "{told}");
}

#[test]
fn plan_limits_of_the_status_line_reach_a_server_that_runs() {
    let home = TempDir::new().unwrap();
    let server = Server::start(home.path(), &["--no-sources"]);
    let mut child = agentmon(home.path())
        .arg("statusline")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let input = r#"{"session_id":"x","rate_limits":{"five_hour":{"used_percentage":42.5,"resets_at":4102444800}}}"#;
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    assert!(child.wait().unwrap().success());
    let quotas = server.ask("GET /api/v1/quotas HTTP/1.1", "").to_string();
    assert!(quotas.contains("42.5"), "{quotas}");
}
