//! What `agentmon export` writes, read back on another machine: sessions, model calls and events under the identity
//! that they have everywhere, so that nothing counts twice, whatever else tells of it here.
//!
//! Only read on import: no folder is looked at by itself. Sums (`export usage`) are no facts and are left alone.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use super::line::detail;
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root, Want, for_each_line};
use crate::model::{
    AgentKind, Batch, CallSource, DedupKey, Event, EventKind, EventStatus, FactKey, ModelCall,
    NanoUsd, PriceMode, ProblemKind, SessionIndex, SessionKey, SessionPatch, Timestamp, Title,
    Usage,
};
use crate::session::{Evidence, EvidenceSource, Reason, Signal, State};

/// Exports of agentmon itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Exported;

impl FileFormat for Exported {
    fn agent(&self) -> AgentKind {
        AgentKind::Other("agentmon".into())
    }

    fn name(&self) -> &'static str {
        "agentmon-export"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, _env: &Env) -> Vec<Root> {
        Vec::new()
    }

    fn enters(&self, _relative: &Path) -> bool {
        false
    }

    fn role(&self, _relative: &Path) -> Option<FileRole> {
        None
    }

    fn recognises(&self, head: &[u8]) -> bool {
        head.starts_with(EXPORT) && refused(head).is_none()
    }

    fn start(&self, _file: &FileInfo) -> Box<dyn Parser> {
        Box::new(Lines)
    }

    fn resume(&self, file: &FileInfo, _state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(self.start(file))
    }
}

const EXPORT: &[u8] = br#"{"schema":"agentmon.export."#;

/// Why an export cannot be imported, if it is one of those.
pub(super) fn refused(head: &[u8]) -> Option<&'static str> {
    let sums = head.strip_prefix(EXPORT)?.starts_with(b"usage");
    sums.then_some("sums cannot be told from what is known: import what `export calls` wrote")
}

/// Every line stands for itself.
#[derive(Debug)]
struct Lines;

impl Parser for Lines {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        for_each_line(base, bytes, |offset, line| {
            if let Err((kind, detail)) = read(line, want, out) {
                out.problem(kind, offset, detail);
            }
        });
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

type Unread = (ProblemKind, &'static str);

fn read(line: &[u8], want: Want, out: &mut Batch) -> Result<(), Unread> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        schema: Cow<'a, str>,
    }
    let head: Head<'_> =
        serde_json::from_slice(line).map_err(|_| (ProblemKind::Malformed, "line"))?;
    let read = match &*head.schema {
        "agentmon.export.session.v1" if want.accounting => session(line, out),
        "agentmon.export.call.v1" if want.accounting => call(line, out),
        "agentmon.export.event.v1" if want.content => event(line, out),
        "agentmon.export.session.v1" | "agentmon.export.call.v1" | "agentmon.export.event.v1" => {
            Some(())
        }
        _ => return Err((ProblemKind::UnknownVersion, "schema")),
    };
    read.ok_or((ProblemKind::BadField, "line"))
}

#[derive(Deserialize)]
struct SessionLine {
    state: State,
    reason: Reason,
    detail: Option<String>,
    since: String,
    facts: Option<SessionPatch>,
}

fn session(line: &[u8], out: &mut Batch) -> Option<()> {
    let line: SessionLine = serde_json::from_slice(line).ok()?;
    let mut facts = line.facts?;
    if facts.key.native_id.is_empty() || !facts.times().all(plausible) {
        return None;
    }
    // They speak of another machine.
    (facts.process, facts.transcript, facts.address) = (None, None, None);
    let title = facts.title.take();
    let title = title.and_then(|title| Title::new(title.kind, title.at, &title.text));
    let index = out.session(&facts.key);
    let patch = out.patch(index);
    patch.merge(&facts);
    patch.propose_title(title);
    let at = Timestamp::parse(&line.since).filter(|at| plausible(*at))?;
    for signal in ended(line.state, &line.reason, line.detail.as_deref()) {
        let source = EvidenceSource::Row;
        out.evidence(index, Evidence { at, source, signal });
    }
    Some(())
}

/// What led to a state in which a session may stay for ever. What it was at when it was exported goes on elsewhere, or
/// not at all.
fn ended(state: State, reason: &Reason, message: Option<&str>) -> Vec<Signal> {
    let failed = |class: &str| Signal::TurnFailed {
        class: class.into(),
        message: message.and_then(detail),
    };
    match (state, reason) {
        (State::Completed | State::Failed, Reason::Exit(code)) => {
            vec![Signal::ProcessExited { code: *code }]
        }
        (State::Completed, Reason::SessionEnd) => vec![Signal::SessionEnded {
            reason: message.unwrap_or_default().into(),
        }],
        (State::Completed, Reason::ProcessGone) => vec![Signal::ProcessGone],
        (State::Failed, Reason::ApiError(class)) => vec![failed(class.as_deref().unwrap_or(""))],
        (State::Failed, Reason::TokenLimit) => vec![failed("token_limit")],
        (State::Failed, Reason::Disconnected) => vec![failed("disconnected")],
        (State::Failed, Reason::Crashed(tool)) => {
            let began = match tool {
                Some(tool) => Signal::ToolStarted {
                    call: "".into(),
                    tool: tool.clone(),
                    about: None,
                },
                None => Signal::ModelActive,
            };
            vec![began, Signal::ProcessGone]
        }
        (State::Terminated, Reason::User(reason)) => vec![Signal::Terminated {
            reason: reason.clone().unwrap_or_default(),
        }],
        (State::Terminated, _) => vec![Signal::Aborted],
        (State::Idle, Reason::Interrupted) => vec![Signal::Interrupted],
        (State::Idle, Reason::TurnDone { .. }) => vec![Signal::TurnEnded {
            background: 0,
            scheduled: None,
        }],
        _ => Vec::new(),
    }
}

