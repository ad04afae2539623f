//! Gemini CLI's telemetry: its logs. The same tokens stand again in `gen_ai.*` events, in spans and in metrics, which
//! are left alone. Names and attributes were recorded from clients 0.20 and 0.61.

use super::reader::{Call, Reader, figures};
use super::record::Log;
use super::value::Attributes;
use crate::model::{
    AgentKind, EventKind, EventStatus, FactKey, PriceMode, SessionIndex, Timestamp, Usage,
};
use crate::session::Signal;

pub(super) fn log(reader: &mut Reader<'_>, log: &Log<'_>, name: &str, at: Timestamp) {
    let attributes = &log.attributes;
    let Some(id) = attributes.text("session.id") else {
        return;
    };
    let Some(name) = name.strip_prefix("gemini_cli.") else {
        return;
    };
    let session = reader.session(AgentKind::Gemini, id, at);
    let key = |what: &str| format!("gemini/{id}/{what}/{}", at.0);
    match name {
        "config" => {
            let how = "startup".into();
            reader.say(session, at, Signal::SessionStarted { how });
        }
        "user_prompt" => {
            let prompt = attributes.text("prompt");
            let key = attributes
                .text("prompt_id")
                .map_or_else(|| key("prompt"), |id| format!("gemini/prompt/{id}"));
            reader.prompt(session, at, prompt, key);
        }
        "api_request" => reader.say(session, at, Signal::ModelActive),
        "api_response" => response(reader, session, id, attributes, at),
        "api_error" => {
            let text = attributes
                .first_text(&["error.message", "error"])
                .unwrap_or_default();
            reader.failure(session, at, key("error"), text);
            reader.say(
                session,
                at,
                Signal::Retrying {
                    attempt: 1,
                    max: None,
                },
            );
        }
        "tool_call" => {
            let text = attributes
                .first_text(&["error", "function_args"])
                .unwrap_or_default();
            let event = reader.tell(session, at, EventKind::ToolUse, key("tool"), text);
            event.tool = attributes.text("function_name").map(Into::into);
            event.duration_ms = attributes.count("duration_ms");
            if attributes.flag("success") == Some(false) {
                event.status = EventStatus::Error;
            }
            reader.say(session, at, Signal::InputGiven { request: None });
        }
        "chat_compression" => {
            reader.tell(session, at, EventKind::Compaction, key("compaction"), "");
            reader.say(session, at, Signal::Compacted);
        }
        "conversation_finished" => {
            reader.say(
                session,
                at,
                Signal::TurnEnded {
                    background: 0,
                    scheduled: None,
                },
            );
        }
        // Tool loops, routers, hooks, agents within, settings: signs of life, and vendors add to them monthly.
        _ => reader.active(session, at),
    }
}

fn response(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    id: &str,
    attributes: &Attributes<'_>,
    at: Timestamp,
) {
    let count = |name| attributes.count(name).unwrap_or_default();
    let usage = usage(&[
        count("input_token_count"),
        count("cached_content_token_count"),
        count("output_token_count"),
        count("thoughts_token_count"),
        count("tool_token_count"),
    ]);
    let model = attributes.text("model").unwrap_or_default();
    let call = Call {
        fact: usage_key(id, model, &usage),
        at,
        model,
        usage,
        mode: PriceMode::Standard,
        reported: None,
        duration_ms: attributes.count("duration_ms"),
    };
    reader.call(session, &call);
}

/// Gemini counts input with what was cached, output without thoughts, and the prompts of tools apart from both.
fn usage([input, cached, output, thoughts, tool]: &[u64; 5]) -> Usage {
    let cached = (*cached).min(*input);
    Usage {
        input: (input - cached).saturating_add(*tool),
        cache_read: cached,
        output: output.saturating_add(*thoughts),
        reasoning: *thoughts,
        ..Usage::default()
    }
}

/// The name of a call by the session that it was made in (a subagent's is its parent's), model and figures: neither chat files nor telemetry tell the response's id.
pub(in crate::source) fn usage_key(session: &str, model: &str, usage: &Usage) -> FactKey {
    figures("gemini.usage", &format!("{session}/{model}"), usage)
}
