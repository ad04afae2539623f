//! Reads transcripts: calls, facts, evidence and content of one conversation.
//!
//! The file is a tree of entries in the order in which they were written. Branches that were left are read like the
//! others: their calls were billed, their tools ran. A fork begins with entries of another transcript, older than its
//! own header: of these only the calls are reported, marked as belonging to the original where that is found.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Message};
use super::names::{self, Kind, Name};
use super::{message, text};
use crate::model::{
    Batch, EventKind, ProblemKind, Relation, SessionKey, Span, Timestamp, Title, TitleKind, stamp,
    stamp_first,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::json;
use crate::source::line::Line;
use crate::source::{FileInfo, Parser, Want, for_each_line};

/// The newest version of the format that was seen. Newer ones are read all the same, and reported.
const KNOWN_VERSION: u64 = 4;

/// The first prompt may be older than the header by this much: SQLite's transcripts are begun when it has arrived.
const HEADER_LAG: Span = Span::from_secs(1);

/// Parser of one transcript or of a copy of one.
#[derive(Debug)]
pub(in crate::source::openclaw) struct Transcript {
    key: SessionKey,
    agent: Box<str>,
    kind: Kind,
    path: Box<str>,
    born: Timestamp,
    state: State,
}

/// What is remembered between pieces of a file.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    /// When the transcript was begun, from its header.
    begun: Option<Timestamp>,
    /// Time of the last entry.
    last: Option<Timestamp>,
    /// Whether a first prompt was seen.
    titled: bool,
}

impl Transcript {
    pub(in crate::source::openclaw) fn new(file: &FileInfo, agent: &str, name: &Name<'_>) -> Self {
        Self {
            key: names::session_key(agent, name.session),
            agent: agent.into(),
            kind: name.kind,
            path: file.path.to_string_lossy().into(),
            born: file.born,
            state: State::default(),
        }
    }

    pub(in crate::source::openclaw) fn resume(
        file: &FileInfo,
        agent: &str,
        name: &Name<'_>,
        state: &[u8],
    ) -> Option<Self> {
        let state = serde_json::from_slice(state).ok()?;
        Some(Self {
            state,
            ..Self::new(file, agent, name)
        })
    }

    fn entry(&mut self, offset: u64, entry: &Entry<'_>, want: Want, out: &mut Batch) {
        let Some(kind) = json::text(entry.kind) else {
            return out.problem(ProblemKind::BadField, offset, "type");
        };
        let message: Message<'_> = json::object(entry.message).unwrap_or_default();
        let dated = json::time(entry.timestamp).or_else(|| json::time(message.timestamp));
        let at = dated.or(self.state.last).unwrap_or(self.born);
        self.state.last = Some(at);
        if kind == "session" {
            self.state.begun.get_or_insert(at);
        }
        let copied_at = self.state.begun.filter(|&begun| at + HEADER_LAG < begun);
        let id = json::text(entry.id).unwrap_or_else(|| Cow::Owned(at.0.to_string()));
        let session = out.session(&self.key);
        let key = &self.key;
        let mut line = Line {
            out,
            want,
            key,
            session,
            offset,
            at,
            id: &id,
        };
        if dated.is_none() {
            line.bad_field("timestamp");
        }

        let role = json::text(message.role).unwrap_or_default();
        let mut call = None;
        if kind == "message" && role == "assistant" {
            call = message::call(&mut line, &message, copied_at.unwrap_or(Timestamp(0)));
        }
        if copied_at.is_some() {
            return;
        }
        line.out.touch(session, at);
        match &*kind {
            "session" => self.header(entry, &mut line),
            "message" => match &*role {
                "user" => message::user(&mut line, &message, &mut self.state.titled),
                "assistant" => message::assistant(&mut line, &message, call),
                "toolResult" => message::tool_result(&mut line, &message),
                // What the user ran or the library noted beside the conversation.
                "bashExecution" | "custom" | "branchSummary" | "compactionSummary" => {
                    line.sign(Signal::Activity);
                }
                _ => unknown(&mut line, "message role", &role),
            },
            "model_change" => {
                if let Some(model) = json::text(entry.model_id).filter(|_| want.accounting) {
                    stamp(&mut line.patch().model, at, &model);
                }
            }
            "session_info" => {
                let name = json::text(entry.name).unwrap_or_default();
                let title = Title::new(TitleKind::Custom, at, &name);
                line.patch()
                    .propose_title(title.filter(|_| want.accounting));
            }
            "compaction" => {
                line.sign(Signal::Compacted);
                let summary = json::text(entry.summary).unwrap_or_default();
                line.event(0, EventKind::Compaction, &summary);
            }
            "custom" => custom(entry, &mut line),
            "custom_message" => custom_message(entry, &mut line),
            "thinking_level_change" | "leaf" | "branch_summary" | "label" | "reset" => {}
            _ => unknown(&mut line, "entry type", &kind),
        }
    }

