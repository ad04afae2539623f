//! Every command as people and scripts see it: on a home in which agents have run, on an empty one, and asked for what
//! makes no sense. One table of cases, one snapshot for each command.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use assert_cmd::Command;
use tempfile::TempDir;

/// A command and what is asked of it: with answers, also on an empty home, and without.
struct Case {
    name: &'static str,
    /// Also run on an empty home.
    lines: &'static [&'static str],
    /// Refused, or only run where agents were.
    others: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "status",
        lines: &["", "status --json"],
        others: &[
            "status --agent codex",
            "status --project nowhere --json",
            "status --csv",
            "status --timezone Mars",
            "status --color pink",
            "stauts",
        ],
    },
    Case {
        name: "top",
        lines: &[],
        others: &["top", "top --json", "top --model"],
    },
    Case {
        name: "sessions",
        lines: &["sessions", "sessions --json", "sessions --csv"],
        others: &[
            "ls -n 1",
            "sessions --subagents --parent 1111",
            "sessions --agent codex --json",
            "sessions --state bored",
            "sessions --limit many",
            "sessions --limit -1",
            "sessions --agent ,",
            "sessions --json --csv",
        ],
    },
    Case {
        name: "show",
        lines: &["show 1111", "show 1111 --json"],
        others: &["show", "show 9999 --json", "show 1111 --csv"],
    },
    Case {
        name: "explain",
        lines: &["explain 1111", "explain 1111 --json"],
        others: &["explain", "explain codex:1111"],
    },
    Case {
        name: "usage",
        lines: &["usage", "usage --json", "usage --csv"],
        others: &[
            "usage weekly --week-start sunday",
            "usage monthly --by none --csv",
            "usage session --csv",
            "usage models",
            "usage projects",
            "usage models --by host --csv --host desk",
            "usage --host nowhere --csv",
            "usage blocks --csv",
            "usage daily --timezone America/New_York --by none --cache",
            "usage yearly",
            "usage --by day",
            "usage --since soon",
            "usage --until 2026-13",
            "usage --since 2026-11-20 --until 2026-11-19",
            "usage --week-start friday",
            "usage blocks --live --json",
        ],
    },
    Case {
        name: "tools",
        lines: &["tools", "tools --json", "tools --csv"],
        others: &[
            "tools --agent codex",
            "tools --session 1111 -n 1 --since 2026-01-01",
            "tools --tool Bash",
        ],
    },
    Case {
        name: "events",
        lines: &["events", "events --json", "events --csv"],
        others: &[
            "events --order asc --kind user_prompt --session 1111",
            "events --after never",
            "events --kind talk",
            "events --status odd",
        ],
    },
    Case {
        name: "search",
        lines: &[
            "search parser",
            "search parser --json",
            "search parser --csv",
        ],
        others: &[
            "search done --session 1111 --order best",
            "search",
            "search *",
            "search a --order worst",
            "search a --until later",
        ],
    },
    Case {
        name: "transcript",
        lines: &["transcript 1111", "transcript 1111 --json"],
        others: &[
            "transcript 1111 --markdown",
            "transcript 1111 --markdown --json",
            "transcript",
        ],
    },
    Case {
        name: "export",
        lines: &[
            "export all",
            "export calls --format csv",
            "export usage --format csv",
        ],
        others: &[
            "export sessions --format csv",
            "export events --format csv --session 1111",
            "export everything",
            "export all --format csv",
            "export events --format xml",
            "export events --out /nowhere/file",
        ],
    },
    Case {
        name: "import",
        lines: &["import .", "import . --json"],
        others: &["import", "import /nowhere"],
    },
    Case {
        name: "watch",
        lines: &[],
        others: &["watch --csv", "watch --state bored"],
    },
    Case {
        name: "hook",
        lines: &[],
        others: &["hook", "hook nobody"],
    },
    Case {
        name: "hooks",
        lines: &[],
        others: &["hooks", "hooks install nobody"],
    },
    Case {
        name: "gateways",
        lines: &["gateways list", "gateways list --json"],
        others: &["gateways", "gateways add", "gateways remove nowhere"],
    },
    Case {
        name: "chat",
        lines: &[],
        others: &["chat", "chat nowhere main"],
    },
    Case {
        name: "statusline",
        lines: &["statusline", "statusline --json"],
        others: &[],
    },
    Case {
        name: "sources",
        lines: &["sources", "sources --problems", "sources --problems --csv"],
        others: &["sources --json --csv"],
    },
    Case {
        name: "prices",
        lines: &[
            "prices list claude-opus-5-5",
            "prices list nothing-like-it",
            "prices list nothing-like-it --csv",
            "prices check",
        ],
        others: &["prices check --json", "prices guess"],
    },
    Case {
        name: "serve",
        lines: &[],
        others: &["serve --listen here", "serve --listen 127.0.0.1:99999"],
    },
    Case {
        name: "token",
        lines: &["token list", "token list --json"],
        others: &[
            "token create laptop",
            "token create laptop --scope everything",
            "token revoke laptop",
        ],
    },
    Case {
        name: "db",
        lines: &["db check", "db check --json"],
        others: &["db", "db backup", "db backup /nowhere/copy"],
    },
    Case {
        name: "config",
        lines: &["config path", "config path --json", "config show"],
        others: &["config", "config edit"],
    },
    Case {
        name: "demo",
        lines: &[],
        others: &["demo --days 1000", "demo --seed lucky", "demo --dir ."],
    },
    Case {
        name: "doctor",
        lines: &["doctor", "doctor --json"],
        others: &["doctor --csv"],
    },
    Case {
        name: "completions",
        lines: &[],
        others: &["completions", "completions tcsh"],
    },
    Case {
        name: "man",
        lines: &[],
        others: &["man --csv"],
    },
];

