use super::*;
use crate::model::{AgentKind, EventStatus};

const OK: EventStatus = EventStatus::Success;
const FAILED: EventStatus = EventStatus::Error;

fn fold(agent: AgentKind) -> ArtifactFold {
    ArtifactFold::new(SessionKey::new(agent, "s"), Some("/home/user/app".into()))
}

fn row<'a>(event: i64, tool: &'a str, text: &'a str) -> ToolRow<'a> {
    ToolRow {
        event,
        at: Timestamp(event * 1000),
        tool,
        text,
        truncated: false,
        status: OK,
    }
}

fn answer(status: EventStatus, text: &str) -> ToolAnswer {
    ToolAnswer {
        result: Some((status, text.into())),
        applied: None,
    }
}

/// `path fate +added -removed`, with a `?` where that is not all.
fn told(file: &FileArtifact) -> String {
    let LineCounts {
        added,
        removed,
        is_complete,
    } = file.lines;
    let unknown = if is_complete { "" } else { "?" };
    let from = file.renamed_from.as_deref();
    let from = from.map(|from| format!(" from {from}")).unwrap_or_default();
    let fate = file.fate.as_str();
    format!("{} {fate} +{added} -{removed}{unknown}{from}", file.path)
}

fn files(artifacts: &Artifacts) -> Vec<String> {
    let mut files: Vec<String> = artifacts.files.iter().map(told).collect();
    files.sort();
    files
}

