//! opencode's telemetry: of thousands of spans, those of single model calls. Their parents repeat the figures.
//! Names and attributes were recorded from client 1.18.

use super::reader::{Call, Reader, figures, inclusive};
use super::record::Span;
use crate::model::{AgentKind, FactKey, PriceMode, Usage};

pub(super) fn span(reader: &mut Reader<'_>, span: &Span<'_>) {
    if !matches!(
        &*span.name,
        "ai.streamText.doStream" | "ai.generateText.doGenerate"
    ) {
        return;
    }
    let attributes = &span.attributes;
    let Some(id) = attributes.text("session.id") else {
        return;
    };
    let count = |name| attributes.count(name).unwrap_or_default();
    let usage = inclusive(
        count("ai.usage.inputTokens"),
        count("ai.usage.cachedInputTokens"),
        0,
        count("ai.usage.outputTokens"),
        count("ai.usage.reasoningTokens"),
    );
    let at = reader.plausible(span.end);
    let session = reader.session(AgentKind::OpenCode, id, at);
    if usage.is_zero() {
        return reader.active(session, at);
    }
    let call = Call {
        fact: usage_key(id, &usage),
        at,
        model: attributes.text("ai.model.id").unwrap_or_default(),
        usage,
        mode: PriceMode::Standard,
        reported: None,
        duration_ms: span.start.map(|start| (at - start).0.max(0) as u64),
    };
    reader.call(session, &call);
}

/// The name of a call by its session and figures: spans do not tell the message's id.
pub(in crate::source) fn usage_key(session: &str, usage: &Usage) -> FactKey {
    figures("opencode.usage", session, usage)
}
