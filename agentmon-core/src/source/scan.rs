//! One sweep over all files of all formats: finds what changed since the stored cursors and reads just that, on all
//! processors, handing over batches as they fill.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::read::{Cursor, FileRead, Pass, ReadOptions, is_due, read_file};
use super::walk::{Found, Walked, walk};
use super::{FileFormat, FileInfo, FileRole, Root};
use crate::model::{Batch, Problem, ProblemKind, Timestamp};

/// Calls in a batch after which it is handed over.
const BATCH_CALLS: usize = 16 * 1024;
/// Events in a batch after which it is handed over: they hold text, and indexing it must not keep a state waiting.
const BATCH_EVENTS: usize = 512;
/// Files in a batch after which it is handed over.
const BATCH_FILES: usize = 4 * 1024;
/// Below this many bytes to read, threads cost more than they save.
const INLINE_BYTES: u64 = 1024 * 1024;

/// Where a cursor is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CursorKey {
    /// The file.
    pub path: PathBuf,
    /// Which reading of it.
    pub pass: Pass,
}

/// What must be stored for one file beside its observations.
#[derive(Debug)]
pub struct FileUpdate {
    /// The file and the reading.
    pub key: CursorKey,
    /// The format's name.
    pub format: &'static str,
    /// The new cursor; `None` when the file is gone or could not be read, and any cursor is to be forgotten.
    pub cursor: Option<Cursor>,
    /// Whether problems noted before are void.
    pub resets_problems: bool,
    /// What was skipped.
    pub problems: Vec<Problem>,
}

/// A batch and the cursors that belong into the same transaction.
#[derive(Debug, Default)]
pub struct Piece {
    /// The observations.
    pub batch: Batch,
    /// The cursors.
    pub files: Vec<FileUpdate>,
    /// How many bytes were read for it.
    pub bytes: u64,
}

impl Piece {
    fn is_full(&self) -> bool {
        self.batch.calls.len() >= BATCH_CALLS
            || self.batch.events.len() >= BATCH_EVENTS
            || self.files.len() >= BATCH_FILES
    }
}

/// What a sweep looks for.
#[derive(Debug, Clone, Copy)]
pub struct ScanOptions {
    /// How files are read.
    pub read: ReadOptions,
    /// Files that did not change since then are left unread, unless they are known: they cannot hold newer facts.
    pub since: Option<Timestamp>,
    /// How many threads read; 0 for one per processor.
    pub threads: usize,
}

/// One root of one format as it was found.
#[derive(Debug)]
pub struct ScannedRoot<'a> {
    /// The format.
    pub format: &'a dyn FileFormat,
    /// The root.
    pub root: Root,
    /// What is there.
    pub walked: Walked,
}

/// Walks the roots of all `formats`. A folder that two roots name is walked once for each format.
pub fn find<'a>(
    formats: &'a [Box<dyn FileFormat>],
    roots: impl Fn(&dyn FileFormat) -> Vec<Root>,
) -> Vec<ScannedRoot<'a>> {
    let mut scanned: Vec<ScannedRoot<'a>> = Vec::new();
    for format in formats {
        let first = scanned.len();
        for root in roots(&**format) {
            let real = std::fs::canonicalize(&root.path).unwrap_or_else(|_| root.path.clone());
            let known = scanned[first..]
                .iter()
                .any(|other| same_folder(&other.root.path, &real));
            if !known {
                let walked = walk(&**format, &root);
                scanned.push(ScannedRoot {
                    format: &**format,
                    root,
                    walked,
                });
            }
        }
    }
    scanned
}

fn same_folder(known: &Path, real: &Path) -> bool {
    known == real || std::fs::canonicalize(known).is_ok_and(|known| known == real)
}

/// A file that has to be read.
#[derive(Debug, Clone, Copy)]
struct Due<'a> {
    format: &'a dyn FileFormat,
    found: &'a Found,
    cursor: Option<&'a Cursor>,
}

/// How many files and bytes a sweep has before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Files to read.
    pub files: usize,
    /// Bytes to read.
    pub bytes: u64,
}