/// Writes a Claude Code session with a prompt, a tool call and (message id, time, model, input tokens) calls.
fn write(home: &Path, session: &str, prompt: &str, calls: &[(&str, &str, &str, u64)]) {
    let folder = home.join(".claude/projects/-p-app");
    fs::create_dir_all(&folder).unwrap();
    let common = |uuid: &str, at: &str| {
        format!(
            r#""sessionId":"{session}","cwd":"/p/app","gitBranch":"main","version":"2.1.329","uuid":"{uuid}","timestamp":"{at}""#
        )
    };
    let mut lines = vec![format!(
        r#"{{"parentUuid":null,"isSidechain":false,"type":"user","message":{{"role":"user","content":"{prompt}"}},{}}}"#,
        common(&format!("prompt of {session}"), calls[0].1)
    )];
    for (id, at, model, input) in calls {
        lines.push(format!(
            r#"{{"parentUuid":"u0","isSidechain":false,"type":"assistant","requestId":"req_{id}","message":{{"id":"{id}","type":"message","role":"assistant","model":"{model}","content":[{{"type":"text","text":"Done, the parser works."}},{{"type":"tool_use","id":"call_{id}","name":"Bash","input":{{"command":"make test"}}}}],"stop_reason":"end_turn","usage":{{"input_tokens":{input},"output_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":0}}}},{}}}"#,
            common(id, at)
        ));
    }
    lines.push("not JSON".to_owned());
    let path = folder.join(format!("{session}.jsonl"));
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    // 2026-11-20T12:00:00Z: exports hold it.
    let written = UNIX_EPOCH + Duration::from_secs(1_795_176_000);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(written).unwrap();
}

/// Two sessions on two days, one of them with a model of which no price is known.
fn sample() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        "11111111-aaaa-4000-8000-000000000001",
        "Fix the parser",
        &[
            ("msg_1", "2026-11-19T23:30:00.000Z", "claude-opus-5-5", 1000),
            ("msg_2", "2026-11-20T00:30:00.000Z", "claude-opus-5-5", 2000),
        ],
    );
    write(
        home.path(),
        "22222222-bbbb-4000-8000-000000000002",
        "Say hello, =1+1",
        &[("msg_3", "2026-11-20T10:00:00.000Z", "mystery-1", 7)],
    );
    home
}

const STATUSLINE: &str = r#"{"session_id":"11111111-aaaa-4000-8000-000000000001","model":{"display_name":"Opus 5.5"},"context_window":{"total_input_tokens":20000,"context_window_size":200000}}"#;

