//! Frames of the stream.

use serde::Serialize;

use super::event::Event;
use super::stats::stats;
use crate::model::Timestamp;
use crate::query::{FeedRow, FeedStats, QuotaView};
use crate::session::{Change, State};
use crate::store::sqlite::StoreChange;
use crate::wire::part::Time;

/// A frame of the stream.
#[derive(Serialize)]
struct Frame<T> {
    r#type: &'static str,
    payload: T,
}

/// The frame of one event.
#[must_use]
pub fn event_frame(row: &FeedRow) -> impl Serialize + '_ {
    Frame {
        r#type: "event",
        payload: Event::from(row),
    }
}

/// The frame of statistics.
#[must_use]
pub fn stats_frame<'a>(counted: &'a FeedStats, quotas: &'a [QuotaView]) -> impl Serialize + 'a {
    Frame {
        r#type: "stats",
        payload: stats(counted, quotas),
    }
}

/// The frame that begins a stream.
#[must_use]
pub fn connected_frame(at: Timestamp) -> impl Serialize {
    #[derive(Serialize)]
    struct Connected {
        r#type: &'static str,
        timestamp: Time,
    }
    Connected {
        r#type: "connected",
        timestamp: Time(at),
    }
}

/// The frame of a session whose state changed; `None` when something else did.
#[must_use]
pub fn session_frame(change: &StoreChange) -> Option<impl Serialize + '_> {
    #[derive(Serialize)]
    struct Changed<'a> {
        r#type: &'static str,
        session_id: &'a str,
        agent_type: &'a str,
        state: Option<State>,
        reason: Option<String>,
    }
    let transition = change.changes.iter().rev().find_map(|change| match change {
        Change::State(transition) => Some(transition),
        _ => None,
    });
    (change.created || transition.is_some()).then(|| Frame {
        r#type: "session_update",
        payload: Changed {
            r#type: "session_state",
            session_id: &change.key.native_id,
            agent_type: change.key.agent.as_str(),
            state: transition.map(|transition| transition.to),
            reason: transition.map(|transition| transition.reason.to_string()),
        },
    })
}