#[test]
fn editing_tools_of_all_agents_tell_their_files() {
    use AgentKind as A;
    let check = |agent: AgentKind, tool: &str, input: &str, output: &str, expected: &[&str]| {
        let mut fold = fold(agent);
        let row = row(1, tool, input);
        assert!(
            ArtifactFold::can_make(tool) && ArtifactFold::wants_answer(&row),
            "{tool}"
        );
        fold.tool(&row, &answer(OK, output));
        let artifacts = fold.finish(10);
        assert_eq!(files(&artifacts), expected, "{tool} {input}");
        assert_eq!(
            artifacts.not_counted,
            NotCounted::default(),
            "{tool} {input}"
        );
    };
    let claude = |tool, input, output, expected: &str| {
        check(A::ClaudeCode, tool, input, output, &[expected])
    };
    claude(
        "Edit",
        r#"{"file_path":"/home/user/app/calc.py","old_string":"a\nb\nc","new_string":"a\nB\nc\nd"}"#,
        "The file /home/user/app/calc.py has been updated.",
        "/home/user/app/calc.py edited +2 -1",
    );
    claude(
        "Edit",
        r#"{"file_path":"/x/a","old_string":"a","new_string":"b","replace_all":true}"#,
        "The file /x/a has been updated. All occurrences were replaced.",
        "/x/a edited +0 -0?",
    );
    claude(
        "Write",
        r#"{"file_path":"/x/new.md","content":"one\ntwo\n"}"#,
        "File created successfully at: /x/new.md",
        "/x/new.md created +2 -0",
    );
    claude(
        "Write",
        r#"{"file_path":"/x/old.md","content":"one\ntwo\n"}"#,
        "The file /x/old.md has been updated.",
        "/x/old.md written +0 -0?",
    );
    claude(
        "MultiEdit",
        r#"{"file_path":"/x/m","edits":[{"old_string":"a","new_string":""},{"old_string":"b","new_string":"c\nd"}]}"#,
        "Applied 2 edits",
        "/x/m edited +2 -2",
    );
    claude(
        "NotebookEdit",
        r#"{"notebook_path":"/x/n.ipynb","cell_id":"c1","new_source":"print(1)"}"#,
        "Updated cell c1",
        "/x/n.ipynb edited +0 -0?",
    );
    let patch = "*** Begin Patch\n*** Add File: note.txt\n+first\n+second\n*** Update File: src/a.rs\n@@ fn\n-x\n+y\n+z\n same\n\
                 *** Delete File: old.rs\n*** Update File: b.rs\n*** Move to: c.rs\n@@\n-1\n+2\n*** End Patch";
    let patched = [
        "/home/user/app/b.rs deleted +0 -0",
        "/home/user/app/c.rs renamed +1 -1 from /home/user/app/b.rs",
        "/home/user/app/note.txt created +2 -0",
        "/home/user/app/old.rs deleted +0 -0?",
        "/home/user/app/src/a.rs edited +2 -1",
    ];
    let applied = "Success. Updated the following files:\nA note.txt\n";
    check(A::Codex, "apply_patch", patch, applied, &patched);
    let json = |name: &str| serde_json::json!({ name: patch }).to_string();
    check(A::Codex, "apply_patch", &json("input"), applied, &patched);
    let heredoc = format!("cd . && apply_patch <<'EOF'\n{patch}\nEOF");
    check(A::Codex, "exec_command", &heredoc, applied, &patched);
    check(
        A::Codex,
        "shell",
        &format!("apply_patch {patch}"),
        applied,
        &patched,
    );
    check(
        A::OpenCode,
        "patch",
        &json("patchText"),
        "Patch applied successfully.",
        &patched,
    );
    check(A::OpenClaw, "apply_patch", &json("input"), "ok", &patched);
    check(
        A::Gemini,
        "write_file",
        r#"{"file_path":"note.txt","content":"first line\nsecond line\n"}"#,
        "Successfully created and wrote to new file: /home/user/app/note.txt. Here is the updated code:",
        &["/home/user/app/note.txt created +2 -0"],
    );
    check(
        A::Gemini,
        "replace",
        r#"{"file_path":"note.txt","instruction":"change a word","old_string":"second","new_string":"third"}"#,
        "Successfully modified file: /home/user/project/note.txt (1 replacements).",
        &["/home/user/app/note.txt edited +1 -1"],
    );
    check(
        A::OpenCode,
        "edit",
        r#"{"filePath":"/x/a","oldString":"1","newString":"1\n2"}"#,
        "Edit applied successfully.",
        &["/x/a edited +1 -0"],
    );
    check(
        A::OpenCode,
        "write",
        r#"{"content":"x","filePath":"./sub/../b.txt"}"#,
        "Wrote file successfully.",
        &["/home/user/app/b.txt written +0 -0?"],
    );
    check(
        A::OpenClaw,
        "edit",
        r#"{"path":"~/notes.md","edits":[{"oldText":"a","newText":"b"}]}"#,
        "Successfully replaced 1 block",
        &["~/notes.md edited +1 -1"],
    );
    check(
        A::Kimi,
        "StrReplaceFile",
        r#"{"path":"/x/a","edit":{"old":"a","new":"a\nb"}}"#,
        "",
        &["/x/a edited +1 -0"],
    );
    check(
        A::Droid,
        "Create",
        r#"{"file_path":"/x/a","content":"1\n2"}"#,
        "",
        &["/x/a created +2 -0"],
    );
    check(
        A::Copilot,
        "str_replace_editor",
        r#"{"command":"create","path":"/x/a","file_text":"1"}"#,
        "",
        &["/x/a created +1 -0"],
    );
    check(
        A::Copilot,
        "str_replace_editor",
        r#"{"command":"view","path":"/x/a"}"#,
        "1",
        &[],
    );
    check(
        A::Cline,
        "replace_in_file",
        r#"{"path":"C:\\app\\a.ts","diff":"------- SEARCH\nx\n=======\ny\n+++++++ REPLACE"}"#,
        "",
        &["C:\\app\\a.ts edited +0 -0?"],
    );
    let unified = "--- a/x.c\t2026\n+++ b/x.c\t2026\n@@ -1 +1,2 @@\n-a\n+b\n+c\n--- /dev/null\n+++ b/y.c\n@@ -0,0 +1 @@\n+1\n";
    check(
        A::Other("mine".into()),
        "apply_diff",
        &serde_json::json!({"path": "x.c", "diff": unified}).to_string(),
        "",
        &[
            "/home/user/app/x.c edited +2 -1",
            "/home/user/app/y.c created +1 -0",
        ],
    );
}

