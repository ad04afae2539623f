//! Watching: keeps the store up to date while the process runs.
//!
//! Notifications of the system say which file changed, and it is read from its cursor at once. They can be lost, and
//! some file systems send none: a sweep by size every half minute finds what they missed. Live files are read every
//! second besides, because a process can die without a write. Text is indexed by a second thread ([`index`]).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::index::{self, Behind};
use super::{Inner, Monitor};
use crate::Error;
use crate::source::database::database_of;
use crate::source::piece::{CursorKey, Piece};
use crate::source::read::{Cursor, Pass, ReadOptions};
use crate::source::scan::{Due, ScanOptions, ScannedRoot, read_each, removed, scan};
use crate::source::walk::{Found, is_gone, look};
use crate::source::{FileFormat, FileRole, Root};
use crate::store::sqlite::load_cursors;

/// How often everything is looked at, whatever was notified.
const SWEEP: Duration = Duration::from_secs(30);
/// How often live files are read, whatever was notified.
const LIVE: Duration = Duration::from_secs(1);
/// How long to forget what is too old before looking at files again.
const PRUNING: Duration = Duration::from_millis(100);
/// How long to wait after an error of the store before trying again.
pub(super) const RETRY: Duration = Duration::from_secs(2);
/// Notifications that may wait. When there are more, everything is looked at instead.
const QUEUE: usize = 4096;

/// What wakes the watching thread.
#[derive(Debug)]
enum Wake {
    /// A notification.
    Notified(notify::Event),
    /// Notifications were lost.
    Lost,
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
        let mut watching = Watching {
            wake,
            behind: Arc::new(Behind::default()),
            threads: Vec::new(),
        };
        if self.inner.writer.is_none() {
            return Ok(watching);
        }
        let overflow = Arc::new(AtomicBool::new(false));
        let (send, full) = (watching.wake.clone(), overflow.clone());
        let notifier = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let wake = match event {
                // Reading is no change; agentmon's own is notified too.
                Ok(event) if matches!(event.kind, EventKind::Access(_)) => return,
                Ok(event) if !event.need_rescan() => Wake::Notified(event),
                _ => Wake::Lost,
            };
            if let Err(TrySendError::Full(_)) = send.try_send(wake) {
                full.store(true, Ordering::Relaxed);
            }
        })?;
        let (inner, behind) = (self.inner.clone(), watching.behind.clone());
        watching.threads.push(spawn("agentmon-watch", move || {
            Watcher::new(&inner, notifier, overflow, &behind).run(&woken);
        })?);
        let (inner, behind) = (self.inner.clone(), watching.behind.clone());
        watching.threads.push(spawn("agentmon-index", move || {
            index::run(&inner, &behind);
        })?);
        Ok(watching)
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    thread::Builder::new()
        .name(name.into())
        .spawn(run)
        .map_err(Error::Thread)
}

/// What was heard since the last look.
#[derive(Debug, Default)]
struct Heard {
    /// Files and folders that changed.
    paths: HashSet<PathBuf>,
    /// Those of them that are new, gone or another one now: if a folder was watched there, it no longer is.
    replaced: HashSet<PathBuf>,
    /// Something was lost.
    lost: bool,
    stop: bool,
}

