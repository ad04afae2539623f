//! Events as timelines and feeds show them, page by page.

use crate::model::{
    AgentKind, EventKind, EventStatus, FactKey, NanoUsd, SessionKey, Timestamp, Usage,
};

use super::log::LogLevel;
use super::search::SearchText;
use super::usage::Order;

/// Which events. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Exactly this session.
    pub session: Option<SessionKey>,
    /// Sessions, by id or by a beginning of it.
    pub sessions: Vec<Box<str>>,
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Machines that their sessions run on, by name.
    pub hosts: Vec<Box<str>>,
    /// Kinds.
    pub kinds: Vec<EventKind>,
    /// How they went.
    pub statuses: Vec<EventStatus>,
    /// How much they matter.
    pub levels: Vec<LogLevel>,
    /// Tools.
    pub tools: Vec<Box<str>>,
    /// What the text must contain.
    pub text: Option<SearchText>,
    /// What the text or the tool's name must contain, letter by letter but for the case of ASCII. Every candidate is looked
    /// at: for events of one session.
    pub contains: Option<Box<str>>,
    /// Events at or after this time.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
    /// Direction.
    pub order: Order,
    /// Where the last page ended.
    pub after: Option<EventCursor>,
    /// At most this many; 0 means 100.
    pub limit: usize,
}

/// A place in the feed: time, then row. Order by both, so that a page starts exactly where the last one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// The event's time.
    pub at: Timestamp,
    /// The event's row.
    pub id: i64,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its row: with `at`, its place in the feed.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The session.
    pub session: SessionKey,
    /// What.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// Tool name, for tool events.
    pub tool: Option<Box<str>>,
    /// How long it took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// The model of the call that this belongs to.
    pub model: Option<Box<str>>,
    /// The call's tokens.
    pub usage: Option<Usage>,
    /// The call's cost; `None` when there is no call or no price.
    pub cost: Option<NanoUsd>,
    /// The text. Hostile input.
    pub text: Box<str>,
    /// Whether `text` was cut.
    pub truncated: bool,
    /// What it is known by, here and wherever else it is read.
    pub identity: EventIdentity,
}

/// What an event is known by, so that it counts once wherever it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventIdentity {
    /// Its key in the store.
    pub key: FactKey,
    /// Who holds it: see [`DedupKey::Shared`](crate::model::DedupKey::Shared).
    pub credit: i64,
    /// Joins a tool's use with its result.
    pub call: Option<FactKey>,
    /// The model call that it belongs to.
    pub model_call: Option<FactKey>,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EventPage {
    /// The events, in the order asked for.
    pub events: Vec<EventRow>,
    /// Where the next page starts, if there may be one.
    pub next: Option<EventCursor>,
}
