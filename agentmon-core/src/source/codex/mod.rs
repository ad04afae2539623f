//! Codex: the rollouts of the Codex CLI, its terminal UI, its editor extension and its app server.
//!
//! `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-<local time>-<thread id>.jsonl` holds one thread and is only appended to,
//! also days later. Archiving moves the file to `archived_sessions/`, idle files may become `.jsonl.zst`, and a
//! migration rewrites them in place; a thread is therefore known by its id, never by its path. What else lies there
//! (history, databases, locks) is not read. What hooks push is read by [`hook`].

mod counter;
mod ending;
mod facts;
mod head;
pub mod hook;
mod images;
mod limits;
mod parser;
mod patch;
mod reader;
mod record;
mod text;
mod thread;
mod timeline;
mod tokens;
mod turn;

pub(super) use timeline::{prompt_event, tool_event, tool_key};

use std::path::{Component, Path};

use self::parser::Rollout;
use self::thread::ThreadId;
use super::image::{Image, ImageOwner};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::{AgentKind, FactKey, SessionKey};

/// Bumped when the parser learns something; old parser states are refused.
const FORMAT_VERSION: u32 = 1;

/// The rollouts of Codex.
#[derive(Debug, Clone, Copy, Default)]
pub struct Codex;

impl FileFormat for Codex {
    fn agent(&self) -> AgentKind {
        AgentKind::Codex
    }

    fn name(&self) -> &'static str {
        "codex"
    }

    fn version(&self) -> u32 {
        FORMAT_VERSION
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let Some(homes) = env.var("CODEX_HOME") else {
            return vec![Root {
                path: env.home.join(".codex"),
                origin: "default",
            }];
        };
        let homes = homes.split(',').map(str::trim);
        homes
            .filter(|home| !home.is_empty())
            .map(|home| Root {
                path: env.expand(home),
                origin: "CODEX_HOME",
            })
            .collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        match top(relative) {
            Some("sessions") => true,
            // Flat.
            Some("archived_sessions") => relative.components().count() == 1,
            _ => false,
        }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let parent = relative.parent()?;
        if parent.as_os_str().is_empty() || !self.enters(parent) {
            return None;
        }
        let name = relative.file_name()?.to_str()?.strip_prefix("rollout-")?;
        if name.ends_with(".jsonl") {
            Some(FileRole::Lines)
        } else if name.ends_with(".jsonl.zst") {
            Some(FileRole::CompressedLines)
        } else {
            None
        }
    }

    fn image_mark(&self) -> Option<&'static [u8]> {
        Some(b"input_image")
    }

    fn images(&self, session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
        images::images(&session.native_id, line, owner)
    }

    /// A rollout begins with its session's header.
    fn recognises(&self, head: &[u8]) -> bool {
        let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        memchr::memmem::find(first, b"\"type\":\"session_meta\"").is_some()
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        Box::new(Rollout::start(file))
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(Box::new(Rollout::resume(file, state)?))
    }
}

fn top(relative: &Path) -> Option<&str> {
    match relative.components().next()? {
        Component::Normal(name) => name.to_str(),
        _ => None,
    }
}

/// The identity of the call with this place among the counted calls of a thread. The provider's response id is not in
/// all versions, the place is, and it survives archiving, compression and migration.
fn call_key(thread: &ThreadId, index: u64) -> FactKey {
    FactKey::new(
        "codex.call",
        &[thread.as_str().as_bytes(), &index.to_le_bytes()],
    )
}
