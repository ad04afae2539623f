//! opencode: the database that it keeps sessions in today, and the files of before.
//!
//! `~/.local/share/opencode/opencode.db` (`database`; other release channels add their name) holds sessions, messages
//! and parts of messages, which are rewritten while an answer arrives. Until 1.0 each of these was a JSON file below
//! `storage/` (`files`). Newer versions copy the files into the database and leave them there: both name the same
//! messages by the same ids, so nothing counts twice.
//!
//! A forked session begins with copies of messages under new ids. They are older than the session and are left out.
//! What the client asks a small model for a title with is billed and written nowhere.

mod database;
mod files;
mod message;
mod record;

use std::path::Path;

use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::{AgentKind, SessionKey};

/// Bumped when the parsers learn something.
const VERSION: u32 = 1;

/// The database and the old files of opencode.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenCode;

impl FileFormat for OpenCode {
    fn agent(&self) -> AgentKind {
        AgentKind::OpenCode
    }

    fn name(&self) -> &'static str {
        "opencode"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let mut roots = Vec::new();
        // The path of the database; a bare name means one in the data folder.
        let database = env.var("OPENCODE_DB").map(|path| env.expand(path));
        if let Some(folder) = database
            .as_deref()
            .filter(|path| path.is_absolute())
            .and_then(Path::parent)
        {
            roots.push(Root {
                path: folder.to_owned(),
                origin: "OPENCODE_DB",
            });
        }
        let (data, origin) = match env.var("XDG_DATA_HOME") {
            Some(data) => (env.expand(data), "XDG_DATA_HOME"),
            None => (env.home.join(".local/share"), "default"),
        };
        let path = data.join("opencode");
        roots.push(Root { path, origin });
        roots
    }

    fn enters(&self, relative: &Path) -> bool {
        match parts(relative).as_deref() {
            Some([] | ["storage"]) => true,
            // Not `part`: it has a folder for every message. They are read with the message.
            Some(["storage", kind] | ["storage", kind, _]) => ["session", "message"].contains(kind),
            _ => false,
        }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        match parts(relative)?[..] {
            [name] if name.starts_with("opencode") && name.ends_with(".db") => {
                Some(FileRole::Database)
            }
            ["storage", "session", _, name] if is_record(name, "ses_") => Some(FileRole::Snapshot),
            ["storage", "message", _, name] if is_record(name, "msg_") => Some(FileRole::Document),
            _ => None,
        }
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match file.role {
            FileRole::Database => Box::new(database::Rows::new(file)),
            _ => Box::new(files::Record::new(file)),
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        match file.role {
            FileRole::Database => Some(Box::new(database::Rows::resume(file, state)?)),
            _ => Some(self.start(file)),
        }
    }
}

fn is_record(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix) && name.ends_with(".json")
}

fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .map(|part| part.as_os_str().to_str())
        .collect()
}

fn session_key(id: &str) -> SessionKey {
    SessionKey::new(AgentKind::OpenCode, id)
}
