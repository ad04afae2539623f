//! What a rollout line is, told from its first bytes.
//!
//! Nine tenths of a rollout are tool output, encrypted reasoning and instructions that accounting does not need. A line
//! as the client writes it begins `{"timestamp":"...","ordinal":n,"type":"event_msg","payload":{"type":"token_count"`,
//! so the answer is anchored at the line's start and text that merely quotes a rollout cannot fool it. A line of any
//! other shape (other key order, white space, the bare lines of 2025) is parsed as a whole instead.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::text::Text;
use crate::model::{ProblemKind, Timestamp};
use crate::source::fields::near_quote;

/// Longest timestamp, name or id that is looked for at the start of a line.
const MAX_WORD: usize = 80;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    SessionMeta,
    TurnContext,
    UsageRecord,
    Compacted,
    TokenCount,
    TaskStarted,
    TaskComplete,
    TurnAborted,
    SettingsApplied,
    UserMessage,
    AgentMessage,
    AgentReasoning,
    ItemCompleted,
    Error,
    PatchApplied,
    ThreadNamed,
    /// A child agent began or ended, as clients before `item_completed` say it.
    SubagentEvent,
    /// A message of the conversation: user, developer or assistant.
    Message,
    /// A message from agent to agent.
    MailMessage,
    Reasoning,
    ToolCall,
    /// The tool call that changes the plan.
    PlanCall,
    ToolOutput,
    /// A tool that the provider runs itself; one line for call and result.
    HostedToolCall,
    /// Known, and of no use here.
    Ignored,
    Unknown,
}

impl Kind {
    /// Whether only the timeline and evidence need it: accounting does not parse it, except for a title.
    pub(super) fn is_content(self) -> bool {
        matches!(
            self,
            Self::UserMessage
                | Self::AgentMessage
                | Self::AgentReasoning
                | Self::ItemCompleted
                | Self::Compacted
                | Self::PatchApplied
                | Self::SubagentEvent
                | Self::Message
                | Self::MailMessage
                | Self::Reasoning
                | Self::ToolCall
                | Self::ToolOutput
                | Self::HostedToolCall
        )
    }
}

/// The start of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// When the line was written.
    pub(super) at: Option<Timestamp>,
    pub(super) kind: Kind,
    /// Whether the record is the line itself instead of its `payload` (clients of 2025).
    pub(super) bare: bool,
}

/// Tells what a line is. An error is the problem to report; the line is skipped.
pub(super) fn read(line: &[u8]) -> Result<Head, (ProblemKind, String)> {
    if line.last() != Some(&b'}') {
        return Err((ProblemKind::Malformed, "unfinished line".to_owned()));
    }
    let head = match canonical(line) {
        Some(head) => head,
        None => whole(line)?,
    };
    Ok(head)
}

