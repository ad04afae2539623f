//! Images of transcripts, read from the files of each agent that is known to keep them there.

#![allow(clippy::unwrap_used, reason = "a failed test is what a panic is for")]

mod common;

use std::fs;

use agentmon_core::model::EventKind;
use agentmon_core::query::{SessionFilter, TranscriptBlock, TranscriptPlace};
use agentmon_core::source::image::ImageKind;
use common::{monitor, refresh};

const GIF: &str = "R0lGODlhAQABAAAAACw=";
/// `<svg onload=alert(1)>`.
const SVG: &str = "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+";

/// Checks a session whose prompt has a picture, and whose only tool gave back a picture and what says it is one.
fn check(path: &str, lines: &[String], marks_prompt: bool) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, lines.join("\n") + "\n").unwrap();
    let monitor = monitor(home.path());
    refresh(&monitor).unwrap();
    let list = monitor.sessions(&SessionFilter::default()).unwrap();
    let key = list.sessions[0].key.clone();
    let session = &*key.to_string();
    let page = monitor.blocks(&key, TranscriptPlace::Last, 100).unwrap();
    let find = |is_it: fn(&TranscriptBlock) -> bool| {
        page.blocks.iter().find(|block| is_it(block)).unwrap()
    };
    let prompt = find(|block| block.row.kind == EventKind::UserPrompt);
    let tool = find(|block| block.tool.is_some()).tool.as_ref().unwrap();
    let result = tool.result.as_ref().unwrap();
    assert_eq!(tool.images, 2, "{session}: {}", result.text);
    assert_eq!(
        prompt.row.text.contains("\n[image]"),
        marks_prompt,
        "{session}: {}",
        prompt.row.text
    );
    let image = |event, index| monitor.image(session, event, index).unwrap();
    for event in [prompt.row.id, result.id] {
        let found = image(event, 0).map(|image| image.kind);
        assert_eq!(found, Some(ImageKind::Gif), "{session}");
        // What is no picture is none, whatever it is called.
        assert_eq!(image(event, 1), None, "{session}");
    }
    assert_eq!(image(i64::MAX, 0), None);
    fs::remove_file(file).unwrap();
    assert_eq!(image(result.id, 0), None);
}

#[test]
fn claude_code_keeps_them_in_blocks() {
    let id = "11111111-aaaa-4000-8000-000000000001";
    let line = |number: u32, kind: &str, content: String| {
        format!(
            r#"{{"type":"{kind}","message":{{"role":"{kind}","id":"m{number}","model":"claude-opus-5-5","content":{content}}},"sessionId":"{id}","cwd":"/p/app","version":"2.1.329","uuid":"u{number}","timestamp":"2026-11-20T10:00:0{number}.000Z"}}"#
        )
    };
    let image = |data: &str| {
        format!(
            r#"{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}"#
        )
    };
    let lines = [
        line(
            1,
            "user",
            format!(
                r#"[{{"type":"text","text":"Look [Image #1]"}},{}]"#,
                image(GIF)
            ),
        ),
        line(
            2,
            "assistant",
            r#"[{"type":"tool_use","id":"t1","name":"Shot","input":{}}]"#.to_owned(),
        ),
        line(
            3,
            "user",
            format!(
                r#"[{{"type":"tool_result","tool_use_id":"t1","content":[{},{}]}}]"#,
                image(GIF),
                image(SVG)
            ),
        ),
    ];
    check(
        &format!(".claude/projects/-p-app/{id}.jsonl"),
        &lines,
        false,
    );
}

