//! What sources report about a session as a whole.
//!
//! A [`SessionPatch`] merges commutatively: minima, maxima and last-writer-wins by the time stated in the data, so the
//! order in which files are read does not matter.

use serde::{Deserialize, Serialize};

use super::stamped::Stamped;
use super::{NanoUsd, SessionKey, Timestamp, Usage};

/// How a session belongs to its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// A part of the parent that shares its session id (Claude Code subagents): its usage is the parent's in reports
    /// by session.
    Within,
    /// A session of its own that the parent started (Codex and OpenClaw subagents).
    Spawned,
    /// A session of its own that began as a copy of the parent.
    Fork,
}

/// Where a title comes from, the least telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TitleKind {
    /// The first thing the user asked.
    FirstPrompt,
    /// A summary of the conversation.
    Summary,
    /// A name that the agent gave.
    Agent,
    /// A name that the user gave.
    Custom,
}

/// A candidate for a session's title. The greatest wins: kind, then time, then text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Title {
    /// Where it comes from.
    pub kind: TitleKind,
    /// When it was given. For [`TitleKind::FirstPrompt`] the earliest wins, so adapters negate nothing: merging does.
    pub at: Timestamp,
    /// One line of text, at most [`Title::MAX_CHARS`] characters.
    pub text: Box<str>,
}

impl Title {
    /// Longest title kept, in characters.
    pub const MAX_CHARS: usize = 120;

    /// A title from any text: white space folded, cut at [`Title::MAX_CHARS`]; `None` if nothing is left.
    #[must_use]
    pub fn new(kind: TitleKind, at: Timestamp, text: &str) -> Option<Self> {
        let mut line = String::new();
        for word in text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
        {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            if line.len() > Self::MAX_CHARS * 4 {
                break;
            }
        }
        if line.chars().count() > Self::MAX_CHARS {
            line = line.chars().take(Self::MAX_CHARS - 1).collect();
            line.push('…');
        }
        (!line.is_empty()).then(|| Self {
            kind,
            at,
            text: line.into(),
        })
    }

    /// Whether this title is to be shown rather than `other`.
    #[must_use]
    pub fn beats(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (TitleKind::FirstPrompt, TitleKind::FirstPrompt) => {
                (other.at, &other.text) > (self.at, &self.text)
            }
            _ => self > other,
        }
    }
}

/// How far a session says it has come (todo or task lists).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Progress {
    /// Items done.
    pub done: u32,
    /// All items.
    pub total: u32,
}

/// A project as another machine found it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Located {
    /// The top of the repository, or the folder.
    pub root: Box<str>,
    /// What people call it.
    pub name: Box<str>,
    /// The name of the linked work tree, when the session's folder is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Box<str>>,
}

/// How the machine of a session is known, the least certain first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostKind {
    /// The client names it (`host.name` of telemetry).
    Named,
    /// The session is seen there: its files lie on that machine, or its gateway or another agentmon runs on it.
    Seen,
}

/// The machine on which a session runs. The greatest wins: kind, then time, then name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Host {
    /// How it is known.
    pub kind: HostKind,
    /// When that was so.
    pub at: Timestamp,
    /// What the machine is called. Hostile input.
    pub name: Box<str>,
}

impl Host {
    /// Longest name, in bytes: that of names in the DNS.
    pub const MAX_BYTES: usize = 255;

    /// A machine by its name; `None` if that is none.
    #[must_use]
    pub fn new(kind: HostKind, at: Timestamp, name: &str) -> Option<Self> {
        let name = name.trim();
        let is_name = !name.is_empty()
            && name.len() <= Self::MAX_BYTES
            && !name.chars().any(|c| c.is_control() || c.is_whitespace());
        is_name.then(|| Self {
            kind,
            at,
            name: name.into(),
        })
    }
}

