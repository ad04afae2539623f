//! One rollout, read piece by piece: what state is kept between pieces, and how a piece is cut into lines.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::FORMAT_VERSION;
use super::counter::Counter;
use super::ending::Ending;
use super::facts::Facts;
use super::head::{self, Kind};
use super::reader::{Line, Reader};
use super::record::SessionMeta;
use super::thread::ThreadId;
use super::turn::Turns;
use crate::model::{AgentKind, Batch, ProblemKind, SessionKey, Timestamp, stamp};
use crate::source::fields::mend;
use crate::source::{FileInfo, Parser, Want, for_each_line};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct State {
    format: u32,
    /// Whether anything was read.
    begun: bool,
    /// Absent until the thread is known: at once by the file's name, else by the first line.
    counter: Option<Counter>,
    /// Time of the latest line, for lines without one.
    last: Option<Timestamp>,
    facts: Facts,
    turns: Turns,
    ending: Ending,
}

/// Parser of one rollout.
#[derive(Debug)]
pub(super) struct Rollout {
    path: Box<str>,
    /// The thread's id where neither name nor content tells one.
    fallback: ThreadId,
    state: State,
}

impl Rollout {
    pub(super) fn start(file: &FileInfo) -> Self {
        Self {
            path: file.path.to_string_lossy().into(),
            fallback: ThreadId::fallback(&file.path),
            state: State {
                format: FORMAT_VERSION,
                begun: false,
                counter: ThreadId::of_file(&file.path).map(Counter::new),
                last: None,
                facts: Facts::default(),
                turns: Turns::default(),
                ending: Ending::default(),
            },
        }
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Self> {
        let state: State = serde_json::from_slice(state).ok()?;
        (state.format == FORMAT_VERSION).then(|| Self {
            state,
            ..Self::start(file)
        })
    }
}

impl Parser for Rollout {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch) {
        if !std::mem::replace(&mut self.state.begun, true) && base > 0 {
            self.state.turns.join();
        }
        let mut session = None;
        for_each_line(base, bytes, |offset, bytes| {
            let head = match head::read(bytes) {
                Ok(head) => head,
                Err((kind, detail)) => {
                    // Every pass meets every line; one of them reports what no pass can read.
                    if want.accounting {
                        out.problem(kind, offset, detail);
                    }
                    return;
                }
            };
            let Want {
                accounting,
                evidence,
                content,
            } = want;
            let untitled = accounting && !self.state.facts.titled;
            // The long lines, which counting skips, need no mending for it.
            let bytes = if evidence || content || untitled || !head.kind.is_content() {
                mend(bytes)
            } else {
                Cow::Borrowed(bytes)
            };
            let at = head.at.or(self.state.last).unwrap_or(now);
            self.state.last = Some(at);
            let line = Line {
                bytes: &bytes,
                bare: head.bare,
                offset,
                at,
                want,
            };
            let counter = self
                .state
                .counter
                .get_or_insert_with(|| Counter::new(thread(&line, head.kind, &self.fallback)));
            counter.line(at);
            let session = *session.get_or_insert_with(|| {
                let key = SessionKey::new(AgentKind::Codex, counter.thread().as_str());
                out.session(&key)
            });
            let mut reader = Reader {
                counter,
                facts: &mut self.state.facts,
                turns: &mut self.state.turns,
                ending: &mut self.state.ending,
                line,
                session,
                out,
            };
            let reports = if head.kind.is_content() {
                content
            } else {
                accounting
            };
            if let Err(error) = reader.read(head.kind)
                && reports
            {
                let kind = match error.classify() {
                    serde_json::error::Category::Data => ProblemKind::BadField,
                    _ => ProblemKind::Malformed,
                };
                out.problem(kind, offset, format!("{:?}", head.kind));
            }
        });
        if let Some(session) = session
            && want.accounting
        {
            // Where the thread lies is known from looking, not from the data: archiving moves it unchanged.
            stamp(&mut out.patch(session).transcript, now, &self.path);
        }
    }

    fn finish(&mut self, want: Want, out: &mut Batch) {
        let Some(counter) = &self.state.counter else {
            return;
        };
        if let Some(ending) = self.state.ending.evidence()
            && want.accounting
        {
            let session = out.session(&SessionKey::new(
                AgentKind::Codex,
                counter.thread().as_str(),
            ));
            out.evidence(session, ending);
        }
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.state).expect("plain data with string keys always serialises")
    }
}

/// The thread of a file whose name does not tell it: the first line's, if that is its head.
fn thread(line: &Line<'_>, kind: Kind, fallback: &ThreadId) -> ThreadId {
    let meta: Option<SessionMeta<'_>> = (kind == Kind::SessionMeta)
        .then(|| line.record().ok())
        .flatten();
    meta.and_then(|meta| meta.id.name().map(ThreadId::new))
        .unwrap_or_else(|| fallback.clone())
}
