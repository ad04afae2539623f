//! Names of things that hooks, telemetry and transcripts all tell of, so that each is stored once (I13).

use crate::model::{DedupKey, EventKind, FactKey};

/// A tool call, by the provider's id: joins its use with its result.
pub(in crate::source) fn tool_fact(call: &str) -> FactKey {
    FactKey::new("tool.call", &[call.as_bytes()])
}

/// The event of a tool's use or of its result, told with `credit`.
pub(crate) fn tool_event(kind: EventKind, session: &str, call: &str, credit: i64) -> DedupKey {
    // Anthropic's ids are unique. What stands in for its API may count from one in every conversation.
    let is_unique = call.starts_with("toolu_") || call.starts_with("srvtoolu_");
    let session = if is_unique { "" } else { session };
    DedupKey::Shared {
        id: format!("claude/{}/{session}/{call}", kind.as_str()).into(),
        alias: None,
        credit,
    }
}

/// A prompt by the turn that it began or went into and by its words: several can go into one turn. Hooks know it by
/// this alone.
pub(in crate::source) fn prompt(session: &str, turn: &str, text: &str) -> Box<str> {
    let words = FactKey::new("claude.prompt", &[text.trim().as_bytes()]);
    format!("claude/prompt/{session}/{turn}/{:x}", words.0).into()
}

/// The failure of a turn: it fails once, at its end. Transcripts, hooks and telemetry have other words for it.
pub(in crate::source) fn failure(session: &str, agent: Option<&str>, turn: &str) -> Box<str> {
    let agent = agent.unwrap_or_default();
    format!("claude/failure/{session}/{agent}/{turn}").into()
}

/// A part of the transcript line `uuid`.
pub(in crate::source) fn line_part(uuid: &str, part: u32) -> Box<str> {
    format!("{uuid}#{part}").into()
}
