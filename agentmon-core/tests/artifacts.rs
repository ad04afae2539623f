//! What came out of recorded sessions: of each agent whose recordings hold edits, and of a session with a subagent.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

mod common;

use std::fs;
use std::path::Path;

use agentmon_core::Monitor;
use agentmon_core::query::{Artifacts, FileArtifact};
use common::{copy, fixture, monitor, refresh};
use serde_json::{Value, json};

fn told(file: &FileArtifact) -> String {
    let lines = file.lines;
    let unknown = if lines.is_complete { "" } else { "?" };
    let fate = file.fate.as_str();
    format!(
        "{} {fate} {}x +{} -{}{unknown}",
        file.path, file.changes, lines.added, lines.removed
    )
}

fn files(artifacts: &Artifacts) -> Vec<String> {
    artifacts.files.iter().map(told).collect()
}

/// A home with the recordings of several agents.
fn recorded() -> (tempfile::TempDir, Monitor) {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    copy(&fixture("claude_code/home"), home.path());
    copy(&fixture("codex/sessions"), &at(".codex/sessions"));
    copy(&fixture("gemini/tmp"), &at(".gemini/tmp"));
    fs::copy(fixture("gemini/projects.json"), at(".gemini/projects.json")).unwrap();
    let database = fs::read(fixture("opencode/opencode.db.zst")).unwrap();
    let database = zstd::decode_all(&*database).unwrap();
    fs::create_dir_all(at(".local/share/opencode")).unwrap();
    fs::write(at(".local/share/opencode/opencode.db"), database).unwrap();
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    (home, monitor)
}

#[test]
fn recorded_edits_are_told_and_refused_ones_are_not() {
    let (_home, monitor) = recorded();
    let note = "/home/user/project/note.txt";
    let app = "/home/user/projects/my_web.app/src";
    let check = |id: &str, expected: &[&str], failed: u64| {
        let artifacts = monitor.artifacts(id, 100).unwrap();
        assert_eq!(files(&artifacts), expected, "{id}");
        assert_eq!(artifacts.not_counted.failed, failed, "{id}");
        assert_eq!(artifacts.not_counted.unanswered, 0, "{id}");
        assert!(
            artifacts.is_complete && artifacts.outputs.is_empty(),
            "{id}"
        );
    };
    check(
        "claude_code:3aa6b6cc",
        &[
            &format!("{app}/extra.js created 1x +2 -0"),
            &format!("{app}/app.js edited 1x +1 -1"),
        ],
        0,
    );
    // The same file written once more: what stood in it before is not told.
    check(
        "claude_code:511aaa7f",
        &[
            &format!("{app}/extra.js written 1x +0 -0?"),
            &format!("{app}/app.js edited 1x +1 -1"),
        ],
        0,
    );
    for refused in ["421fae87", "769ab50a", "2aaa9c32"] {
        check(&format!("claude_code:{refused}"), &[], 1);
    }
    // In code mode only the client's own word after the patch tells of the file.
    check(
        "codex:01a1fd6f-f5bf",
        &[&format!("{note} created 1x +2 -0")],
        0,
    );
    check("gemini:b3f6f5f2", &[&format!("{note} created 2x +3 -1")], 0);
    // Changed by commands: the client compares the folder before and after.
    check(
        "opencode:ses_e0274c934",
        &[&format!("{note} edited 2x +0 -0?")],
        0,
    );
}

const SESSION: &str = "11111111-aaaa-4000-8000-000000000001";

