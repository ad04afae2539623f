//! Any other sender, by the conventions of OpenTelemetry for generative AI. Old and new names of the attributes are
//! both read.

use super::reader::{Call, Reader, inclusive};
use super::record::{Log, Span};
use super::value::Attributes;
use crate::model::{
    AgentKind, EventKind, EventStatus, FactKey, NanoUsd, PriceMode, SessionIndex, Timestamp, Usage,
    semconv,
};
use crate::session::Signal;

pub(super) fn span(reader: &mut Reader<'_>, resource: &Attributes<'_>, span: &Span<'_>) {
    let attributes = &span.attributes;
    let operation = attributes.text(semconv::OPERATION_NAME).unwrap_or_default();
    let usage = usage(attributes);
    // An agent's span repeats the figures of the calls within.
    let is_call = match operation {
        "" => usage.is_some(),
        name => semconv::MODEL_OPERATIONS.contains(&name),
    };
    let is_tool = operation == semconv::EXECUTE_TOOL;
    let is_agent = operation == semconv::INVOKE_AGENT;
    if !(is_call || is_tool || is_agent) {
        return;
    }
    let Some(id) = session_id(resource, attributes, &span.trace) else {
        return;
    };
    let (start, end) = (
        reader.plausible(span.start.or(span.end)),
        reader.plausible(span.end),
    );
    let session = reader.session(agent(resource, attributes), id, end);
    let took = (end - start).0.max(0) as u64;
    let error = attributes.first_text(&["error.type", "exception.message"]);
    if is_call {
        let usage = usage.unwrap_or_default();
        call(
            reader,
            session,
            attributes,
            (&span.trace, &span.span),
            end,
            usage,
            Some(took),
        );
        if span.failed {
            let key = format!("otlp/error/{}/{}", span.trace, span.span);
            reader.failure(session, end, key, error.unwrap_or_default());
        }
    } else if is_tool {
        let own = format!("{}/{}", span.trace, span.span);
        let id = attributes.text(semconv::TOOL_CALL_ID).unwrap_or(&own);
        let key = format!("otlp/tool/{id}");
        let event = reader.tell(
            session,
            end,
            EventKind::ToolUse,
            key,
            error.unwrap_or_default(),
        );
        event.tool = attributes.text(semconv::TOOL_NAME).map(Into::into);
        event.call = Some(FactKey::new("tool.call", &[id.as_bytes()]));
        event.duration_ms = Some(took);
        if span.failed {
            event.status = EventStatus::Error;
        }
        reader.active(session, end);
    } else {
        reader.say(session, start, Signal::PromptSubmitted);
        reader.say(
            session,
            end,
            Signal::TurnEnded {
                background: 0,
                scheduled: None,
            },
        );
    }
}

pub(super) fn log(
    reader: &mut Reader<'_>,
    resource: &Attributes<'_>,
    log: &Log<'_>,
    at: Timestamp,
) {
    let attributes = &log.attributes;
    let Some(usage) = usage(attributes) else {
        return;
    };
    let Some(id) = session_id(resource, attributes, &log.trace) else {
        return;
    };
    let session = reader.session(agent(resource, attributes), id, at);
    let took = attributes.count("duration_ms");
    call(
        reader,
        session,
        attributes,
        (&log.trace, &log.span),
        at,
        usage,
        took,
    );
}

/// A model call, known by the response's id, else by the span that it ran in, else by its time and figures.
fn call(
    reader: &mut Reader<'_>,
    session: SessionIndex,
    attributes: &Attributes<'_>,
    (trace, span): (&str, &str),
    at: Timestamp,
    usage: Usage,
    duration_ms: Option<u64>,
) {
    let model = attributes
        .first_text(&[semconv::RESPONSE_MODEL, semconv::REQUEST_MODEL, "model"])
        .unwrap_or_default();
    let fact = match attributes.text(semconv::RESPONSE_ID) {
        Some(id) => FactKey::new("gen_ai.response", &[id.as_bytes()]),
        None if !span.is_empty() => FactKey::new("otlp.span", &[trace.as_bytes(), span.as_bytes()]),
        None => {
            let place = format!("{}/{model}/{}/{}", at.0, usage.prompt(), usage.output);
            FactKey::new("otlp.record", &[place.as_bytes()])
        }
    };
    let call = Call {
        fact,
        at,
        model,
        usage,
        mode: PriceMode::Standard,
        reported: attributes
            .number("cost_usd")
            .and_then(NanoUsd::from_dollars),
        duration_ms,
    };
    reader.call(session, &call);
}

fn usage(attributes: &Attributes<'_>) -> Option<Usage> {
    let input = attributes.first_count(&[semconv::INPUT_TOKENS, "gen_ai.usage.prompt_tokens"]);
    let output =
        attributes.first_count(&[semconv::OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"]);
    if input.is_none() && output.is_none() {
        return None;
    }
    let count = |names: &[&str]| attributes.first_count(names).unwrap_or_default();
    Some(inclusive(
        input.unwrap_or_default(),
        count(&[
            semconv::CACHE_READ_TOKENS,
            "gen_ai.usage.cache_read_input_tokens",
        ]),
        count(&[
            semconv::CACHE_CREATION_TOKENS,
            "gen_ai.usage.cache_creation_input_tokens",
        ]),
        output.unwrap_or_default(),
        count(&[semconv::REASONING_TOKENS, "gen_ai.usage.reasoning_tokens"]),
    ))
}

fn session_id<'a>(
    resource: &'a Attributes<'_>,
    attributes: &'a Attributes<'_>,
    trace: &'a str,
) -> Option<&'a str> {
    let names = [semconv::CONVERSATION_ID, "session.id"];
    attributes
        .first_text(&names)
        .or_else(|| resource.first_text(&names))
        .or_else(|| (!trace.is_empty()).then_some(trace))
}

fn agent(resource: &Attributes<'_>, attributes: &Attributes<'_>) -> AgentKind {
    let name = resource
        .text("service.name")
        .or_else(|| attributes.text(semconv::AGENT_NAME));
    AgentKind::from(name.unwrap_or("unknown"))
}
