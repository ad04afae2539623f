//! The command line as scripts see it: schemas, exit codes, formats, safety.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

/// A home folder in which agents have run, and the command in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A Claude Code session with (message id, time, model, input tokens) calls, the first answering `prompt`.
    fn claude(self, session: &str, prompt: &str, calls: &[(&str, &str, &str, u64)]) -> Self {
        let folder = self.path().join(".claude/projects/-p-app");
        fs::create_dir_all(&folder).unwrap();
        let (_, first, _, _) = calls[0];
        let common = |uuid: &str, at: &str| {
            format!(
                r#""sessionId":"{session}","cwd":"/p/app","gitBranch":"main","version":"2.1.329","uuid":"{uuid}","timestamp":"{at}""#
            )
        };
        let prompt = serde_json::to_string(prompt).unwrap();
        let mut lines = vec![format!(
            r#"{{"parentUuid":null,"isSidechain":false,"type":"user","message":{{"role":"user","content":{prompt}}},{}}}"#,
            common(&format!("prompt of {session}"), first)
        )];
        for (id, at, model, input) in calls {
            lines.push(format!(
                r#"{{"parentUuid":"u0","isSidechain":false,"type":"assistant","requestId":"req_{id}","message":{{"id":"{id}","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"Done."}}],"stop_reason":"end_turn","usage":{{"input_tokens":{input},"output_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":0}}}},{}}}"#,
                common(id, at)
            ));
        }
        fs::write(
            folder.join(format!("{session}.jsonl")),
            lines.join("\n") + "\n",
        )
        .unwrap();
        self
    }

    /// Two sessions on two days, one of them with a model of which no price is known.
    fn sample() -> Self {
        Self::new()
            .claude(
                "11111111-aaaa-4000-8000-000000000001",
                "Fix the parser",
                &[
                    ("msg_1", "2026-11-19T23:30:00.000Z", "claude-opus-5-5", 1000),
                    ("msg_2", "2026-11-20T00:30:00.000Z", "claude-opus-5-5", 2000),
                ],
            )
            .claude(
                "22222222-bbbb-4000-8000-000000000002",
                "Say \u{1b}]0;evil\u{7}\u{202e}hello",
                &[("msg_3", "2026-11-20T10:00:00.000Z", "mystery-1", 7)],
            )
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::cargo_bin("agentmon").unwrap();
        command
            .env_clear()
            .env("HOME", self.path())
            .env("TZ", "UTC")
            .args(line.split_whitespace());
        command
    }

    /// Runs a command that must succeed, and reads the JSON that it prints.
    fn json(&self, line: &str) -> Value {
        let output = self.command(line).arg("--json").assert().success();
        serde_json::from_slice(&output.get_output().stdout).unwrap()
    }

    fn stdout(&self, line: &str) -> String {
        let output = self.command(line).assert().success();
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    }

    /// The exit code of a command and what it says on standard error.
    fn fails(&self, line: &str) -> (i32, String) {
        let output = self.command(line).output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        (
            output.status.code().unwrap(),
            stderr.replace(&self.path().display().to_string(), "~"),
        )
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn usage_has_the_documented_shape() {
    let home = Home::sample();
    let report = home.json("usage daily --timezone UTC");
    assert_eq!(report["schema"], "agentmon.usage.v1");
    let row = &report["rows"][0];
    assert_eq!(
        *row,
        serde_json::json!({
            "period": "2026-11-19", "agent": "claude_code", "model": "claude-opus-5-5",
            "requests": 1, "input_tokens": 1000, "output_tokens": 10, "cache_read_tokens": 100,
            "cache_creation_tokens": 0, "reasoning_tokens": 0, "total_tokens": 1110,
            "cost_usd": 0.00422, "unpriced_requests": 0,
            "first_at": "2026-11-19T23:30:00.000Z", "last_at": "2026-11-19T23:30:00.000Z",
        })
    );
    let unpriced = &report["rows"][2];
    assert_eq!(
        (&unpriced["cost_usd"], &unpriced["unpriced_requests"]),
        (&Value::Null, &1.into())
    );
    assert_eq!(report["unpriced"][0]["model"], "mystery-1");
    assert_eq!(report["totals"]["requests"], 3);
    assert_eq!(report["totals"]["input_tokens"], 3007);

    let sessions = home.json("usage session");
    let row = &sessions["rows"][0];
    assert_eq!(row["session_id"], "11111111-aaaa-4000-8000-000000000001");
    assert_eq!(
        (&row["agent"], &row["project"]),
        (&"claude_code".into(), &"app".into())
    );
    assert!(row.get("period").is_none());

    let bare = home.json("usage monthly --by none --timezone America/New_York");
    assert_eq!(bare["rows"].as_array().unwrap().len(), 1);
    for absent in ["agent", "model", "project", "session_id"] {
        assert!(!keys(&bare["rows"][0]).contains(&absent));
    }
    let shifted = home.json("usage daily --by none --timezone America/New_York");
    assert_eq!(shifted["rows"][0]["requests"], 2);
    let limited = home.json("usage daily --by none --since 2026-11-20 --until 2026-11-20");
    assert_eq!(limited["totals"]["requests"], 2);
    let blocks = home.json("usage blocks");
    assert_eq!(blocks["rows"][0]["period"], "2026-11-19T23:00:00.000Z");
    assert_eq!(blocks["blocks"][0]["requests"], 2);
    assert_eq!(
        home.json("usage models --model claude-opus")["totals"]["requests"],
        2
    );
    assert_eq!(
        home.json("usage --agent codex")["rows"],
        serde_json::json!([])
    );
}

#[test]
fn a_report_without_a_cache_leaves_nothing_behind() {
    let home = Home::sample();
    let cached = home.json("usage daily");
    let data = home.path().join(".local/share/agentmon");
    assert!(data.join("agentmon.db").exists());
    fs::remove_dir_all(home.path().join(".local")).unwrap();
    assert_eq!(home.json("usage daily --no-cache"), cached);
    assert!(!home.path().join(".local").exists());
    let elsewhere = home.path().join("else");
    let with = format!("usage daily --data-dir {}", elsewhere.display());
    assert_eq!(home.json(&with), cached);
    assert!(elsewhere.join("agentmon.db").exists());
    assert!(!data.exists());
}

#[test]
fn every_command_speaks_json_with_a_schema() {
    let home = Home::sample();
    for (line, schema) in [
        ("", "agentmon.status.v1"),
        ("status", "agentmon.status.v1"),
        ("sessions", "agentmon.sessions.v1"),
        ("show 1111", "agentmon.session.v1"),
        ("explain 1111", "agentmon.explain.v1"),
        ("usage", "agentmon.usage.v1"),
        ("events", "agentmon.events.v1"),
        ("sources", "agentmon.sources.v1"),
        ("prices", "agentmon.prices.v1"),
        ("db stats", "agentmon.db.v1"),
        ("db check", "agentmon.db.v1"),
        ("db vacuum", "agentmon.db.v1"),
        ("config show", "agentmon.config.v1"),
        ("config path", "agentmon.config_path.v1"),
    ] {
        assert_eq!(home.json(line)["schema"], schema, "{line}");
    }
    // These two judge: a model without a price is a problem.
    for (line, schema) in [
        ("doctor", "agentmon.doctor.v1"),
        ("prices check", "agentmon.prices_check.v1"),
    ] {
        let output = home.command(line).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(4), "{line}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (&answer["schema"], &answer["ok"]),
            (&schema.into(), &false.into())
        );
    }
}

