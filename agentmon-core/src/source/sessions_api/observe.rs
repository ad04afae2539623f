//! What the other side tells of a session, as observations. Pure.

use super::message::{Cell, Session};
use crate::model::{
    Batch, CallSource, FactKey, ModelCall, PriceMode, Progress, SessionKey, Stamped, Timestamp,
    Title, TitleKind, stamp,
};
use crate::session::{Ask, Evidence, EvidenceSource, LiveStatus, Reason, Signal, State};

/// The length of a cell, in milliseconds.
const CELL: i64 = 15 * 60 * 1000;

/// How a session was told last.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    state: State,
    /// Reason, since when, last activity; `None` when all of it is to be told again.
    rest: Option<(Reason, Timestamp, Timestamp)>,
}

impl Told {
    pub(super) fn of(session: &Session) -> Self {
        Self {
            state: session.state,
            rest: Some((session.reason.clone(), session.since, session.active)),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state.is_over()
    }

    pub(super) fn forget(&mut self) {
        self.rest = None;
    }
}

/// The identity of a cell, however often and with whatever figures it is told.
fn fact(key: &SessionKey, cell: &Cell) -> FactKey {
    let quarter = cell.at.0.div_euclid(CELL).to_le_bytes();
    let parts: [&[u8]; 4] = [
        key.agent.as_str().as_bytes(),
        key.native_id.as_bytes(),
        cell.model.as_bytes(),
        &quarter,
    ];
    FactKey::new("agentmon.cell", &parts)
}

/// The identities of a session's cells.
pub(super) fn cell_facts(session: &Session) -> Vec<FactKey> {
    let cells = session.cells.iter();
    cells.map(|cell| fact(&session.key, cell)).collect()
}

/// Says that nobody sees a session any more.
pub(super) fn lost(key: &SessionKey, reason: &str, now: Timestamp, out: &mut Batch) {
    let reason = reason.into();
    say(key, now, Signal::Uncovered { reason }, out);
}

fn say(key: &SessionKey, at: Timestamp, signal: Signal, out: &mut Batch) {
    let session = out.session(key);
    let source = EvidenceSource::Remote;
    out.evidence(session, Evidence { at, source, signal });
}

/// Adds what is new of a session since it was told last.
///
/// `machine` is that of the other side, for those that do not tell where their sessions run.
pub(super) fn observe(
    session: &Session,
    told: Option<&Told>,
    machine: Option<&str>,
    now: Timestamp,
    out: &mut Batch,
) {
    let before = told.and_then(|told| told.rest.as_ref());
    let rest = (session.reason.clone(), session.since, session.active);
    let is_same = told.is_some_and(|told| told.state == session.state) && before == Some(&rest);
    if is_same && session.cells.is_empty() {
        return;
    }
    facts(session, machine, out);
    for cell in &session.cells {
        call(&session.key, cell, out);
    }
    if is_same {
        return;
    }
    let key = &session.key;
    if told.is_some() && before.is_none() {
        say(key, now, Signal::Covered, out);
    }
    let at = match (session.state, before) {
        // Not to be seen is so now, whatever it was before.
        (State::Unobserved, _) => now,
        // In the same state for another reason.
        (_, Some((_, since, _))) if *since == session.since => session.active,
        _ => session.since,
    };
    if let Some((Reason::Tool(tool), _, _)) = before
        && session.reason != Reason::Tool(tool.clone())
    {
        let call = call_of(tool);
        say(key, at, Signal::ToolFinished { call }, out);
    }
    for signal in signals(session) {
        say(key, at, signal, out);
    }
    if session.active > at && !session.state.is_over() {
        say(key, session.active, Signal::Activity, out);
    }
}

/// What it is, beside what it does.
fn facts(session: &Session, machine: Option<&str>, out: &mut Batch) {
    let index = out.session(&session.key);
    let at = session.active;
    let patch = out.patch(index);
    patch.touch(session.started.unwrap_or(at).min(at));
    patch.touch(at);
    if let Some(host) = session.host.as_ref().map_or(machine, Option::as_deref) {
        patch.seen_on(host);
    }
    let title = session.title.as_deref();
    patch.propose_title(title.and_then(|title| Title::new(TitleKind::Agent, at, title)));
    for (field, value) in [
        (&mut patch.model, &session.model),
        (&mut patch.project, &session.project),
        (&mut patch.branch, &session.branch),
        (&mut patch.entrypoint, &session.channel),
    ] {
        if let Some(value) = value {
            stamp(field, at, value);
        }
    }
    patch.context = session.context.map(|(used, limit)| Stamped {
        at,
        value: (used, Some(limit)),
    });
    patch.progress = session.progress.map(|percent| Stamped {
        at,
        value: Progress {
            done: percent,
            total: 100,
        },
    });
    patch.propose_parent(session.parent.clone());
}

fn call(key: &SessionKey, cell: &Cell, out: &mut Batch) {
    if cell.usage.is_zero() {
        return;
    }
    let session = out.session(key);
    let model = out.model(&cell.model);
    out.calls.push(ModelCall {
        fact: fact(key, cell),
        at: cell.at,
        session,
        model,
        usage: cell.usage,
        mode: PriceMode::Standard,
        web_searches: 0,
        // The other side priced each call; a sum of calls cannot be priced by steps.
        reported: cell.cost,
        credit: 0,
        source: CallSource::Remote,
    });
}

/// What its state means as signs.
fn signals(session: &Session) -> Vec<Signal> {
    let detail = session.detail.clone();
    let live = |status| Signal::Live {
        status,
        detail: detail.clone(),
    };
    let word: Box<str> = session.reason.word().into();
    let signal = match (session.state, &session.reason) {
        (State::Queued, _) => Signal::Queued { reason: word },
        (State::Spawning, _) => Signal::Spawned,
        (State::Working, Reason::Tool(tool)) => {
            let (call, tool) = (call_of(tool), tool.clone());
            return vec![
                live(LiveStatus::Busy),
                Signal::ToolStarted {
                    call,
                    tool,
                    about: None,
                },
            ];
        }
        // Silence shows by itself.
        (State::Working | State::Stalled, _) => live(LiveStatus::Busy),
        (State::NeedsInput, reason) => live(LiveStatus::Waiting(ask(reason))),
        (State::Idle, Reason::Interrupted) => Signal::Interrupted,
        (State::Idle, _) => live(LiveStatus::Idle),
        (State::WaitingSelf, _) => live(LiveStatus::Shell),
        (State::Limited, reason) => Signal::Limited {
            reason: word,
            resets_at: match reason {
                Reason::RateLimit(until) | Reason::Quota(until) => *until,
                _ => None,
            },
        },
        (State::Completed, _) => Signal::SessionEnded { reason: word },
        (State::Failed, Reason::Exit(code)) => Signal::ProcessExited { code: *code },
        (State::Failed, Reason::ApiError(class)) => Signal::TurnFailed {
            class: class.clone().unwrap_or_default(),
            message: detail,
        },
        (State::Failed, _) => Signal::TurnFailed {
            class: word,
            message: detail,
        },
        (State::Terminated, Reason::User(reason)) => Signal::Terminated {
            reason: reason.clone().unwrap_or_default(),
        },
        (State::Terminated, _) => Signal::Aborted,
        (State::Unobserved, _) => Signal::Uncovered { reason: word },
    };
    vec![signal]
}

/// The other side does not tell one call of a tool from the next.
fn call_of(tool: &str) -> Box<str> {
    format!("remote:{tool}").into()
}

fn ask(reason: &Reason) -> Ask {
    match reason {
        Reason::Permission(tool) => Ask::Permission { tool: tool.clone() },
        Reason::Question => Ask::Question,
        Reason::Plan => Ask::Plan,
        Reason::Elicitation => Ask::Elicitation,
        Reason::Trust => Ask::Trust,
        Reason::Auth => Ask::Auth,
        _ => Ask::Dialog,
    }
}
