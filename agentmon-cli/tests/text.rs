//! Search, transcripts, exports, imports and the statusline as scripts see them.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const SESSION: &str = "11111111-aaaa-4000-8000-000000000001";

/// A home folder with one hostile conversation.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), ".claude/projects/-p-app");
    home
}

fn write(folder: &Path, below: &str) {
    let folder = folder.join(below);
    fs::create_dir_all(&folder).unwrap();
    let common = |uuid: &str, at: &str| {
        format!(
            r#""sessionId":"{SESSION}","cwd":"/p/app","gitBranch":"main","version":"2.1.329","uuid":"{uuid}","timestamp":"{at}""#
        )
    };
    let prompt = "Fix the *parser* \u{1b}]0;evil\u{7}\n```\nnot closed";
    let prompt = serde_json::to_string(prompt).unwrap();
    let lines = [
        format!(
            r#"{{"parentUuid":null,"isSidechain":false,"type":"user","message":{{"role":"user","content":{prompt}}},{}}}"#,
            common("u1", "2026-11-20T10:00:00.000Z")
        ),
        format!(
            r#"{{"parentUuid":"u1","isSidechain":false,"type":"assistant","requestId":"r1","message":{{"id":"m1","type":"message","role":"assistant","model":"claude-opus-5-5","content":[{{"type":"text","text":"The parsers are mended."}}],"stop_reason":"end_turn","usage":{{"input_tokens":1000,"output_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":0}}}},{}}}"#,
            common("u2", "2026-11-20T10:00:05.000Z")
        ),
    ];
    fs::write(
        folder.join(format!("{SESSION}.jsonl")),
        lines.join("\n") + "\n",
    )
    .unwrap();
}

fn command(home: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("agentmon").unwrap();
    command
        .env_clear()
        .env("HOME", home.path())
        .env("TZ", "UTC")
        .args(arguments);
    command
}

