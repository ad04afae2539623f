//! Codex' telemetry: only its logs name the session. Names and attributes were recorded from clients 0.45 to 0.169.

use super::reader::{Call, Reader, figures, inclusive, stamp};
use super::record::Log;
use super::value::Attributes;
use crate::model::{AgentKind, EventKind, EventStatus, PriceMode, SessionIndex, Timestamp, Usage};
use crate::session::Signal;
use crate::source::codex::{prompt_event, tool_event, tool_key};

/// What the client writes where the user did not allow texts.
const REDACTED: &str = "[REDACTED]";

pub(super) fn log(
    reader: &mut Reader<'_>,
    resource: &Attributes<'_>,
    log: &Log<'_>,
    name: &str,
    at: Timestamp,
) {
    let attributes = &log.attributes;
    // Without a thread it is the program's own noise.
    let Some(thread) = attributes.text("conversation.id") else {
        return;
    };
    let session = reader.session(AgentKind::Codex, thread, at);
    let version = attributes
        .text("app.version")
        .or(resource.text("service.version"));
    let patch = reader.out.patch(session);
    stamp(&mut patch.version, at, version);
    stamp(&mut patch.entrypoint, at, attributes.text("originator"));
    match name {
        "codex.conversation_starts" => {
            stamp(
                &mut reader.out.patch(session).model,
                at,
                attributes.text("model"),
            );
            let how = "startup".into();
            reader.say(session, at, Signal::SessionStarted { how });
        }
        "codex.user_prompt" => {
            let prompt = attributes.text("prompt").filter(|text| *text != REDACTED);
            let id = match attributes.count("prompt_length") {
                Some(length) => prompt_event(thread, length as usize, at),
                None => format!("codex/{thread}/prompt/{}", at.0),
            };
            reader.prompt(session, at, prompt, id);
        }
        "codex.api_request" => {
            let status = attributes.count("http.response.status_code");
            let error = attributes.text("error.message");
            if error.is_some() || status.is_some_and(|status| status >= 400) {
                let attempt = attributes.count("attempt").unwrap_or_default();
                let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
                reader.say(session, at, Signal::Retrying { attempt, max: None });
            } else {
                reader.active(session, at);
            }
        }
        "codex.sse_event" | "codex.websocket_event" => {
            answer(reader, session, thread, attributes, at)
        }
        "codex.tool_decision" => {
            let request = attributes.text("call_id").map(Into::into);
            reader.say(session, at, Signal::InputGiven { request });
        }
        "codex.tool_result" => tool_result(reader, session, thread, attributes, at),
        "codex.websocket_connect"
        | "codex.websocket_request"
        | "codex.agent_communication"
        | "codex.turn_ttft"
        | "codex.turn_cost" => reader.active(session, at),
        "codex.startup_phase" | "" => {}
        unknown => reader.unknown(unknown),
    }
}

/// A piece of an answer. The one that completes it comes twice; only one of the two has counts.
fn answer(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    thread: &str,
    attributes: &Attributes<'_>,
    at: Timestamp,
) {
    let count = |name| attributes.count(name).unwrap_or_default();
    let Some(input) = attributes.count("input_token_count") else {
        return reader.active(session, at);
    };
    let usage = inclusive(
        input,
        count("cached_token_count"),
        count("cache_write_token_count"),
        count("output_token_count"),
        count("reasoning_token_count"),
    );
    // The connection is warmed up with an empty request.
    if usage.is_zero() {
        return;
    }
    let call = Call {
        fact: usage_key(thread, &usage),
        at,
        model: attributes
            .first_text(&["model", "slug"])
            .unwrap_or_default(),
        usage,
        mode: PriceMode::Standard,
        reported: None,
        duration_ms: attributes.count("duration_ms"),
    };
    reader.call(session, &call);
}

/// The name of a call by its thread and figures: telemetry does not tell the response's id, and the context of a
/// thread grows with every call.
pub(in crate::source) fn usage_key(thread: &str, usage: &Usage) -> crate::model::FactKey {
    figures("codex.usage", thread, usage)
}

fn tool_result(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    thread: &str,
    attributes: &Attributes<'_>,
    at: Timestamp,
) {
    let Some(call) = attributes.text("call_id") else {
        return reader.active(session, at);
    };
    let key = tool_event(thread, EventKind::ToolResult, call);
    let text = attributes.text("output").unwrap_or_default();
    let event = reader.tell(session, at, EventKind::ToolResult, key, text);
    event.tool = attributes.text("tool_name").map(Into::into);
    event.call = Some(tool_key(thread, call));
    event.duration_ms = attributes.count("duration_ms");
    if attributes.flag("success") == Some(false) {
        event.status = EventStatus::Error;
    }
    reader.say(session, at, Signal::ToolFinished { call: call.into() });
}