#[test]
fn codex_keeps_them_in_addresses() {
    let id = "01a1fd70-6b09-7a61-a409-af5af59e1570";
    let line = |number: u32, kind: &str, payload: String| {
        format!(
            r#"{{"timestamp":"2026-11-21T09:29:0{number}.000Z","type":"{kind}","payload":{payload}}}"#
        )
    };
    let image = |data: &str| {
        format!(
            r#"{{"type":"input_image","image_url":"data:image/png;base64,{data}","detail":"auto"}}"#
        )
    };
    let lines = [
        line(1, "session_meta", format!(r#"{{"id":"{id}","timestamp":"2026-11-21T09:29:01.000Z","cwd":"/p/app","originator":"codex_exec","cli_version":"0.169.0","source":"exec"}}"#)),
        line(2, "response_item", format!(r#"{{"type":"message","role":"user","content":[{{"type":"input_text","text":"Look"}},{}]}}"#, image(GIF))),
        line(2, "event_msg", r#"{"type":"user_message","message":"Look","images":[],"local_images":["/p/app/a.gif"]}"#.to_owned()),
        line(3, "response_item", r#"{"type":"function_call","name":"view_image","arguments":"{\"path\":\"a.gif\"}","call_id":"c1"}"#.to_owned()),
        line(4, "response_item", format!(r#"{{"type":"function_call_output","call_id":"c1","output":[{},{{"type":"input_image","image_url":"https://example.org/x.png"}},{}]}}"#, image(GIF), image(SVG))),
    ];
    let path = format!(".codex/sessions/2026/11/21/rollout-2026-11-21T09-29-01-{id}.jsonl");
    check(&path, &lines, true);
}

#[test]
fn gemini_keeps_them_in_parts() {
    let id = "b3f6f5f2-b097-4fb1-ba3b-32308428c8c2";
    let image =
        |data: &str| format!(r#"{{"inlineData":{{"mimeType":"image/png","data":"{data}"}}}}"#);
    let said = format!(
        r#"{{"id":"u1","timestamp":"2026-11-21T10:03:02.000Z","type":"user","content":[{{"text":"Look"}},{}]}}"#,
        image(GIF)
    );
    let result = format!(
        r#"[{{"functionResponse":{{"id":"r1","name":"read_file","response":{{"output":"Binary content"}},"parts":[{}]}}}},{}]"#,
        image(GIF),
        image(SVG)
    );
    let did = format!(
        r#"{{"id":"g1","timestamp":"2026-11-21T10:03:04.000Z","type":"gemini","content":"","toolCalls":[{{"id":"r1","name":"read_file","args":{{"file_path":"a.gif"}},"result":{result},"status":"success","timestamp":"2026-11-21T10:03:05.000Z"}}]}}"#
    );
    let head = format!(
        r#"{{"sessionId":"{id}","projectHash":"9dad","startTime":"2026-11-21T10:03:01.000Z","lastUpdated":"2026-11-21T10:03:01.000Z","kind":"main"}}"#
    );
    let path = ".gemini/tmp/project/chats/session-2026-11-21T10-03-b3f6f5f2.jsonl";
    check(path, &[head, said, did], true);
}

#[test]
fn openclaw_keeps_them_in_blocks() {
    let id = "180a9ce6-3df3-4114-90de-f52f7a0b5b04";
    let line = |number: u32, message: String| {
        format!(
            r#"{{"type":"message","id":"0000000{number}","parentId":null,"timestamp":"2026-11-21T09:40:0{number}.000Z","message":{message}}}"#
        )
    };
    let image =
        |data: &str| format!(r#"{{"type":"image","data":"{data}","mimeType":"image/png"}}"#);
    let lines = [
        format!(r#"{{"type":"session","version":3,"id":"{id}","timestamp":"2026-11-21T09:40:00.000Z","cwd":"/p/app"}}"#),
        line(1, format!(r#"{{"role":"user","content":[{{"type":"text","text":"Look"}},{}],"timestamp":1795254001000}}"#, image(GIF))),
        line(2, r#"{"role":"assistant","content":[{"type":"toolCall","id":"t1","name":"browser","arguments":{}}],"provider":"mock","model":"mock-large","stopReason":"toolUse","usage":{"input":1,"output":1},"timestamp":1795254002000}"#.to_owned()),
        line(3, format!(r#"{{"role":"toolResult","toolCallId":"t1","toolName":"browser","content":[{},{}],"isError":false,"timestamp":1795254003000}}"#, image(GIF), image(SVG))),
    ];
    check(
        &format!(".openclaw/agents/main/sessions/{id}.jsonl"),
        &lines,
        true,
    );
}