    fn header(&self, entry: &Entry<'_>, line: &mut Line<'_>) {
        if json::count(entry.version).is_some_and(|version| version > KNOWN_VERSION) {
            let version = json::count(entry.version).unwrap_or_default();
            let detail = format!("transcript version {version}");
            line.out
                .problem(ProblemKind::UnknownVersion, line.offset, detail);
        }
        line.sign(Signal::SessionStarted { how: "new".into() });
        line.event(0, EventKind::SessionStart, "");
        if !line.want.accounting {
            return;
        }
        let at = line.at;
        let own = self.key.clone();
        let patch = line.patch();
        if let Some(cwd) = json::text(entry.cwd) {
            stamp_first(&mut patch.cwd, at, &cwd);
        }
        let parent = json::text(entry.parent_session)
            .and_then(|path| names::session_at(&path, &self.agent))
            .filter(|parent| *parent != own)
            .map(|parent| (parent, Relation::Fork));
        patch.propose_parent(parent);
        match self.kind {
            Kind::Current => stamp(&mut patch.transcript, at, &self.path),
            Kind::Ended { at: ended, .. } => {
                stamp(&mut patch.transcript, ended.unwrap_or(at), &self.path);
            }
            Kind::Copy => {}
        }
    }
}

/// `custom` entries keep a plugin's or the gateway's own notes.
fn custom(entry: &Entry<'_>, line: &mut Line<'_>) {
    #[derive(Default, Deserialize)]
    struct Data<'a> {
        #[serde(borrow, default)]
        error: json::Raw<'a>,
    }
    if json::text(entry.custom_type).as_deref() == Some("openclaw:prompt-error") {
        let data: Data<'_> = json::object(entry.data).unwrap_or_default();
        let error = json::text(data.error).unwrap_or_default();
        if error.contains("aborted") {
            line.sign(Signal::Aborted);
        } else {
            line.sign(message::failure(&error, None));
            message::failed_event(line, &error);
        }
    }
}

/// `custom_message` entries are notes that the model sees, and the gateway's word for a run that broke down.
fn custom_message(entry: &Entry<'_>, line: &mut Line<'_>) {
    let content = text::content(entry.content);
    let custom_type = json::text(entry.custom_type).unwrap_or_default();
    if custom_type.contains("run-failed-before-reply") {
        line.sign(message::failure(&content, None));
        message::failed_event(line, &content);
    } else {
        line.sign(Signal::Activity);
        line.event(0, EventKind::Notice, &content);
    }
}

fn unknown(line: &mut Line<'_>, what: &str, name: &str) {
    let name: String = name.chars().take(40).collect();
    let detail = format!("{what} {name:?}");
    line.out
        .problem(ProblemKind::UnknownType, line.offset, detail);
}

impl Parser for Transcript {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        for_each_line(base, bytes, |offset, line| {
            let entry = line.starts_with(b"{").then(|| serde_json::from_slice(line));
            match entry {
                Some(Ok(entry)) => self.entry(offset, &entry, want, out),
                _ => out.problem(ProblemKind::Malformed, offset, "transcript line"),
            }
        });
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).unwrap_or_default()
    }

    /// The name of a file that was put away tells how and when the conversation ended.
    fn finish(&mut self, want: Want, out: &mut Batch) {
        if let Kind::Ended { how, at: Some(at) } = self.kind
            && self.state.last.is_some()
            && want.evidence
        {
            let session = out.session(&self.key);
            let evidence = Evidence {
                at,
                source: EvidenceSource::Transcript,
                signal: Signal::SessionEnded { reason: how.into() },
            };
            out.evidence(session, evidence);
        }
    }
}
