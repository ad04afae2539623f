//! `sessions/<pid>.json`, the client's own statement of what it is doing -> evidence and facts.
//!
//! The file is rewritten within 200 ms of every change of `status`, removed when the client exits in order, and left
//! behind when it is killed: it speaks for a process, which is looked up at every sweep. The files beside it
//! (`<pid>.<hash>.key`) are secrets and are never read.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::title;
use crate::model::{
    AgentKind, Batch, ProblemKind, SessionIndex, SessionKey, Span, Stamped, Timestamp, earliest,
    latest,
};
use crate::session::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};
use crate::source::fields::mend;
use crate::source::process::{ProcessId, ProcessTable};
use crate::source::{FileInfo, Parser, Want};

/// How often a file that did not change is reported as read again. Well below the time for which a process counts as
/// alive.
const BEAT: Span = Span::from_secs(15);

/// A client that has not stated its status for this long after its start will not (or is of a version that never
/// does). Before, its session id may still change: `--resume` begins under a new one.
const SETTLING: Span = Span::from_secs(5);

/// Whether a path relative to the root is a live file. Never true for the `*.key` files beside them.
#[must_use]
pub fn is_live(relative: &Path) -> bool {
    let mut parts = relative.iter().filter_map(|part| part.to_str());
    let (Some("sessions"), Some(name), None) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    name.strip_suffix(".json")
        .is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The fields that mean something here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LiveFile<'a> {
    pid: u32,
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(default)]
    started_at: Option<i64>,
    /// Field 22 of `/proc/<pid>/stat`, as text.
    #[serde(borrow, default)]
    proc_start: Option<Cow<'a, str>>,
    /// The machine and the process namespace in which `pid` counts.
    #[serde(borrow, default)]
    pid_domain: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    entrypoint: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name_source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    waiting_for: Option<Cow<'a, str>>,
    #[serde(default)]
    updated_at: Option<i64>,
    #[serde(default)]
    status_updated_at: Option<i64>,
}

impl LiveFile<'_> {
    fn process(&self) -> ProcessId {
        ProcessId {
            pid: self.pid,
            start: self
                .proc_start
                .as_deref()
                .and_then(|start| start.parse().ok()),
        }
    }

    fn stated_at(&self) -> Option<Timestamp> {
        self.status_updated_at.or(self.updated_at).map(Timestamp)
    }
}

/// What was said before about the process of one file.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Said {
    /// The conversation that it ran last, once it was spoken of.
    session: Option<Box<str>>,
    pid: u32,
    start: Option<u64>,
    domain: Option<Box<str>>,
    status: Option<Box<str>>,
    stated_at: Option<Timestamp>,
    beat: Option<Timestamp>,
    gone: bool,
}

/// Reads one live file.
#[derive(Debug)]
pub struct LiveParser {
    said: Said,
    processes: Arc<dyn ProcessTable>,
}

impl LiveParser {
    /// A parser for a file that was not read before.
    #[must_use]
    pub fn start(processes: Arc<dyn ProcessTable>) -> Self {
        Self {
            said: Said::default(),
            processes,
        }
    }

    /// A parser that knows what it said before, or `None` when `state` is not of this version.
    #[must_use]
    pub fn resume(state: &[u8], processes: Arc<dyn ProcessTable>) -> Option<Self> {
        let said = serde_json::from_slice(state).ok()?;
        Some(Self { said, processes })
    }

    fn evidence(&mut self, file: &LiveFile<'_>, now: Timestamp, out: &mut Batch) {
        let process = file.process();
        let alive = alive(&*self.processes, process, file.pid_domain.as_deref());
        let same = self.said.pid == process.pid && self.said.start == process.start;
        if !same {
            self.said = Said {
                pid: process.pid,
                start: process.start,
                domain: file.pid_domain.as_deref().map(Into::into),
                ..Said::default()
            };
        }
        let new = self.said.session.as_deref() != Some(&*file.session_id);
        let started = Timestamp(file.started_at.unwrap_or(now.0));
        if new && file.status.is_none() && alive != Some(false) && now - started <= SETTLING {
            return;
        }
        let session = out.session(&key(&file.session_id));
        let mut say = |session, at, signal| out.evidence(session, evidence(at, signal));
        if new {
            // The process began it, unless it had another conversation before (`/clear`).
            let since = if self.said.session.is_some() {
                file.stated_at().unwrap_or(now)
            } else {
                started
            };
            let how = "process".into();
            say(session, since.min(now), Signal::SessionStarted { how });
            self.said.session = Some((*file.session_id).into());
            (self.said.status, self.said.stated_at, self.said.beat) = (None, None, None);
            self.said.gone = false;
        }
        if file.status.as_deref() != self.said.status.as_deref()
            || file.stated_at() != self.said.stated_at
        {
            if let Some(status) = file.status.as_deref() {
                match live_status(status, file.waiting_for.as_deref()) {
                    Some((status, detail)) => {
                        let at = file.stated_at().unwrap_or(now);
                        say(session, at, Signal::Live { status, detail });
                    }
                    None => out.problem(ProblemKind::UnknownType, 0, "live.status"),
                }
            }
            self.said.status = file.status.as_deref().map(Into::into);
            self.said.stated_at = file.stated_at();
        }
        self.process(session, alive, new, now, out);
    }

