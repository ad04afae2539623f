//! Evidence is hostile input: before it is remembered its texts are cut to size and its times made plausible.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_64;

use super::{Ask, Evidence, LiveStatus, Signal};
use crate::model::{Span, Timestamp};

/// Longest name of a tool, reason or error class kept, in bytes.
const MAX_WORD: usize = 80;
/// Longest id kept, in bytes. Longer ones keep their beginning and a hash of the whole.
const MAX_ID: usize = 80;
/// Longest question, command or message kept, in bytes.
pub(super) const MAX_DETAIL: usize = 600;

/// The same evidence, fit to be remembered: dated not later than `now` and `skew`, its texts short and printable.
pub(super) fn admit(evidence: &Evidence, now: Timestamp, skew: Span) -> Evidence {
    let latest = now + skew;
    Evidence {
        at: if evidence.at > latest {
            now
        } else {
            evidence.at.max(Timestamp(0))
        },
        source: evidence.source,
        signal: admit_signal(&evidence.signal),
    }
}

fn admit_signal(signal: &Signal) -> Signal {
    use Signal as S;
    match signal {
        S::SessionStarted { how } => S::SessionStarted { how: word(how) },
        S::ToolStarted { call, tool, about } => S::ToolStarted {
            call: id(call),
            tool: word(tool),
            about: detail(about.as_deref()),
        },
        S::ToolFinished { call } => S::ToolFinished { call: id(call) },
        S::NeedsInput {
            ask: asked,
            detail: text,
            request,
        } => S::NeedsInput {
            ask: ask(asked),
            detail: detail(text.as_deref()),
            request: request.as_deref().map(id),
        },
        S::InputGiven { request } => S::InputGiven {
            request: request.as_deref().map(id),
        },
        S::TurnEnded {
            background,
            scheduled,
        } => S::TurnEnded {
            background: *background,
            scheduled: scheduled.filter(plausible),
        },
        S::Limited { reason, resets_at } => S::Limited {
            reason: word(reason),
            resets_at: resets_at.filter(plausible),
        },
        S::TurnFailed { class, message } => S::TurnFailed {
            class: word(class),
            message: detail(message.as_deref()),
        },
        S::SessionEnded { reason } => S::SessionEnded {
            reason: word(reason),
        },
        S::Live {
            status,
            detail: text,
        } => S::Live {
            status: match status {
                LiveStatus::Waiting(asked) => LiveStatus::Waiting(ask(asked)),
                other => other.clone(),
            },
            detail: detail(text.as_deref()),
        },
        S::SubagentStarted { id: child } => S::SubagentStarted { id: id(child) },
        S::SubagentFinished { id: child } => S::SubagentFinished { id: id(child) },
        S::ContextUsed { fraction } => S::ContextUsed {
            // Four places are plenty, and come back the same from JSON.
            fraction: if fraction.is_finite() {
                (fraction.clamp(0.0, 10.0) * 10_000.0).round() / 10_000.0
            } else {
                0.0
            },
        },
        S::Queued { reason } => S::Queued {
            reason: word(reason),
        },
        S::Terminated { reason } => S::Terminated {
            reason: word(reason),
        },
        S::Uncovered { reason } => S::Uncovered {
            reason: word(reason),
        },
        plain => plain.clone(),
    }
}

fn ask(ask: &Ask) -> Ask {
    match ask {
        Ask::Permission { tool } => Ask::Permission {
            tool: tool.as_deref().map(word),
        },
        other => other.clone(),
    }
}

fn plausible(at: &Timestamp) -> bool {
    (Timestamp(0)..=Timestamp::MAX).contains(at)
}

fn word(text: &str) -> Box<str> {
    clip(text, MAX_WORD, char::is_control).into()
}

/// A text cut to what is kept of questions, commands and messages; line breaks stay.
pub(super) fn detail(text: Option<&str>) -> Option<Box<str>> {
    let text = text?.trim();
    (!text.is_empty()).then(|| {
        clip(text, MAX_DETAIL, |c| {
            c.is_control() && c != '\n' && c != '\t'
        })
        .into()
    })
}

/// An id that is too long still tells itself apart from others with the same beginning.
pub(super) fn id(text: &str) -> Box<str> {
    if text.len() <= MAX_ID {
        return text.into();
    }
    let start = floor_boundary(text, MAX_ID - 17);
    format!("{}#{:016x}", &text[..start], xxh3_64(text.as_bytes())).into()
}

fn clip(text: &str, max: usize, bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    let (text, cut) = if text.len() <= max {
        (text, false)
    } else {
        (&text[..floor_boundary(text, max - '…'.len_utf8())], true)
    };
    if !cut && !text.contains(&bad) {
        return Cow::Borrowed(text);
    }
    let mut clean: String = text.chars().map(|c| if bad(c) { ' ' } else { c }).collect();
    if cut {
        clean.push('…');
    }
    Cow::Owned(clean)
}

fn floor_boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
