//! Rollout records as events for timelines and search.
//!
//! Of the two forms in which clients write most things, the one is taken that all versions share and a migration keeps:
//! `response_item` for answers, thoughts and tools, the user's own message event for prompts (a `message` of role
//! `user` may come from the client). An event's key is made of the thread, the kind, the time and the text, not of its
//! place, so that moving, compressing or migrating a file delivers the same events again.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::patch;
use super::record::{CompletedItem, PatchApplied, Plan, RustDuration, ToolCall, ToolOutput};
use super::text::{Parts, part};
use super::thread::ThreadId;
use crate::model::{
    Batch, DedupKey, Event, EventKind, EventStatus, FactKey, SessionIndex, Timestamp,
};
use crate::source::image::marked;

/// How many lines a tool's output may have before the word `Output:`.
const MAX_HEADER_LINES: usize = 8;

/// The identity of a tool call: its use and its result, whatever source saw them.
pub(in crate::source) fn tool_key(thread: &str, call: &str) -> FactKey {
    FactKey::new("codex.tool", &[thread.as_bytes(), call.as_bytes()])
}

/// The name of an event of a tool call, whatever source tells of it.
pub(in crate::source) fn tool_event(thread: &str, kind: EventKind, call: &str) -> String {
    format!("codex:{thread}:{}:{call}", kind.as_str())
}

/// The name by which telemetry knows a prompt: it tells neither the turn nor, mostly, the words, but how many characters
/// they are (`prompt_length`). Prompts of one length within a minute of each other are one there.
pub(in crate::source) fn prompt_event(thread: &str, length: usize, at: Timestamp) -> String {
    format!("codex/prompt/{thread}/{length}/{}", at.0.div_euclid(60_000))
}

/// Writes the events of one line.
#[derive(Debug)]
pub(super) struct Timeline<'a> {
    pub(super) thread: &'a ThreadId,
    pub(super) session: SessionIndex,
    pub(super) at: Timestamp,
    pub(super) out: &'a mut Batch,
}

