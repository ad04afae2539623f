//! Claude Code's telemetry. Names and attributes were recorded from the client 2.1.329.

use super::reader::{Call, Reader, stamp};
use super::record::{Log, Point};
use super::value::Attributes;
use crate::model::{
    AgentKind, CounterKind, DedupKey, EventKind, EventStatus, FactKey, NanoUsd, PriceMode,
    Relation, SessionIndex, SessionKey, Stamped, Timestamp, Usage, latest,
};
use crate::session::Signal;
use crate::source::claude_code::identity::{self, tool_fact};

/// Requests that fill the window of the main conversation, by `query_source`.
const MAIN_QUERIES: [&str; 2] = ["sdk", "repl_main_thread"];

/// What the client writes where the user did not allow texts.
const REDACTED: &str = "<REDACTED>";

pub(super) fn log(
    reader: &mut Reader<'_>,
    resource: &Attributes<'_>,
    log: &Log<'_>,
    name: &str,
    at: Timestamp,
) {
    let attributes = &log.attributes;
    let Some(id) = attributes
        .text("session.id")
        .or(resource.text("session.id"))
    else {
        return;
    };
    let main = SessionKey::new(AgentKind::ClaudeCode, id);
    let session = match attributes
        .text("agent_id")
        .filter(|_| name != "subagent_completed")
    {
        Some(agent) => {
            let native_id = format!("{id}/{agent}");
            let session = reader.session(AgentKind::ClaudeCode, &native_id, at);
            let patch = reader.out.patch(session);
            patch.propose_parent(Some((main, Relation::Within)));
            stamp(&mut patch.role, at, attributes.text("agent.name"));
            session
        }
        None => reader.session(AgentKind::ClaudeCode, id, at),
    };
    stamp(
        &mut reader.out.patch(session).version,
        at,
        resource.text("service.version"),
    );
    let key = |what: &str, id: &str| format!("claude/{what}/{id}");
    // Told by its place among the events of its process where it has no id of its own.
    let place = || {
        let sequence = attributes.count("event.sequence").unwrap_or_default();
        format!("{id}/{}/{sequence}", at.0)
    };
    match name {
        "user_prompt" => {
            let prompt = attributes.text("prompt").filter(|text| *text != REDACTED);
            let turn = attributes.text("prompt.id");
            let other = turn
                .zip(prompt)
                .map(|(turn, text)| identity::prompt(id, turn, text));
            // The line of the transcript that the prompt became; clients before 2.1 do not tell.
            let line = attributes.text("message.uuid");
            let (id, alias) = match (line, other) {
                (Some(uuid), other) => (identity::line_part(uuid, 0), other),
                (None, Some(other)) => (other, None),
                (None, None) => {
                    let turn = turn.map_or_else(place, str::to_owned);
                    (key("prompt", &turn).into(), None)
                }
            };
            reader.prompt(session, at, prompt, id.into());
            reader.also(alias);
        }
        "api_request" => request(reader, session, attributes, at, place),
        "api_error" => {
            let class = attributes.first_text(&["status_code", "error"]);
            let class = attributes.count("status_code").map_or_else(
                || class.unwrap_or("api_error").into(),
                |code| code.to_string(),
            );
            let message = attributes.text("error");
            // Requests beside the conversation fail without ending its turn.
            let turn = attributes
                .text("prompt.id")
                .filter(|_| is_main(attributes) || attributes.text("agent_id").is_some());
            let told = turn.map_or_else(
                || key("error", &place()),
                |turn| identity::failure(id, attributes.text("agent_id"), turn).into(),
            );
            reader.failure(session, at, told, message.unwrap_or(&class));
            reader.say(
                session,
                at,
                Signal::TurnFailed {
                    class: class.as_str().into(),
                    message: message.map(Into::into),
                },
            );
        }
        "api_refusal" => {
            let text = "the model refused";
            reader.tell(
                session,
                at,
                EventKind::Notice,
                key("refusal", &place()),
                text,
            );
            reader.active(session, at);
        }
        "tool_decision" => {
            let request = attributes.text("tool_use_id").map(Into::into);
            reader.say(session, at, Signal::InputGiven { request });
            if attributes.text("decision") == Some("reject") {
                finished(reader, session, attributes, at);
            }
        }
        "tool_result" => {
            tool_result(reader, session, id, attributes, at, place);
            finished(reader, session, attributes, at);
        }
        "subagent_completed" => {
            if let Some(agent) = attributes.text("agent_id") {
                reader.say(session, at, Signal::SubagentFinished { id: agent.into() });
            }
        }
        "compaction" => {
            let tokens = |name| attributes.count(name).unwrap_or_default();
            let text = format!(
                "{} to {} tokens",
                tokens("pre_tokens"),
                tokens("post_tokens")
            );
            reader.tell(
                session,
                at,
                EventKind::Compaction,
                key("compaction", &place()),
                &text,
            );
            reader.say(session, at, Signal::Compacted);
        }
        "assistant_response"
        | "api_retries_exhausted"
        | "permission_mode_changed"
        | "hook_execution_start"
        | "hook_execution_complete"
        | "skill_activated"
        | "mcp_server_connection" => reader.active(session, at),
        // What the client sets up, or does for itself.
        "hook_registered" | "plugin_loaded" | "managed_settings_resolved" | "retention_sweep" => {}
        unknown => reader.unknown(&format!("claude_code.{unknown}")),
    }
}