/// What the agent itself says that a model used in this session so far, cumulative (Claude Code's `cost-state`). A
/// cross-check: the difference to the calls is shown as `unattributed`, never added.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ModelTotals {
    /// The model, as the agent spells it.
    pub model: Box<str>,
    /// Tokens so far.
    #[serde(flatten)]
    pub usage: UsageOrd,
    /// Cost so far.
    pub cost: NanoUsd,
}

/// [`Usage`] with an order, so that merging stays deterministic.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct UsageOrd {
    /// See [`Usage`].
    pub input: u64,
    /// See [`Usage`].
    pub cache_read: u64,
    /// See [`Usage`].
    pub cache_creation: u64,
    /// See [`Usage`].
    pub output: u64,
}

impl From<Usage> for UsageOrd {
    fn from(usage: Usage) -> Self {
        Self {
            input: usage.input,
            cache_read: usage.cache_read,
            cache_creation: usage.cache_creation(),
            output: usage.output,
        }
    }
}

type Parent = (SessionKey, Relation);

fn is_rather_parent(one: &Parent, other: &Parent) -> bool {
    (one.1, &one.0) < (other.1, &other.0)
}

/// Takes over what is stated and beats what is known. Returns whether it does.
fn keep<T: Clone>(
    mine: &mut Option<T>,
    theirs: &Option<T>,
    beats: impl FnOnce(&T, &T) -> bool,
) -> bool {
    let Some(stated) = theirs else { return false };
    let is_new = mine.as_ref().is_none_or(|known| beats(stated, known));
    if is_new {
        *mine = Some(stated.clone());
    }
    is_new
}

/// What one look at a source says about a session. Absent fields say nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionPatch {
    /// Whose facts these are.
    pub key: SessionKey,
    /// The parent and how it is related.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<(SessionKey, Relation)>,
    /// Earliest sign of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// Latest sign of activity inside the session (by the data, not by file times).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_activity_at: Option<Timestamp>,
    /// The best title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Title>,
    /// The folder it started in: the earliest wins. The project is resolved from it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Stamped<Box<str>>>,
    /// The project's name, as a client states it where no folder is known: the latest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Stamped<Box<str>>>,
    /// Its project as the machine found it on which its folder is: counts where that folder is not here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub located: Option<Stamped<Located>>,
    /// The machine on which it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    /// The git branch, as the agent reports it: the latest wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<Stamped<Box<str>>>,
    /// The model used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Stamped<Box<str>>>,
    /// The agent's version used last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Stamped<Box<str>>>,
    /// How the client was started (`cli`, `sdk-cli`, `exec`, `vscode`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Stamped<Box<str>>>,
    /// A short name or role of a subagent (`Explore`, `reviewer`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Stamped<Box<str>>>,
    /// Tokens now in the context window, and the window's size if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Stamped<(u64, Option<u64>)>>,
    /// Todo or task list progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Stamped<Progress>>,
    /// What the agent itself counts, per model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Stamped<Vec<ModelTotals>>>,
    /// The process that runs it: pid and start time in the operating system's own unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<Stamped<(u32, u64)>>,
    /// The file that holds its transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<Stamped<Box<str>>>,
    /// The name by which the agent routes messages to this session, where that is not its id: OpenClaw's session key
    /// (`agent:main:main`). Control takes it; after a reset it names another session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Stamped<Box<str>>>,
}

impl SessionPatch {
    /// A patch that says nothing yet.
    #[must_use]
    pub fn new(key: SessionKey) -> Self {
        Self {
            key,
            parent: None,
            started_at: None,
            last_activity_at: None,
            title: None,
            cwd: None,
            project: None,
            located: None,
            host: None,
            branch: None,
            model: None,
            version: None,
            entrypoint: None,
            role: None,
            context: None,
            progress: None,
            reported: None,
            process: None,
            transcript: None,
            address: None,
        }
    }