/// Writes lines as Claude Code does, a second apart from `second` on.
fn write(path: &Path, agent: Option<&str>, second: u32, messages: &[Value]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let line = |(index, message): (usize, &Value)| {
        let second = second + index as u32;
        let name = agent.unwrap_or("main");
        let kind = message["role"].clone();
        json!({
            "type": kind, "message": message, "sessionId": SESSION, "agentId": agent, "isSidechain": agent.is_some(),
            "cwd": "/p/app", "version": "2.1.329", "uuid": format!("{name}-{index}"),
            "timestamp": format!("2026-11-20T10:00:{second:02}.000Z"),
        })
        .to_string()
    };
    let lines: Vec<String> = messages.iter().enumerate().map(line).collect();
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

fn call(id: &str, name: &str, input: &Value) -> Value {
    let block = json!({"type": "tool_use", "id": id, "name": name, "input": input});
    json!({"role": "assistant", "id": format!("m{id}"), "model": "claude-opus-5-5", "content": [block]})
}

fn result(id: &str, content: &Value) -> Value {
    let block = json!({"type": "tool_result", "tool_use_id": id, "content": content});
    json!({"role": "user", "content": [block]})
}

#[test]
fn subagents_commits_requests_and_pictures_are_told_with_their_places() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join(".claude/projects/-p-app");
    let edit = |path: &str| json!({"file_path": path, "old_string": "a", "new_string": "b"});
    let picture = json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}]);
    let main = [
        json!({"role": "user", "content": "Mend it"}),
        call("1", "Edit", &edit("/p/app/a.rs")),
        result("1", &json!("The file /p/app/a.rs has been updated.")),
        call(
            "2",
            "Bash",
            &json!({"command": "git commit -am 'Mend it' && gh pr create --fill"}),
        ),
        result(
            "2",
            &json!("[main 1a2b3c4] Mend it\n 1 file changed\nhttps://github.com/acme/app/pull/7"),
        ),
        call("3", "mcp__browser__screenshot", &json!({})),
        result("3", &picture),
        call("4", "Read", &json!({"file_path": "/p/app/logo.png"})),
        result("4", &picture),
        call("5", "Edit", &edit("/p/app/never.rs")),
    ];
    write(&project.join(format!("{SESSION}.jsonl")), None, 0, &main);
    let child = [
        json!({"role": "user", "content": "Look after b"}),
        call("6", "Edit", &edit("/p/app/a.rs")),
        result("6", &json!("ok")),
        call(
            "7",
            "Edit",
            &edit("/p/app/b<img src=x onerror=alert(1)>.rs"),
        ),
        result("7", &json!("ok")),
    ];
    let path = project.join(format!("{SESSION}/subagents/agent-a1.jsonl"));
    write(&path, Some("a1"), 30, &child);
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();

    let artifacts = monitor.artifacts(SESSION, 100).unwrap();
    assert_eq!(
        files(&artifacts),
        [
            "/p/app/b<img src=x onerror=alert(1)>.rs edited 1x +1 -1",
            "/p/app/a.rs edited 2x +2 -2",
        ]
    );
    let shared = &artifacts.files[1];
    let by: Vec<(&str, u64)> = shared
        .by
        .iter()
        .map(|(who, changes)| (&*who.native_id, *changes))
        .collect();
    let child = format!("{SESSION}/a1");
    assert_eq!(by, [(&*child, 1), (SESSION, 1)]);
    // The place leads to the block in the transcript of whoever was last.
    assert_eq!(&*shared.session.native_id, child);
    let outputs: Vec<_> = artifacts
        .outputs
        .iter()
        .map(|made| {
            (
                made.kind.as_str(),
                made.id.as_deref().or(made.tool.as_deref()),
            )
        })
        .collect();
    assert_eq!(
        outputs,
        [
            ("images", Some("mcp__browser__screenshot")),
            // Of one call, in the order of its words.
            ("commit", Some("1a2b3c4")),
            ("pull_request", Some("acme/app#7")),
        ]
    );
    assert_eq!(artifacts.not_counted.unanswered, 1);

    let cut = monitor.artifacts(SESSION, 1).unwrap();
    assert_eq!((cut.files.len(), cut.files_total), (1, 2));
    assert_eq!((cut.outputs.len(), cut.outputs_total), (1, 3));
    let own = monitor.artifacts(&child, 100).unwrap();
    assert_eq!(own.files_total, 2);
    assert!(own.outputs.is_empty());
    assert!(monitor.artifacts("nobody", 1).is_err());
}
