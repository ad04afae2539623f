//! The demo's own home folder, and the only place where the demo writes.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::json::Json;
use super::{Process, json};
use crate::model::Timestamp;

/// The file that tells a demo from a folder that somebody needs.
const MARK: &str = ".agentmon-demo";

/// The home folder that the demo makes up.
#[derive(Debug)]
pub(super) struct Home {
    root: PathBuf,
    /// The process that stands in for the agents' own, if one does.
    pub(super) process: Option<Process>,
    /// Live files written so far: their names must differ.
    pub(super) processes: u32,
    /// Rows of OpenClaw's session table, by agent and session key.
    pub(super) rows: BTreeMap<&'static str, BTreeMap<String, Json>>,
}

impl Home {
    /// Begins with an empty folder. An earlier demo is removed, anything else is left alone and refused.
    pub(super) fn new(root: &Path, process: Option<Process>) -> io::Result<Self> {
        let mark = root.join(MARK);
        if mark.is_file() {
            fs::remove_dir_all(root)?;
        }
        fs::create_dir_all(root)?;
        if fs::read_dir(root)?.next().is_some() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the folder is not empty, and what is in it is no demo",
            ));
        }
        fs::write(mark, "A made-up home folder, written by agentmon.\n")?;
        Ok(Self {
            root: root.to_owned(),
            process,
            processes: 0,
            rows: BTreeMap::new(),
        })
    }

    /// A path in it, as agents write it down.
    pub(super) fn path(&self, relative: &str) -> String {
        self.root.join(relative).to_string_lossy().into_owned()
    }

    /// Makes a git repository with a branch checked out, as far as a reader of `.git` can tell.
    pub(super) fn repository(&self, relative: &str, branch: &str) -> io::Result<()> {
        let git = self.root.join(relative).join(".git");
        fs::create_dir_all(git.join("objects"))?;
        fs::create_dir_all(git.join("refs"))?;
        fs::write(git.join("HEAD"), format!("ref: refs/heads/{branch}\n"))
    }

    /// Appends a line, as if at `at`.
    pub(super) fn append(&self, relative: &str, at: Timestamp, line: &Json) -> io::Result<()> {
        let path = self.make_room(relative)?;
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(format!("{}\n", line.0).as_bytes())?;
        date(&file, at)
    }

    /// Puts a small file in place of the one before at once, as agents do, as if at `at`.
    pub(super) fn replace(&self, relative: &str, at: Timestamp, text: &Json) -> io::Result<()> {
        let path = self.make_room(relative)?;
        let new = path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(text.0.as_bytes())?;
        date(&file, at)?;
        fs::rename(new, path)
    }

    /// Removes a file; that it is gone already is no error.
    pub(super) fn remove(&self, relative: &str) -> io::Result<()> {
        match fs::remove_file(self.root.join(relative)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Sets a row of an OpenClaw agent's session table and writes the table.
    pub(super) fn row(
        &mut self,
        agent: &'static str,
        key: String,
        row: Json,
        at: Timestamp,
    ) -> io::Result<()> {
        let table = self.rows.entry(agent).or_default();
        table.insert(key, row);
        let text = Json(json::text(table));
        let path = format!(".openclaw/agents/{agent}/sessions/sessions.json");
        self.replace(&path, at, &text)
    }

    fn make_room(&self, relative: &str) -> io::Result<PathBuf> {
        let path = self.root.join(relative);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(path)
    }
}

/// Dates a file: readers tell old files from new ones by it.
fn date(file: &File, at: Timestamp) -> io::Result<()> {
    let since = Duration::from_millis(u64::try_from(at.0).unwrap_or_default());
    file.set_modified(SystemTime::UNIX_EPOCH + since)
}
