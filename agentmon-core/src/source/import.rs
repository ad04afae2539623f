//! Finds transcripts in any folder: copies of agents' own folders by their layout, loose files by their content.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::scan::ScannedRoot;
use super::walk::{Walked, found, walk};
use super::{FileFormat, FileRole, Root, exported};

/// Deepest folder that is entered.
const MAX_DEPTH: usize = 16;
/// How much of the beginning of a loose file is looked at.
const HEAD: u64 = 64 * 1024;

/// What there is to import.
#[derive(Debug, Default)]
pub struct Discovered<'a> {
    /// Folders with the files that are read in them. What speaks of running processes is left out: it speaks of
    /// another place or time.
    pub roots: Vec<ScannedRoot<'a>>,
    /// Files and folders that look as if they could hold transcripts and are not read, with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

/// Looks at `path`, a folder or a file.
///
/// # Errors
/// When `path` itself cannot be read.
pub fn discover<'a>(formats: &[&'a dyn FileFormat], path: &Path) -> io::Result<Discovered<'a>> {
    let mut discovered = Discovered::default();
    // So that the same file has the same cursor however it was named.
    let path = fs::canonicalize(path)?;
    if !fs::metadata(&path)?.is_dir() {
        let folder = path.parent().unwrap_or(&path).to_owned();
        loose(formats, &folder, vec![path], &mut discovered);
        return Ok(discovered);
    }
    fs::read_dir(&path)?;
    let mut pending = vec![(path, 0)];
    while let Some((folder, depth)) = pending.pop() {
        if claim(formats, &folder, &mut discovered) {
            continue;
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                discovered.skipped.push((folder, error.to_string()));
                continue;
            }
        };
        let mut files = Vec::new();
        for entry in entries.flatten() {
            // Links are not followed: what they lead to is either in the folder or not meant.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => {
                    pending.push((entry.path(), depth + 1));
                }
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
        files.sort();
        loose(formats, &folder, files, &mut discovered);
    }
    Ok(discovered)
}

/// Takes a folder that is laid out as an agent's own.
fn claim<'a>(
    formats: &[&'a dyn FileFormat],
    folder: &Path,
    discovered: &mut Discovered<'a>,
) -> bool {
    let mut claimed = false;
    for format in formats.iter().filter(|format| format.owns(folder)) {
        let root = Root {
            path: folder.to_owned(),
            origin: "import",
        };
        let mut walked = walk(*format, &root);
        walked.files.retain(|file| file.info.role != FileRole::Live);
        let mut files = walked.files.iter();
        if files.any(|file| file.info.role.has_content()) {
            claimed = true;
            let problems = walked.problems.iter();
            let problems =
                problems.map(|(path, problem)| (path.clone(), problem.detail.to_string()));
            discovered.skipped.extend(problems);
            discovered.roots.push(ScannedRoot {
                format: *format,
                root,
                walked,
            });
        }
    }
    claimed
}

/// Takes files whose beginning an agent's format recognises.
fn loose<'a>(
    formats: &[&'a dyn FileFormat],
    folder: &Path,
    files: Vec<PathBuf>,
    discovered: &mut Discovered<'a>,
) {
    let root = Root {
        path: folder.to_owned(),
        origin: "import",
    };
    let mut by_format: BTreeMap<usize, Walked> = BTreeMap::new();
    for path in files {
        let Some(role) = role_by_name(&path) else {
            continue;
        };
        let head = match head(&path, role) {
            Ok(head) => head,
            Err(error) => {
                discovered.skipped.push((path, error.to_string()));
                continue;
            }
        };
        let format = formats.iter().position(|format| format.recognises(&head));
        match (format, fs::metadata(&path)) {
            (Some(format), Ok(metadata)) => {
                let walked = by_format.entry(format).or_default();
                walked.exists = true;
                walked.files.push(found(&root, path, role, &metadata));
            }
            (None, _) => {
                let reason =
                    exported::refused(&head).unwrap_or("not a transcript of a known agent");
                discovered.skipped.push((path, reason.to_owned()));
            }
            (_, Err(error)) => discovered.skipped.push((path, error.to_string())),
        }
    }
    for (format, walked) in by_format {
        discovered.roots.push(ScannedRoot {
            format: formats[format],
            root: root.clone(),
            walked,
        });
    }
}

fn role_by_name(path: &Path) -> Option<FileRole> {
    let name = path.file_name()?.to_str()?;
    if name.ends_with(".jsonl") {
        Some(FileRole::Lines)
    } else if name.ends_with(".jsonl.zst") {
        Some(FileRole::CompressedLines)
    } else {
        None
    }
}

/// The beginning of a file.
fn head(path: &Path, role: FileRole) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut head = Vec::new();
    if role == FileRole::CompressedLines {
        let decoder = zstd::stream::read::Decoder::new(file)?;
        decoder.take(HEAD).read_to_end(&mut head)?;
    } else {
        file.take(HEAD).read_to_end(&mut head)?;
    }
    Ok(head)
}
