//! Indexing text: the second thread of a watching monitor, behind the first so that it never delays a state.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Inner;
use super::watch::RETRY;
use crate::Error;
use crate::source::FileFormat;
use crate::source::piece::{CursorKey, Piece};
use crate::source::read::{Cursor, Pass, ReadOptions};
use crate::source::scan::{Due, ScanOptions, read_each, scan};
use crate::source::walk::{Found, look};
use crate::store::sqlite::load_cursors;

/// What is still to be indexed.
#[derive(Debug, Default)]
pub(super) struct Behind {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Everything is to be looked at, not only `paths`.
    everything: bool,
    paths: HashSet<PathBuf>,
    stop: bool,
}

/// What the thread is to look at next.
enum Work {
    Everything,
    Paths(HashSet<PathBuf>),
}

impl Behind {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for everything that is not indexed yet.
    pub(super) fn add_everything(&self) {
        self.state().everything = true;
        self.changed.notify_all();
    }

    /// Asks for what is new in these files.
    pub(super) fn add(&self, paths: impl Iterator<Item = PathBuf>) {
        self.state().paths.extend(paths);
        self.changed.notify_all();
    }

    /// Makes the thread end.
    pub(super) fn stop(&self) {
        self.state().stop = true;
        self.changed.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.state().stop
    }

    /// Waits for work; `None` to stop.
    fn wait(&self) -> Option<Work> {
        let idle = |state: &mut State| !state.everything && state.paths.is_empty() && !state.stop;
        let mut state = self
            .changed
            .wait_while(self.state(), idle)
            .unwrap_or_else(PoisonError::into_inner);
        let paths = std::mem::take(&mut state.paths);
        match (state.stop, std::mem::take(&mut state.everything)) {
            (true, _) => None,
            (false, true) => Some(Work::Everything),
            (false, false) => Some(Work::Paths(paths)),
        }
    }

    /// Waits a while, or until the thread is to end.
    fn pause(&self, time: Duration) {
        // Whoever woke and why is looked at by the caller.
        drop(
            self.changed
                .wait_timeout_while(self.state(), time, |state| !state.stop),
        );
    }
}

/// Why indexing ended before its end.
enum Interrupted {
    Stopped,
    Failed(Error),
}

impl From<Error> for Interrupted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs until stopped: first everything that is not indexed yet, the newest first, then what changes.
pub(super) fn run(inner: &Inner, behind: &Behind) {
    let mut cursors = HashMap::new();
    while let Some(work) = behind.wait() {
        let done = match work {
            Work::Everything => index_all(inner, behind, &mut cursors),
            Work::Paths(paths) => index_paths(inner, behind, paths, &mut cursors),
        };
        match done {
            Ok(()) => {}
            Err(Interrupted::Stopped) => return,
            Err(Interrupted::Failed(error)) => {
                tracing::error!(%error, "cannot index text; trying again");
                behind.add_everything();
                behind.pause(RETRY);
            }
        }
    }
}

fn options(inner: &Inner) -> ReadOptions {
    ReadOptions {
        pass: Pass::Content,
        evidence: false,
        now: inner.clock.now(),
    }
}

fn store(inner: &Inner, behind: &Behind, piece: Piece) -> Result<(), Interrupted> {
    if behind.is_stopped() {
        return Err(Interrupted::Stopped);
    }
    Ok(inner.append(vec![piece], inner.clock.now())?)
}

fn index_all(
    inner: &Inner,
    behind: &Behind,
    cursors: &mut HashMap<CursorKey, Cursor>,
) -> Result<(), Interrupted> {
    let load = || inner.read(|connection| load_cursors(connection, Pass::Content));
    *cursors = load()?;
    let options = ScanOptions {
        read: options(inner),
        since: None,
        // This runs behind everything else.
        threads: 1,
    };
    scan(
        &inner.find(),
        cursors,
        options,
        |_| {},
        |piece| store(inner, behind, piece),
    )?;
    *cursors = load()?;
    Ok(())
}

fn index_paths(
    inner: &Inner,
    behind: &Behind,
    paths: HashSet<PathBuf>,
    cursors: &mut HashMap<CursorKey, Cursor>,
) -> Result<(), Interrupted> {
    let found: Vec<_> = paths
        .into_iter()
        .filter_map(|path| find(inner, path))
        .collect();
    let due = found.iter().map(|(format, key, found)| Due {
        format: *format,
        found,
        cursor: cursors.get(key),
    });
    let mut updates = Vec::new();
    let mut done = Ok(());
    read_each(due, options(inner), &mut Vec::new(), |piece| {
        updates.extend(piece.cursors());
        done = store(inner, behind, piece);
        done.is_ok()
    });
    done?;
    for (key, cursor) in updates {
        match cursor {
            Some(cursor) => cursors.insert(key, cursor),
            None => cursors.remove(&key),
        };
    }
    Ok(())
}

/// A file with content, if it is there.
fn find(inner: &Inner, path: PathBuf) -> Option<(&dyn FileFormat, CursorKey, Found)> {
    let found = inner.formats.iter().find_map(|format| {
        let format = &**format;
        let roots = inner.roots(format);
        let found = roots.iter().find_map(|root| look(format, root, &path))?;
        Some((format, found))
    });
    let (format, found) = found.filter(|(_, found)| found.info.role.has_content())?;
    let pass = Pass::Content;
    Some((format, CursorKey { path, pass }, found))
}
