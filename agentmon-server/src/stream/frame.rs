//! Frames of server-sent events, rendered.

use agentmon_core::query::FeedRow;
use agentmon_core::wire::events_api;
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;

/// What a client is interested in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) agent: Option<Box<str>>,
    pub(crate) kind: Option<Box<str>>,
}

impl Interest {
    /// Whether that is everything.
    fn is_all(&self) -> bool {
        *self == Self::default()
    }

    fn wants(&self, event: &EventFrame) -> bool {
        self.agent
            .as_deref()
            .is_none_or(|agent| *agent == *event.agent)
            && self.kind.as_deref().is_none_or(|kind| *kind == *event.kind)
    }
}

/// One event.
#[derive(Debug)]
pub(crate) struct EventFrame {
    id: i64,
    agent: Box<str>,
    kind: &'static str,
    bytes: Bytes,
}

/// What is sent to all clients at once.
#[derive(Debug)]
pub(crate) enum Frames {
    /// The events of a commit: together for those who want all, one by one for the others.
    Events { all: Bytes, each: Vec<EventFrame> },
    /// What everybody gets.
    Everybody(Bytes),
}

impl Frames {
    /// The frames of events.
    pub(crate) fn events(rows: &[FeedRow]) -> Self {
        let mut all = BytesMut::new();
        let mut ends = Vec::with_capacity(rows.len());
        for row in rows {
            write(&mut all, Some(row.id), &events_api::event_frame(row));
            ends.push(all.len());
        }
        let all = all.freeze();
        let mut begin = 0;
        let each = rows.iter().zip(ends).map(|(row, end)| {
            let bytes = all.slice(begin..end);
            begin = end;
            EventFrame {
                id: row.id,
                agent: row.session.agent.as_str().into(),
                kind: row.kind.as_str(),
                bytes,
            }
        });
        Self::Events {
            each: each.collect(),
            all: all.clone(),
        }
    }

    /// A frame that everybody gets.
    pub(crate) fn everybody(frame: &impl Serialize) -> Self {
        let mut bytes = BytesMut::new();
        write(&mut bytes, None, frame);
        Self::Everybody(bytes.freeze())
    }

    /// A sign of life.
    pub(crate) fn heartbeat() -> Self {
        Self::Everybody(Bytes::from_static(b": heartbeat\n\n"))
    }

    /// What of it is for a client who has had the events up to row `seen`.
    pub(crate) fn for_client(&self, interest: &Interest, seen: i64) -> Bytes {
        match self {
            Self::Everybody(bytes) => bytes.clone(),
            Self::Events { all, each } => {
                let is_new = each.first().is_none_or(|event| event.id > seen);
                if is_new && interest.is_all() {
                    return all.clone();
                }
                let mut wanted = BytesMut::new();
                for event in each
                    .iter()
                    .filter(|event| event.id > seen && interest.wants(event))
                {
                    wanted.put_slice(&event.bytes);
                }
                wanted.freeze()
            }
        }
    }
}

/// Adds one frame.
fn write(out: &mut BytesMut, id: Option<i64>, frame: &impl Serialize) {
    let start = out.len();
    if let Some(id) = id {
        out.put_slice(format!("id: {id}\n").as_bytes());
    }
    out.put_slice(b"data: ");
    // JSON on one line: no line break can end the frame early.
    match serde_json::to_writer(out.writer(), frame) {
        Ok(()) => out.put_slice(b"\n\n"),
        Err(error) => {
            tracing::error!(%error, "a frame could not be written");
            out.truncate(start);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use agentmon_core::model::{AgentKind, EventKind, EventStatus, SessionKey, Timestamp, Usage};

    fn row(id: i64, agent: &str, kind: EventKind) -> FeedRow {
        FeedRow {
            id,
            event_id: None,
            session: SessionKey::new(AgentKind::from(agent), "s"),
            kind,
            status: EventStatus::Success,
            tool: None,
            usage: Usage::default(),
            cost: None,
            model: None,
            branch: None,
            project: None,
            duration_ms: None,
            created_at: Timestamp(0),
            client_at: None,
            metadata: Some("{\"a\":\"x\\ny\"}".into()),
            text: "".into(),
            truncated: false,
            source: None,
        }
    }

    #[test]
    fn clients_get_what_they_want_and_have_not_had() {
        let frames = Frames::events(&[
            row(5, "codex", EventKind::Error),
            row(6, "gemini", EventKind::ToolUse),
        ]);
        let ids = |interest: &Interest, seen| {
            let bytes = frames.for_client(interest, seen);
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let frames = text.split_terminator("\n\n").map(|frame| {
                assert_eq!(frame.lines().count(), 2, "{frame}");
                frame.lines().next().unwrap().to_owned()
            });
            frames.collect::<Vec<_>>()
        };
        let all = Interest::default();
        assert_eq!(ids(&all, 0), ["id: 5", "id: 6"]);
        assert_eq!(ids(&all, 5), ["id: 6"]);
        let codex = Interest {
            agent: Some("codex".into()),
            kind: None,
        };
        assert_eq!(ids(&codex, 0), ["id: 5"]);
        assert_eq!(ids(&codex, 5), [""; 0]);
        let tools = Interest {
            agent: None,
            kind: Some("tool_use".into()),
        };
        assert_eq!(ids(&tools, 0), ["id: 6"]);
    }
}
