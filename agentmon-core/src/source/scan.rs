//! One sweep over all files of all formats: finds what changed since the stored cursors and reads just that, on all
//! processors, handing over batches as they fill.

use std::collections::HashMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use super::piece::{CursorKey, FileUpdate, Piece};
use super::read::{Cursor, Pass, ReadOptions, is_due, read_file};
use super::walk::{Found, Walked, is_gone, walk};
use super::{FileFormat, FileInfo, FileRole, Root};
use crate::model::Timestamp;

/// Below this many bytes to read, threads cost more than they save.
const INLINE_BYTES: u64 = 1024 * 1024;

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
pub struct Due<'a> {
    /// Its format.
    pub format: &'a dyn FileFormat,
    /// The file.
    pub found: &'a Found,
    /// How far it was read.
    pub cursor: Option<&'a Cursor>,
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
    let next = AtomicUsize::new(0);
    let rest = || std::iter::from_fn(|| due.get(next.fetch_add(1, Ordering::Relaxed)).copied());
    if threads == 1 || work.bytes < INLINE_BYTES {
        let mut result = Ok(());
        read_each(rest(), options.read, &mut Vec::new(), |piece| {
            result = store(piece);
            result.is_ok()
        });
        return result.map(|()| work);
    }
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Piece>(threads);
        for _ in 0..threads {
            let send: SyncSender<Piece> = send.clone();
            let rest = &rest;
            scope.spawn(move || {
                read_each(rest(), options.read, &mut Vec::new(), |piece| {
                    send.send(piece).is_ok()
                });
            });
        }
        drop(send);
        // Dropping the receiver after an error makes the readers stop at their next piece.
        receive.into_iter().try_for_each(&mut store)
    })?;
    Ok(work)
}

/// Reads files one after the other, handing over pieces as they fill, until there are no more or `hand_over` returns
/// `false`.
pub fn read_each<'a>(
    due: impl Iterator<Item = Due<'a>>,
    options: ReadOptions,
    buffer: &mut Vec<u8>,
    mut hand_over: impl FnMut(Piece) -> bool,
) {
    let mut piece = Piece::default();
    for Due {
        format,
        found,
        cursor,
    } in due
    {
        let full = &mut hand_over;
        let go_on = read_file(format, found, cursor, options, buffer, &mut piece, full);
        if !go_on || (piece.is_full() && !hand_over(std::mem::take(&mut piece))) {
            return;
        }
    }
    if !piece.files.is_empty() {
        hand_over(piece);
    }
}

/// Reports that a file is gone which spoke of the present, and forgets it. `role` is what it was read as.
pub fn removed(
    format: &dyn FileFormat,
    root: &Root,
    role: FileRole,
    key: &CursorKey,
    cursor: &Cursor,
    now: Timestamp,
    piece: &mut Piece,
) {
    let info = FileInfo {
        root: root.path.clone(),
        path: key.path.clone(),
        role,
        born: now,
        modified: now,
    };
    format.removed(&info, &cursor.state, now, &mut piece.batch);
    piece.files.push(FileUpdate {
        key: key.clone(),
        format: format.name(),
        cursor: None,
        resets_problems: true,
        skipped: Vec::new(),
    });
}

/// Live files and snapshots that were known and are no longer there.
fn gone(
    roots: &[ScannedRoot<'_>],
    cursors: &HashMap<CursorKey, Cursor>,
    now: Timestamp,
) -> Option<Piece> {
    let mut piece = Piece::default();
    for (key, cursor) in cursors {
        // Roots may lie within each other.
        let owner = roots.iter().find_map(|root| {
            let relative = key.path.strip_prefix(&root.root.path).ok()?;
            let role = root.format.role(relative)?;
            Some((root, role))
        });
        let Some((root, role @ (FileRole::Live | FileRole::Snapshot))) = owner else {
            continue;
        };
        if is_gone(&key.path) {
            removed(root.format, &root.root, role, key, cursor, now, &mut piece);
        }
    }
    (!piece.files.is_empty()).then_some(piece)
}