#[test]
fn sessions_are_listed_shown_and_explained() {
    let home = Home::sample();
    let list = home.json("sessions");
    let session = &list["sessions"][1];
    for (field, expected) in [
        ("id", "claude_code:11111111-aaaa-4000-8000-000000000001"),
        ("agent", "claude_code"),
        ("native_id", "11111111-aaaa-4000-8000-000000000001"),
        ("title", "Fix the parser"),
        ("project", "app"),
        ("cwd", "/p/app"),
        ("model", "claude-opus-5-5"),
        ("started_at", "2026-11-19T23:30:00.000Z"),
        ("last_activity_at", "2026-11-20T00:30:00.000Z"),
    ] {
        assert_eq!(session[field], expected, "{field}");
    }
    for field in [
        "parent_id",
        "state",
        "reason",
        "liveness",
        "since",
        "branch",
        "usage",
        "cost_usd",
        "blocked_ms",
    ] {
        assert!(session.get(field).is_some(), "{field}");
    }
    assert_eq!(session["usage"]["input_tokens"], 3000);
    let detail = home.json("show claude_code:1111");
    assert_eq!(detail["models"][0]["requests"], 2);
    let kinds: Vec<&str> = detail["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["user_prompt", "response", "response"]);
    let explanation = home.json("explain 1111");
    assert_eq!(explanation["verdict"]["state"], session["state"]);
    let found = home.json("events --search parser");
    assert_eq!(found["events"][0]["text"], "Fix the parser");
}

#[test]
fn exit_codes_and_messages_say_what_is_wrong() {
    let home = Home::sample();
    let (code, message) = home.fails("show 9999");
    assert_eq!(code, 3);
    assert!(message.contains("agentmon sessions"), "{message}");
    assert_eq!(home.fails("usage daily --since soon").0, 2);
    assert_eq!(
        home.fails("usage daily --since today --until yesterday").0,
        2
    );
    assert_eq!(home.fails("usage daily --timezone Mars/Olympus").0, 2);
    assert_eq!(home.fails("usage yearly").0, 2);
    assert_eq!(home.fails("sessions --state bored").0, 2);
    assert_eq!(home.fails("usage --json --csv").0, 2);
    fs::create_dir_all(home.path().join(".config/agentmon")).unwrap();
    fs::write(
        home.path().join(".config/agentmon/agentmon.toml"),
        "\ndata_dri = 1\n",
    )
    .unwrap();
    let (code, message) = home.fails("sessions");
    assert_eq!(code, 2);
    assert!(
        message
            .starts_with("agentmon: ~/.config/agentmon/agentmon.toml:2: unknown field `data_dri`"),
        "{message}"
    );
    // What helps to mend it works all the same.
    home.command("config path").assert().success();
    assert_eq!(home.fails("doctor").0, 4);
}

#[test]
fn text_from_agents_cannot_act_on_a_terminal() {
    let home = Home::sample();
    for line in [
        "sessions --color never",
        "show 2222 --color never",
        "events --color never",
        "usage session --color never",
        "sessions --csv",
        "sessions --json",
        "events --json",
    ] {
        let text = home.stdout(line);
        assert!(text.contains("evil"), "{line}: {text}");
        let harmful =
            |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!text.chars().any(harmful), "{line}: {text:?}");
    }
    // JSON keeps what it escapes.
    assert_eq!(
        home.json("sessions")["sessions"][0]["title"],
        "Say ]0;evil \u{202e}hello"
    );
}

