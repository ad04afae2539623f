//! What a gateway tells, as observations: the same sessions, calls and events that its files give, and the state of each
//! at once. Pure: what has to be asked of the gateway is returned as a wish.
//!
//! The gateway speaks of session keys (addresses); a session here is a transcript, as for files. Rows say which stands
//! under a key. Until one has, what is told about a key is held back, and the list of sessions is asked for.
//!
//! **State** comes from the events of runs, first word wins: a run that has ended stays ended, whatever is told of it
//! twice or late. Rows decide only after a gap (connect, reconnect, lost events).
//!
//! **Calls and content** come from transcripts, read with the same parser as files, under the same identities.
//! Protocol 3 tells no identities of entries: whoever drives this leaves out transcripts that are also read from disk.

mod messages;
mod rows;
mod runs;

pub use messages::Read;
pub(super) use messages::{Stamp, Stamped};
pub use rows::Listed;

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Deserialize;

use super::frame::Payload;
use crate::model::{Batch, ProblemKind, SessionKey, Span, Timestamp};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::json::{self, Raw};
use crate::source::openclaw::files::names;

/// Sessions that are remembered; the least active go first.
const MAX_SESSIONS: usize = 4096;
/// Runs of a session that go on at a time.
const MAX_RUNS: usize = 16;
/// Runs that have ended and are remembered as such.
const MAX_ENDED: usize = 512;
/// Signs of sessions that are not known yet.
const MAX_HELD: usize = 512;
/// A row tells of the end of a run by this much later than its events.
const LAG: Span = Span::from_secs(5);
/// Signs of one kind that only say that something goes on are told so often.
const REPEAT: Span = Span::from_secs(10);

/// What should be asked of the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// The list of sessions: something is told of one that is not known.
    pub list: bool,
    /// The transcript of the session under this address: a run ended.
    pub transcript: Option<Box<str>>,
    /// Agents or models may have changed.
    pub metadata: bool,
}

/// A session of the gateway.
#[derive(Debug)]
struct Known {
    key: SessionKey,
    /// Runs that go on, with the class of the last failure that was told.
    runs: BTreeMap<Box<str>, Option<Box<str>>>,
    /// Requests for approval that are open.
    asks: Vec<Box<str>>,
    /// When it was begun, by its row.
    started: Option<Timestamp>,
    /// When its row was written last.
    updated: Timestamp,
    /// When the latest of its runs was seen to begin.
    begun: Timestamp,
    /// When it was last told that something goes on.
    told: Timestamp,
    /// When the last of its runs was told to have ended.
    ended: Timestamp,
    /// A run has ended, or was going on before a gap: its transcript says how.
    unconfirmed: Option<Timestamp>,
}

impl Known {
    fn new(key: SessionKey) -> Self {
        Self {
            key,
            runs: BTreeMap::new(),
            asks: Vec::new(),
            started: None,
            updated: Timestamp(0),
            begun: Timestamp(0),
            told: Timestamp(0),
            ended: Timestamp(0),
            unconfirmed: None,
        }
    }
}

/// Turns what one gateway tells into observations.
#[derive(Debug, Default)]
pub struct Observer {
    protocol: u64,
    sessions: HashMap<Box<str>, Known>,
    /// Approvals by their id, with the address of who asks.
    asks: HashMap<Box<str>, Box<str>>,
    ended: VecDeque<Box<str>>,
    held: VecDeque<(Box<str>, Timestamp, Signal)>,
    covered: bool,
}

/// The session that a payload is about.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct About<'a> {
    #[serde(borrow)]
    session_key: Raw<'a>,
    #[serde(borrow)]
    session_id: Raw<'a>,
    #[serde(borrow)]
    agent_id: Raw<'a>,
    #[serde(borrow)]
    session: Raw<'a>,
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
}

impl About<'_> {
    /// The address in full, and the agent that it names.
    fn address(&self) -> Option<(Box<str>, Box<str>)> {
        let key = json::text(self.session_key).filter(|key| (1..=512).contains(&key.len()))?;
        let stated = json::text(self.agent_id);
        let address = names::address(&key, stated.as_deref().unwrap_or("main"));
        let agent = names::agent_of(&address).map(Box::from);
        let agent = agent.or_else(|| {
            stated
                .filter(|agent| is_name(agent))
                .map(|agent| (*agent).into())
        });
        Some((address.into(), agent.unwrap_or_else(|| "main".into())))
    }
}

impl Observer {
    /// The gateway let agentmon in. Sessions are seen again. `started` is when the gateway itself was, where that is known.
    pub fn connected(
        &mut self,
        protocol: u64,
        started: Option<Timestamp>,
        now: Timestamp,
        out: &mut Batch,
    ) {
        self.protocol = protocol;
        if !std::mem::replace(&mut self.covered, true) {
            self.tell_busy(now, &Signal::Covered, out);
        }
        for known in self
            .sessions
            .values_mut()
            .filter(|known| !known.runs.is_empty())
        {
            // What goes on now, rows and transcripts have to say.
            known.unconfirmed = Some(now);
            if protocol < 4 && started.is_some_and(|started| started > known.begun) {
                // Nothing survives the gateway, and its rows do not say that.
                known.runs.clear();
                tell(&known.key, now, Signal::ProcessGone, out);
            }
        }
    }

