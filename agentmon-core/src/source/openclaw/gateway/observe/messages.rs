//! Messages of transcripts, one at a time as they are written, or many as history. The files' parser reads them.

use serde::Deserialize;

use super::{About, Observer, Wishes, tell};
use crate::model::{Batch, CallSource, SessionKey, Span, Timestamp};
use crate::source::Want;
use crate::source::json::{self, Raw};
use crate::source::line::Line;
use crate::source::openclaw::files::entry::Message;
use crate::source::openclaw::files::message::{self, turn_ended};
use crate::source::openclaw::gateway::frame::Payload;

/// A prompt may be older than its session by this much.
const HEADER_LAG: Span = Span::from_secs(1);

/// Wanted of every message: state is told by runs.
const WANT: Want = Want {
    accounting: true,
    evidence: false,
    content: true,
};

/// What the gateway adds to a message.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::source::openclaw::gateway) struct Stamp<'a> {
    /// The entry's id in the transcript.
    #[serde(borrow)]
    pub(in crate::source::openclaw::gateway) id: Raw<'a>,
    /// When the entry was written.
    #[serde(borrow)]
    pub(in crate::source::openclaw::gateway) record_timestamp_ms: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw::gateway) run_id: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::source::openclaw::gateway) struct Stamped<'a> {
    #[serde(borrow, rename = "__openclaw")]
    pub(in crate::source::openclaw::gateway) stamp: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told<'a> {
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    message_id: Raw<'a>,
    #[serde(borrow)]
    session: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct History<'a> {
    #[serde(borrow)]
    messages: Raw<'a>,
    #[serde(borrow)]
    session_id: Raw<'a>,
    #[serde(borrow)]
    has_more: Raw<'a>,
    #[serde(borrow)]
    next_offset: Raw<'a>,
}

/// What was read of a transcript.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Read {
    /// Messages.
    pub messages: usize,
    /// When the oldest of them was written.
    pub oldest: Option<Timestamp>,
    /// Where older ones are.
    pub next_offset: Option<u64>,
}

impl Observer {
    /// A message was written.
    pub(super) fn session_message(
        &mut self,
        payload: Payload<'_>,
        wishes: &mut Wishes,
        out: &mut Batch,
    ) {
        let about: About<'_> = json::object(payload.0).unwrap_or_default();
        let told: Told<'_> = json::object(payload.0).unwrap_or_default();
        if told.session.is_some() {
            self.row(told.session, Some(None), out);
        }
        let Some((address, _)) = about.address() else {
            return;
        };
        match self.sessions.get(&*address) {
            Some(known) => {
                let (key, started) = (known.key.clone(), known.started);
                read(&key, started, told.message, told.message_id, out);
            }
            None => wishes.list = true,
        }
    }

    /// The transcript of the session under an address, or a part of it, as `chat.history` answers. Without `content` it
    /// only says how the last run ended: the files on this machine say the rest.
    pub fn history(
        &mut self,
        address: &str,
        payload: Payload<'_>,
        content: bool,
        out: &mut Batch,
    ) -> Read {
        let history: History<'_> = json::object(payload.0).unwrap_or_default();
        let Some(known) = self.sessions.get(address) else {
            return Read::default();
        };
        // The key may stand for another session by now.
        let id = json::text(history.session_id).unwrap_or_default();
        if !known.key.native_id.ends_with(&*format!("/{id}")) {
            return Read::default();
        }
        let (key, started) = (known.key.clone(), known.started);
        let messages = json::elements(history.messages);
        let mut oldest = None;
        for raw in messages.iter().filter(|_| content) {
            let at = read(&key, started, Some(raw), None, out);
            oldest = at
                .map(|at| oldest.map_or(at, |oldest: Timestamp| oldest.min(at)))
                .or(oldest);
        }
        if let Some(last) = messages.last() {
            self.confirm(address, &key, last, out);
        }
        Read {
            messages: messages.len(),
            oldest,
            next_offset: json::count(history.next_offset)
                .filter(|_| json::flag(history.has_more) == Some(true)),
        }
    }

    /// How a run ended that only the transcript knows of: in protocol 3 a failed one ends like any other, and after a gap
    /// nothing else tells.
    fn confirm(
        &mut self,
        address: &str,
        key: &SessionKey,
        last: &serde_json::value::RawValue,
        out: &mut Batch,
    ) {
        let Some(known) = self.sessions.get_mut(address) else {
            return;
        };
        let Some(at) = known.unconfirmed.take().filter(|_| self.protocol < 4) else {
            return;
        };
        let message: Message<'_> = json::object(Some(last)).unwrap_or_default();
        if json::text(message.role).as_deref() != Some("assistant") {
            return;
        }
        let error = json::text(message.error_message).unwrap_or_default();
        let signal = match json::text(message.stop_reason).as_deref() {
            Some("error") => message::failure(&error, json::text(message.error_type)),
            Some("aborted") => crate::session::Signal::Aborted,
            Some("stop" | "length") => turn_ended(),
            _ => return,
        };
        known.runs.clear();
        tell(key, at, signal, out);
    }
}

/// Reads one message. Returns when it was written.
fn read(
    key: &SessionKey,
    started: Option<Timestamp>,
    raw: Raw<'_>,
    id: Raw<'_>,
    out: &mut Batch,
) -> Option<Timestamp> {
    let message: Message<'_> = json::object(raw)?;
    let stamped: Stamped<'_> = json::object(raw).unwrap_or_default();
    let stamp: Stamp<'_> = json::object(stamped.stamp).unwrap_or_default();
    let role = json::text(message.role)?;
    let at = json::time(stamp.record_timestamp_ms).or_else(|| json::time(message.timestamp))?;
    let id = match json::text(stamp.id.or(id)) {
        Some(id) => id.into_owned(),
        // Protocol 3: what tells the message from the others of its session.
        None => format!(
            "{role}@{}{}",
            at.0,
            json::text(message.tool_call_id).unwrap_or_default()
        ),
    };
    let session = out.session(key);
    let calls = out.calls.len();
    let copied_at = started.filter(|&started| at + HEADER_LAG < started);
    let mut line = Line {
        out,
        want: WANT,
        key,
        session,
        offset: 0,
        at,
        id: &id,
    };
    let call = match &*role {
        "assistant" => message::call(&mut line, &message, copied_at.unwrap_or(Timestamp(0))),
        _ => None,
    };
    // A fork begins with its parent's messages, which are told there.
    if copied_at.is_none() {
        line.out.touch(session, at);
        match &*role {
            "user" => message::user(&mut line, &message, &mut false),
            "assistant" => message::assistant(&mut line, &message, call),
            "toolResult" => message::tool_result(&mut line, &message),
            _ => {}
        }
    }
    for call in &mut out.calls[calls..] {
        call.source = CallSource::Gateway;
    }
    Some(at)
}