#[test]
fn colour_is_for_terminals() {
    let home = Home::sample();
    assert!(!home.stdout("sessions").contains('\u{1b}'));
    assert!(home.stdout("sessions --color always").contains('\u{1b}'));
}

#[test]
fn nothing_found_says_where_was_looked() {
    let home = Home::new();
    let text = home.stdout("sessions");
    assert!(
        text.starts_with("No sessions found. Looked in:\n"),
        "{text}"
    );
    assert!(
        text.contains("~/.claude") && text.contains("missing"),
        "{text}"
    );
    assert_eq!(home.json("sessions")["sessions"], serde_json::json!([]));
    let text = Home::sample().stdout("sessions --agent codex");
    assert!(text.starts_with("No sessions found that match."), "{text}");
}

#[test]
fn csv_has_headings_and_one_line_a_row() {
    let home = Home::sample();
    let text = home.stdout("usage daily --csv");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "period,agent,model,requests,input_tokens,output_tokens,cache_read_tokens,cache_creation_tokens,reasoning_tokens,cost_usd,unpriced_requests",
            "2026-11-19,claude_code,claude-opus-5-5,1,1000,10,100,0,0,0.00422,0",
            "2026-11-20,claude_code,claude-opus-5-5,1,2000,10,100,0,0,0.00822,0",
            "2026-11-20,claude_code,mystery-1,1,7,10,100,0,0,,1",
        ]
    );
}

#[test]
fn completions_and_the_manual_need_no_configuration() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            home.stdout(&format!("completions {shell}"))
                .contains("agentmon")
        );
    }
    assert!(home.stdout("man").starts_with(".ie"));
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_is_a_normal_exit() {
    use std::process::{Command as Process, Stdio};
    let home = Home::sample();
    let mut child = Process::new(assert_cmd::cargo::cargo_bin!("agentmon"))
        .args(["prices", "--json"])
        .env_clear()
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.stderr.is_empty());
}

/// Runs `agentmon watch` until a line satisfies `done`, at most 20 seconds.
#[cfg(unix)]
fn watch(home: &Home, act: impl FnOnce(), done: impl Fn(&Value) -> bool) {
    use std::io::{BufRead, BufReader};
    use std::process::{Command as Process, Stdio};
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    let mut child = Process::new(assert_cmd::cargo::cargo_bin!("agentmon"))
        .args(["watch", "--json"])
        .env_clear()
        .env("HOME", home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, receiver) = sync_channel(1);
    let reader = std::thread::spawn(move || {
        while let Some(Ok(line)) = lines.next() {
            if sender
                .send(serde_json::from_str::<Value>(&line).unwrap())
                .is_err()
            {
                return;
            }
        }
    });
    act();
    let found = std::iter::from_fn(|| receiver.recv_timeout(Duration::from_secs(20)).ok())
        .any(|line| done(&line));
    drop(receiver);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    assert!(found);
}

#[cfg(unix)]
#[test]
fn watch_tells_of_a_session_that_begins() {
    let home = Home::new();
    fs::create_dir_all(home.path().join(".claude/projects/-p-app")).unwrap();
    // Written before or after the first look, it is told once it is there.
    let session = "33333333-cccc-4000-8000-000000000003";
    let begin = || {
        let now = jiff::Timestamp::now();
        let line = format!(
            r#"{{"parentUuid":null,"isSidechain":false,"type":"user","message":{{"role":"user","content":"Go"}},"sessionId":"{session}","cwd":"/p/app","version":"2.1.329","uuid":"u","timestamp":"{now:.3}"}}"#
        );
        let file = home
            .path()
            .join(format!(".claude/projects/-p-app/{session}.jsonl"));
        fs::write(file, line + "\n").unwrap();
    };
    watch(&home, begin, |line| {
        assert_eq!(line["schema"], "agentmon.change.v1");
        line["session"]["native_id"] == session && line["session"]["state"] == "working"
    });
}