impl Timeline<'_> {
    fn event(&self, kind: EventKind, text: &str) -> Event {
        let at = self.at.0.to_le_bytes();
        let id = FactKey::new("codex.event", &[&at, text.as_bytes()]);
        let (text, truncated) = Event::clip(text);
        Event {
            key: self.key(&format!("{}:{:x}", kind.as_str(), id.0)),
            at: self.at,
            session: self.session,
            kind,
            status: EventStatus::Success,
            tool: None,
            call: None,
            model_call: None,
            duration_ms: None,
            text,
            truncated,
        }
    }

    fn key(&self, rest: &str) -> DedupKey {
        DedupKey::Id(format!("codex:{}:{rest}", self.thread.as_str()).into())
    }

    /// An event that is its text.
    pub(super) fn say(&mut self, kind: EventKind, text: &str) {
        if !text.trim().is_empty() {
            let event = self.event(kind, text);
            self.out.events.push(event);
        }
    }

    /// What the user asked, and how many images are beside it.
    pub(super) fn prompt(&mut self, text: &str, images: usize) {
        if text.trim().is_empty() && images == 0 {
            return;
        }
        let mut event = self.event(EventKind::UserPrompt, text);
        if let DedupKey::Id(id) = event.key {
            let alias = prompt_event(self.thread.as_str(), text.chars().count(), self.at);
            event.key = DedupKey::Shared {
                id,
                alias: Some(alias.into()),
                credit: 0,
            };
        }
        // Terminals name images in the text itself.
        if !text.contains("[Image #") && !event.truncated {
            event.text = marked(text.to_owned(), images).into();
        }
        self.out.events.push(event);
    }

    /// An event that may have no text.
    pub(super) fn mark(&mut self, kind: EventKind, status: EventStatus, text: &str) {
        let event = Event {
            status,
            ..self.event(kind, text)
        };
        self.out.events.push(event);
    }

    /// An event of a tool call.
    pub(super) fn tool(
        &mut self,
        kind: EventKind,
        call: &str,
        tool: Option<&str>,
        text: &str,
    ) -> &mut Event {
        let event = Event {
            key: DedupKey::Shared {
                id: tool_event(self.thread.as_str(), kind, call).into(),
                alias: None,
                credit: 0,
            },
            tool: tool.map(Into::into),
            call: Some(tool_key(self.thread.as_str(), call)),
            ..self.event(kind, text)
        };
        self.out.events.push(event);
        let last = self.out.events.len() - 1;
        &mut self.out.events[last]
    }

    pub(super) fn tool_called(&mut self, call: &ToolCall<'_>) {
        let Some(id) = call.call_id.name().or(call.id.name()) else {
            return;
        };
        let name = call.name.name().or(call.kind.name());
        let arguments = call.arguments.get().unwrap_or_default();
        if let Some(plan) = plan(call) {
            let steps: Vec<String> = plan
                .plan
                .iter()
                .map(|step| format!("[{}] {}", step.status, step.step))
                .collect();
            self.tool(EventKind::PlanStep, id, name, &steps.join("\n"));
            return;
        }
        let command = || serde_json::from_str::<Command>(arguments).ok()?.text();
        let text = match (call.input.get(), call.action) {
            (Some(input), _) => input.to_owned(),
            (None, Some(action)) => part(Some(action))
                .and_then(|action: Action| action.text())
                .unwrap_or_else(|| action.get().to_owned()),
            (None, None) => command().unwrap_or_else(|| arguments.to_owned()),
        };
        self.tool(EventKind::ToolUse, id, name, &text);
    }

    pub(super) fn tool_returned(&mut self, output: &ToolOutput<'_>) {
        if let Some(call) = output.call_id.name() {
            self.result(call, output.output);
        }
    }

    /// What a tool gave back.
    pub(super) fn result(&mut self, call: &str, output: Option<&RawValue>) {
        let result = ToolResult::of(output);
        let event = self.tool(EventKind::ToolResult, call, None, &result.text);
        event.duration_ms = result.duration_ms;
        if result.failed {
            event.status = EventStatus::Error;
        }
    }

    /// Commands that code mode runs inside its `exec` call, and changed files. Other items are response items too.
    pub(super) fn item(&mut self, item: &CompletedItem<'_>) {
        let Some(id) = item.id.name() else { return };
        match item.kind.get() {
            Some("CommandExecution") if id.starts_with("exec-") => {
                let command: Option<Argv> = part(item.command);
                let text = command.map(Argv::text).unwrap_or_default();
                self.tool(EventKind::ToolUse, id, Some("exec_command"), &text);
                let output = item.aggregated_output.get().unwrap_or_default();
                let exit: Option<i64> = part(item.exit_code);
                let event = self.tool(EventKind::ToolResult, id, Some("exec_command"), output);
                event.duration_ms = part(item.duration).map(|took: RustDuration| took.millis());
                if exit.is_some_and(|exit| exit != 0) {
                    event.status = EventStatus::Error;
                }
            }
            Some("FileChange") => {
                let is_done = item.status.get().is_none_or(|status| status == "completed");
                self.files_changed(id, item.changes, is_done);
            }
            _ => {}
        }
    }

    pub(super) fn patch_applied(&mut self, patch: &PatchApplied<'_>) {
        if let Some(call) = patch.call_id.name() {
            let status = patch.status.get();
            let is_done = status.is_none_or(|status| status == "completed");
            let succeeded = part::<bool>(patch.success) != Some(false);
            self.files_changed(call, patch.changes, is_done && succeeded);
        }
    }

    fn files_changed(&mut self, call: &str, changes: Option<&RawValue>, is_done: bool) {
        let Some(files) = patch::lines(changes) else {
            return;
        };
        let event = self.tool(EventKind::FileChange, call, Some("apply_patch"), &files);
        if !is_done {
            event.status = EventStatus::Error;
        }
    }
}

/// The plan that a call of `update_plan` states.
pub(super) fn plan(call: &ToolCall<'_>) -> Option<Plan> {
    if call.name.get() != Some("update_plan") {
        return None;
    }
    serde_json::from_str(call.arguments.get()?).ok()
}

