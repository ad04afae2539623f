//! Reads a chat: a log of changes, or an old one that is replaced as a whole.
//!
//! What was billed is in the messages as they were written, whatever a later `$set` or `$rewindTo` makes of the
//! history: after a resume or a compression that history has no token counts any more.

use serde::{Deserialize, Serialize};

use super::message;
use super::record::{Message, Record};
use super::{project, session_key};
use crate::model::{
    Batch, EventKind, ProblemKind, Relation, SessionKey, Timestamp, Title, TitleKind, stamp,
    stamp_first,
};
use crate::session::Signal;
use crate::source::json;
use crate::source::line::Line;
use crate::source::{FileInfo, FileRole, Parser, Want, for_each_line};

/// Parser of one chat.
#[derive(Debug)]
pub(super) struct Chat {
    file: FileInfo,
    /// The session that started this one, by the folder that the chat lies in.
    parent: Option<SessionKey>,
    state: State,
}

/// What is remembered between pieces of a chat.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The session's id, from the header.
    session: Option<Box<str>>,
    is_subagent: bool,
    /// Time of the last record.
    last: Option<Timestamp>,
    /// Whether a first prompt was seen.
    pub(super) titled: bool,
    /// Whether a message was written since the last header or replaced history.
    spoke: bool,
    /// What was told as evidence up to when: an old chat is read whole again each time.
    told: Option<Timestamp>,
}

impl Chat {
    pub(super) fn new(file: &FileInfo) -> Self {
        let relative = file.relative();
        let mut parts = relative.split('/').skip(3);
        let parent = match (parts.next(), parts.next()) {
            (Some(folder), Some(_)) => Some(session_key(folder)),
            _ => None,
        };
        Self {
            file: file.clone(),
            parent,
            state: State::default(),
        }
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Self> {
        let state = serde_json::from_slice(state).ok()?;
        Some(Self {
            state,
            ..Self::new(file)
        })
    }

    /// The session's id; that of the file's name where no header was read (`session-<time>-<8 digits>`).
    fn session(&self) -> SessionKey {
        let id = self.state.session.as_deref();
        session_key(id.unwrap_or_else(|| self.file.stem().trim_start_matches("session-")))
    }

    fn record(&mut self, offset: u64, bytes: &[u8], want: Want, out: &mut Batch) {
        let record: Record<'_> = match serde_json::from_slice(bytes) {
            Ok(record) if bytes.starts_with(b"{") => record,
            _ => return out.problem(ProblemKind::Malformed, offset, "chat record"),
        };
        if record.set.is_some() {
            let set: Record<'_> = json::object(record.set).unwrap_or_default();
            self.change(offset, &set, want, out);
        } else if record.session_id.is_some() {
            self.header(offset, &record, want, out);
        } else if record.id.is_some() {
            self.message(offset, bytes, want, out);
        } else if record.rewind_to.is_none() {
            out.problem(ProblemKind::UnknownType, offset, "chat record");
        }
    }