#[test]
fn what_failed_was_refused_or_has_no_answer_is_not_made() {
    let edit = r#"{"file_path":"/x/a","old_string":"1","new_string":"2"}"#;
    let patch = "*** Begin Patch\n*** Add File: a\n+1\n*** End Patch";
    let not = |agent: AgentKind, row: ToolRow<'_>, answer: &ToolAnswer| {
        let mut fold = fold(agent);
        fold.tool(&row, answer);
        let artifacts = fold.finish(10);
        assert_eq!(artifacts.files, [], "{row:?}");
        artifacts.not_counted
    };
    let failed = NotCounted {
        failed: 1,
        ..NotCounted::default()
    };
    let unanswered = NotCounted {
        unanswered: 1,
        ..NotCounted::default()
    };
    let unnamed = NotCounted {
        unnamed: 1,
        ..NotCounted::default()
    };
    let claude = |answer: &ToolAnswer| not(AgentKind::ClaudeCode, row(1, "Edit", edit), answer);
    assert_eq!(
        claude(&answer(FAILED, "The user doesn't want to proceed")),
        failed
    );
    assert_eq!(claude(&answer(EventStatus::Timeout, "")), failed);
    assert_eq!(claude(&ToolAnswer::default()), unanswered);
    let told_failed = ToolRow {
        status: FAILED,
        ..row(1, "Edit", edit)
    };
    assert_eq!(
        not(AgentKind::ClaudeCode, told_failed, &ToolAnswer::default()),
        failed
    );
    // Codex tells of a patch that was refused in plain words.
    let refused = answer(OK, "patch rejected by user");
    assert_eq!(
        not(AgentKind::Codex, row(1, "apply_patch", patch), &refused),
        failed
    );
    let applied = |status| ToolAnswer {
        applied: Some((status, "/x/a".into())),
        ..answer(OK, "")
    };
    assert_eq!(
        not(
            AgentKind::Codex,
            row(1, "apply_patch", patch),
            &applied(FAILED)
        ),
        failed
    );
    assert_eq!(
        not(AgentKind::Codex, row(1, "Edit", "{broken"), &answer(OK, "")),
        unnamed
    );
    // Code that speaks of a patch, and commands that do, change nothing by themselves.
    for text in [
        format!("await tools.apply_patch(`{patch}`)"),
        format!("cat > '/tmp/apply_patch' <<'EOF'\n{patch}\nEOF"),
        format!("echo \"{patch}\""),
    ] {
        assert!(
            !ArtifactFold::wants_answer(&row(1, "exec", &text)),
            "{text}"
        );
    }
}