/// Reads the exact shape that the client writes.
fn canonical(line: &[u8]) -> Option<Head> {
    let rest = line.strip_prefix(br#"{"timestamp":""#)?;
    let (stamp, rest) = word(rest)?;
    let mut rest = rest.strip_prefix(b",")?;
    if let Some(ordinal) = rest.strip_prefix(br#""ordinal":"#) {
        let digits = ordinal.iter().take_while(|b| b.is_ascii_digit()).count();
        rest = ordinal[digits..].strip_prefix(b",")?;
    }
    let (outer, rest) = word(rest.strip_prefix(br#""type":""#)?)?;
    let rest = rest.strip_prefix(br#","payload":{"#)?;
    let kind = match outer {
        b"event_msg" => event(word(rest.strip_prefix(br#""type":""#)?)?.0),
        b"response_item" => {
            let (inner, rest) = word(rest.strip_prefix(br#""type":""#)?)?;
            item(inner, || Some(name(rest)? == b"update_plan"))
        }
        other => outer_kind(other),
    };
    // An unknown name is worth the full parse: it is reported.
    if kind == Kind::Unknown {
        return None;
    }
    let at = std::str::from_utf8(stamp).ok().and_then(Timestamp::parse);
    Some(Head {
        at,
        kind,
        bare: false,
    })
}

/// The value of `name` among the strings that follow; `None` where something else comes first.
fn name(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (key, value) = word(rest.strip_prefix(br#",""#)?)?;
        let (value, after) = word(value.strip_prefix(br#":""#)?)?;
        if key == b"name" {
            return Some(value);
        }
        rest = after;
    }
}

/// The text up to the next quote, and what follows the quote.
fn word(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = near_quote(bytes, MAX_WORD)?;
    (bytes[end] == b'"').then(|| (&bytes[..end], &bytes[end + 1..]))
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default, borrow)]
    timestamp: Text<'a>,
    #[serde(default, borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(default, borrow)]
    payload: Option<&'a RawValue>,
    #[serde(default, borrow)]
    id: Text<'a>,
    #[serde(default, borrow)]
    name: Text<'a>,
    #[serde(default, borrow)]
    record_type: Text<'a>,
}

#[derive(Deserialize)]
struct Inner<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(default, borrow)]
    name: Text<'a>,
}

/// Reads a line of any shape.
fn whole(line: &[u8]) -> Result<Head, (ProblemKind, String)> {
    let malformed = |error: serde_json::Error| match error.classify() {
        serde_json::error::Category::Data => (ProblemKind::BadField, "line".to_owned()),
        _ => (ProblemKind::Malformed, "line".to_owned()),
    };
    let envelope: Envelope<'_> = serde_json::from_slice(line).map_err(malformed)?;
    let outer = envelope.kind.get().unwrap_or_default();
    let is_plan = |name: &Text<'_>| Some(name.get() == Some("update_plan"));
    let (kind, inner) = match envelope.payload {
        Some(payload) if outer == "event_msg" || outer == "response_item" => {
            let inner: Inner<'_> = serde_json::from_str(payload.get()).map_err(malformed)?;
            let name = inner.kind.get().unwrap_or_default();
            let kind = if outer == "event_msg" {
                event(name.as_bytes())
            } else {
                item(name.as_bytes(), || is_plan(&inner.name))
            };
            (kind, name.to_owned())
        }
        Some(_) => (outer_kind(outer.as_bytes()), String::new()),
        None if envelope.record_type.get().is_some() => (Kind::Ignored, String::new()),
        None if outer.is_empty()
            && envelope.id.get().is_some()
            && envelope.timestamp.get().is_some() =>
        {
            (Kind::SessionMeta, String::new())
        }
        None => (
            item(outer.as_bytes(), || is_plan(&envelope.name)),
            String::new(),
        ),
    };
    if kind == Kind::Unknown {
        return Err((ProblemKind::UnknownType, type_name(outer, &inner)));
    }
    Ok(Head {
        at: envelope.timestamp.get().and_then(Timestamp::parse),
        kind,
        bare: envelope.payload.is_none(),
    })
}

/// A type's name for a report: names are identifiers, so anything else is content and is not shown.
fn type_name(outer: &str, inner: &str) -> String {
    let clean = |name: &str| -> String {
        let identifier = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
        if name.len() <= MAX_WORD && name.chars().all(identifier) {
            name.to_owned()
        } else {
            "?".to_owned()
        }
    };
    match (clean(outer), clean(inner)) {
        (outer, _) if outer.is_empty() => "untyped line".to_owned(),
        (outer, inner) if inner.is_empty() => outer,
        (outer, inner) => format!("{outer}:{inner}"),
    }
}

fn outer_kind(name: &[u8]) -> Kind {
    match name {
        b"session_meta" => Kind::SessionMeta,
        b"turn_context" => Kind::TurnContext,
        b"token_usage_record" => Kind::UsageRecord,
        b"compacted" => Kind::Compacted,
        b"world_state"
        | b"inter_agent_communication_metadata"
        | b"dynamic_tools_updated"
        | b"security_risk_score"
        | b"realtime_item"
        | b"retained_context" => Kind::Ignored,
        _ => Kind::Unknown,
    }
}

fn event(name: &[u8]) -> Kind {
    match name {
        b"token_count" => Kind::TokenCount,
        b"task_started" | b"turn_started" => Kind::TaskStarted,
        b"task_complete" | b"turn_complete" => Kind::TaskComplete,
        b"turn_aborted" => Kind::TurnAborted,
        b"thread_settings_applied" => Kind::SettingsApplied,
        b"user_message" => Kind::UserMessage,
        b"agent_message" => Kind::AgentMessage,
        b"agent_reasoning" | b"agent_reasoning_raw_content" => Kind::AgentReasoning,
        b"item_completed" => Kind::ItemCompleted,
        b"error" => Kind::Error,
        b"patch_apply_end" => Kind::PatchApplied,
        b"thread_name_updated" => Kind::ThreadNamed,
        b"collab_agent_spawn_end" | b"collab_close_end" | b"sub_agent_activity" => {
            Kind::SubagentEvent
        }
        // Their calls and outputs are response items too.
        b"exec_command_begin"
        | b"exec_command_end"
        | b"patch_apply_begin"
        | b"mcp_tool_call_begin"
        | b"mcp_tool_call_end"
        | b"web_search_begin"
        | b"web_search_end"
        | b"image_generation_begin"
        | b"image_generation_end"
        | b"view_image_tool_call"
        | b"dynamic_tool_call_request"
        | b"dynamic_tool_call_response"
        | b"collab_agent_spawn_begin"
        | b"collab_agent_interaction_begin"
        | b"collab_agent_interaction_end"
        | b"collab_waiting_begin"
        | b"collab_waiting_end"
        | b"collab_close_begin"
        | b"collab_resume_begin"
        | b"collab_resume_end"
        // Said better by `compacted`, `turn_context` and `task_complete`.
        | b"context_compacted"
        | b"entered_review_mode"
        | b"exited_review_mode"
        | b"guardian_assessment"
        | b"thread_goal_updated"
        | b"thread_rolled_back"
        | b"undo_completed"
        | b"plan_update"
        | b"warning"
        | b"background_event"
        | b"stream_error"
        | b"item_started"
        | b"shutdown_complete" => Kind::Ignored,
        _ => Kind::Unknown,
    }
}

fn item(name: &[u8], is_plan: impl FnOnce() -> Option<bool>) -> Kind {
    match name {
        b"message" => Kind::Message,
        b"agent_message" => Kind::MailMessage,
        b"reasoning" => Kind::Reasoning,
        // A name that does not stand at the start may be that of the plan: the parse will tell.
        b"function_call" if is_plan().unwrap_or(true) => Kind::PlanCall,
        b"function_call" | b"custom_tool_call" | b"local_shell_call" => Kind::ToolCall,
        b"function_call_output" | b"custom_tool_call_output" => Kind::ToolOutput,
        b"web_search_call" | b"image_generation_call" | b"tool_search_call" => Kind::HostedToolCall,
        b"additional_tools"
        | b"ghost_snapshot"
        | b"compaction"
        | b"compaction_summary"
        | b"compaction_trigger"
        | b"context_compaction"
        | b"tool_search_output"
        | b"other" => Kind::Ignored,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, kind: Kind, at: Option<&str>) {
        let head = read(line.as_bytes()).unwrap_or_else(|problem| panic!("{line}: {problem:?}"));
        assert_eq!(
            (head.kind, head.at),
            (kind, at.and_then(Timestamp::parse)),
            "{line}"
        );
    }

    const AT: Option<&str> = Some("2026-11-21T09:28:50.950Z");

    #[test]
    fn lines_as_the_client_writes_them() {
        let of = |rest: &str| format!(r#"{{"timestamp":"2026-11-21T09:28:50.950Z",{rest}}}"#);
        for (rest, kind) in [
            (
                r#""type":"event_msg","payload":{"type":"token_count","info":null}"#,
                Kind::TokenCount,
            ),
            (
                r#""ordinal":12,"type":"token_usage_record","payload":{}"#,
                Kind::UsageRecord,
            ),
            (
                r#""ordinal":12,"type":"response_item","payload":{"type":"function_call","id":"a","name":"update_plan"}"#,
                Kind::PlanCall,
            ),
            (
                r#""type":"response_item","payload":{"type":"function_call","name":"shell","arguments":"\"name\":\"update_plan\""}"#,
                Kind::ToolCall,
            ),
            (r#""type":"world_state","payload":{}"#, Kind::Ignored),
        ] {
            check(&of(rest), kind, AT);
        }
    }

    #[test]
    fn any_key_order_white_space_and_the_bare_lines_of_2025() {
        for (line, kind, at) in [
            (
                r#"{"payload":{"info":null,"type":"token_count"},"timestamp":"2026-11-21T09:28:50.950Z","type":"event_msg"}"#,
                Kind::TokenCount,
                AT,
            ),
            (
                r#"{ "type": "turn_context", "timestamp": "2026-11-21T09:28:50.950Z", "payload": {} }"#,
                Kind::TurnContext,
                AT,
            ),
            (
                r#"{"timestamp":"2026-11-21T09:28:50.950Z","type":"event_msg","payload":{"info":null,"type":"token_count"}}"#,
                Kind::TokenCount,
                AT,
            ),
            (r#"{"record_type":"state"}"#, Kind::Ignored, None),
            (
                r#"{"id":"x","timestamp":"2026-11-21T09:28:50.950Z","instructions":null}"#,
                Kind::SessionMeta,
                AT,
            ),
            (
                r#"{"type":"message","role":"user","content":[]}"#,
                Kind::Message,
                None,
            ),
            (
                r#"{"type":"function_call","name":"update_plan","arguments":"{}"}"#,
                Kind::PlanCall,
                None,
            ),
        ] {
            check(line, kind, at);
        }
    }

    #[test]
    fn quoted_rollouts_do_not_fool_it() {
        check(
            r#"{"timestamp":"2026-11-21T09:28:50.950Z","type":"response_item","payload":{"type":"function_call_output","output":"{\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\"}}"}}"#,
            Kind::ToolOutput,
            AT,
        );
        // Here the quoted part even stands first, so the whole line decides.
        check(
            r#"{"payload":{"output":"\",\"type\":\"event_msg\",\"payload\":{\"type\":\"token_count\"","type":"function_call_output"},"type":"response_item"}"#,
            Kind::ToolOutput,
            None,
        );
    }

    #[test]
    fn what_cannot_be_read_is_a_problem_without_content() {
        for (line, kind, detail) in [
            (
                r#"{"timestamp":"x","type":"ev"#,
                ProblemKind::Malformed,
                "unfinished line",
            ),
            ("{nonsense}", ProblemKind::Malformed, "line"),
            (
                r#"{"type":"brand_new","payload":{}}"#,
                ProblemKind::UnknownType,
                "brand_new",
            ),
            (
                r#"{"timestamp":"2026-11-21T09:28:50.950Z","type":"event_msg","payload":{"type":"later"}}"#,
                ProblemKind::UnknownType,
                "event_msg:later",
            ),
            (
                r#"{"type":"my secret text"}"#,
                ProblemKind::UnknownType,
                "?",
            ),
        ] {
            assert_eq!(
                read(line.as_bytes()),
                Err((kind, detail.to_owned())),
                "{line}"
            );
        }
    }
}