    fn line<'b>(
        &mut self,
        key: &'b SessionKey,
        id: &'b str,
        at: Option<Timestamp>,
        (offset, want): (u64, Want),
        out: &'b mut Batch,
    ) -> Line<'b> {
        let at = at.or(self.state.last).unwrap_or(self.file.born);
        self.state.last = self.state.last.max(Some(at));
        let session = out.session(key);
        out.touch(session, at);
        Line {
            out,
            want,
            key,
            session,
            offset,
            at,
            id,
        }
    }

    /// A new chat, or the same one resumed.
    fn header(&mut self, offset: u64, header: &Record<'_>, want: Want, out: &mut Batch) {
        let resumed = self.state.session.is_some();
        if let Some(id) = json::text(header.session_id).filter(|id| !id.is_empty()) {
            self.state.session = Some(id.into());
        }
        self.state.is_subagent =
            json::text(header.kind).as_deref() == Some("subagent") || self.parent.is_some();
        self.state.spoke = false;
        let at = json::time(header.start_time).or_else(|| json::time(header.last_updated));
        let key = self.session();
        let parent = self.parent.clone().filter(|parent| *parent != key);
        let is_subagent = self.state.is_subagent;
        let id = at.unwrap_or_default().0.to_string();
        let folder = want
            .accounting
            .then(|| self.folder(json::strings(header.directories).first()))
            .flatten();
        let path = self.file.path.to_string_lossy().into_owned();
        let mut line = self.line(&key, &id, at, (offset, want), out);
        let how = if resumed { "resume" } else { "startup" };
        line.sign(Signal::SessionStarted { how: how.into() });
        line.event(0, EventKind::SessionStart, "");
        if want.accounting {
            let at = line.at;
            let patch = line.patch();
            if let Some(folder) = folder {
                stamp_first(&mut patch.cwd, at, &folder);
            }
            stamp(&mut patch.transcript, at, &path);
            if is_subagent {
                stamp(&mut patch.entrypoint, at, "subagent");
            }
            patch.propose_parent(parent.map(|parent| (parent, Relation::Spawned)));
        }
    }

    /// The folder that the session works in.
    fn folder(&self, stated: Option<&String>) -> Option<String> {
        let relative = self.file.relative();
        let name = relative.split('/').nth(1);
        stated
            .cloned()
            .or_else(|| project::folder(&self.file.root, name?))
    }

    /// A change of the header, or of the history that the client goes on with.
    fn change(&mut self, offset: u64, set: &Record<'_>, want: Want, out: &mut Batch) {
        let replaces = set.messages.is_some() && std::mem::take(&mut self.state.spoke);
        let summary = json::text(set.summary);
        let at = json::time(set.last_updated);
        if !replaces && summary.is_none() && at.is_none() {
            return;
        }
        let key = self.session();
        let is_subagent = self.state.is_subagent;
        let id = offset.to_string();
        let mut line = self.line(&key, &id, at, (offset, want), out);
        if replaces {
            // Without a new header, it is shorter.
            line.sign(Signal::Compacted);
            line.event("set", EventKind::Compaction, "");
        }
        if let Some(summary) = summary.filter(|_| want.accounting && !is_subagent) {
            let at = line.at;
            let title = Title::new(TitleKind::Summary, at, &summary);
            line.patch().propose_title(title);
        }
    }

    fn message(&mut self, offset: u64, bytes: &[u8], mut want: Want, out: &mut Batch) {
        let message: Message<'_> = serde_json::from_slice(bytes).unwrap_or_default();
        let at = json::time(message.timestamp);
        if self.file.role == FileRole::Document {
            // A message is completed in place, so the last one is told again.
            want.evidence &= at >= self.state.told;
            if want.evidence {
                self.state.told = at;
            }
        }
        self.state.spoke = true;
        let key = self.session();
        let is_subagent = self.state.is_subagent;
        let id = json::text(message.id).unwrap_or_default().into_owned();
        let mut titled = self.state.titled;
        let mut line = self.line(&key, &id, at, (offset, want), out);
        if at.is_none() {
            line.bad_field("timestamp");
        }
        message::read(&mut line, &message, is_subagent, &mut titled);
        self.state.titled = titled;
    }

    /// A chat of before, which is one document.
    fn document(&mut self, bytes: &[u8], want: Want, out: &mut Batch) {
        let chat: Record<'_> = match serde_json::from_slice(bytes) {
            Ok(chat) if bytes.starts_with(b"{") => chat,
            _ => return out.problem(ProblemKind::Malformed, 0, "chat"),
        };
        if chat.messages.is_none() {
            return out.problem(ProblemKind::BadField, 0, "messages");
        }
        let known = std::mem::take(&mut self.state);
        self.state.told = known.told;
        let started = Want {
            evidence: want.evidence && known.session.is_none(),
            ..want
        };
        self.header(0, &chat, started, out);
        self.change(
            0,
            &Record {
                messages: None,
                ..chat
            },
            want,
            out,
        );
        for message in json::elements(chat.messages) {
            self.message(0, message.get().as_bytes(), want, out);
        }
    }
}

impl Parser for Chat {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        if self.file.role == FileRole::Document {
            return self.document(bytes.trim_ascii(), want, out);
        }
        for_each_line(base, bytes, |offset, line| {
            self.record(offset, line, want, out)
        });
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).unwrap_or_default()
    }
}
