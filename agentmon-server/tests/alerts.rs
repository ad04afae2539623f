//! Alerts: raised once, told until somebody hears, remembered over restarts.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::{Config, Overrides};
use agentmon_core::model::{Span, Timestamp};
use agentmon_core::source::Env;
use common::Running;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

/// A post as the receiver got it.
struct Post {
    head: String,
    body: String,
}

impl Post {
    fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        let mut values = lines.filter_map(|line| line.split_once(": "));
        values
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .unwrap()
            .1
    }
}

/// Receives posts; the first is answered with an error.
fn receiver() -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/hook?key=secret-in-the-address",
        listener.local_addr().unwrap()
    );
    let (send, posts) = sync_channel(64);
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                stream.read_line(&mut head).unwrap();
            }
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse().unwrap())
            });
            let mut body = vec![0; length.unwrap()];
            stream.read_exact(&mut body).unwrap();
            let status = if number == 0 {
                "500 Broken"
            } else {
                "204 Fine"
            };
            let answer =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.get_mut().write_all(answer.as_bytes()).unwrap();
            let post = Post {
                head,
                body: String::from_utf8(body).unwrap(),
            };
            if send.send(post).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

fn open(home: &Path, clock: &ManualClock) -> Monitor {
    let env = Env::at(home).with("HOOK_SECRET", "hush");
    Monitor::builder()
        .config(Config::load(&env, &Overrides::default()).unwrap())
        .env(env)
        .data_dir(home.join("data"))
        .clock(clock.clone())
        .lock_patience(PATIENCE)
        .open()
        .unwrap()
}

fn serve(home: &Path, clock: &ManualClock) -> Running {
    let monitor = open(home, clock);
    Running::with(|options| options.monitor = monitor)
}

fn hook(server: &Running, event: &str, more: &str) {
    let body = format!(
        r#"{{"session_id":"5f1d3c1e-0000-4000-8000-000000000001","cwd":"/srv/app","hook_event_name":"{event}"{more}}}"#
    );
    assert_eq!(server.post("/api/hooks/claude-code", &body).status, 200);
}

fn wait(server: &Running, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let alerts = server.json("/api/v1/alerts");
        if is_so(&alerts) {
            return alerts;
        }
        assert!(Instant::now() < end, "not {what}: {alerts:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn who_waits_is_told_of_once_until_somebody_hears() {
    let home = tempfile::tempdir().unwrap();
    let told = home.path().join("told");
    let program = home.path().join("tell");
    std::fs::write(
        &program,
        format!(
            "#!/bin/sh\nprintf '%s\\n' \"$@\" \"$AGENTMON_ALERT_DETAIL\" >> '{}'\n",
            told.display()
        ),
    )
    .unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let (url, posts) = receiver();
    let folder = home.path().join(".config/agentmon");
    std::fs::create_dir_all(&folder).unwrap();
    let config = format!(
        r#"
        [[alerts]]
        name = "question"
        when = "needs_input"
        for = "5m"
        [[alerts]]
        when = "spend"
        above_usd = 1
        notify = ["log"]
        [notify]
        desktop = ["{}", "{{title}}", "fixed"]
        [notify.webhooks.ops]
        url = "{url}"
        secret_env = "HOOK_SECRET"
        "#,
        program.display()
    );
    std::fs::write(folder.join("agentmon.toml"), config).unwrap();

    let clock = ManualClock::at(Timestamp::parse("2026-11-21T12:00:00Z").unwrap());
    let mut server = serve(home.path(), &clock);
    let settings = server.get("/api/v1/settings").text();
    assert!(settings.contains("[redacted]"), "{settings}");
    assert!(!settings.contains("secret-in-the-address") && !settings.contains("hush"));

    hook(
        &server,
        "UserPromptSubmit",
        r#","prompt":"$(touch pwned) `id` \"; --help""#,
    );
    let ask =
        r#","tool_name":"Bash","tool_use_id":"toolu_1","tool_input":{"command":"rm -rf build/"}"#;
    hook(&server, "PreToolUse", ask);
    hook(&server, "PermissionRequest", ask);
    clock.advance(Span::from_mins(4));
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(server.json("/api/v1/alerts")["alerts"], json!([]));
    assert_eq!(server.json("/api/v1/alerts")["rules"][0]["threshold"], "5m");

    clock.advance(Span::from_mins(2));
    let first = posts.recv_timeout(PATIENCE).unwrap();
    let alert: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(
        (&alert["schema"], &alert["kind"]),
        (&json!("agentmon.alert.v1"), &json!("needs_input"))
    );
    assert_eq!(alert["detail"], "rm -rf build/");
    assert!(first.header("x-agentmon-signature").starts_with("sha256="));
    let alerts = wait(&server, "tried", |alerts| {
        let told = &alerts["alerts"][0]["deliveries"];
        (0..3).all(|way| told[way]["attempts"] == 1)
    });
    let deliveries = &alerts["alerts"][0]["deliveries"];
    let states: Vec<(&str, &str)> = deliveries
        .as_array()
        .unwrap()
        .iter()
        .map(|told| {
            (
                told["channel"].as_str().unwrap(),
                told["state"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        states,
        [
            ("desktop", "delivered"),
            ("log", "delivered"),
            ("webhook:ops", "pending")
        ]
    );
    assert!(!alerts.to_string().contains("secret-in-the-address"));
    let lines = std::fs::read_to_string(&told).unwrap();
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "Needs you: $(touch pwned) `id` \"; --help (app)",
            "fixed",
            "rm -rf build/"
        ]
    );

    // Nothing is told again because the server starts again, but for what nobody has heard yet.
    server.stop();
    drop(server);
    clock.advance(Span::from_secs(30));
    let server = serve(home.path(), &clock);
    let second = posts.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        second.header("x-agentmon-alert"),
        first.header("x-agentmon-alert")
    );
    wait(&server, "delivered", |alerts| {
        alerts["alerts"][0]["deliveries"][2]["state"] == "delivered"
    });
    clock.advance(Span::from_mins(60));
    let id = alert["id"].as_i64().unwrap();
    let path = format!("/api/v1/alerts/{id}/acknowledge");
    assert_eq!(server.post(&path, "").status, 401);
    let bearer = format!("Bearer {}", server.control_token());
    let acknowledged = server.ask("POST", &path, &[("authorization", &bearer)], "");
    assert_eq!(acknowledged.status, 200, "{}", acknowledged.text());
    assert!(acknowledged.json()["acknowledged_at"].is_string());
    let missing = server.ask(
        "POST",
        "/api/v1/alerts/999/acknowledge",
        &[("authorization", &bearer)],
        "",
    );
    assert_eq!(missing.status, 404);

    hook(
        &server,
        "PostToolUse",
        r#","tool_name":"Bash","tool_use_id":"toolu_1","tool_response":"done""#,
    );
    let spend =
        r#"{"session_id":"s","agent_type":"codex","event_type":"llm_response","cost_usd":1.5}"#;
    assert_eq!(server.post("/api/events", spend).status, 201);
    let alerts = wait(&server, "over", |alerts| {
        let list = alerts["alerts"].as_array().unwrap();
        list.len() == 2 && list[1]["resolved_at"].is_string() && list[0]["kind"] == "spend"
    });
    assert_eq!(
        alerts["alerts"][0]["deliveries"].as_array().unwrap().len(),
        1
    );
    assert_eq!(
        server.json("/api/v1/alerts?open=true")["alerts"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert!(posts.try_recv().is_err());
    assert_eq!(std::fs::read_to_string(&told).unwrap(), lines);
}
