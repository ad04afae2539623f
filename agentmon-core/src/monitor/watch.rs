//! Watching: keeps the store up to date while the process runs.
//!
//! Notifications of the system say which file changed, and it is read from its cursor at once. They can be lost, and
//! some file systems send none: a sweep by size every half minute finds what they missed. Live files are read every
//! second besides, because a process can die without a write. Text is indexed by a second thread behind, so that it
//! never delays a state.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::behind::{Behind, index};
use super::{Inner, Monitor};
use crate::Error;
use crate::source::read::{Cursor, Pass, ReadOptions};
use crate::source::scan::{CursorKey, Piece, ScanOptions, ScannedRoot, read_into, removed, scan};
use crate::source::walk::look;
use crate::source::{FileFormat, FileRole, Root};
use crate::store::sqlite::load_cursors;

/// How often everything is looked at, whatever was notified.
const SWEEP: Duration = Duration::from_secs(30);
/// How often live files are read, whatever was notified.
const LIVE: Duration = Duration::from_secs(1);
/// How long to wait after an error of the store before trying again.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Notifications that may wait. When there are more, everything is looked at instead.
const QUEUE: usize = 4096;

/// What wakes the watching thread.
#[derive(Debug)]
enum Wake {
    /// A notification.
    Notified(notify::Result<notify::Event>),
    /// [`Watching`] was dropped.
    Stop,
}