impl Heard {
    fn take(&mut self, wake: Wake) {
        match wake {
            Wake::Stop => self.stop = true,
            Wake::Lost => self.lost = true,
            Wake::Notified(event) => {
                if !matches!(
                    event.kind,
                    EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Metadata(_))
                ) {
                    self.replaced.extend(event.paths.iter().cloned());
                }
                // A write-ahead log stands for its database.
                let databases = event.paths.iter().filter_map(|path| database_of(path));
                self.paths.extend(databases);
                self.paths.extend(event.paths);
            }
        }
    }

    /// Waits for notifications and takes all that are there: a file that changed often is read once.
    fn listen(woken: &Receiver<Wake>, patience: Duration) -> Self {
        let mut heard = Self::default();
        match woken.recv_timeout(patience) {
            Ok(wake) => heard.take(wake),
            Err(RecvTimeoutError::Timeout) => return heard,
            Err(RecvTimeoutError::Disconnected) => heard.stop = true,
        }
        while let Ok(wake) = woken.try_recv() {
            heard.take(wake);
        }
        heard
    }
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
    /// The live files among them.
    live: HashSet<PathBuf>,
    /// Whether all text was asked for.
    indexes: bool,
    /// Whether there may be something to forget.
    prunes: bool,
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
            live: HashSet::new(),
            indexes: false,
            prunes: false,
            buffer: Vec::new(),
        }
    }

    fn run(&mut self, woken: &Receiver<Wake>) {
        let mut sweep_at = Instant::now();
        let mut live_at = sweep_at + LIVE;
        let mut heard = Heard::default();
        while !heard.stop {
            let lost = heard.lost || self.overflow.swap(false, Ordering::Relaxed);
            for path in &heard.replaced {
                self.forget_folder(path);
            }
            let result = if lost || Instant::now() >= sweep_at {
                sweep_at = Instant::now() + SWEEP;
                self.sweep()
            } else if heard.paths.iter().any(|path| self.is_new_folder(path)) {
                self.sweep()
            } else {
                self.read_paths(heard.paths)
            };
            let result = result.and_then(|()| {
                if Instant::now() < live_at {
                    return Ok(());
                }
                live_at = Instant::now() + LIVE;
                self.read_paths(self.live.clone())?;
                if self.prunes {
                    self.prunes = self.inner.prune(self.inner.clock.now(), PRUNING)?;
                }
                self.inner.tick()
            });
            if let Err(error) = result {
                tracing::error!(%error, "cannot store what changed; trying again");
                // What was read is read again: its cursors were not stored either.
                self.cursors.clear();
                self.live.clear();
                let end = Instant::now() + RETRY;
                while let Some(left) = end.checked_duration_since(Instant::now()) {
                    if Heard::listen(woken, left).stop {
                        return;
                    }
                }
                sweep_at = Instant::now();
            }
            let next = sweep_at.min(live_at);
            heard = Heard::listen(woken, next.saturating_duration_since(Instant::now()));
        }
    }

    /// Looks at everything: watches new folders and reads what changed.
    fn sweep(&mut self) -> Result<(), Error> {
        let mut found = self.inner.find();
        // What appeared in a folder before it was watched is found by looking again.
        while self.watch(&found) {
            found = self.inner.find();
        }
        self.roots = found
            .iter()
            .map(|found| (found.format, found.root.clone()))
            .collect();
        let now = self.inner.clock.now();
        if self.cursors.is_empty() {
            let cursors = self
                .inner
                .read(|connection| load_cursors(connection, Pass::Accounting))?;
            self.remember(cursors.into_iter().map(|(key, cursor)| (key, Some(cursor))));
        }
        let read = ReadOptions {
            pass: Pass::Accounting,
            evidence: true,
            now,
        };
        let options = ScanOptions {
            read,
            since: None,
            threads: 0,
        };
        let mut updates = Vec::new();
        let store = |mut piece: Piece| {
            if adds_nothing(&piece, &self.cursors) {
                return Ok(());
            }
            self.inner.seen_here(&mut piece);
            updates.extend(piece.cursors());
            self.inner.append(vec![piece], now)
        };
        scan(&found, &self.cursors, options, |_| {}, store)?;
        self.stored(updates);
        if !std::mem::replace(&mut self.indexes, true) {
            self.behind.add_everything();
        }
        self.prunes = true;
        self.inner.tick()
    }

    /// Watches the folders that are not watched yet; in place of a root that is missing, what it will appear in.
    /// Returns whether there were any.
    fn watch(&mut self, found: &[ScannedRoot<'_>]) -> bool {
        let before = self.watched.len();
        let mut failed = 0;
        let mut reason = None;
        for ScannedRoot { root, walked, .. } in found {
            let missing = (!walked.exists).then(|| root.path.ancestors().find(|p| p.is_dir()));
            let folders = walked.folders.iter().map(PathBuf::as_path);
            for folder in folders.chain(missing.flatten()) {
                if self.watched.contains(folder) {
                    continue;
                }
                match self.notifier.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => {
                        self.watched.insert(folder.to_owned());
                    }
                    Err(error) => {
                        failed += 1;
                        reason.get_or_insert(error);
                    }
                }
            }
        }
        if let Some(error) = reason {
            tracing::warn!(folders = failed, %error, every = ?SWEEP, "cannot watch, looking instead");
        }
        self.watched.len() > before
    }

    /// A folder that went away is watched anew when it comes back, with those below it.
    fn forget_folder(&mut self, path: &Path) {
        if self.watched.remove(path) {
            // Fails when it is gone, and must not fail to be watched again when it is not.
            let _ = self.notifier.unwatch(path);
            let notifier = &mut self.notifier;
            self.watched.retain(|folder| {
                let stays = !folder.starts_with(path);
                if !stays {
                    let _ = notifier.unwatch(folder);
                }
                stays
            });
        }
    }

    /// Whether a path is a folder that is not watched and may hold files of interest, or lead to a root.
    fn is_new_folder(&self, path: &Path) -> bool {
        let matters = |(format, root): &(&dyn FileFormat, Root)| {
            root.path.starts_with(path)
                || path
                    .strip_prefix(&root.path)
                    .is_ok_and(|relative| format.enters(relative))
        };
        !self.watched.contains(path)
            && !self.cursors.contains_key(&key(path))
            && self.roots.iter().any(matters)
            && path.is_dir()
    }

    /// Reads what is new in these files.
    fn read_paths(&mut self, paths: HashSet<PathBuf>) -> Result<(), Error> {
        let now = self.inner.clock.now();
        let mut found = Vec::new();
        let mut gone = Piece::default();
        for path in paths {
            // Roots may lie within each other: the first that knows the file has it.
            let owner = self.roots.iter().find_map(|(format, root)| {
                let role = format.role(path.strip_prefix(&root.path).ok()?)?;
                Some((*format, root, role))
            });
            let Some((format, root, role)) = owner else {
                continue;
            };
            let key = key(&path);
            if let Some(file) = look(format, root, &path) {
                found.push((format, key, file));
            } else if matches!(role, FileRole::Live | FileRole::Snapshot)
                && let Some(cursor) = self.cursors.get(&key)
                && is_gone(&path)
            {
                removed(format, root, role, &key, cursor, now, &mut gone);
            }
        }
        let mut updates = Vec::new();
        let mut done = Ok(());
        let mut store = |mut piece: Piece| {
            if adds_nothing(&piece, &self.cursors) {
                return true;
            }
            self.inner.seen_here(&mut piece);
            updates.extend(piece.cursors());
            done = self.inner.append(vec![piece], now);
            done.is_ok()
        };
        if !gone.files.is_empty() && !store(gone) {
            return done;
        }
        let due = found.iter().map(
            |(format, key, found): &(&dyn FileFormat, CursorKey, Found)| Due {
                format: *format,
                found,
                cursor: self.cursors.get(key),
            },
        );
        let options = ReadOptions {
            pass: Pass::Accounting,
            evidence: true,
            now,
        };
        read_each(due, options, &mut self.buffer, store);
        done?;
        self.stored(updates);
        Ok(())
    }

    /// Takes note of what was stored, and has its text indexed.
    fn stored(&mut self, updates: Vec<(CursorKey, Option<Cursor>)>) {
        let texts = updates.iter().filter(|(key, cursor)| {
            let has_content = |role: FileRole| role.has_content();
            cursor.is_some() && self.role(&key.path).is_some_and(has_content)
        });
        let texts: Vec<PathBuf> = texts.map(|(key, _)| key.path.clone()).collect();
        if !texts.is_empty() {
            self.behind.add(texts.into_iter());
        }
        self.remember(updates.into_iter());
    }

    fn remember(&mut self, updates: impl Iterator<Item = (CursorKey, Option<Cursor>)>) {
        for (key, cursor) in updates {
            let is_live = self.role(&key.path) == Some(FileRole::Live);
            if is_live && cursor.is_some() {
                self.live.insert(key.path.clone());
            } else {
                self.live.remove(&key.path);
            }
            match cursor {
                Some(cursor) => self.cursors.insert(key, cursor),
                None => self.cursors.remove(&key),
            };
        }
    }

    /// How a file is read, by the first root that knows it.
    fn role(&self, path: &Path) -> Option<FileRole> {
        self.roots
            .iter()
            .find_map(|(format, root)| format.role(path.strip_prefix(&root.path).ok()?))
    }
}

fn key(path: &Path) -> CursorKey {
    CursorKey {
        path: path.to_owned(),
        pass: Pass::Accounting,
    }
}

/// Whether storing a piece would change nothing: a live file was looked at and is as it was.
fn adds_nothing(piece: &Piece, known: &HashMap<CursorKey, Cursor>) -> bool {
    piece.says_nothing()
        && piece
            .files
            .iter()
            .all(|file| file.cursor.is_some() && file.cursor.as_ref() == known.get(&file.key))
}
