//! Gemini CLI: the chats that it keeps of every session.
//!
//! `~/.gemini/tmp/<project>/chats/session-<time>-<id>.jsonl` is a log of changes (`chat`): messages, written again
//! whenever their tools have finished, and `$set` records that replace what the client shows, but not what was billed.
//! A subagent has a chat of its own, `chats/<parent's id>/<its id>.jsonl`. Up to about 0.20 a chat was one JSON document,
//! `session-<time>-<id>.json`, rewritten as a whole; both kinds can lie side by side.
//!
//! The client asks models behind the chat's back (to choose a model, to sum up, to compress): these calls are in no
//! file.

mod chat;
pub mod hook;
mod images;
mod message;
mod project;
mod record;

use std::path::Path;

use super::image::{Image, ImageOwner};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::{AgentKind, SessionKey};

/// Bumped when the parser learns something.
const VERSION: u32 = 1;

/// The chats of Gemini CLI.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gemini;

impl FileFormat for Gemini {
    fn agent(&self) -> AgentKind {
        AgentKind::Gemini
    }

    fn name(&self) -> &'static str {
        "gemini"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    /// `GEMINI_CLI_HOME` takes the place of the home folder, in which `.gemini` lies.
    fn roots(&self, env: &Env) -> Vec<Root> {
        let (home, origin) = match env.var("GEMINI_CLI_HOME") {
            Some(home) => (env.expand(home), "GEMINI_CLI_HOME"),
            None => (env.home.clone(), "default"),
        };
        let path = home.join(".gemini");
        vec![Root { path, origin }]
    }

    fn enters(&self, relative: &Path) -> bool {
        match parts(relative).as_deref() {
            Some([] | ["tmp"] | ["tmp", _]) => true,
            Some(["tmp", _, folder] | ["tmp", _, folder, _]) => *folder == "chats",
            _ => false,
        }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let parts = parts(relative)?;
        let (["tmp", _, "chats", name] | ["tmp", _, "chats", _, name]) = parts[..] else {
            return None;
        };
        match name.rsplit_once('.')? {
            (_, "jsonl") => Some(FileRole::Lines),
            (stem, "json") if stem.starts_with("session-") => Some(FileRole::Document),
            _ => None,
        }
    }

    fn image_mark(&self) -> Option<&'static [u8]> {
        Some(b"inlineData")
    }

    fn images(&self, session: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
        images::images(session, line, owner)
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        Box::new(chat::Chat::new(file))
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(Box::new(chat::Chat::resume(file, state)?))
    }
}

fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .map(|part| part.as_os_str().to_str())
        .collect()
}

fn session_key(id: &str) -> SessionKey {
    SessionKey::new(AgentKind::Gemini, id)
}
