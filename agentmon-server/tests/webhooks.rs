//! Webhooks: who knows the secret is heard, nobody else.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Overrides};
use agentmon_core::source::Env;
use common::Running;

const PATH: &str = "/api/webhooks/clawdbot";
const SECRET: &str = "a secret of some length";
const BODY: &str = r#"{"event":"session-started","session":{"id":"5050aa15","sessionKey":"agent:main:main","model":"claude-opus-5-5",
    "inputTokens":10,"outputTokens":5,"contextTokens":15}}"#;
/// HMAC-SHA256 of `BODY` with `SECRET`.
const SIGNATURE: &str = "3cd99ad377f8f62a391da9c15a1934ac70ea2af5ff537504fbfc647a15d89969";

fn with_secret() -> Running {
    let home = tempfile::tempdir().unwrap();
    let env = Env::at(home.path()).with("AGENTMON_WEBHOOK_SECRET", SECRET);
    let monitor = Monitor::builder()
        .config(Config::load(&env, &Overrides::default()).unwrap())
        .env(env)
        .data_dir(home.path().join("data"))
        .open()
        .unwrap();
    // The monitor keeps its files open; the folder goes with the test's process.
    let _ = home.keep();
    Running::with(|options| options.monitor = monitor)
}

fn states(server: &Running) -> Vec<String> {
    let told = server.json("/api/v1/sessions");
    let sessions = told["sessions"].as_array().unwrap().iter();
    sessions
        .map(|session| format!("{} {}", session["id"], session["state"]))
        .collect()
}

#[test]
fn sessions_are_pushed_with_a_signature_or_the_secret() {
    let server = with_secret();
    let signed = format!("sha256={SIGNATURE}");
    let bearer = format!("Bearer {SECRET}");
    for header in [
        ("x-hub-signature-256", signed.as_str()),
        ("x-clawdbot-signature", SIGNATURE),
        ("authorization", &bearer),
    ] {
        let answer = server.ask("POST", PATH, &[header], BODY);
        assert_eq!(answer.status, 202, "{}", answer.text());
        assert_eq!(
            answer.json(),
            serde_json::json!({"accepted": true, "sessions": 1})
        );
    }
    assert_eq!(states(&server), [r#""openclaw:main/5050aa15" "idle""#]);
    let over = r#"{"type":"session-completed","sessions":[{"sessionId":"5050aa15","key":"agent:main:main","status":"completed"}]}"#;
    let answer = server.ask("POST", PATH, &[("authorization", &bearer)], over);
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert_eq!(states(&server), [r#""openclaw:main/5050aa15" "completed""#]);
    for body in [
        "",
        "[]",
        "{}",
        r#"{"session":{"model":"x"}}"#,
        r#"{"session":3}"#,
    ] {
        let answer = server.ask("POST", PATH, &[("authorization", &bearer)], body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(
            answer.json()["error"]
                .as_str()
                .unwrap()
                .starts_with("Invalid webhook")
        );
    }
}

#[test]
fn nobody_else_is_heard() {
    let server = with_secret();
    let control = format!("Bearer {}", server.control_token());
    for header in [
        ("x-other", ""),
        ("authorization", "Bearer wrong"),
        ("authorization", control.as_str()),
        ("x-signature-256", "sha256=00"),
        ("x-signature-256", "not hex"),
        ("x-signature-256", ""),
    ] {
        let answer = server.ask("POST", PATH, &[header], BODY);
        assert_eq!(answer.status, 401, "{header:?}");
        assert!(!answer.text().contains(SECRET));
    }
    // The signature of another body.
    let other = BODY.replace("main", "evil");
    assert_eq!(
        server
            .ask("POST", PATH, &[("x-signature-256", SIGNATURE)], &other)
            .status,
        401
    );
    assert_eq!(states(&server), Vec::<String>::new());
}

#[test]
fn without_a_secret_there_are_no_webhooks() {
    let server = Running::new();
    let answer = server.ask("POST", PATH, &[("authorization", "Bearer ")], BODY);
    assert_eq!(answer.status, 403);
    assert!(
        answer.json()["error"]
            .as_str()
            .unwrap()
            .contains("AGENTMON_WEBHOOK_SECRET")
    );
}