    /// The gateway has been out of reach for a while: what its busy sessions do cannot be seen.
    pub fn lost(&mut self, now: Timestamp, out: &mut Batch) {
        if std::mem::replace(&mut self.covered, false) {
            let reason = "host_unreachable".into();
            self.tell_busy(now, &Signal::Uncovered { reason }, out);
        }
    }

    fn tell_busy(&self, at: Timestamp, signal: &Signal, out: &mut Batch) {
        let busy = |known: &&Known| !known.runs.is_empty() || !known.asks.is_empty();
        for known in self.sessions.values().filter(busy) {
            let session = out.session(&known.key);
            let (source, signal) = (EvidenceSource::Coverage, signal.clone());
            out.evidence(session, Evidence { at, source, signal });
        }
    }

    /// The session under an address.
    #[must_use]
    pub fn session(&self, address: &str) -> Option<&SessionKey> {
        self.sessions.get(address).map(|known| &known.key)
    }

    /// Every session with the time at which its row was written last.
    pub fn sessions(&self) -> impl Iterator<Item = (&str, &SessionKey, Timestamp)> {
        let sessions = self.sessions.iter();
        sessions.map(|(address, known)| (&**address, &known.key, known.updated))
    }

    /// Something happened.
    pub fn event(
        &mut self,
        name: &str,
        payload: Payload<'_>,
        now: Timestamp,
        out: &mut Batch,
    ) -> Wishes {
        let mut wishes = Wishes::default();
        match name {
            "agent" | "session.tool" => self.agent(payload, now, &mut wishes, out),
            "chat" => self.chat(payload, now, &mut wishes, out),
            "session.message" => self.session_message(payload, &mut wishes, out),
            "sessions.changed" => self.changed(payload, now, &mut wishes, out),
            "exec.approval.requested" => self.asked(payload.0, now, &mut wishes, out),
            "exec.approval.resolved" => self.answered(payload, now, out),
            "cron" => self.cron(payload, now, out),
            "chat.metadata.changed" | "models.snapshot" | "config.changed" | "models.changed" => {
                wishes.metadata = true;
            }
            // Of the gateway itself, and what others say better.
            "health" | "heartbeat" | "presence" | "shutdown" | "task" | "session.operation"
            | "session.approval" | "session.observer" | "skills.changed" | "plugins.changed"
            | "talk.mode" => {}
            _ if ["node.", "device.", "voicewake.", "talk.", "plugin."]
                .iter()
                .any(|known| name.starts_with(known)) => {}
            _ => {
                let name: String = name.chars().take(40).collect();
                out.problem(
                    ProblemKind::UnknownType,
                    0,
                    format!("gateway event {name:?}"),
                );
            }
        }
        wishes
    }

    /// Learns which session stands under an address.
    fn learn(&mut self, address: &str, key: SessionKey, out: &mut Batch) -> &mut Known {
        let is_new = self
            .sessions
            .get(address)
            .is_none_or(|known| known.key != key);
        if is_new {
            if self.sessions.len() >= MAX_SESSIONS {
                let idle = |known: &Known| known.runs.is_empty() && known.asks.is_empty();
                let least = self
                    .sessions
                    .iter()
                    .min_by_key(|(_, known)| (!idle(known), known.updated));
                if let Some(address) = least.map(|(address, _)| address.clone()) {
                    self.sessions.remove(&address);
                }
            }
            self.sessions.remove(address);
            for (held, at, signal) in std::mem::take(&mut self.held) {
                if *held == *address {
                    tell(&key, at, signal, out);
                } else {
                    self.held.push_back((held, at, signal));
                }
            }
        }
        self.sessions
            .entry(address.into())
            .or_insert_with(|| Known::new(key))
    }

    /// Tells a sign of the session under an address, once it is known which that is.
    fn sign(
        &mut self,
        address: &str,
        at: Timestamp,
        signal: Signal,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        if let Some(known) = self.sessions.get(address) {
            return tell(&known.key, at, signal, out);
        }
        wishes.list = true;
        if self.held.len() >= MAX_HELD {
            self.held.pop_front();
        }
        self.held.push_back((address.into(), at, signal));
    }
}

fn tell(key: &SessionKey, at: Timestamp, signal: Signal, out: &mut Batch) {
    let session = out.session(key);
    out.touch(session, at);
    let source = EvidenceSource::Gateway;
    out.evidence(session, Evidence { at, source, signal });
}

/// Whether a text can be an agent's id: it becomes part of paths elsewhere.
fn is_name(agent: &str) -> bool {
    names::agent_of(&format!("agent:{agent}")) == Some(agent)
}