/// Keeps a monitor up to date until it is dropped.
#[derive(Debug)]
pub struct Watching {
    wake: SyncSender<Wake>,
    behind: Arc<Behind>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.behind.stop();
        // A full queue is drained by the thread, so this waits a moment at most; a thread that is gone is no error.
        let _ = self.wake.send(Wake::Stop);
        for thread in self.threads.drain(..) {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

impl Monitor {
    /// Starts watching: reads what is new and then every change within milliseconds, until the returned guard is
    /// dropped. Does nothing when another process writes to the database.
    ///
    /// # Errors
    /// [`Error::Watch`], [`Error::Thread`].
    pub fn start(&self) -> Result<Watching, Error> {
        let (wake, woken) = sync_channel(QUEUE);
        let behind = Arc::new(Behind::default());
        let mut threads = Vec::new();
        if self.inner.writer.is_some() {
            let overflow = Arc::new(AtomicBool::new(false));
            let (send, full) = (wake.clone(), overflow.clone());
            let notifier = notify::recommended_watcher(move |event| {
                if let Err(TrySendError::Full(_)) = send.try_send(Wake::Notified(event)) {
                    full.store(true, Ordering::Relaxed);
                }
            })?;
            let (inner, list) = (self.inner.clone(), behind.clone());
            threads.push(spawn("agentmon-watch", move || {
                Watcher::new(&inner, notifier, overflow, &list).run(&woken);
            })?);
            let (inner, list) = (self.inner.clone(), behind.clone());
            threads.push(spawn("agentmon-content", move || index(&inner, &list))?);
        }
        Ok(Watching {
            wake,
            behind,
            threads,
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(Error::Thread)
}

/// The watching thread.
struct Watcher<'a> {
    inner: &'a Inner,
    notifier: RecommendedWatcher,
    /// Set when notifications were dropped.
    overflow: Arc<AtomicBool>,
    behind: &'a Behind,
    roots: Vec<(&'a dyn FileFormat, Root)>,
    watched: HashSet<PathBuf>,
    cursors: HashMap<CursorKey, Cursor>,
    buffer: Vec<u8>,
}

impl<'a> Watcher<'a> {
    fn new(
        inner: &'a Inner,
        notifier: RecommendedWatcher,
        overflow: Arc<AtomicBool>,
        behind: &'a Behind,
    ) -> Self {
        Self {
            inner,
            notifier,
            overflow,
            behind,
            roots: Vec::new(),
            watched: HashSet::new(),
            cursors: HashMap::new(),
            buffer: Vec::new(),
        }
    }

    fn run(&mut self, woken: &Receiver<Wake>) {
        let mut sweep_at = Instant::now();
        let mut live_at = sweep_at + LIVE;
        loop {
            let result =
                if Instant::now() >= sweep_at || self.overflow.swap(false, Ordering::Relaxed) {
                    sweep_at = Instant::now() + SWEEP;
                    self.sweep()
                } else if Instant::now() >= live_at {
                    live_at = Instant::now() + LIVE;
                    self.read_live().and_then(|()| self.tick())
                } else {
                    Ok(())
                };
            let result = result.and_then(|()| {
                let until = sweep_at
                    .min(live_at)
                    .saturating_duration_since(Instant::now());
                let (paths, stop) = gather(woken, until);
                if stop {
                    return Ok(false);
                }
                self.read_paths(paths).map(|()| true)
            });
            match result {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, "cannot store what changed; trying again");
                    // What was read is read again: its cursors were not stored either.
                    self.cursors.clear();
                    sweep_at = Instant::now() + RETRY;
                    if gather_stop(woken, RETRY) {
                        return;
                    }
                }
            }
        }
    }

    /// Looks at everything: watches new folders and reads what changed.
    fn sweep(&mut self) -> Result<(), Error> {
        let found = self.inner.find();
        for root in &found {
            for folder in &root.walked.folders {
                if self.watched.contains(folder) {
                    continue;
                }
                match self.notifier.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => {
                        self.watched.insert(folder.clone());
                    }
                    // Too many watches, or a folder that is gone: the sweep serves in their place.
                    Err(error) => {
                        tracing::warn!(folder = %folder.display(), %error, "cannot watch")
                    }
                }
            }
        }
        let now = self.inner.clock.now();
        if self.cursors.is_empty() {
            self.cursors = self
                .inner
                .read(|connection| load_cursors(connection, Pass::Accounting))?;
        }
        let read = ReadOptions {
            pass: Pass::Accounting,
            evidence: true,
            now,
        };
        let mut updates = Vec::new();
        scan(
            &found,
            &self.cursors,
            ScanOptions {
                read,
                since: None,
                threads: 0,
            },
            |_| {},
            |piece| {
                updates.extend(
                    piece
                        .files
                        .iter()
                        .map(|file| (file.key.clone(), file.cursor.clone())),
                );
                self.inner.append(vec![piece], now)
            },
        )?;
        self.behind
            .add(updates.iter().map(|(key, _)| key.path.clone()));
        for (key, cursor) in updates {
            self.remember(key, cursor);
        }
        self.roots = found
            .into_iter()
            .map(|ScannedRoot { format, root, .. }| (format, root))
            .collect();
        self.inner.prune(now)?;
        self.tick()
    }

    fn remember(&mut self, key: CursorKey, cursor: Option<Cursor>) {
        match cursor {
            Some(cursor) => self.cursors.insert(key, cursor),
            None => self.cursors.remove(&key),
        };
    }

    /// Reads all live files.
    fn read_live(&mut self) -> Result<(), Error> {
        let live = self.cursors.keys().filter(|key| {
            self.roots
                .iter()
                .any(|(format, root)| role(*format, root, &key.path) == Some(FileRole::Live))
        });
        let live: HashSet<PathBuf> = live.map(|key| key.path.clone()).collect();
        self.read_paths(live)
    }

    /// Reads what is new in these files. A folder among them means that there may be new files: everything is looked
    /// at.
    fn read_paths(&mut self, paths: HashSet<PathBuf>) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let mut piece = Piece::default();
        for path in paths {
            let Some(&(format, ref root)) = self
                .roots
                .iter()
                .find(|(_, root)| path.starts_with(&root.path))
            else {
                continue;
            };
            let key = CursorKey {
                path: path.clone(),
                pass: Pass::Accounting,
            };
            if let Some(found) = look(format, root, &path) {
                let read = ReadOptions {
                    pass: Pass::Accounting,
                    evidence: true,
                    now,
                };
                read_into(
                    format,
                    &found,
                    self.cursors.get(&key),
                    read,
                    &mut self.buffer,
                    &mut piece,
                );
            } else if let (Some(FileRole::Live), Some(cursor)) =
                (role(format, root, &path), self.cursors.get(&key))
            {
                removed(format, root, &key, cursor, now, &mut piece);
            } else if path.is_dir() && !self.watched.contains(&path) && enters(format, root, &path)
            {
                return self.sweep();
            }
        }
        if piece.files.is_empty() {
            return Ok(());
        }
        let updates: Vec<_> = piece
            .files
            .iter()
            .map(|file| (file.key.clone(), file.cursor.clone()))
            .collect();
        self.inner.append(vec![piece], now)?;
        self.behind
            .add(updates.iter().map(|(key, _)| key.path.clone()));
        for (key, cursor) in updates {
            self.remember(key, cursor);
        }
        Ok(())
    }

    /// Lets time pass for sessions.
    fn tick(&self) -> Result<(), Error> {
        let Some(mut writer) = self.inner.writer() else {
            return Ok(());
        };
        let changes = writer.tick(self.inner.clock.now())?;
        drop(writer);
        self.inner.publish(changes);
        Ok(())
    }
}

fn role(format: &dyn FileFormat, root: &Root, path: &Path) -> Option<FileRole> {
    format.role(path.strip_prefix(&root.path).ok()?)
}

fn enters(format: &dyn FileFormat, root: &Root, path: &Path) -> bool {
    path.strip_prefix(&root.path)
        .is_ok_and(|relative| format.enters(relative))
}

/// Waits for notifications and takes all that are there: a file that changed often is read once. The second value
/// says whether to stop.
fn gather(woken: &Receiver<Wake>, patience: Duration) -> (HashSet<PathBuf>, bool) {
    let mut paths = HashSet::new();
    let mut next = match woken.recv_timeout(patience) {
        Ok(wake) => Some(wake),
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => return (paths, true),
    };
    while let Some(wake) = next {
        match wake {
            Wake::Stop => return (paths, true),
            Wake::Notified(Ok(event)) if !matches!(event.kind, EventKind::Access(_)) => {
                paths.extend(event.paths)
            }
            // Reading is no change; an error of the notifier is made good by the sweep.
            Wake::Notified(_) => {}
        }
        next = woken.try_recv().ok();
    }
    (paths, false)
}

/// Waits, dropping notifications (everything is looked at afterwards). Returns whether to stop.
fn gather_stop(woken: &Receiver<Wake>, patience: Duration) -> bool {
    let end = Instant::now() + patience;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        if gather(woken, left).1 {
            return true;
        }
    }
    false
}
