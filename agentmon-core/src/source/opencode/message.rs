//! What sessions, messages and parts say, whichever store they lie in.

use std::borrow::Cow;

use super::record::{
    self, Failure, FailureData, Input, Message, Part, Session, Times, ToolState, times,
};
use super::session_key;
use crate::model::{
    Batch, CallSource, EventKind, EventStatus, FactKey, ModelCall, PriceMode, ProblemKind,
    Relation, SessionIndex, Stamped, Timestamp, Title, TitleKind, latest, stamp, stamp_first,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::Want;
use crate::source::about::about;
use crate::source::json;
use crate::source::line::{Line, detail};
use crate::source::otlp::opencode_usage_key;

/// How titles begin that the client gives before it has asked a model for one.
const NO_TITLES: [&str; 2] = ["New session - ", "Child session - "];

/// How the error of a tool begins whose permission was refused: the turn ends there.
const REFUSED: &str = "The user rejected permission";

/// Reports a session as a whole.
pub(super) fn session(session: &Session, path: &str, want: Want, out: &mut Batch) -> SessionIndex {
    let index = out.session(&session_key(&session.id));
    let at = session.updated;
    if want.accounting {
        let patch = out.patch(index);
        patch.touch(session.created);
        patch.touch(session.updated);
        if let Some(parent) = session.parent.as_deref().filter(|id| *id != session.id) {
            patch.propose_parent(Some((session_key(parent), Relation::Spawned)));
            if let Some(agent) = &session.agent {
                stamp(&mut patch.role, at, agent);
            }
            stamp(&mut patch.entrypoint, session.created, "subagent");
        }
        if let Some(folder) = &session.directory {
            stamp_first(&mut patch.cwd, session.created, folder);
        }
        if let Some(version) = &session.version {
            stamp(&mut patch.version, at, version);
        }
        stamp(&mut patch.transcript, session.created, path);
        let title = session.title.as_deref().unwrap_or_default();
        if !NO_TITLES.iter().any(|start| title.starts_with(start)) {
            patch.propose_title(Title::new(TitleKind::Agent, at, title));
        }
    }
    if want.evidence
        && let Some(at) = session.archived
    {
        let signal = Signal::SessionEnded {
            reason: "archived".into(),
        };
        sign(out, index, at, signal);
    }
    index
}

fn sign(out: &mut Batch, session: SessionIndex, at: Timestamp, signal: Signal) {
    let source = EvidenceSource::Transcript;
    out.evidence(session, Evidence { at, source, signal });
}

/// Reports a message with all its parts, the oldest first.
pub(super) fn message(line: &mut Line<'_>, message: &Message<'_>, parts: &[Part<'_>]) {
    let written = times(message.time);
    line.out.touch(line.session, line.at);
    match json::text(message.role).as_deref() {
        Some("user") => user(line, parts),
        Some("assistant") => assistant(line, message, written, parts),
        role => {
            let role: String = role.unwrap_or_default().chars().take(40).collect();
            let what = format!("message role {role:?}");
            line.out
                .problem(ProblemKind::UnknownType, line.offset, what);
        }
    }
}

fn user(line: &mut Line<'_>, parts: &[Part<'_>]) {
    if parts.iter().any(|part| kind(part) == "compaction") {
        return line.sign(Signal::Compacting);
    }
    line.sign(Signal::PromptSubmitted);
    if !line.want.content {
        return;
    }
    for part in parts {
        if kind(part) == "text" && json::flag(part.synthetic) != Some(true) {
            let text = json::text(part.text).unwrap_or_default();
            line.event(id(part), EventKind::UserPrompt, &text);
        }
    }
}

fn assistant(line: &mut Line<'_>, message: &Message<'_>, written: Times, parts: &[Part<'_>]) {
    let begun = line.at;
    let compacts = json::text(message.mode).as_deref() == Some("compaction");
    line.sign(Signal::ModelActive);
    let call = call(line, message, written.completed.unwrap_or(begun));
    let mut refused = false;
    for part in parts {
        match &*kind(part) {
            "text" | "reasoning" => {
                let written_part = times(part.time);
                if written_part.end.is_some() || written.completed.is_some() {
                    let kind = match (&*kind(part), compacts) {
                        ("reasoning", _) => EventKind::Thinking,
                        (_, true) => EventKind::Compaction,
                        (_, false) => EventKind::Response,
                    };
                    line.at = written_part.start.unwrap_or(begun);
                    text(line, part, kind, call);
                }
            }
            "tool" => refused |= tool(line, part, begun, call),
            "patch" if line.want.content => {
                let files = json::strings(part.files).join("\n");
                line.event(id(part), EventKind::FileChange, &files);
            }
            _ => {}
        }
        line.at = begun;
    }
    if let Some(ended) = written.completed {
        line.at = ended;
        line.out.touch(line.session, ended);
        end(line, message, compacts, refused);
    }
}

/// How an answer ended.
fn end(line: &mut Line<'_>, message: &Message<'_>, compacts: bool, refused: bool) {
    if message.error.is_some() {
        return failed(line, message);
    }
    let signal = match json::text(message.finish).as_deref() {
        _ if refused => Signal::Interrupted,
        _ if compacts => Signal::Compacted,
        Some("tool-calls") => Signal::ModelActive,
        Some(_) => Signal::TurnEnded {
            background: 0,
            scheduled: None,
        },
        None => Signal::Activity,
    };
    line.sign(signal);
}

fn failed(line: &mut Line<'_>, message: &Message<'_>) {
    let failure: Failure<'_> = json::object(message.error).unwrap_or_default();
    let data: FailureData<'_> = json::object(failure.data).unwrap_or_default();
    let name = json::text(failure.name).unwrap_or(Cow::Borrowed("error"));
    let text = json::text(data.message).unwrap_or_default();
    if name == "MessageAbortedError" {
        line.sign(Signal::Interrupted);
        line.event("end", EventKind::Notice, &text);
        return;
    }
    let signal = match json::count(data.status_code) {
        Some(429) => Signal::Limited {
            reason: "rate_limit".into(),
            resets_at: None,
        },
        _ => Signal::TurnFailed {
            class: name.into(),
            message: detail(&text),
        },
    };
    line.sign(signal);
    if let Some(event) = line.event("end", EventKind::Error, &text) {
        event.status = EventStatus::Error;
    }
}

/// The model call that an answer stands for, once it has been counted.
fn call(line: &mut Line<'_>, message: &Message<'_>, at: Timestamp) -> Option<FactKey> {
    let Some((usage, reported)) = record::usage(message) else {
        if message.tokens.is_some() {
            line.bad_field("tokens");
        }
        return None;
    };
    if usage.is_zero() {
        // Begun, broken off, or refused by the provider.
        return None;
    }
    let fact = FactKey::new("opencode.message", &[line.id.as_bytes()]);
    if line.want.accounting {
        let name = json::text(message.model).unwrap_or(Cow::Borrowed("unknown"));
        let model = line.out.model(&name);
        line.out.calls.push(ModelCall {
            fact,
            at,
            session: line.session,
            model,
            usage,
            mode: PriceMode::Standard,
            web_searches: 0,
            reported,
            credit: 0,
            source: CallSource::Transcript,
        });
        // Telemetry comes within seconds: older calls need no second name.
        if line.want.evidence {
            let name = opencode_usage_key(&line.key.native_id, &usage);
            line.out.aliases.push((name, fact));
        }
        let patch = line.patch();
        stamp(&mut patch.model, at, &name);
        let context = Stamped {
            at,
            value: (usage.prompt(), None),
        };
        latest(&mut patch.context, Some(context));
    }
    Some(fact)
}

fn text(line: &mut Line<'_>, part: &Part<'_>, kind: EventKind, call: Option<FactKey>) {
    if line.want.content
        && let Some(text) = json::text(part.text).filter(|text| !text.trim().is_empty())
        && let Some(event) = line.event(id(part), kind, &text)
    {
        event.model_call = call;
    }
}

/// Reports a tool; whether the user refused it.
fn tool(
    line: &mut Line<'_>,
    part: &Part<'_>,
    begun: Timestamp,
    model_call: Option<FactKey>,
) -> bool {
    let state: ToolState<'_> = json::object(part.state).unwrap_or_default();
    let status = json::text(state.status).unwrap_or_default();
    let Times { start, end, .. } = times(state.time);
    let name = json::text(part.tool).unwrap_or_default();
    let call = json::text(part.call).unwrap_or_default();
    let failed = status == "error";
    let ended = end.filter(|_| failed || status == "completed");
    let result = json::text(if failed { state.error } else { state.output }).unwrap_or_default();
    if status == "pending" {
        return false;
    }
    line.at = start.unwrap_or(begun);
    line.sign(Signal::ToolStarted {
        call: (&*call).into(),
        tool: (&*name).into(),
        about: state.input.and_then(|input| about(input.get())),
    });
    // Providers number the tools of an answer, some of them from one.
    let fact = FactKey::new("opencode.tool", &[line.id.as_bytes(), call.as_bytes()]);
    let part_id = id(part);
    if line.want.content {
        let input: Input<'_> = json::object(state.input).unwrap_or_default();
        let text = json::text(input.command)
            .unwrap_or_else(|| Cow::Borrowed(state.input.map_or("", |raw| raw.get())));
        if let Some(event) = line.event(format_args!("{part_id}.use"), EventKind::ToolUse, &text) {
            event.tool = Some((&*name).into());
            event.call = Some(fact);
            event.model_call = model_call;
        }
    }
    let Some(ended) = ended else { return false };
    let took = ended - line.at;
    line.at = ended;
    line.sign(Signal::ToolFinished {
        call: (&*call).into(),
    });
    if let Some(event) = line.event(
        format_args!("{part_id}.result"),
        EventKind::ToolResult,
        &result,
    ) {
        event.tool = Some((&*name).into());
        event.call = Some(fact);
        event.duration_ms = u64::try_from(took.0).ok();
        if failed {
            event.status = EventStatus::Error;
        }
    }
    failed && result.starts_with(REFUSED)
}

fn kind<'a>(part: &Part<'a>) -> Cow<'a, str> {
    json::text(part.kind).unwrap_or_default()
}

fn id<'p>(part: &'p Part<'_>) -> Cow<'p, str> {
    match &part.key {
        Some(key) => Cow::Borrowed(key),
        None => json::text(part.id).unwrap_or_default(),
    }
}
