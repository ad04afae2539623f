//! The state folder of Clawdbot, Moltbot and OpenClaw up to 2026.7: `agents/<agent id>/sessions/`.
//!
//! Two kinds of files speak of the same conversations. `sessions.json` ([`rows`]) is the routing table: under each
//! session key (`agent:main:main`, `agent:main:whatsapp:group:1`) stands the transcript in use now, with status and
//! counters of the last run. `<session id>.jsonl` ([`transcript`]) is the conversation itself.
//!
//! **A session here is a transcript**, `<agent id>/<session id>`, and the session key is its address
//! ([`SessionPatch::address`](crate::model::SessionPatch::address)). The other way round, with the key as identity,
//! was rejected: a transcript does not say its key, so its parser would depend on the order in which files are read;
//! a key lives for years and is pointed at a new, empty transcript at every reset; a deleted conversation has no key
//! at all; and a cron job is listed under two keys for one transcript. With the transcript as identity both parsers
//! and any gateway (which reports `sessionId` beside every key) meet in one session without knowing of each other.
//!
//! The session id is taken from the file's name ([`names`]) on both sides, since a row's `sessionFile` wins over its
//! `sessionId` and a transcript loses its header when it is compacted to its last lines.
//!
//! **No call is counted twice.** A transcript is copied (`.bak.`, `.checkpoint.`, import archives), renamed
//! (`.deleted.`, `.reset.`) and forked (a thread starts with its parent's lines). Entries keep their id and time in all
//! of that, so these make the identity of a call, whatever file it is found in. A provider's response id does not:
//! some local servers number their answers from a small range.

pub(super) mod entry;
mod images;
pub(super) mod message;
pub(super) mod names;
pub(super) mod rows;
pub(super) mod text;
pub(super) mod transcript;

use std::path::Path;

use crate::model::{AgentKind, SessionKey};
use crate::source::image::{Image, ImageOwner};
use crate::source::{Env, FileFormat, FileInfo, FileRole, Parser, Root};

use names::{Kind, Name, Place};

/// The files of Clawdbot, Moltbot and OpenClaw up to 2026.7.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenClawFiles;

/// Bumped when the parsers learn something.
const VERSION: u32 = 1;

impl FileFormat for OpenClawFiles {
    fn agent(&self) -> AgentKind {
        AgentKind::OpenClaw
    }

    fn name(&self) -> &'static str {
        "openclaw-files"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        super::roots(env)
    }

    fn enters(&self, relative: &Path) -> bool {
        names::enters(relative)
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        Some(match Place::of(relative)? {
            Place::Rows { .. } => FileRole::Snapshot,
            Place::Transcript { name, .. } if name.compressed => FileRole::CompressedLines,
            Place::Transcript { .. } => FileRole::Lines,
        })
    }

    fn image_mark(&self) -> Option<&'static [u8]> {
        Some(b"\"image\"")
    }

    fn images(&self, session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
        images::images(session, line, owner)
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        let relative = file.relative();
        match Place::of(Path::new(&relative)) {
            Some(Place::Rows { agent }) => Box::new(rows::Rows::new(&file.root, agent)),
            Some(Place::Transcript { agent, name }) => {
                Box::new(transcript::Transcript::new(file, agent, &name))
            }
            // `role` names no such file; whoever asks all the same has a transcript in some other place.
            None => {
                let name = Name {
                    session: file.stem(),
                    kind: Kind::Current,
                    compressed: false,
                };
                Box::new(transcript::Transcript::new(file, "main", &name))
            }
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        let relative = file.relative();
        Some(match Place::of(Path::new(&relative))? {
            Place::Rows { agent } => Box::new(rows::Rows::resume(&file.root, agent, state)?),
            Place::Transcript { agent, name } => {
                Box::new(transcript::Transcript::resume(file, agent, &name, state)?)
            }
        })
    }
}
