//! Finds the files of a format below its roots. Reads folders and file metadata, never file content.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::database;
use super::{FileFormat, FileInfo, FileRole, Root};
use crate::model::{Problem, ProblemKind, Timestamp};

/// Deepest folder below a root that is entered.
const MAX_DEPTH: usize = 16;

/// What identifies one version of a file; of a database, together with its write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stat {
    /// Device and inode (zero where the system has none).
    pub id: (u64, u64),
    /// Length in bytes.
    pub size: u64,
    /// Last change, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// A file of interest.
#[derive(Debug, Clone)]
pub struct Found {
    /// What its parser may know.
    pub info: FileInfo,
    /// Its version.
    pub stat: Stat,
}

/// What a walk found under one root.
#[derive(Debug, Clone, Default)]
pub struct Walked {
    /// The files of interest, in no particular order.
    pub files: Vec<Found>,
    /// The folders entered, the root first. These are what has to be watched.
    pub folders: Vec<PathBuf>,
    /// Folders and files that could not be read.
    pub problems: Vec<(PathBuf, Problem)>,
    /// Whether the root exists.
    pub exists: bool,
}

/// Walks one root. A missing root is an ordinary result; links are followed, but no folder is entered twice.
#[must_use]
pub fn walk(format: &dyn FileFormat, root: &Root) -> Walked {
    let mut walked = Walked::default();
    let mut seen = HashSet::new();
    match fs::metadata(&root.path) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => {
            walked.exists = true;
            walked.problems.push(unreadable(&root.path, "not a folder"));
            return walked;
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return walked,
        Err(error) => {
            walked
                .problems
                .push(unreadable(&root.path, &error.to_string()));
            return walked;
        }
    }
    walked.exists = true;
    let mut pending = vec![(root.path.clone(), 0)];
    while let Some((folder, depth)) = pending.pop() {
        if !seen.insert(identity(&folder)) {
            continue;
        }
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                walked
                    .problems
                    .push(unreadable(&folder, &error.to_string()));
                continue;
            }
        };
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    walked
                        .problems
                        .push(unreadable(&folder, &error.to_string()));
                    break;
                }
            };
            let path = entry.path();
            let Ok(relative) = path.strip_prefix(&root.path) else {
                continue;
            };
            let kind = entry.file_type().ok();
            let links = kind.is_some_and(|kind| kind.is_symlink());
            let is_folder = if links {
                path.is_dir()
            } else {
                kind.is_some_and(|kind| kind.is_dir())
            };
            let role = format.role(relative);
            if is_folder {
                if role.is_some() {
                    let problem = unreadable(&path, "a folder where a file should be");
                    walked.problems.push(problem);
                }
                if format.enters(relative) {
                    if depth < MAX_DEPTH {
                        pending.push((path, depth + 1));
                    } else {
                        walked.problems.push(unreadable(&path, "too deep"));
                    }
                }
                continue;
            }
            let Some(role) = role else {
                // Deeper down, what is entered and what is not cannot be told by the name.
                if depth == 0 && format.enters(relative) {
                    let problem = unreadable(&path, "a file where a folder should be");
                    walked.problems.push(problem);
                }
                continue;
            };
            match fs::metadata(&path) {
                Ok(metadata) if metadata.is_file() => {
                    walked.files.push(found(root, path, role, &metadata));
                }
                // Opening a pipe would wait for a writer, reading a device may never end.
                Ok(_) => walked
                    .problems
                    .push(unreadable(&path, "not a regular file")),
                Err(error) if error.kind() == io::ErrorKind::NotFound && !links => {
                    // Gone between listing and looking.
                }
                Err(error) => walked.problems.push(unreadable(&path, &error.to_string())),
            }
        }
        walked.folders.push(folder);
    }
    walked
}

/// One file that is known by its path, if it is there and of interest.
#[must_use]
pub fn look(format: &dyn FileFormat, root: &Root, path: &Path) -> Option<Found> {
    let role = format.role(path.strip_prefix(&root.path).ok()?)?;
    let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
    Some(found(root, path.to_owned(), role, &metadata))
}

/// Whether a file was removed, rather than being out of reach.
#[must_use]
pub fn is_gone(path: &Path) -> bool {
    matches!(path.try_exists(), Ok(false))
}

/// The version of a database: of the main file together with its write-ahead log.
///
/// # Errors
/// When the main file cannot be looked at.
pub fn database_stat(path: &Path) -> io::Result<Stat> {
    Ok(with_log(stat(&fs::metadata(path)?), path))
}

fn with_log(main: Stat, path: &Path) -> Stat {
    let log = fs::metadata(database::log_of(path)).map_or(Stat::default(), |log| stat(&log));
    Stat {
        id: main.id,
        size: main.size.saturating_add(log.size),
        modified_ns: main.modified_ns.max(log.modified_ns),
    }
}

fn nanos(time: io::Result<SystemTime>) -> Option<i64> {
    let since = time.ok()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_nanos()).ok()
}

fn stat(metadata: &Metadata) -> Stat {
    Stat {
        id: file_id(metadata),
        size: metadata.len(),
        modified_ns: nanos(metadata.modified()).unwrap_or(0),
    }
}

pub(super) fn found(root: &Root, path: PathBuf, role: FileRole, metadata: &Metadata) -> Found {
    let mut stat = stat(metadata);
    if role == FileRole::Database {
        stat = with_log(stat, &path);
    }
    let modified_ns = stat.modified_ns;
    let born_ns = nanos(metadata.created()).map_or(modified_ns, |born| born.min(modified_ns));
    let info = FileInfo {
        root: root.path.clone(),
        path,
        role,
        born: Timestamp(born_ns / 1_000_000),
        modified: Timestamp(modified_ns / 1_000_000),
    };
    Found { info, stat }
}

#[cfg(unix)]
fn file_id(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// What tells a folder from another however it was reached.
fn identity(folder: &Path) -> (u64, u64, PathBuf) {
    match fs::metadata(folder).map(|metadata| file_id(&metadata)) {
        Ok((device, inode)) if inode != 0 => (device, inode, PathBuf::new()),
        _ => (
            0,
            0,
            fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned()),
        ),
    }
}

fn unreadable(path: &Path, reason: &str) -> (PathBuf, Problem) {
    let problem = Problem {
        kind: ProblemKind::Unreadable,
        offset: 0,
        detail: reason.into(),
    };
    (path.to_owned(), problem)
}
