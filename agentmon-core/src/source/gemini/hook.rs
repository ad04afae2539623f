//! Hook payloads of Gemini CLI (recorded from 0.61) -> evidence and facts.
//!
//! Payloads carry a time. They name no tool call: one is known here by its tool and its input. An approval is asked for
//! with a `Notification`, and what the user answered shows in what comes next. The end of a session is told up to three
//! times. Text is left to the chat, which tells more.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::session_key;
use crate::model::{
    Batch, Event, FactKey, Problem, ProblemKind, SessionIndex, SessionKey, Span, Stamped,
    Timestamp, Title, TitleKind, earliest, latest,
};
use crate::session::{Ask, Evidence, EvidenceSource, Signal};
use crate::source::fields::mend;

/// How far the time in a payload may be from that of its arrival: beyond, one of the clocks is wrong.
const SKEW: Span = Span::from_mins(1);

/// The fields of all events that mean something here.
#[derive(Debug, Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow)]
    hook_event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    prompt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    trigger: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    notification_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    details: Option<Details<'a>>,
}

/// What the user is asked to approve.
#[derive(Debug, Deserialize)]
struct Details<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "filePath")]
    file_path: Option<Cow<'a, str>>,
}

/// Reads one hook payload that arrived at `now`, and returns the session that it speaks of. Events that are not known are
/// counted in [`Batch::problems`].
///
/// # Errors
/// The payload is not a JSON object with a session id and an event name.
pub fn parse(payload: &[u8], now: Timestamp, out: &mut Batch) -> Result<SessionKey, Problem> {
    let problem = |kind, detail: &str| Problem {
        kind,
        offset: 0,
        detail: detail.into(),
    };
    let payload = mend(payload);
    let hook: Payload<'_> = serde_json::from_slice(&payload).map_err(|error| {
        let kind = if error.is_data() {
            ProblemKind::BadField
        } else {
            ProblemKind::Malformed
        };
        problem(kind, "hook")
    })?;
    if hook.session_id.is_empty() {
        return Err(problem(ProblemKind::BadField, "hook.session_id"));
    }
    let told = hook.timestamp.as_deref().and_then(Timestamp::parse);
    let at = told
        .filter(|at| *at <= now + SKEW && now <= *at + SKEW)
        .unwrap_or(now);
    let key = session_key(&hook.session_id);
    let session = out.session(&key);
    facts(&hook, at, session, out);
    if let Some(signal) = signal(&hook, at, session, out) {
        let source = EvidenceSource::Hook;
        out.evidence(session, Evidence { at, source, signal });
    }
    Ok(key)
}

fn facts(hook: &Payload<'_>, at: Timestamp, session: SessionIndex, out: &mut Batch) {
    let stamped = |value: Option<&str>| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(Stamped {
            at,
            value: value.into(),
        })
    };
    let patch = out.patch(session);
    patch.touch(at);
    earliest(&mut patch.cwd, stamped(hook.cwd.as_deref()));
    latest(
        &mut patch.transcript,
        stamped(hook.transcript_path.as_deref()),
    );
}

/// What an event says of the session.
fn signal(
    hook: &Payload<'_>,
    at: Timestamp,
    session: SessionIndex,
    out: &mut Batch,
) -> Option<Signal> {
    let word =
        |field: &Option<Cow<'_, str>>| -> Box<str> { field.as_deref().unwrap_or_default().into() };
    let signal = match &*hook.hook_event_name {
        "SessionStart" => Signal::SessionStarted {
            how: word(&hook.source),
        },
        "SessionEnd" => Signal::SessionEnded {
            reason: word(&hook.reason),
        },
        "BeforeAgent" => {
            let prompt = hook.prompt.as_deref().unwrap_or_default();
            let title = Title::new(TitleKind::FirstPrompt, at, prompt);
            out.patch(session).propose_title(title);
            Signal::PromptSubmitted
        }
        "AfterAgent" => Signal::TurnEnded {
            background: 0,
            scheduled: None,
        },
        "BeforeTool" => Signal::ToolStarted {
            call: call(hook),
            tool: word(&hook.tool_name),
            // A permission is asked for in a notification, with its words.
            about: None,
        },
        "AfterTool" => Signal::ToolFinished { call: call(hook) },
        "Notification" => return notification(hook, out),
        // Told before every request, whether anything is compressed or not, unless the user asks for it.
        "PreCompress" if hook.trigger.as_deref() == Some("manual") => Signal::Compacting,
        "PreCompress" | "BeforeToolSelection" => Signal::Activity,
        "BeforeModel" | "AfterModel" => Signal::ModelActive,
        unknown => {
            unknown_type("hook", unknown, out);
            return None;
        }
    };
    Some(signal)
}

fn notification(hook: &Payload<'_>, out: &mut Batch) -> Option<Signal> {
    let kind = hook.notification_type.as_deref().unwrap_or_default();
    if kind != "ToolPermission" {
        unknown_type("hook.notification", kind, out);
        return None;
    }
    let details = hook.details.as_ref();
    let about = details.and_then(|details| details.command.as_ref().or(details.file_path.as_ref()));
    let about = about.or(hook.message.as_ref());
    // The kind of tool: its name is not told.
    let tool = details.and_then(|details| details.kind.as_deref());
    Some(Signal::NeedsInput {
        ask: Ask::Permission {
            tool: tool.map(Into::into),
        },
        detail: about.map(|about| Event::clip(about).0),
        request: None,
    })
}

/// A name for the call that the payload does not name.
fn call(hook: &Payload<'_>) -> Box<str> {
    let tool = hook.tool_name.as_deref().unwrap_or_default();
    let input = hook.tool_input.map_or("", RawValue::get);
    let fact = FactKey::new("gemini.hook", &[tool.as_bytes(), input.as_bytes()]);
    format!("hook/{:x}", fact.0).into()
}

fn unknown_type(what: &str, name: &str, out: &mut Batch) {
    let name: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    out.problem(ProblemKind::UnknownType, 0, format!("{what}:{name}"));
}
