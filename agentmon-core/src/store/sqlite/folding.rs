//! Folding the log into the database beside the writer, who would wait for the disk meanwhile.
//!
//! A thread with a connection of its own copies what the log holds while the writer adds to it. The writer then folds the
//! little that came in meanwhile itself, after which the log begins anew. The thread never changes what is stored.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::{Connection, OpenFlags};

/// Pages of the log at which it is folded, as without this thread.
pub(super) const FOLDED_AT: i32 = 4000;
/// Pages of the log at which the writer waits until it is folded: the disk cannot keep up.
const AT_MOST: i32 = 8 * FOLDED_AT;
/// How long it waits.
const PATIENCE: Duration = Duration::from_secs(10);
/// A pass that found fewer pages than this leaves little to the writer.
const LITTLE: i64 = 1000;
/// Passes after which the writer does the rest in any case.
const PASSES: usize = 3;

/// Where the work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    #[default]
    Idle,
    /// The thread folds.
    Folding,
    /// The thread has folded what it saw; the rest is the writer's.
    Folded,
}

/// What the writer and the thread know of each other.
#[derive(Debug, Default)]
struct Standing {
    stage: Mutex<Stage>,
    folded: Condvar,
}

impl Standing {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the thread is woken for.
#[derive(Debug)]
enum Task {
    Fold,
    End,
}

/// The thread. It ends when this is dropped, which belongs before the writer's connection is closed: the last one to be
/// closed takes the log away, and two at once leave it to each other.
#[derive(Debug)]
pub(super) struct Folding {
    tasks: SyncSender<Task>,
    thread: Option<JoinHandle<()>>,
}

impl Folding {
    /// Starts the thread for the database at `path`, which `writer` writes to. Without a thread SQLite folds as before.
    ///
    /// # Errors
    /// What SQLite says of the hook.
    pub(super) fn start(writer: &mut Connection, path: &Path) -> rusqlite::Result<Option<Self>> {
        Self::start_at(writer, path, FOLDED_AT, AT_MOST)
    }

    fn start_at(
        writer: &mut Connection,
        path: &Path,
        folded_at: i32,
        at_most: i32,
    ) -> rusqlite::Result<Option<Self>> {
        let (tasks, given) = sync_channel(1);
        let standing = Arc::new(Standing::default());
        let shared = standing.clone();
        let database = path.to_owned();
        let thread = thread::Builder::new()
            .name("agentmon-fold".into())
            .spawn(move || run(&database, &given, &shared));
        let Ok(thread) = thread else { return Ok(None) };
        let folding = Self {
            tasks: tasks.clone(),
            thread: Some(thread),
        };
        writer.wal_hook(Some(hook(tasks, standing, folded_at, at_most)))?;
        Ok(Some(folding))
    }
}

impl Drop for Folding {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A thread that panicked is gone, and has nothing to lose.
            let _ = self.tasks.send(Task::End);
            let _ = thread.join();
        }
    }
}

/// What the writer does after each commit, with `pages` in the log.
fn hook(
    tasks: SyncSender<Task>,
    standing: Arc<Standing>,
    folded_at: i32,
    at_most: i32,
) -> impl FnMut(&mut Wal, i32) -> rusqlite::Result<()> + Send + 'static {
    move |log, pages| {
        let mut stage = standing.stage();
        if pages >= at_most {
            let wait = standing
                .folded
                .wait_timeout_while(stage, PATIENCE, |stage| *stage == Stage::Folding);
            stage = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        if *stage == Stage::Folded || pages >= at_most {
            // What cannot be folded because somebody still reads it is folded later.
            let _ = log.checkpoint();
            *stage = Stage::Idle;
        } else if *stage == Stage::Idle && pages >= folded_at {
            // Without the thread the next commit folds.
            *stage = match tasks.try_send(Task::Fold) {
                Ok(()) => Stage::Folding,
                Err(_) => Stage::Folded,
            };
        }
        Ok(())
    }
}

fn run(path: &Path, given: &Receiver<Task>, standing: &Standing) {
    let mut connection = None;
    while let Ok(Task::Fold) = given.recv() {
        let folded = match &connection {
            Some(connection) => fold(connection),
            None => open(path).and_then(|opened| fold(connection.insert(opened))),
        };
        if let Err(error) = folded {
            tracing::debug!(%error, "the writer folds the log by itself this time");
        }
        *standing.stage() = Stage::Folded;
        standing.folded.notify_all();
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // The same as the writer's: what is copied is on the disk before the log begins anew.
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -64")?;
    Ok(connection)
}

/// Copies until little is left: a pass sees what was in the log when it began.
fn fold(connection: &Connection) -> rusqlite::Result<()> {
    let mut before = 0;
    for _ in 0..PASSES {
        let folded: i64 =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))?;
        if folded - before < LITTLE {
            break;
        }
        before = folded;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::store::sqlite::connect::start_log;
    use crate::store::sqlite::{Opened, open_writer};

    /// A database with its log on, and a table.
    fn database(path: &Path) -> Connection {
        let Opened { connection, .. } = open_writer(Some(path), Timestamp(0)).unwrap();
        start_log(&connection).unwrap();
        connection
            .execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
            .unwrap();
        connection
    }

    #[test]
    fn the_log_begins_anew_while_somebody_writes_without_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let mut connection = database(&path);
        let folding = Folding::start_at(&mut connection, &path, 50, 2000).unwrap();
        assert!(folding.is_some());
        let page = "x".repeat(4000);
        let log = folder.path().join("test.db-wal");
        for n in 0..6000 {
            connection
                .execute("INSERT INTO t VALUES (?1, ?2)", (n, &page))
                .unwrap();
        }
        // 6,000 rows are 24 MB and, written one by one, three pages each.
        let length = std::fs::metadata(&log).unwrap().len();
        assert!(length < 12 << 20, "{length} bytes");
        // Nothing is left in a log.
        drop(folding);
        drop(connection);
        assert!(!log.exists());
        let Opened { connection, .. } = open_writer(Some(&path), Timestamp(0)).unwrap();
        let count = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        assert_eq!(count("SELECT count(*) FROM t").unwrap(), 6000);
        let verdict: String = connection
            .query_row("PRAGMA quick_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(verdict, "ok");
    }

    #[test]
    fn without_the_thread_the_writer_folds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let mut connection = database(&path);
        let (tasks, given) = sync_channel(1);
        drop(given);
        let standing = Arc::new(Standing::default());
        connection
            .wal_hook(Some(hook(tasks, standing, 50, 2000)))
            .unwrap();
        for n in 0..2000 {
            connection
                .execute("INSERT INTO t VALUES (?1, 'text')", [n])
                .unwrap();
        }
        let log = folder.path().join("test.db-wal");
        let length = std::fs::metadata(&log).unwrap().len();
        assert!(length < 1 << 20, "{length} bytes");
    }
}