    /// All times in it.
    pub fn times(&self) -> impl Iterator<Item = Timestamp> + '_ {
        fn at<T>(field: &Option<Stamped<T>>) -> Option<Timestamp> {
            field.as_ref().map(|stamped| stamped.at)
        }
        [
            self.started_at,
            self.last_activity_at,
            self.title.as_ref().map(|title| title.at),
            at(&self.cwd),
            at(&self.project),
            at(&self.located),
            self.host.as_ref().map(|host| host.at),
            at(&self.branch),
            at(&self.model),
            at(&self.version),
            at(&self.entrypoint),
            at(&self.role),
            at(&self.context),
            at(&self.progress),
            at(&self.reported),
            at(&self.process),
            at(&self.transcript),
            at(&self.address),
        ]
        .into_iter()
        .flatten()
    }

    /// Widens the session's life to include `at`.
    pub fn touch(&mut self, at: Timestamp) {
        self.started_at = Some(self.started_at.map_or(at, |known| known.min(at)));
        self.last_activity_at = Some(self.last_activity_at.map_or(at, |known| known.max(at)));
    }

    /// Says on which machine it was seen when it was last active, where that is known.
    pub fn seen_on(&mut self, host: &str) {
        let at = self.last_activity_at.or(self.started_at);
        self.propose_host(Host::new(HostKind::Seen, at.unwrap_or_default(), host));
    }

    /// Proposes a machine; the greater one stays.
    pub fn propose_host(&mut self, host: Option<Host>) {
        if host > self.host {
            self.host = host;
        }
    }

    /// Proposes a title; the better one stays.
    pub fn propose_title(&mut self, title: Option<Title>) {
        if let Some(title) = title
            && self.title.as_ref().is_none_or(|known| title.beats(known))
        {
            self.title = Some(title);
        }
    }

    /// Proposes a parent. It is a fact about a session's birth: sources agree. Where they do not, the order decides.
    pub fn propose_parent(&mut self, parent: Option<(SessionKey, Relation)>) {
        if let Some(theirs) = parent
            && self
                .parent
                .as_ref()
                .is_none_or(|mine| is_rather_parent(&theirs, mine))
        {
            self.parent = Some(theirs);
        }
    }

    /// Adds what `other` says of the same session, and returns whether that is anything new. Commutative, associative and
    /// idempotent.
    pub fn merge(&mut self, other: &Self) -> bool {
        fn later<T: Ord + Clone>(mine: &mut Option<T>, theirs: &Option<T>) -> bool {
            keep(mine, theirs, |theirs, mine| theirs > mine)
        }
        fn earlier<T: Ord + Clone>(mine: &mut Option<T>, theirs: &Option<T>) -> bool {
            keep(mine, theirs, |theirs, mine| theirs < mine)
        }
        let mut is_new = earlier(&mut self.started_at, &other.started_at);
        is_new |= later(&mut self.last_activity_at, &other.last_activity_at);
        is_new |= keep(&mut self.title, &other.title, Title::beats);
        is_new |= keep(&mut self.parent, &other.parent, is_rather_parent);
        is_new |= earlier(&mut self.cwd, &other.cwd);
        is_new |= later(&mut self.project, &other.project);
        is_new |= later(&mut self.located, &other.located);
        is_new |= later(&mut self.host, &other.host);
        is_new |= later(&mut self.branch, &other.branch);
        is_new |= later(&mut self.model, &other.model);
        is_new |= later(&mut self.version, &other.version);
        is_new |= later(&mut self.entrypoint, &other.entrypoint);
        is_new |= later(&mut self.role, &other.role);
        is_new |= later(&mut self.context, &other.context);
        is_new |= later(&mut self.progress, &other.progress);
        is_new |= later(&mut self.reported, &other.reported);
        is_new |= later(&mut self.process, &other.process);
        is_new |= later(&mut self.transcript, &other.transcript);
        is_new |= later(&mut self.address, &other.address);
        is_new
    }
}