/// Reads everything that changed, handing pieces to `store` on the calling thread in no particular order. `begin`
/// hears beforehand how much there is.
///
/// Live files that are gone are reported through their format.
///
/// # Errors
///
/// The first error of `store`; reading stops then. Files that cannot be read are problems, not errors.
pub fn scan<E>(
    roots: &[ScannedRoot<'_>],
    cursors: &HashMap<CursorKey, Cursor>,
    options: ScanOptions,
    begin: impl FnOnce(Work),
    mut store: impl FnMut(Piece) -> Result<(), E>,
) -> Result<Work, E> {
    let mut due = Vec::new();
    for root in roots {
        for found in &root.walked.files {
            if options.read.pass == Pass::Content && !found.info.role.has_content() {
                continue;
            }
            let key = CursorKey {
                path: found.info.path.clone(),
                pass: options.read.pass,
            };
            let cursor = cursors.get(&key);
            let old = options
                .since
                .is_some_and(|since| found.info.modified < since);
            if is_due(
                root.format,
                found,
                cursor,
                options.read.evidence,
                options.read.now,
            ) && !(old && cursor.is_none())
            {
                due.push(Due {
                    format: root.format,
                    found,
                    cursor,
                });
            }
        }
    }
    let unread = |due: &Due<'_>| {
        due.found
            .stat
            .size
            .saturating_sub(due.cursor.map_or(0, |cursor| cursor.offset))
    };
    match options.read.pass {
        // The biggest first, so that no thread is left alone with it at the end.
        Pass::Accounting => due.sort_by_key(|due| std::cmp::Reverse(unread(due))),
        // The newest first: that is what people look for.
        Pass::Content => due.sort_by_key(|due| std::cmp::Reverse(due.found.info.modified)),
    }
    let work = Work {
        files: due.len(),
        bytes: due.iter().map(unread).sum(),
    };
    begin(work);
    if options.read.pass == Pass::Accounting
        && let Some(piece) = gone(roots, cursors, options.read.now)
    {
        store(piece)?;
    }
    let threads = match options.threads {
        0 => std::thread::available_parallelism()
            .map_or(1, NonZero::get)
            .min(8),
        threads => threads,
    };
    if threads == 1 || work.bytes < INLINE_BYTES {
        let next = AtomicUsize::new(0);
        let mut result = Ok(());
        read_all(&due, &next, options, |piece| {
            result = store(piece);
            result.is_ok()
        });
        return result.map(|()| work);
    }
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Piece>(threads);
        for _ in 0..threads {
            let send: SyncSender<Piece> = send.clone();
            let (due, next) = (&due, &next);
            scope.spawn(move || read_all(due, next, options, |piece| send.send(piece).is_ok()));
        }
        drop(send);
        // Dropping the receiver after an error makes the readers stop at their next piece.
        receive.into_iter().try_for_each(&mut store)
    })?;
    Ok(work)
}

/// Reads files off the common list until it is empty or `hand_over` returns `false`.
fn read_all(
    due: &[Due<'_>],
    next: &AtomicUsize,
    options: ScanOptions,
    mut hand_over: impl FnMut(Piece) -> bool,
) {
    let mut buffer = Vec::new();
    let mut piece = Piece::default();
    while let Some(due) = due.get(next.fetch_add(1, Ordering::Relaxed)) {
        read_into(
            due.format,
            due.found,
            due.cursor,
            options.read,
            &mut buffer,
            &mut piece,
        );
        if piece.is_full() && !hand_over(std::mem::take(&mut piece)) {
            return;
        }
    }
    if !piece.files.is_empty() {
        hand_over(piece);
    }
}

/// Reads what is new in one file into a piece.
pub fn read_into(
    format: &dyn FileFormat,
    found: &Found,
    cursor: Option<&Cursor>,
    options: ReadOptions,
    buffer: &mut Vec<u8>,
    piece: &mut Piece,
) {
    let read = read_file(format, found, cursor, options, buffer, &mut piece.batch);
    let (cursor, resets_problems, problems) = match read {
        Ok(FileRead {
            cursor,
            from_start,
            problems,
            bytes,
        }) => {
            piece.bytes += bytes;
            (Some(cursor), from_start, problems)
        }
        Err(error) => {
            piece.batch.problems.clear();
            let problem = Problem {
                kind: ProblemKind::Unreadable,
                offset: 0,
                detail: error.to_string().into(),
            };
            (None, true, vec![problem])
        }
    };
    let key = CursorKey {
        path: found.info.path.clone(),
        pass: options.pass,
    };
    piece.files.push(FileUpdate {
        key,
        format: format.name(),
        cursor,
        resets_problems,
        problems,
    });
}

/// Reports that a live file is gone, and forgets it.
pub fn removed(
    format: &dyn FileFormat,
    root: &Root,
    key: &CursorKey,
    cursor: &Cursor,
    now: Timestamp,
    piece: &mut Piece,
) {
    let info = FileInfo {
        root: root.path.clone(),
        path: key.path.clone(),
        role: FileRole::Live,
        born: now,
        modified: now,
    };
    format.removed(&info, &cursor.state, now, &mut piece.batch);
    piece.files.push(FileUpdate {
        key: key.clone(),
        format: format.name(),
        cursor: None,
        resets_problems: true,
        problems: Vec::new(),
    });
}

/// Live files that were known and are no longer there.
fn gone(
    roots: &[ScannedRoot<'_>],
    cursors: &HashMap<CursorKey, Cursor>,
    now: Timestamp,
) -> Option<Piece> {
    let mut piece = Piece::default();
    for (key, cursor) in cursors {
        let Some(root) = roots
            .iter()
            .find(|root| key.path.starts_with(&root.root.path))
        else {
            continue;
        };
        let Some(FileRole::Live) = key
            .path
            .strip_prefix(&root.root.path)
            .ok()
            .and_then(|p| root.format.role(p))
        else {
            continue;
        };
        if root
            .walked
            .files
            .iter()
            .any(|found| found.info.path == key.path)
        {
            continue;
        }
        removed(root.format, &root.root, key, cursor, now, &mut piece);
    }
    (!piece.files.is_empty()).then_some(piece)
}
