//! The folder of a chat's project, which the chat itself does not name.
//!
//! The client keeps chats under a short name of the folder, or under its SHA-256. `.project_root` beside the chats
//! holds the folder; `projects.json` lists the folders of all names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Largest file that is read.
const MAX_FILE: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct Projects {
    #[serde(default)]
    projects: BTreeMap<String, String>,
}

/// The folder of the project whose chats lie in `tmp/<name>` below `root`, if the client wrote it down.
pub(super) fn folder(root: &Path, name: &str) -> Option<String> {
    let own = read(&root.join("tmp").join(name).join(".project_root"));
    if let Some(folder) = own.as_deref().map(str::trim)
        && !folder.is_empty()
    {
        return Some(folder.to_owned());
    }
    let all: Projects = serde_json::from_str(&read(&root.join("projects.json"))?).ok()?;
    let is_hash = name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut projects = all.projects.into_iter();
    let found = projects.find(|(folder, short)| short == name || (is_hash && hash(folder) == name));
    found.map(|(folder, _)| folder)
}

fn hash(folder: &str) -> String {
    let digest = Sha256::digest(folder.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text of an ordinary file.
fn read(path: &Path) -> Option<String> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(MAX_FILE).read_to_string(&mut text).ok()?;
    Some(text)
}