/// Runs a command and adds what it said to `said`.
fn run(home: &Path, line: &str, said: &mut String) {
    let mut command = Command::cargo_bin("agentmon").unwrap();
    let output = command
        .env_clear()
        .env("HOME", home)
        .env("TZ", "UTC")
        .env("AGENTMON_HOST", "desk")
        .current_dir(home)
        .args(line.split_whitespace())
        .write_stdin(STATUSLINE)
        .output()
        .unwrap();
    let code = output.status.code().unwrap();
    writeln!(said, "$ agentmon {line}").unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    let answer = match serde_json::from_str::<serde_json::Value>(&answer) {
        Ok(mut json) => {
            for list in ["findings", "warnings"] {
                if let Some(list) = json.get_mut(list).and_then(|list| list.as_array_mut()) {
                    list.retain(|item| !is_of_old_prices(&item.to_string()));
                }
            }
            serde_json::to_string_pretty(&json).unwrap() + "\n"
        }
        Err(_) => {
            let lines = answer.split_inclusive('\n');
            lines.filter(|line| !is_of_old_prices(line)).collect()
        }
    };
    said.push_str(&answer);
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        writeln!(said, "! {line}").unwrap();
    }
    if code != 0 {
        writeln!(said, "=> {code}").unwrap();
    }
    said.push('\n');
}

/// Whether something is said because the price data has grown old since it was collected.
fn is_of_old_prices(said: &str) -> bool {
    said.contains("the price data is ") || said.contains("update agentmon, or set [[prices]]")
}

/// Takes out what differs from run to run: folders, sizes, versions, and times that are not in the transcripts.
fn lasting(text: &str, home: &Path) -> String {
    let canonical = home.canonicalize().unwrap();
    let text = text
        .replace(&canonical.display().to_string(), "~")
        .replace(&home.display().to_string(), "~");
    let mut lasting = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        // Above times stands as much as the longest of them takes.
        if !line[indent..].starts_with("TIME ") {
            lasting.push_str(&line[..indent]);
        }
        // The width of a column depends on what is left out.
        let mut words: Vec<String> = match line.starts_with("! ") {
            true => line.split_whitespace().map(str::to_owned).collect(),
            false => line.split_whitespace().map(word).collect(),
        };
        // "1d 2h." is one span, as "1d." is.
        words.dedup_by(|word, before| match word.strip_prefix('…') {
            Some(rest) if before.ends_with('…') => {
                before.push_str(rest);
                true
            }
            _ => false,
        });
        // Of times by the minute, the year is shown from the next one on.
        for at in 1..words.len() {
            let is_minute = matches!(words[at].as_bytes(), [_, _, b':', _, _, rest @ ..] if !rest.starts_with(b":"));
            if let (true, Some(day)) = (is_minute, words[at - 1].strip_prefix("2026-")) {
                words[at - 1] = day.to_owned();
            }
        }
        lasting.push_str(&words.join(" "));
        lasting.push('\n');
    }
    lasting
}

fn word(word: &str) -> String {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let (number, unit) = bare.split_at(bare.find(|c: char| !c.is_ascii_digit()).unwrap_or(0));
    let span = !number.is_empty() && ["s", "m", "h", "d"].contains(&unit);
    let time = bare.len() == 24
        && bare.ends_with('Z')
        && !["2026-11-19", "2026-11-20"]
            .iter()
            .any(|day| bare.starts_with(day));
    if span || time {
        word.replace(bare, "…")
    } else {
        word.to_owned()
    }
}

#[test]
fn every_command_answers_as_documented() {
    let (home, empty) = (sample(), tempfile::tempdir().unwrap());
    for case in CASES {
        let mut said = String::new();
        for line in case.lines.iter().chain(case.others) {
            let start = said.len();
            run(home.path(), line, &mut said);
            let answer = lasting(&said.split_off(start), home.path());
            said.push_str(&answer);
        }
        if !case.lines.is_empty() {
            said.push_str("--- on an empty home ---\n\n");
        }
        for line in case.lines {
            let start = said.len();
            run(empty.path(), line, &mut said);
            let answer = lasting(&said.split_off(start), empty.path());
            said.push_str(&answer);
        }
        insta::assert_snapshot!(case.name, said);
    }
}

/// A command that is added must be added here, too.
#[test]
fn every_command_is_tested() {
    let help = Command::cargo_bin("agentmon")
        .unwrap()
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands = help.split("Commands:").nth(1).unwrap();
    let commands = commands.split("\n\n").next().unwrap();
    // Lines that go on with a description stand further in.
    for line in commands
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
    {
        let command = line.split_whitespace().next().unwrap();
        let tested = command == "help" || CASES.iter().any(|case| case.name == command);
        assert!(tested, "{command}");
    }
}
