use super::*;
use crate::model::AgentKind;
use crate::query::EventIdentity;

fn row(id: i64, kind: EventKind, tool: Option<&str>, text: &str) -> EventRow {
    EventRow {
        id,
        at: Timestamp(id * 1000),
        session: SessionKey::new(AgentKind::ClaudeCode, "s"),
        kind,
        status: EventStatus::Success,
        tool: tool.map(Into::into),
        duration_ms: None,
        model: None,
        usage: None,
        cost: None,
        text: text.into(),
        truncated: false,
        identity: EventIdentity {
            key: FactKey(id),
            credit: 0,
            call: None,
            model_call: None,
        },
    }
}

fn of_tool(name: &str, text: &str) -> ToolBlock {
    let head = row(1, EventKind::ToolUse, Some(name), text);
    blocks(vec![(head, None)], Vec::new())
        .remove(0)
        .tool
        .unwrap()
}

#[test]
fn what_several_sources_told_of_is_one_block() {
    let call = FactKey(7);
    let failed = EventRow {
        status: EventStatus::Error,
        duration_ms: Some(12),
        ..row(4, EventKind::ToolResult, None, "no such target\n[image]")
    };
    let heads = vec![
        (row(1, EventKind::UserPrompt, None, "Build it"), None),
        (row(2, EventKind::UserPrompt, None, "Build it\n"), None),
        // A hook told the command alone, the transcript the whole input.
        (
            row(
                3,
                EventKind::ToolUse,
                Some("Bash"),
                "make all, and more than the input",
            ),
            Some(call),
        ),
        (row(60, EventKind::UserPrompt, None, "Build it"), None),
    ];
    let others = vec![
        (
            row(
                5,
                EventKind::ToolUse,
                Some("Bash"),
                r#"{"command":"make all"}"#,
            ),
            call,
        ),
        (failed, call),
        (row(6, EventKind::ToolResult, None, ""), call),
    ];
    let blocks = blocks(heads, others);
    let ids: Vec<i64> = blocks.iter().map(|block| block.row.id).collect();
    assert_eq!(ids, [1, 3, 60]);
    let TranscriptBlock { row, tool } = &blocks[1];
    assert_eq!(
        (row.status, row.duration_ms),
        (EventStatus::Error, Some(12))
    );
    let tool = tool.as_ref().unwrap();
    assert_eq!(
        (&*tool.title, tool.kind, tool.images),
        ("make all", ToolType::Shell, 1)
    );
    assert_eq!(tool.result.as_ref().unwrap().id, 4);
    assert!(tool.input.is_some());
}

#[test]
fn tools_say_what_they_are_about() {
    for (name, text, kind, title) in [
        (
            "Bash",
            r#"{"command":"cargo test\n--all"}"#,
            ToolType::Shell,
            "cargo test",
        ),
        (
            "shell",
            r#"{"command":["bash","-lc","ls -l"]}"#,
            ToolType::Shell,
            "ls -l",
        ),
        ("exec_command", "git status", ToolType::Shell, "git status"),
        (
            "Read",
            r#"{"file_path":"/a/b.rs","limit":5}"#,
            ToolType::Read,
            "/a/b.rs",
        ),
        (
            "Grep",
            r#"{"pattern":"fn main","path":"/a"}"#,
            ToolType::Search,
            "fn main",
        ),
        (
            "WebFetch",
            r#"{"url":"https://example.org","prompt":"x"}"#,
            ToolType::Web,
            "https://example.org",
        ),
        (
            "Task",
            r#"{"description":"Look around","prompt":"Long"}"#,
            ToolType::Task,
            "Look around",
        ),
        (
            "AskUserQuestion",
            r#"{"questions":[{"question":"Which one?","options":[]}]}"#,
            ToolType::Ask,
            "Which one?",
        ),
        (
            "mcp__db__query",
            r#"{"limit":3,"sql":"count rows"}"#,
            ToolType::Other,
            "count rows",
        ),
        ("Bash", "", ToolType::Shell, ""),
        ("Bash", "{broken", ToolType::Shell, ""),
        ("", "[1,2]", ToolType::Other, "[1,2]"),
    ] {
        let tool = of_tool(name, text);
        assert_eq!((tool.kind, &*tool.title), (kind, title), "{name} {text}");
    }
}

#[test]
fn edits_are_diffs_and_lists_are_lists() {
    let hunk = |old: &str, new: &str| Hunk {
        old: old.into(),
        new: new.into(),
    };
    let diff = |name: &str, text: &str| of_tool(name, text).diff;
    let hunks = |path: &str, hunks| {
        Some(Diff::Hunks {
            path: Some(path.into()),
            hunks,
        })
    };
    assert_eq!(
        diff(
            "Edit",
            r#"{"file_path":"/a","old_string":"x","new_string":""}"#
        ),
        hunks("/a", vec![hunk("x", "")])
    );
    assert_eq!(
        diff(
            "MultiEdit",
            r#"{"file_path":"/a","edits":[{"old_string":"x","new_string":"y"},{"new_string":"z"},7]}"#
        ),
        hunks("/a", vec![hunk("x", "y"), hunk("", "z")])
    );
    assert_eq!(
        diff("write_file", r#"{"path":"/a","content":"all"}"#),
        hunks("/a", vec![hunk("", "all")])
    );
    let patch = "*** Begin Patch\n*** End Patch";
    assert_eq!(diff("apply_patch", patch), Some(Diff::Patch(patch.into())));
    assert_eq!(diff("Bash", r#"{"command":"x"}"#), None);
    let todos = |name: &str, text: &str| {
        let todos = of_tool(name, text).todos.unwrap();
        let plain = todos
            .iter()
            .map(|todo| format!("{} {}", todo.status.as_str(), todo.text));
        plain.collect::<Vec<_>>()
    };
    assert_eq!(
        todos(
            "TodoWrite",
            r#"{"todos":[{"content":"a","status":"completed"},{"content":"b","status":"in_progress"},{"content":"c"}]}"#
        ),
        ["completed a", "in_progress b", "pending c"]
    );
    assert_eq!(
        todos("update_plan", "[completed] a\n[pending] b"),
        ["completed a", "pending b"]
    );
}
