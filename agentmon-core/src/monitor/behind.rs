//! Indexing text: the second thread of a watching monitor, behind the first so that it never delays a state.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use super::Inner;
use super::watch::RETRY;
use crate::Error;
use crate::source::read::{Cursor, Pass, ReadOptions};
use crate::source::scan::{CursorKey, Piece, ScanOptions, read_into, scan};
use crate::source::walk::look;
use crate::store::StoreError;
use crate::store::sqlite::load_cursors;

/// The files whose text is still to be indexed.
#[derive(Debug, Default)]
pub(super) struct Behind {
    state: Mutex<BehindState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct BehindState {
    paths: HashSet<PathBuf>,
    stop: bool,
}

impl Behind {
    pub(super) fn add(&self, paths: impl Iterator<Item = PathBuf>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paths.extend(paths);
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stop = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stop
    }

    /// Waits for files; `None` to stop.
    fn wait(&self) -> Option<HashSet<PathBuf>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let empty = |state: &mut BehindState| state.paths.is_empty() && !state.stop;
        let mut state = self
            .changed
            .wait_while(state, empty)
            .unwrap_or_else(PoisonError::into_inner);
        (!state.stop).then(|| std::mem::take(&mut state.paths))
    }
}

/// Stops a scan between two pieces.
enum Interrupted {
    Stopped,
    Failed(Error),
}

impl From<StoreError> for Interrupted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// The content thread: first everything that is not indexed yet, the newest first, then what changes.
pub(super) fn index(inner: &Inner, behind: &Behind) {
    let mut cursors = HashMap::new();
    let mut everything = true;
    while let Some(paths) = behind.wait() {
        if everything {
            match index_all(inner, behind) {
                Ok(known) => {
                    cursors = known;
                    everything = false;
                }
                Err(Interrupted::Stopped) => return,
                Err(Interrupted::Failed(error)) => {
                    tracing::error!(%error, "cannot index text; trying again");
                    thread::sleep(RETRY);
                    behind.add(paths.into_iter());
                }
            }
        } else if let Err(error) = index_paths(inner, paths.clone(), &mut cursors) {
            tracing::error!(%error, "cannot index text; trying again");
            everything = true;
            thread::sleep(RETRY);
            behind.add(paths.into_iter());
        }
    }
}

fn index_all(inner: &Inner, behind: &Behind) -> Result<HashMap<CursorKey, Cursor>, Interrupted> {
    let now = inner.clock.now();
    let found = inner.find();
    let load = || {
        inner
            .read(|connection| load_cursors(connection, Pass::Content))
            .map_err(Interrupted::Failed)
    };
    let cursors = load()?;
    let read = ReadOptions {
        pass: Pass::Content,
        evidence: false,
        now,
    };
    // One thread: this runs behind everything else.
    scan(
        &found,
        &cursors,
        ScanOptions {
            read,
            since: None,
            threads: 1,
        },
        |_| {},
        |piece| {
            if behind.is_stopped() {
                return Err(Interrupted::Stopped);
            }
            inner.append(vec![piece], now).map_err(Interrupted::Failed)
        },
    )?;
    load()
}

fn index_paths(
    inner: &Inner,
    paths: HashSet<PathBuf>,
    cursors: &mut HashMap<CursorKey, Cursor>,
) -> Result<(), Error> {
    let now = inner.clock.now();
    let mut piece = Piece::default();
    let mut buffer = Vec::new();
    for path in paths {
        let found = inner.formats.iter().find_map(|format| {
            let format = &**format;
            let root = inner
                .roots(format)
                .into_iter()
                .find(|root| path.starts_with(&root.path))?;
            Some((format, look(format, &root, &path)?))
        });
        let Some((format, found)) = found else {
            continue;
        };
        if !found.info.role.has_content() {
            continue;
        }
        let key = CursorKey {
            path,
            pass: Pass::Content,
        };
        let read = ReadOptions {
            pass: Pass::Content,
            evidence: false,
            now,
        };
        read_into(
            format,
            &found,
            cursors.get(&key),
            read,
            &mut buffer,
            &mut piece,
        );
    }
    let updates: Vec<_> = piece
        .files
        .iter()
        .map(|file| (file.key.clone(), file.cursor.clone()))
        .collect();
    inner.append(vec![piece], now)?;
    for (key, cursor) in updates {
        match cursor {
            Some(cursor) => cursors.insert(key, cursor),
            None => cursors.remove(&key),
        };
    }
    Ok(())
}