#[derive(Deserialize)]
struct CallLine<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    agent: AgentKind,
    native_id: Box<str>,
    #[serde(borrow)]
    model: Cow<'a, str>,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_creation_5m_tokens: u64,
    cache_creation_1h_tokens: u64,
    reasoning_tokens: u64,
    #[serde(default)]
    mode: PriceMode,
    #[serde(default)]
    web_searches: u32,
    #[serde(default)]
    reported_usd: Option<f64>,
    source: CallSource,
    credit: i64,
}

fn call(line: &[u8], out: &mut Batch) -> Option<()> {
    let line: CallLine<'_> = serde_json::from_slice(line).ok()?;
    let (session, at) = place(line.agent, line.native_id, &line.at, out)?;
    let fact = identity(&line.key, session, at, "", out)?;
    let counts = [
        line.input_tokens,
        line.output_tokens,
        line.cache_read_tokens,
        line.cache_creation_5m_tokens,
        line.cache_creation_1h_tokens,
        line.reasoning_tokens,
    ];
    // What JSON can hold exactly, as in any other log.
    if counts.iter().any(|count| *count > 1 << 53) {
        return None;
    }
    let model = out.model(&line.model);
    out.calls.push(ModelCall {
        fact,
        at,
        session,
        model,
        usage: Usage {
            input: line.input_tokens,
            cache_read: line.cache_read_tokens,
            cache_creation_5m: line.cache_creation_5m_tokens,
            cache_creation_1h: line.cache_creation_1h_tokens,
            output: line.output_tokens,
            reasoning: line.reasoning_tokens,
        },
        mode: line.mode,
        web_searches: line.web_searches,
        reported: line.reported_usd.and_then(NanoUsd::from_dollars),
        credit: line.credit,
        source: line.source,
    });
    Some(())
}

#[derive(Deserialize)]
struct EventLine<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    at: Cow<'a, str>,
    agent: AgentKind,
    native_id: Box<str>,
    kind: EventKind,
    status: EventStatus,
    tool: Option<Box<str>>,
    duration_ms: Option<u64>,
    #[serde(borrow)]
    text: Cow<'a, str>,
    truncated: bool,
    #[serde(borrow)]
    call: Option<Cow<'a, str>>,
    #[serde(borrow)]
    model_call: Option<Cow<'a, str>>,
    credit: i64,
}

fn event(line: &[u8], out: &mut Batch) -> Option<()> {
    let line: EventLine<'_> = serde_json::from_slice(line).ok()?;
    let (session, at) = place(line.agent, line.native_id, &line.at, out)?;
    let key = identity(&line.key, session, at, line.kind.as_str(), out)?;
    let (text, cut) = Event::clip(&line.text);
    let fact = |text: Option<Cow<'_, str>>| text.and_then(|text| FactKey::from_hex(&text));
    out.events.push(Event {
        key: DedupKey::Known {
            key,
            credit: line.credit,
        },
        at,
        session,
        kind: line.kind,
        status: line.status,
        tool: line.tool,
        call: fact(line.call),
        model_call: fact(line.model_call),
        duration_ms: line.duration_ms,
        text,
        truncated: line.truncated || cut,
    });
    Some(())
}

/// The session and the time of a line.
fn place(
    agent: AgentKind,
    native_id: Box<str>,
    at: &str,
    out: &mut Batch,
) -> Option<(SessionIndex, Timestamp)> {
    let at = Timestamp::parse(at).filter(|at| plausible(*at))?;
    if native_id.is_empty() || agent.as_str().is_empty() {
        return None;
    }
    // When the session began and ended, its own line says: not all that happened in it is a sign of life.
    Some((out.session(&SessionKey::new(agent, native_id)), at))
}

/// What a fact is known by. Where it has no identity of its own, the number that the other store gave out means
/// something else here, and only together with what it was given to names the fact.
fn identity(
    hex: &str,
    session: SessionIndex,
    at: Timestamp,
    what: &str,
    out: &mut Batch,
) -> Option<FactKey> {
    let key = FactKey::from_hex(hex)?;
    if key.0 >= 0 {
        return Some(key);
    }
    let of = out.patch(session).key.to_string();
    let parts = [
        of.as_bytes(),
        hex.as_bytes(),
        &at.0.to_le_bytes(),
        what.as_bytes(),
    ];
    Some(FactKey::new("agentmon.export", &parts))
}

fn plausible(at: Timestamp) -> bool {
    (Timestamp(0)..=Timestamp::MAX).contains(&at)
}