#[test]
fn a_file_is_told_once_from_its_first_change_to_its_last() {
    let mut fold = fold(AgentKind::Codex);
    let done = answer(OK, "");
    let edit =
        |path: &str| format!(r#"{{"file_path":"{path}","old_string":"1","new_string":"2"}}"#);
    // The newest first, as they are read.
    fold.applied(Timestamp(9000), 9, OK, "/home/user/app/temp\tdeleted +0 -3");
    fold.tool(&row(7, "Edit", &edit("src/a.rs")), &done);
    fold.tool(&row(5, "Edit", &edit("/home/user/app/src/./a.rs")), &done);
    fold.applied(
        Timestamp(3000),
        3,
        OK,
        "/home/user/app/temp\tadded +3 -0\n/plain",
    );
    fold.applied(Timestamp(2000), 2, FAILED, "/never");
    fold.subagent(SessionKey::new(AgentKind::Codex, "s/child"), None);
    fold.tool(&row(6, "Edit", &edit("src/a.rs")), &done);
    fold.tool(
        &row(1, "Edit", &edit("b\\u003cimg src=x onerror=alert(1)>.rs")),
        &done,
    );
    let artifacts = fold.finish(3);
    assert_eq!(
        (artifacts.files_total, artifacts.not_counted.failed),
        (4, 1)
    );
    let [temporary, edited, plain] = &artifacts.files[..] else {
        panic!("{artifacts:?}")
    };
    assert_eq!(told(temporary), "/home/user/app/temp temporary +3 -3");
    assert_eq!(told(edited), "/home/user/app/src/a.rs edited +3 -3");
    assert_eq!(told(plain), "/plain edited +0 -0?");
    assert_eq!(
        (edited.changes, edited.event, edited.first_at),
        (3, 7, Timestamp(5000))
    );
    let by: Vec<(&str, u64)> = edited
        .by
        .iter()
        .map(|(who, changes)| (&*who.native_id, *changes))
        .collect();
    assert_eq!(by, [("s", 2), ("s/child", 1)]);
    let LineCounts {
        added,
        removed,
        is_complete,
    } = artifacts.lines;
    assert_eq!((added, removed, is_complete), (7, 7, false));
    let mut lines = artifacts.lines;
    lines.add(u64::MAX, 0);
    assert_eq!(lines.added, u64::MAX, "whatever a source makes up");
}

#[test]
fn a_cut_input_tells_its_file_and_not_its_lines() {
    let mut fold = fold(AgentKind::ClaudeCode);
    let cut = |text| ToolRow {
        truncated: true,
        ..row(1, "Write", text)
    };
    fold.tool(
        &cut(r#"{"file_path":"/x/big","content":"1\n2\n3"#),
        &answer(OK, "File created successfully at: /x/big"),
    );
    fold.tool(
        &cut(r#"{"content":"1\n2\n3"#),
        &answer(OK, "File created successfully at: /x/other"),
    );
    let patch = "*** Begin Patch\n*** Add File: a\n+1\n*** Add File: b\n+1\n+2";
    let row = ToolRow {
        truncated: true,
        ..row(2, "apply_patch", patch)
    };
    fold.tool(&row, &answer(OK, "Success."));
    let artifacts = fold.finish(10);
    assert_eq!(
        files(&artifacts),
        [
            "/home/user/app/a created +1 -0",
            "/home/user/app/b created +0 -0?",
            "/x/big created +0 -0?"
        ]
    );
    assert_eq!(artifacts.not_counted.unnamed, 1);
}

#[test]
fn commits_and_requests_are_what_programs_say_they_made() {
    let check =
        |tool: &str, command: &str, status, output: &str, expected: &[(&str, &str, &str)]| {
            let mut fold = fold(AgentKind::ClaudeCode);
            let row = row(1, tool, command);
            if ArtifactFold::can_make(tool) && ArtifactFold::wants_answer(&row) {
                fold.tool(&row, &answer(status, output));
            }
            let artifacts = fold.finish(10);
            let outputs: Vec<(&str, &str, &str)> = artifacts
                .outputs
                .iter()
                .map(|output| {
                    let id = output.id.as_deref().unwrap_or_default();
                    let words = output.url.as_deref().or(output.title.as_deref());
                    (output.kind.as_str(), id, words.unwrap_or_default())
                })
                .collect();
            assert_eq!(outputs, expected, "{command} {output}");
            assert_eq!(artifacts.files, []);
        };
    let bash = |command: &str, output, expected: &[(&str, &str, &str)]| {
        check("Bash", command, OK, output, expected)
    };
    let committed = "[main 1a2b3c4] Fix the tax\n 1 file changed, 1 insertion(+)";
    bash(
        r#"{"command":"git add -A && git commit -m 'Fix the tax'"}"#,
        committed,
        &[("commit", "1a2b3c4", "Fix the tax")],
    );
    bash(
        "git commit -m x",
        "[main (root-commit) 0123456789] x\n[main 0123456789] x",
        &[("commit", "0123456789", "x")],
    );
    // The commit was made, whatever came after it.
    let push = "[fix/a-b 1a2b3c4] x\nfatal: no remote";
    check(
        "Bash",
        "git commit -m x && git push",
        FAILED,
        push,
        &[("commit", "1a2b3c4", "x")],
    );
    bash(
        "git commit -m x",
        "nothing to commit, working tree clean",
        &[],
    );
    bash("cat log", committed, &[]);
    let request = "Creating pull request\n\nhttps://github.com/acme/shop/pull/12\n";
    let made = (
        "pull_request",
        "acme/shop#12",
        "https://github.com/acme/shop/pull/12",
    );
    bash("gh pr create --fill", request, &[made]);
    check("Bash", "gh pr create --fill", FAILED, request, &[]);
    bash("gh pr view 12", request, &[]);
    for other in [
        "see https://github.com/acme/shop/pull/12",
        "http://github.com/acme/shop/pull/12",
        "https://github.com/acme/shop/pull/new/fix",
        "https://github.com/pull/12",
        "https://evil.example/<script>/pull/12",
        "javascript:alert(1)//pull/12",
    ] {
        bash("gh pr create --fill", other, &[]);
    }
    bash(
        "glab mr create",
        "https://git.example.org/team/app/-/merge_requests/3",
        &[(
            "pull_request",
            "team/app!3",
            "https://git.example.org/team/app/-/merge_requests/3",
        )],
    );
    bash(
        "gh issue create -t x && gh release create v1.2.0",
        "https://github.com/a/b/issues/4\nhttps://github.com/a/b/releases/tag/v1.2.0",
        &[
            ("issue", "a/b#4", "https://github.com/a/b/issues/4"),
            (
                "release",
                "a/b v1.2.0",
                "https://github.com/a/b/releases/tag/v1.2.0",
            ),
        ],
    );
    let json = r#"{"id":1,"html_url":"https://github.com/acme/shop/pull/12","number":12}"#;
    check("mcp__github__create_pull_request", "{}", OK, json, &[made]);
    check("mcp__github__create_pull_request", "{}", FAILED, json, &[]);
    check("mcp__github__get_pull_request", "{}", OK, json, &[]);
}

#[test]
fn lines_are_counted_as_a_difference_has_them() {
    for (old, new, counts) in [
        ("", "", (0, 0)),
        ("a\nb\nc\n", "a\nb\nc", (0, 0)),
        ("a\nb\nc", "a\nx\nc", (1, 1)),
        ("a\nb\nc\nd", "a\nc\nd\ne", (1, 1)),
        ("", "a\nb\n", (2, 0)),
        ("a\nb", "", (0, 2)),
        ("1\n2\n3\n4", "4\n3\n2\n1", (3, 3)),
    ] {
        assert_eq!(line_counts(old, new), counts, "{old:?} {new:?}");
    }
    // Not looked at line by line, and still a difference.
    let many = |from: u32| {
        (from..from + 1000)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    };
    assert_eq!(line_counts(&many(0), &many(5000)), (1000, 1000));
}
