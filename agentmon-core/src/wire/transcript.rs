//! `agentmon.transcript.v1`.

use serde::Serialize;

use super::event::Event;
use super::session::Session;
use crate::query::{EventRow, SessionDetail};

/// What was said in a session, from its beginning.
#[must_use]
pub fn transcript<'a>(detail: &'a SessionDetail, events: &'a [EventRow]) -> impl Serialize + 'a {
    Transcript {
        schema: "agentmon.transcript.v1",
        session: (&detail.session).into(),
        children: detail.children.iter().map(Session::from).collect(),
        events: events.iter().map(Event::from).collect(),
    }
}

#[derive(Serialize)]
struct Transcript<'a> {
    schema: &'static str,
    session: Session<'a>,
    children: Vec<Session<'a>>,
    events: Vec<Event<'a>>,
}