fn request(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    attributes: &Attributes<'_>,
    at: Timestamp,
    place: impl Fn() -> String,
) {
    let count = |name| attributes.count(name).unwrap_or_default();
    let hour = count("cache_creation_1h_tokens");
    let usage = Usage {
        input: count("input_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_creation_5m: attributes
            .count("cache_creation_5m_tokens")
            .unwrap_or_else(|| count("cache_creation_tokens").saturating_sub(hour)),
        cache_creation_1h: hour,
        output: count("output_tokens"),
        reasoning: 0,
    };
    let micros = attributes.count("cost_usd_micros");
    let reported = match micros.and_then(|micros| i64::try_from(micros).ok()?.checked_mul(1000)) {
        Some(nanos) => Some(NanoUsd(nanos)),
        None => attributes
            .number("cost_usd")
            .and_then(NanoUsd::from_dollars),
    };
    let fact = match attributes.text("request_id") {
        Some(request) => request_key(request),
        None => FactKey::new("claude.otlp", &[place().as_bytes()]),
    };
    let mode = match attributes.text("speed") {
        Some("fast") => PriceMode::Fast,
        _ => PriceMode::Standard,
    };
    let call = Call {
        fact,
        at,
        model: attributes.text("model").unwrap_or_default(),
        usage,
        mode,
        reported,
        duration_ms: attributes.count("duration_ms"),
    };
    reader.call(session, &call);
    if is_main(attributes) {
        let value = (usage.prompt().saturating_add(usage.output), None);
        let context = Some(Stamped { at, value });
        latest(&mut reader.out.patch(session).context, context);
    }
}

/// Whether a request was one of the main conversation.
fn is_main(attributes: &Attributes<'_>) -> bool {
    let source = attributes.text("query_source").unwrap_or_default();
    MAIN_QUERIES.contains(&source)
}

fn tool_result(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    native_id: &str,
    attributes: &Attributes<'_>,
    at: Timestamp,
    place: impl Fn() -> String,
) {
    let id = attributes.text("tool_use_id");
    let text = attributes
        .first_text(&["error", "error_type"])
        .unwrap_or_default();
    let key = match id {
        Some(_) => String::new(),
        None => format!("claude/tool_result@{}", place()),
    };
    let event = reader.tell(session, at, EventKind::ToolResult, key, text);
    if let Some(id) = id {
        event.key = identity::tool_event(event.kind, native_id, id, DedupKey::TELEMETRY);
        event.call = Some(tool_fact(id));
    }
    event.tool = attributes.text("tool_name").map(Into::into);
    event.duration_ms = attributes.count("duration_ms");
    if attributes.flag("success") == Some(false) {
        event.status = EventStatus::Error;
    }
}

fn finished(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    attributes: &Attributes<'_>,
    at: Timestamp,
) {
    match attributes.text("tool_use_id") {
        Some(call) => reader.say(session, at, Signal::ToolFinished { call: call.into() }),
        None => reader.active(session, at),
    }
}

/// The name of a call that the provider's request id gives; transcripts know it beside the message's.
pub(in crate::source) fn request_key(request: &str) -> FactKey {
    FactKey::new("anthropic.request", &[request.as_bytes()])
}

pub(super) fn point(reader: &mut Reader<'_>, point: &Point<'_>) {
    let attributes = &point.attributes;
    let kind = match (point.metric, attributes.text("type").unwrap_or_default()) {
        ("claude_code.token.usage", "input") => CounterKind::Input,
        ("claude_code.token.usage", "output") => CounterKind::Output,
        ("claude_code.token.usage", "cacheRead") => CounterKind::CacheRead,
        ("claude_code.token.usage", "cacheCreation") => CounterKind::CacheCreation,
        ("claude_code.cost.usage", _) => CounterKind::Cost,
        ("claude_code.lines_of_code.count", "added") => CounterKind::LinesAdded,
        ("claude_code.lines_of_code.count", "removed") => CounterKind::LinesRemoved,
        _ => return,
    };
    let Some(id) = attributes.text("session.id") else {
        return;
    };
    let at = reader.plausible(super::record::time(point.at));
    let session = reader.session(AgentKind::ClaudeCode, id, at);
    let model = attributes.text("model").unwrap_or_default().to_owned();
    reader.count(session, kind, &model, point);
}