fn stdout(home: &TempDir, arguments: &[&str]) -> String {
    let output = command(home, arguments).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn json(home: &TempDir, arguments: &[&str]) -> Value {
    serde_json::from_str(&stdout(home, &[arguments, &["--json"]].concat())).unwrap()
}

#[test]
fn search_finds_words_phrases_and_beginnings() {
    let home = home();
    for (query, hits) in [
        ("parser", 1),
        ("PARSER fix", 1),
        ("pars*", 2),
        ("\"fix the\"", 1),
        ("\"the fix\"", 0),
        ("parser NEAR fix", 0),
        ("text:parser", 0),
        ("(parser", 1),
        ("par\"ser", 0),
        ("mended AND OR ^ * \"", 0),
    ] {
        let found = json(&home, &["search", query]);
        assert_eq!(found["results"].as_array().unwrap().len(), hits, "{query}");
        assert_eq!(found["index"]["complete"], true);
    }
    let found = json(&home, &["search", "--order", "best", "mended"]);
    let hit = &found["results"][0];
    assert_eq!(
        (&found["schema"], &hit["kind"]),
        (&"agentmon.search.v1".into(), &"response".into())
    );
    assert_eq!(hit["matches"], serde_json::json!([[16, 22]]));
    for (filter, hits) in [
        (["--kind", "response"], 1),
        (["--agent", "codex"], 0),
        (["--project", "app"], 2),
        (["--session", "1111"], 2),
        (["--until", "2026-11-19"], 0),
        (["--limit", "1"], 1),
    ] {
        let found = json(&home, &[&["search", "pars*"][..], &filter].concat());
        assert_eq!(
            found["results"].as_array().unwrap().len(),
            hits,
            "{filter:?}"
        );
    }
    let shown = stdout(&home, &["search", "parser"]).replace("2026-11-20 10:00", "11-20 10:00");
    insta::assert_snapshot!(shown, @r####"
        11-20 10:00  11111111  claude_code  user_prompt  app  Fix the *parser* ]0;evil ``` not closed
           Fix the *parser* �]0;evil� ``` not closed
        "####);
    insta::assert_snapshot!(stdout(&home, &["search", "parser", "--csv"]), @r####"
        at,session,title,project,kind,status,tool,snippet
        2026-11-20T10:00:00.000Z,claude_code:11111111-aaaa-4000-8000-000000000001,Fix the *parser* ]0;evil ``` not closed,app,user_prompt,success,,Fix the *parser* �]0;evil� ``` not closed
        "####);
}

#[test]
fn search_says_what_it_could_not_look_at() {
    let home = home();
    // Facts are read, text is not.
    stdout(&home, &["usage"]);
    let found = json(&home, &["search", "parser", "--no-wait"]);
    assert_eq!(found["results"], serde_json::json!([]));
    assert_eq!(
        (&found["index"]["complete"], &found["index"]["files"]),
        (&false.into(), &1.into())
    );
    assert!(
        stdout(&home, &["search", "parser", "--no-wait"])
            .contains("Not everything is indexed yet: 0 of 1 files")
    );

    let output = command(&home, &["search", "--", "->"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no word in TEXT"));
    let empty = tempfile::tempdir().unwrap();
    assert!(stdout(&empty, &["search", "x"]).starts_with("Nothing found."));
}

#[test]
fn transcripts_are_harmless_and_well_formed() {
    let home = home();
    let text = stdout(&home, &["transcript", "1111"]);
    assert!(
        text.contains("Fix the *parser* \u{fffd}]0;evil\u{fffd}\n```\nnot closed\n"),
        "{text}"
    );
    insta::assert_snapshot!(stdout(&home, &["transcript", "1111", "--markdown"]), @r####"
        # Fix the \*parser\* \]0;evil \`\`\` not closed

        - Session: claude\_code:11111111-aaaa-4000-8000-000000000001
        - Project: app
        - Model: claude-opus-5-5
        - Started: 2026-11-20 10:00:00
        - Last activity: 2026-11-20 10:00:05
        - Cost: $0.0042

        ## User · 2026-11-20 10:00:00

        > Fix the *parser* �]0;evil�
        > ```
        > not closed

        ## Agent · 2026-11-20 10:00:05

        > The parsers are mended.
        "####);
    let transcript = json(&home, &["transcript", "1111"]);
    assert_eq!(transcript["schema"], "agentmon.transcript.v1");
    assert_eq!(transcript["events"][1]["text"], "The parsers are mended.");
    assert_eq!(
        command(&home, &["transcript", "9"])
            .output()
            .unwrap()
            .status
            .code(),
        Some(3)
    );
}

#[test]
fn exports_have_the_fields_of_the_reports() {
    let home = home();
    for (what, rows) in [("events", 2), ("sessions", 1), ("usage", 1)] {
        let lines = stdout(&home, &["export", what]);
        assert_eq!(lines.lines().count(), rows, "{what}");
        let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let one = what.trim_end_matches('s');
        let one = if what == "usage" { "usage" } else { one };
        assert_eq!(line["schema"], format!("agentmon.export.{one}.v1"));
        let file = home.path().join("out.csv");
        let path = file.to_str().unwrap();
        assert_eq!(
            stdout(&home, &["export", what, "--format", "csv", "--out", path]),
            ""
        );
        let csv = fs::read_to_string(&file).unwrap();
        assert_eq!(csv.lines().count(), rows + 1, "{what}");
        assert!(csv.contains("cost_usd"), "{csv}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(stdout(&empty, &["export", "events"]), "");
    assert!(
        stdout(&empty, &["export", "usage", "--format", "csv"]).starts_with("period,session_id,")
    );
}

#[test]
fn an_import_of_a_copy_changes_no_total() {
    let home = home();
    let before = json(&home, &["usage"]);
    let events = stdout(&home, &["export", "events"]);
    let elsewhere = tempfile::tempdir().unwrap();
    // A copied folder, a loose transcript, and something else.
    write(elsewhere.path(), "old home/.claude/projects/-p-app");
    write(elsewhere.path(), "archive");
    fs::write(elsewhere.path().join("archive/other.jsonl"), "{\"a\":1}\n").unwrap();
    let path = elsewhere.path().to_str().unwrap();
    let report = json(&home, &["import", path]);
    assert_eq!(report["found"].as_array().unwrap().len(), 2);
    assert_eq!(report["skipped"].as_array().unwrap().len(), 1);
    for new in ["new_sessions", "new_calls", "new_events"] {
        assert_eq!(report[new], 0, "{new}");
    }
    assert_eq!(json(&home, &["usage"]), before);
    assert_eq!(stdout(&home, &["export", "events"]), events);
    assert_eq!(json(&home, &["import", path])["bytes_read"], 0);

    let empty = tempfile::tempdir().unwrap();
    let report = json(&empty, &["import", path]);
    assert_eq!(
        (
            &report["new_sessions"],
            &report["new_calls"],
            &report["new_events"]
        ),
        (&1.into(), &1.into(), &2.into())
    );
    assert_eq!(json(&empty, &["usage"])["totals"], before["totals"]);
    let output = command(&empty, &["import", "/nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read /nowhere"));
}

#[test]
fn sessions_of_several_machines_are_told_apart() {
    const OTHER: &str = "22222222-bbbb-4000-8000-000000000002";
    let on = |home: &TempDir, host: &str, arguments: &[&str]| {
        let output = command(home, arguments).env("AGENTMON_HOST", host).assert();
        String::from_utf8(output.success().get_output().stdout.clone()).unwrap()
    };
    let (desk, build) = (home(), tempfile::tempdir().unwrap());
    let from = desk.path().join(".claude/projects/-p-app");
    let text = fs::read_to_string(from.join(format!("{SESSION}.jsonl"))).unwrap();
    let folder = build.path().join(".claude/projects/-p-app");
    fs::create_dir_all(&folder).unwrap();
    let text = text
        .replace(SESSION, OTHER)
        .replace("\"id\":\"m1\"", "\"id\":\"m2\"");
    fs::write(
        folder.join(format!("{OTHER}.jsonl")),
        text.replace("\"r1\"", "\"r2\""),
    )
    .unwrap();
    let list = |home: &TempDir| on(home, "desk", &["sessions", "--timezone", "UTC"]);
    assert!(!list(&desk).contains("HOST"), "one machine needs no name");

    // What another machine exports says where it was.
    let exported = desk.path().join("exported.jsonl");
    let out = exported.to_str().unwrap();
    on(&build, "build-7", &["export", "all", "--out", out]);
    on(&desk, "desk", &["import", out]);
    let shown = list(&desk);
    let mut columns: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    columns[1..].sort();
    assert_eq!(columns[0][..4], ["ID", "AGENT", "HOST", "STATE"]);
    assert_eq!(
        columns[1][1..5],
        ["11111111", "claude_code", "desk", "completed"]
    );
    assert_eq!(
        columns[2][1..5],
        ["22222222", "claude_code", "build-7", "completed"]
    );
    insta::assert_snapshot!(on(&desk, "desk", &["usage", "monthly", "--by", "host", "--csv"]), @r"
    period,host,requests,input_tokens,output_tokens,cache_read_tokens,cache_creation_tokens,reasoning_tokens,cost_usd,unpriced_requests
    2026-11,build-7,1,1000,10,100,0,0,0.00422,0
    2026-11,desk,1,1000,10,100,0,0,0.00422,0
    ");
    let filtered = on(&desk, "desk", &["sessions", "--host", "build-7", "--csv"]);
    assert_eq!(filtered.lines().count(), 2, "{filtered}");
}

#[test]
fn a_statusline_is_one_line_and_keeps_plan_limits() {
    let home = home();
    stdout(&home, &["usage"]);
    let input = format!(
        r#"{{"session_id":"{SESSION}","model":{{"display_name":"Opus \u001b[2J5.5"}},"cost":{{"total_cost_usd":1.5}},"context_window":{{"total_input_tokens":20000,"context_window_size":200000}},"rate_limits":{{"five_hour":{{"used_percentage":42,"resets_at":4102444800}}}}}}"#
    );
    let run = |arguments: &[&str]| {
        let output = command(&home, arguments)
            .write_stdin(input.clone())
            .assert()
            .success();
        String::from_utf8(output.get_output().stdout.clone()).unwrap()
    };
    insta::assert_snapshot!(run(&["statusline"]), @r####"
        Opus �[2J5.5 | 20k context (10 %) | $1.50 session / $1.50 today | 5h 42 % until 2100-01-01 00:00
        "####);
    let line: Value = serde_json::from_str(&run(&["statusline", "--json"])).unwrap();
    assert_eq!(
        (&line["schema"], &line["session_cost_usd"]),
        (&"agentmon.statusline.v1".into(), &1.5.into())
    );
    let status = json(&home, &["status"]);
    assert_eq!(status["quotas"][0]["used_percent"], 42.0);
    let blocks = json(&home, &["usage", "blocks"]);
    assert_eq!(blocks["quotas"], status["quotas"]);
    let output = command(&home, &["statusline"])
        .write_stdin("[")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn budgets_say_what_is_spent() {
    let home = home();
    let file = home.path().join("agentmon.toml");
    fs::write(
        &file,
        "[budgets]\nmonthly_usd = 50\n[budgets.projects.app]\ndaily_usd = 0.5\n",
    )
    .unwrap();
    let run = |arguments: &[&str]| {
        let output = command(&home, arguments)
            .env("AGENTMON_CONFIG", &file)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    let (_, status) = run(&["status", "--json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    let budgets = status["budgets"].as_array().unwrap();
    let limits: Vec<_> = budgets
        .iter()
        .map(|budget| (&budget["project"], budget["limit_usd"].as_f64()))
        .collect();
    assert_eq!(
        limits,
        [(&"app".into(), Some(0.5)), (&Value::Null, Some(50.0))]
    );
    assert!(run(&["usage"]).1.contains("Budget this month"));
    fs::write(&file, "[budgets]\ndaily_usd = -1\n").unwrap();
    assert_eq!(run(&["usage"]).0, Some(2));
}

#[test]
fn the_statusline_knows_the_same_window_as_the_report() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".claude/projects/-p-app");
    fs::create_dir_all(&folder).unwrap();
    let now = jiff::Timestamp::now();
    // A pause, a window that is over, one that is open.
    let lines: Vec<String> = [1500, 530, 400, 290, 230, 20, 1]
        .into_iter()
        .map(|minutes| {
            let at = now - jiff::SignedDuration::from_mins(minutes);
            format!(
                r#"{{"parentUuid":null,"isSidechain":false,"type":"assistant","requestId":"r{minutes}","message":{{"id":"m{minutes}","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":"end_turn","usage":{{"input_tokens":1000,"output_tokens":10}}}},"sessionId":"{SESSION}","cwd":"/p/app","version":"2.1.329","uuid":"u{minutes}","timestamp":"{at:.3}"}}"#
            )
        })
        .collect();
    fs::write(
        folder.join(format!("{SESSION}.jsonl")),
        lines.join("\n") + "\n",
    )
    .unwrap();
    let report = json(&home, &["usage", "blocks", "--active"]);
    let today = json(&home, &["usage", "daily", "--since", "today"]);
    let output = command(&home, &["statusline", "--json"])
        .write_stdin(format!(r#"{{"session_id":"{SESSION}"}}"#))
        .assert()
        .success();
    let line: Value = serde_json::from_slice(&output.get_output().stdout).unwrap();
    for field in ["start", "end", "requests", "input_tokens", "cost_usd"] {
        assert_eq!(line["block"][field], report["blocks"][0][field], "{field}");
    }
    assert_eq!(line["today_cost_usd"], today["totals"]["cost_usd"]);
}
