//! Opening the database: modes, limits, damage, and the pool of readers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::folding::FOLDED_AT;
use super::schema;
use crate::model::Timestamp;
use crate::store::StoreError;

/// How long a statement waits for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages kept in memory by a connection that stores what many send, in KiB: those that identities are looked up in.
const PAGES_UNDER_LOAD: i64 = 16 * 1024;

/// Readers kept open.
const IDLE_READERS: usize = 4;

/// A database that was opened for writing.
#[derive(Debug)]
pub struct Opened {
    /// The one writable connection (I5).
    pub(super) connection: Connection,
    /// Whether the write-ahead log is on; else it is to be turned on after the first transaction.
    pub(super) has_log: bool,
    /// Where a damaged database was moved to, if there was one.
    pub moved_aside: Option<PathBuf>,
}

/// Opens (and creates) the database at `path`, or one in memory.
///
/// A file that is no database, or a damaged one, is moved aside and never deleted; a new one takes its place, since
/// the agents' own files can be read again.
///
/// # Errors
/// [`StoreError`], with the path and what to do.
pub fn open_writer(path: Option<&Path>, now: Timestamp) -> Result<Opened, StoreError> {
    let Some(path) = path else {
        let mut connection = Connection::open_in_memory()?;
        configure(&connection)?;
        schema::migrate(&mut connection, Path::new(":memory:"))?;
        return Ok(Opened {
            connection,
            has_log: true,
            moved_aside: None,
        });
    };
    create_private(path)?;
    let mut moved_aside = None;
    let connection = match try_open(path) {
        Err(StoreError::Damaged(_)) => {
            let aside = move_aside(path, now).map_err(|source| StoreError::Corrupt {
                path: path.into(),
                source,
            })?;
            moved_aside = Some(aside);
            create_private(path)?;
            try_open(path)?
        }
        result => result?,
    };
    // What was suspected is settled; a mark that cannot be removed only costs another check.
    let _ = fs::remove_file(suspicion(path));
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(Opened {
        connection,
        has_log: mode == "wal",
        moved_aside,
    })
}

/// Opens the database at `path` for reading only.
///
/// # Errors
/// [`StoreError`]; a missing database is SQLite's `CannotOpen`.
pub fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY",
    )?;
    let found = schema::check_known(&connection, path)?;
    if found < schema::VERSION {
        return Err(StoreError::TooOld {
            path: path.into(),
            found,
            known: schema::VERSION,
        });
    }
    Ok(connection)
}

fn try_open(path: &Path) -> Result<Connection, StoreError> {
    let mut connection = Connection::open(path)?;
    // Before anything is written: turning on the log is.
    schema::check_known(&connection, path)?;
    configure(&connection)?;
    check_sound(&connection, path)?;
    schema::migrate(&mut connection, path)?;
    Ok(connection)
}

/// Refuses a database that is damaged, as far as that shows without reading all of it; all of it is read only after
/// damage was met in use.
fn check_sound(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let length = pragma("page_count")? * pragma("page_size")?;
    let bytes = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    // Pages may still be in the log alone.
    let is_cut = bytes(&with_suffix(path, "-wal")) == 0 && bytes(path) < length as u64;
    let is_broken = || {
        let verdict: String =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        Ok::<_, rusqlite::Error>(verdict != "ok")
    };
    if is_cut || (suspicion(path).exists() && is_broken()?) {
        let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        return Err(rusqlite::Error::SqliteFailure(error, None).into());
    }
    Ok(())
}

/// Has the database at `path` checked as a whole when it is opened next: damage was met in it.
pub fn suspect(path: &Path) {
    if let Err(error) = create_private(&suspicion(path)) {
        tracing::warn!(path = %path.display(), %error, "cannot note that the database is damaged");
    }
}

fn suspicion(path: &Path) -> PathBuf {
    with_suffix(path, ".suspect")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    // A new database gets its log with its second transaction (see `start_log`): the first one, which may hold years of
    // history, is then written once instead of twice.
    if schema::version(connection)? > 0 {
        match start_log(connection).map_err(StoreError::from) {
            // Somebody reads while the log is still off: it is turned on with the next transaction.
            Ok(()) | Err(StoreError::Busy(_)) => {}
            Err(error) => return Err(error),
        }
    }
    connection.pragma_update(None, "wal_autocheckpoint", FOLDED_AT)?;
    // NORMAL: after a power cut the last commits may be missing, never torn; cursors go back with them, so the
    // agents' files are read again from there.
    connection.execute_batch(
        "PRAGMA synchronous = NORMAL;
         PRAGMA cache_size = -4096;
         PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = OFF;",
    )?;
    Ok(())
}

/// Keeps more of the database in memory from now on.
pub(super) fn keep_more_pages(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "cache_size", -PAGES_UNDER_LOAD)
}

/// Turns on the write-ahead log, with which readers and the writer do not wait for each other. In memory there is none.
pub(super) fn start_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
}

/// Creates an empty file that only its owner can read, if there is none. SQLite gives its other files the same mode.
fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(StoreError::Folder {
            path: path.into(),
            source,
        }),
    }
}

/// Renames a database and its log. Never over another one.
fn move_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = now.to_string().replace([':', '.'], "-");
    let names = (0..).map(|number| match number {
        0 => with_suffix(path, &format!(".damaged-{stamp}")),
        _ => with_suffix(path, &format!(".damaged-{stamp}-{number}")),
    });
    let is_free = |name: &PathBuf| !name.exists();
    let aside = names.into_iter().find(is_free).unwrap_or_default();
    for suffix in ["-wal", "-shm", "-journal"] {
        match fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

/// A small pool of read-only connections to one file. Used last, reused first: its cache is warm.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// A pool for the database at `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs `query` on a connection, inside one read transaction, so that all it reads belongs together.
    ///
    /// # Errors
    /// What `query` returns, or that no connection could be opened.
    pub fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = idle.map_or_else(|| open_reader(&self.path), Ok)?;
        let transaction = connection.unchecked_transaction()?;
        let answer = query(&connection);
        transaction.finish()?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_READERS {
            idle.push(connection);
        }
        answer
    }
}