    /// Reports whether the process lives: its end once, its life again and again.
    fn process(
        &mut self,
        session: SessionIndex,
        alive: Option<bool>,
        new: bool,
        now: Timestamp,
        out: &mut Batch,
    ) {
        let due = self
            .said
            .beat
            .is_none_or(|beat| now - beat >= BEAT || now < beat);
        let signal = match alive {
            Some(false) if self.said.gone => return,
            Some(false) => Signal::ProcessGone,
            _ if !due && !self.said.gone => return,
            Some(true) => Signal::ProcessAlive,
            // Read again, and unchanged; that is all that can be told.
            None => Signal::Covered,
        };
        self.said.gone = alive == Some(false);
        self.said.beat = Some(now);
        // A file first seen after its process died is left over: the session may run on in another process, whose
        // sign of life must count for more.
        let left_over = new && self.said.gone;
        let at = if left_over { now - BEAT - BEAT } else { now };
        out.evidence(session, evidence(at, signal));
    }
}

impl Parser for LiveParser {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch) {
        let bytes = mend(bytes);
        let file: LiveFile<'_> = match serde_json::from_slice(&bytes) {
            Ok(file) => file,
            // The client is writing it: the next sweep sees all of it.
            Err(error) if error.is_eof() && self.said.session.is_some() => return,
            Err(error) => {
                let kind = if error.is_data() {
                    ProblemKind::BadField
                } else {
                    ProblemKind::Malformed
                };
                out.problem(kind, base, "live");
                return;
            }
        };
        if file.session_id.is_empty() {
            out.problem(ProblemKind::BadField, base, "live.sessionId");
            return;
        }
        let before = self.said.session.clone();
        if want.evidence {
            self.evidence(&file, now, out);
            // `/clear` and `--resume` go on under another conversation's id: the one before is over.
            if let Some(before) = before
                && self.said.session.as_deref() != Some(&before)
            {
                let session = out.session(&key(&before));
                let at = file.stated_at().unwrap_or(now).min(now);
                let reason = "replaced".into();
                out.evidence(session, evidence(at, Signal::SessionEnded { reason }));
            }
        }
        if want.accounting && (self.said.session.is_some() || !want.evidence) {
            facts(&file, now, out);
        }
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.said).unwrap_or_default()
    }
}

/// The file is gone: the client removes it when it exits in order.
pub fn removed(
    file: &FileInfo,
    state: &[u8],
    now: Timestamp,
    processes: &dyn ProcessTable,
    out: &mut Batch,
) {
    let Ok(said) = serde_json::from_slice::<Said>(state) else {
        out.problem(
            ProblemKind::UnknownVersion,
            0,
            format!("live state of {}", file.stem()),
        );
        return;
    };
    // Whoever removes the file of a process that was killed says nothing about how it ended.
    let Some(session) = said.session.filter(|_| !said.gone) else {
        return;
    };
    let session = out.session(&key(&session));
    let reason = "exit".into();
    out.evidence(session, evidence(now, Signal::SessionEnded { reason }));
    let process = ProcessId {
        pid: said.pid,
        start: said.start,
    };
    if alive(processes, process, said.domain.as_deref()) == Some(false) {
        out.evidence(session, evidence(now, Signal::ProcessGone));
    }
}

fn key(session: &str) -> SessionKey {
    SessionKey::new(AgentKind::ClaudeCode, session)
}

fn evidence(at: Timestamp, signal: Signal) -> Evidence {
    Evidence {
        at,
        source: EvidenceSource::LiveFile,
        signal,
    }
}

/// Whether the process lives, if this machine can tell: a file may come from another machine that shares the folder,
/// or from a container.
fn alive(processes: &dyn ProcessTable, process: ProcessId, domain: Option<&str>) -> Option<bool> {
    if let (Some(theirs), Some(ours)) = (domain, processes.domain())
        && theirs != ours
    {
        return None;
    }
    processes.alive(process)
}

fn live_status(status: &str, waiting_for: Option<&str>) -> Option<(LiveStatus, Option<Box<str>>)> {
    Some(match status {
        "idle" => (LiveStatus::Idle, None),
        "busy" => (LiveStatus::Busy, None),
        "shell" => (LiveStatus::Shell, None),
        "waiting" => {
            let (ask, detail) = match waiting_for.unwrap_or_default() {
                "permission prompt" => (Ask::Permission { tool: None }, None),
                "input needed" => (Ask::Question, None),
                "dialog open" | "" => (Ask::Dialog, None),
                other @ ("sandbox request" | "worker request") => {
                    (Ask::Permission { tool: None }, Some(other.into()))
                }
                other => (Ask::Dialog, Some(other.into())),
            };
            (LiveStatus::Waiting(ask), detail)
        }
        _ => return None,
    })
}

fn facts(file: &LiveFile<'_>, now: Timestamp, out: &mut Batch) {
    let session = out.session(&key(&file.session_id));
    let patch = out.patch(session);
    let at = Timestamp(file.updated_at.or(file.started_at).unwrap_or(now.0)).min(now);
    patch.touch(at);
    let text = |value: &Option<Cow<'_, str>>| {
        let value = value.as_deref().filter(|value| !value.is_empty())?;
        Some(Stamped {
            at,
            value: value.into(),
        })
    };
    // It moves with the client: only a folder for sessions that have no other.
    earliest(&mut patch.cwd, text(&file.cwd));
    latest(&mut patch.version, text(&file.version));
    latest(&mut patch.entrypoint, text(&file.entrypoint));
    if let Some(start) = file.process().start {
        let value = (file.pid, start);
        latest(&mut patch.process, Some(Stamped { at, value }));
    }
    // Derived names are the folder's.
    if file.name_source.as_deref() != Some("derived")
        && let Some(name) = file.name.as_deref()
    {
        patch.propose_title(title::made_up(at, name));
    }
}
