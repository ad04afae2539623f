//! Sessions as lists and detail pages show them, and why agentmon believes what it says of them.

use std::path::PathBuf;

use crate::model::{
    AgentKind, NanoUsd, Progress, QuotaWindow, Relation, SessionKey, Span, Timestamp,
};
use crate::session::{EvidenceRef, Liveness, Reason, State, Transition, Verdict};

use super::event::EventRow;
use super::usage::{Sums, Unattributed};

/// A project: a repository (worktrees belong to their repository), or else the folder a session started in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Project {
    /// What to call it: the folder's name.
    pub name: Box<str>,
    /// Its folder.
    pub root: Box<str>,
}

/// Which sessions. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionFilter {
    /// Exactly these sessions.
    pub keys: Vec<SessionKey>,
    /// Sessions, by id or by a beginning of it.
    pub sessions: Vec<Box<str>>,
    /// States.
    pub states: Vec<State>,
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Models used last, by name or a beginning of it.
    pub models: Vec<Box<str>>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Machines that they run on, by name.
    pub hosts: Vec<Box<str>>,
    /// Sessions active at or after this time.
    pub since: Option<Timestamp>,
    /// Whether sessions that are not over ([`State::is_over`]) pass `since` in any case: a question that has waited
    /// for days still waits.
    pub or_open: bool,
    /// Sessions started before this time.
    pub until: Option<Timestamp>,
    /// Children of this session, by id or a beginning of it.
    pub parent: Option<Box<str>>,
    /// Whether sessions that are a part of another one (Claude Code subagents) are listed on their own.
    pub within: bool,
    /// Those active most lately, at most this many.
    pub limit: Option<usize>,
}

/// Sessions that match a filter.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SessionList {
    /// The sessions, the one active most lately first.
    pub sessions: Vec<SessionView>,
    /// How many match without the limit.
    pub matching: u64,
}

/// One session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionView {
    /// Its identity.
    pub key: SessionKey,
    /// The session it belongs to, and how.
    pub parent: Option<(SessionKey, Relation)>,
    /// What it is doing.
    pub state: State,
    /// Why.
    pub reason: Reason,
    /// The exact question, command or error behind the state, if known. Hostile input.
    pub detail: Option<Box<str>>,
    /// Whether its process lives.
    pub liveness: Liveness,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Its title. Hostile input, like all text below.
    pub title: Option<Box<str>>,
    /// Its project.
    pub project: Option<Project>,
    /// The machine that it runs on, if that is known.
    pub host: Option<Box<str>>,
    /// Its git branch.
    pub branch: Option<Box<str>>,
    /// The folder it started in.
    pub cwd: Option<Box<str>>,
    /// The model used last.
    pub model: Option<Box<str>>,
    /// The agent's version.
    pub version: Option<Box<str>>,
    /// How the client was started.
    pub entrypoint: Option<Box<str>>,
    /// A subagent's short name or role.
    pub role: Option<Box<str>>,
    /// Earliest sign of it.
    pub started_at: Option<Timestamp>,
    /// Latest sign of activity in it.
    pub last_activity_at: Option<Timestamp>,
    /// Its calls, with those of the subagents that are a part of it.
    pub sums: Sums,
    /// Tokens in the context window now, and the window's size if known.
    pub context: Option<(u64, Option<u64>)>,
    /// Its todo or task list.
    pub progress: Option<Progress>,
    /// How long it has waited for the user so far, in all.
    pub blocked: Span,
    /// How many sessions it has started or is made of.
    pub children: u32,
    /// Its process, if one is known.
    pub pid: Option<u32>,
    /// The file that holds its transcript.
    pub transcript: Option<PathBuf>,
}

impl SessionView {
    /// A session of which nothing is known.
    #[must_use]
    pub fn new(key: SessionKey) -> Self {
        Self {
            key,
            parent: None,
            state: State::Unobserved,
            reason: Reason::NoEvidence,
            detail: None,
            liveness: Liveness::Unknown,
            since: Timestamp::default(),
            title: None,
            project: None,
            host: None,
            branch: None,
            cwd: None,
            model: None,
            version: None,
            entrypoint: None,
            role: None,
            started_at: None,
            last_activity_at: None,
            sums: Sums::default(),
            context: None,
            progress: None,
            blocked: Span::default(),
            children: 0,
            pid: None,
            transcript: None,
        }
    }
}

/// Everything about one session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionDetail {
    /// The session.
    pub session: SessionView,
    /// Sessions it has started or is made of, in order of their start.
    pub children: Vec<SessionView>,
    /// Its usage by model, with that of the subagents that are a part of it, the dearest first.
    pub models: Vec<ModelUsage>,
    /// Its tools, the most used first.
    pub tools: Vec<ToolStats>,
    /// What happened, oldest first.
    pub timeline: Vec<EventRow>,
    /// Whether there is more than `timeline` shows.
    pub timeline_truncated: bool,
    /// What the agent itself counts for the whole session, by model.
    pub reported: Vec<ModelUsage>,
    /// What the agent counted beyond the calls that it wrote down.
    pub unattributed: Vec<Unattributed>,
}

/// Usage of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelUsage {
    /// The model.
    pub model: Box<str>,
    /// Its calls.
    pub sums: Sums,
}

/// How often a tool was used, and how that went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolStats {
    /// The tool.
    pub tool: Box<str>,
    /// Calls.
    pub calls: u64,
    /// Calls that ended in an error.
    pub errors: u64,
    /// Time taken by the calls that said how long they took, in milliseconds.
    pub duration_ms: u64,
}

/// Why a session is believed to be in its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The session.
    pub session: SessionView,
    /// The verdict and the evidence that decided.
    pub verdict: Verdict,
    /// The signs that are still remembered one by one, newest first.
    pub evidence: Vec<EvidenceRef>,
    /// How it got here, newest first.
    pub transitions: Vec<Transition>,
}

/// A plan limit as last reported.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaView {
    /// The report.
    pub window: QuotaWindow,
    /// Whether the window has started afresh since, so that the figure no longer holds.
    pub expired: bool,
}

impl Sums {
    /// What the calls cost; `None` when no call has a known price though there are calls.
    #[must_use]
    pub fn known_cost(&self) -> Option<NanoUsd> {
        (self.requests == 0 || self.unpriced_requests < self.requests).then_some(self.cost)
    }
}
