//! Sessions as rows.

use serde::Serialize;

use super::event::Event;
use super::part::Seconds;
use crate::query::{FeedRow, FeedSession, FeedSessions};
use crate::wire::part::Usd;

/// One session.
#[derive(Serialize)]
struct Session<'a> {
    id: &'a str,
    agent_id: String,
    agent_type: &'a str,
    project: Option<&'a str>,
    branch: Option<&'a str>,
    status: &'static str,
    started_at: Seconds,
    ended_at: Option<Seconds>,
    last_event_at: Seconds,
    metadata: &'static str,
    event_count: u64,
    tokens_in: u64,
    tokens_out: u64,
    total_cost_usd: Usd,
    files_edited: u64,
    lines_added: u64,
    lines_removed: u64,
}

impl<'a> From<&'a FeedSession> for Session<'a> {
    fn from(session: &'a FeedSession) -> Self {
        let agent = session.key.agent.as_str();
        Self {
            id: &session.key.native_id,
            agent_id: format!("{agent}-default"),
            agent_type: agent,
            project: session.project.as_deref(),
            branch: session.branch.as_deref(),
            status: session.status,
            started_at: Seconds(session.started_at),
            ended_at: session.ended_at.map(Seconds),
            last_event_at: Seconds(session.last_event_at),
            metadata: "{}",
            event_count: session.events,
            tokens_in: session.usage.input,
            tokens_out: session.usage.output,
            total_cost_usd: Usd(session.cost),
            files_edited: session.files_edited,
            lines_added: session.lines_added,
            lines_removed: session.lines_removed,
        }
    }
}

/// A list of sessions.
#[must_use]
pub fn sessions(list: &FeedSessions) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct List<'a> {
        sessions: Vec<Session<'a>>,
        total: u64,
    }
    List {
        sessions: list.sessions.iter().map(Session::from).collect(),
        total: list.total,
    }
}

/// One session with its latest events.
#[must_use]
pub fn session<'a>(session: &'a FeedSession, events: &'a [FeedRow]) -> impl Serialize + 'a {
    #[derive(Serialize)]
    struct Detail<'a> {
        session: Session<'a>,
        events: Vec<Event<'a>>,
    }
    Detail {
        session: session.into(),
        events: events.iter().map(Event::from).collect(),
    }
}