/// The arguments of the shell tools of all versions.
#[derive(Deserialize)]
struct Command {
    cmd: Option<Argv>,
    command: Option<Argv>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Argv {
    Line(String),
    Words(Vec<String>),
}

impl Argv {
    /// The command as a person would type it, without the shell around it.
    fn text(self) -> String {
        match self {
            Self::Line(line) => line,
            Self::Words(mut words) => {
                let wrapped = words.len() == 3 && matches!(&*words[1], "-lc" | "-c");
                if wrapped {
                    words.swap_remove(2)
                } else {
                    words.join(" ")
                }
            }
        }
    }
}

impl Command {
    fn text(self) -> Option<String> {
        self.cmd.or(self.command).map(Argv::text)
    }
}

/// What a hosted tool or a local shell call does.
#[derive(Deserialize)]
struct Action {
    query: Option<String>,
    url: Option<String>,
    command: Option<Argv>,
}

impl Action {
    fn text(self) -> Option<String> {
        self.query
            .or(self.url)
            .or_else(|| self.command.map(Argv::text))
    }
}

/// What a tool answered, without the header that clients put before it.
#[derive(Debug, PartialEq, Eq)]
struct ToolResult {
    text: String,
    failed: bool,
    duration_ms: Option<u64>,
}

impl ToolResult {
    /// Reads the three forms: JSON with `metadata` (until 2025), a header and `Output:` (since), and parts of text.
    fn of(output: Option<&RawValue>) -> Self {
        #[derive(Deserialize)]
        struct WithMetadata {
            output: String,
            metadata: Metadata,
        }
        #[derive(Deserialize)]
        struct Metadata {
            exit_code: Option<i64>,
            duration_seconds: Option<f64>,
        }
        let text = Parts::with_images(output);
        if text.starts_with('{')
            && let Ok(old) = serde_json::from_str::<WithMetadata>(&text)
        {
            return Self {
                text: old.output,
                failed: old.metadata.exit_code.is_some_and(|code| code != 0),
                duration_ms: old.metadata.duration_seconds.and_then(millis),
            };
        }
        Self::with_header(text)
    }

    fn with_header(text: String) -> Self {
        let mut failed = text.starts_with("aborted by user");
        let mut duration_ms = None;
        let mut offset = 0;
        for line in text.split_inclusive('\n').take(MAX_HEADER_LINES) {
            offset += line.len();
            let line = line.trim_end();
            if let Some(code) = line
                .strip_prefix("Process exited with code ")
                .or(line.strip_prefix("Exit code: "))
            {
                failed |= code != "0";
            } else if let Some(rest) = line.strip_prefix("Wall time") {
                let seconds = rest.trim_start_matches([':', ' ']).split(' ').next();
                duration_ms = seconds.and_then(|s| s.parse().ok()).and_then(millis);
            } else if line == "Script failed" || line == "aborted by user" {
                failed = true;
            } else if line == "Output:" {
                let text = text[offset..].to_owned();
                return Self {
                    text,
                    failed,
                    duration_ms,
                };
            }
        }
        // Without `Output:` it is no header; but an abort has none.
        let aborted = duration_ms.is_some() && failed;
        Self {
            failed,
            duration_ms: duration_ms.filter(|_| aborted),
            text,
        }
    }
}

fn millis(seconds: f64) -> Option<u64> {
    (seconds.is_finite() && (0.0..1e12).contains(&seconds)).then_some((seconds * 1000.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: &str, text: &str, failed: bool, duration_ms: Option<u64>) {
        let raw: Box<RawValue> = serde_json::from_str(output).unwrap();
        let expected = ToolResult {
            text: text.to_owned(),
            failed,
            duration_ms,
        };
        assert_eq!(ToolResult::of(Some(&raw)), expected, "{output}");
    }

    #[test]
    fn tool_output_of_all_versions() {
        check(
            r#""{\"output\":\"hello\\n\",\"metadata\":{\"exit_code\":3,\"duration_seconds\":0.25}}""#,
            "hello\n",
            true,
            Some(250),
        );
        check(
            r#""Chunk ID: 1\nWall time: 0.0617 seconds\nProcess exited with code 0\nOriginal token count: 3\nOutput:\nhello\n""#,
            "hello\n",
            false,
            Some(61),
        );
        check(
            r#""Exit code: 1\nWall time: 2 seconds\nOutput:\n""#,
            "",
            true,
            Some(2000),
        );
        check(
            r#"[{"type":"input_text","text":"Script failed\nWall time 0.2 seconds\nOutput:\n"},{"type":"input_text","text":"no"}]"#,
            "no",
            true,
            Some(200),
        );
        check(
            r#""Wall time: 1.5 seconds\naborted by user""#,
            "Wall time: 1.5 seconds\naborted by user",
            true,
            Some(1500),
        );
        check(
            r#""aborted by user after 3.9s""#,
            "aborted by user after 3.9s",
            true,
            None,
        );
        check(r#""Plan updated""#, "Plan updated", false, None);
        check(r#"{"content":"ok","success":true}"#, "ok", false, None);
        check("null", "", false, None);
    }
}
