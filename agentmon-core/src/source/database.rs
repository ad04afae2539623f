//! Opening the SQLite databases of agents for reading, without writing a byte beside them (I9) and without ever
//! seeing half of a transaction.
//!
//! SQLite keeps a database in up to three files, and a plain read-only connection creates two of them when they are
//! missing. Which way is right depends on what is there:
//!
//! | main file | `-wal` | `-shm` | opened |
//! |---|---|---|---|
//! | no write-ahead log | | | read-only with ordinary locks |
//! | write-ahead log | missing or empty | | `immutable`: all data is in the main file |
//! | write-ahead log | there | there | read-only with `readonly_shm`: the index of a living writer is used, that of a dead one rebuilt in memory |
//! | write-ahead log | there | missing | without locks and with an index in memory: nobody has it open |
//!
//! The main file is never read alone while there is a log: up to all of the data may be in the log. The two ways
//! without locks count only if no file changed meanwhile ([`Database::is_unchanged`]).
//!
//! Locks of POSIX belong to the process, and closing any handle of a file drops them. So one database is open at a time
//! in this process, for one bounded step of reading.
//!
//! Everything in such a database is hostile, its schema included: views and triggers are off, functions in the schema
//! are not trusted, nothing is mapped into memory, and lengths are limited.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::walk::{self, Stat};

/// How long a statement waits for the agent's lock. Reading is tried again soon, and others wait meanwhile.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// Longest value that is read, in bytes. Readers leave longer ones out by `octet_length`.
pub const MAX_VALUE: i32 = 16 * 1024 * 1024;

/// SQLite's own way of reading files without locks.
const VFS_WITHOUT_LOCKS: &str = if cfg!(windows) {
    "win32-none"
} else {
    "unix-none"
};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Why a database could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// Its agent is writing: a matter of a moment.
    #[error("locked by its agent")]
    Busy,
    /// It is damaged, of a strange shape, or out of reach.
    #[error("{0}")]
    Unreadable(Box<str>),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        let extended = error.sqlite_error().map_or(0, |error| error.extended_code);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ if [
                rusqlite::ffi::SQLITE_READONLY_RECOVERY,
                rusqlite::ffi::SQLITE_READONLY_CANTINIT,
                rusqlite::ffi::SQLITE_READONLY_ROLLBACK,
            ]
            .contains(&extended) =>
            {
                Self::Busy
            }
            _ => Self::Unreadable(error.to_string().into()),
        }
    }
}

impl From<io::Error> for DatabaseError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string().into())
    }
}

/// An agent's database, open for reading.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    /// Databases that were opened without locks, as they were then.
    unlocked: RefCell<Vec<(PathBuf, Stat)>>,
    /// Dropped after the connection.
    _alone: MutexGuard<'static, ()>,
}

/// How a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Locked,
    Immutable,
    SharedIndex,
    OwnIndex,
}

impl Access {
    /// The right way for the files that are there.
    fn of(path: &Path) -> io::Result<Self> {
        let mut header = [0; 20];
        let has_header = match File::open(path)?.read_exact(&mut header) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        // Bytes 18 and 19 are the versions of the format for writing and reading: 2 stands for a write-ahead log
        // (https://sqlite.org/fileformat2.html#file_format_version_numbers).
        let has_log = has_header && (header[18] == 2 || header[19] == 2);
        let log = fs::metadata(log_of(path)).map_or(0, |metadata| metadata.len());
        Ok(match (has_log || log > 0, log > 0) {
            (false, _) => Self::Locked,
            (true, false) => Self::Immutable,
            (true, true) if with_suffix(path, "-shm").exists() => Self::SharedIndex,
            (true, true) => Self::OwnIndex,
        })
    }

    fn parameters(self) -> String {
        match self {
            Self::Locked => "mode=ro".to_owned(),
            Self::Immutable => "mode=ro&immutable=1".to_owned(),
            Self::SharedIndex => "mode=ro&readonly_shm=1".to_owned(),
            Self::OwnIndex => format!("mode=ro&vfs={VFS_WITHOUT_LOCKS}"),
        }
    }
}

/// The URI and the way to open what is at `path`, and what the files are where that is without locks.
fn resolve(path: &Path) -> Result<(String, Access, Option<Stat>), DatabaseError> {
    let before = walk::database_stat(path)?;
    let access = Access::of(path)?;
    let is_locked = matches!(access, Access::Locked | Access::SharedIndex);
    let uri = format!("file:{}?{}", encoded(path), access.parameters());
    Ok((uri, access, (!is_locked).then_some(before)))
}

impl Database {
    /// Opens the database at `path`. Waits until no other is open in this process: never hold two.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn open(path: &Path) -> Result<Self, DatabaseError> {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let (uri, access, before) = resolve(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE)?;
        // Closing the last connection would move the log into the main file.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        if access == Access::OwnIndex {
            // Before the first reading, this keeps the index of the log in memory.
            connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
        }
        connection.execute_batch(
            "PRAGMA query_only = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
             PRAGMA cell_size_check = ON",
        )?;
        let unlocked = before.map(|before| (path.to_owned(), before));
        Ok(Self {
            connection,
            unlocked: RefCell::new(unlocked.into_iter().collect()),
            _alone: alone,
        })
    }

    /// Makes another database of the same agent readable as `other`, in place of the one before. Returns whether it is
    /// there.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub(crate) fn attach_other(&self, path: &Path) -> Result<bool, DatabaseError> {
        let mut attached = self
            .connection
            .prepare_cached("SELECT 1 FROM pragma_database_list WHERE name = 'other'")?;
        if attached.exists([])? {
            self.connection.execute_batch("DETACH other")?;
        }
        if !path.is_file() {
            return Ok(false);
        }
        let (uri, access, before) = resolve(path)?;
        self.connection.execute("ATTACH ?1 AS other", [uri])?;
        if access == Access::OwnIndex {
            self.connection
                .execute_batch("PRAGMA other.locking_mode = EXCLUSIVE")?;
        }
        let unlocked = before.map(|before| (path.to_owned(), before));
        self.unlocked.borrow_mut().extend(unlocked);
        Ok(true)
    }

    /// The connection. It reads only.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether what was read since opening is of one piece: always with locks, otherwise if no file changed.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        let unlocked = self.unlocked.borrow();
        unlocked
            .iter()
            .all(|(path, before)| walk::database_stat(path).is_ok_and(|now| now == *before))
    }

    /// The columns of an ordinary table; none when there is no such table.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn columns(&self, table: &str) -> Result<HashSet<String>, DatabaseError> {
        let mut select = self.connection.prepare_cached(
            "SELECT c.name FROM sqlite_schema t, pragma_table_info(t.name) c
             WHERE t.type = 'table' AND t.name = ?1",
        )?;
        let names = select.query_map([table], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    /// The number that its agent gave to its schema; 0 where it gives none.
    ///
    /// # Errors
    /// [`DatabaseError`].
    pub fn user_version(&self) -> Result<i64, DatabaseError> {
        let version = self
            .connection
            .pragma_query_value(None, "user_version", |row| row.get(0))?;
        Ok(version)
    }
}

/// The write-ahead log of a database.
#[must_use]
pub fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// The database whose write-ahead log a path would be.
#[must_use]
pub fn database_of(log: &Path) -> Option<PathBuf> {
    let name = log.file_name()?.to_str()?.strip_suffix("-wal")?;
    (!name.is_empty()).then(|| log.with_file_name(name))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A path as the path of a URI (<https://sqlite.org/uri.html>).
fn encoded(path: &Path) -> String {
    let mut uri = String::new();
    let bytes = path.as_os_str().as_encoded_bytes();
    if cfg!(windows) && bytes.get(1) == Some(&b':') {
        uri.push('/');
    }
    for &byte in bytes {
        match byte {
            b'\\' if cfg!(windows) => uri.push('/'),
            b'/' | b':' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02x}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    fn writer(path: &Path, journal: &str) -> Connection {
        let connection = Connection::open(path).unwrap();
        let mode = format!("PRAGMA journal_mode = {journal}; CREATE TABLE t (a)");
        connection.execute_batch(&mode).unwrap();
        connection
    }

    fn sum(path: &Path) -> i64 {
        let database = Database::open(path).unwrap();
        let sum = database
            .connection()
            .query_row("SELECT coalesce(sum(a), 0) FROM t", [], |row| row.get(0))
            .unwrap();
        assert!(database.is_unchanged());
        sum
    }

    fn add(connection: &Connection, value: i64) {
        connection
            .execute("INSERT INTO t VALUES (?1)", [value])
            .unwrap();
    }

    /// Names the database of which another process of this test is the writer: locks work between processes.
    const WRITER: &str = "AGENTMON_TEST_WRITER";

    /// The other process. Each line that it reads is done as SQL, and answered.
    #[test]
    fn writer_process() {
        let Some(path) = std::env::var_os(WRITER) else {
            return;
        };
        let connection = Connection::open(path).unwrap();
        for line in io::stdin().lines() {
            connection.execute_batch(&line.unwrap()).unwrap();
            io::Write::write_all(&mut io::stdout(), b"\ndone\n").unwrap();
        }
    }

    /// Another process that has a database open.
    struct Writer(
        std::process::Child,
        io::BufReader<std::process::ChildStdout>,
    );

    impl Writer {
        fn start(path: &Path) -> Self {
            let mut child = std::process::Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "source::database::tests::writer_process"])
                .args(["--nocapture", "--test-threads=1"])
                .env(WRITER, path)
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            let answers = io::BufReader::new(child.stdout.take().unwrap());
            Self(child, answers)
        }

        fn tell(&mut self, sql: &str) {
            let input = self.0.stdin.as_mut().unwrap();
            io::Write::write_all(input, format!("{sql}\n").as_bytes()).unwrap();
        }

        fn run(&mut self, sql: &str) {
            self.tell(sql);
            let mut line = String::new();
            while line != "done\n" {
                line.clear();
                assert!(io::BufRead::read_line(&mut self.1, &mut line).unwrap() > 0);
            }
        }
    }

    impl Drop for Writer {
        fn drop(&mut self) {
            self.0.kill().unwrap();
            self.0.wait().unwrap();
        }
    }

    #[test]
    fn every_state_of_the_files_is_read_whole_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        // A name that a URI would take apart.
        let path = folder.path().join("a b?c#d%41.db");
        let check = |access: Access, expected: i64| {
            let before = listing(folder.path());
            assert_eq!(Access::of(&path).unwrap(), access);
            assert_eq!(sum(&path), expected, "{access:?}");
            assert!(listing(folder.path()) == before, "{access:?} wrote");
        };
        let mut writer = Writer::start(&path);
        writer.run("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)");
        // A living writer; most data is in the log.
        check(Access::SharedIndex, 1);
        writer.run("INSERT INTO t VALUES (2)");
        check(Access::SharedIndex, 3);
        // A log that was emptied into the main file and begun anew.
        writer.run("PRAGMA wal_checkpoint(TRUNCATE)");
        check(Access::Immutable, 3);
        writer.run("INSERT INTO t VALUES (4)");
        check(Access::SharedIndex, 7);
        writer.run("PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (1)");
        check(Access::SharedIndex, 8);
        // A writer that was killed leaves all three files, a copied tree may lack the index.
        drop(writer);
        check(Access::SharedIndex, 8);
        fs::remove_file(with_suffix(&path, "-shm")).unwrap();
        check(Access::OwnIndex, 8);
        fs::remove_file(log_of(&path)).unwrap();
        check(Access::Immutable, 7);
    }

    #[test]
    fn a_database_without_a_log_is_read_under_its_locks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let connection = writer(&path, "DELETE");
        add(&connection, 5);
        assert_eq!(Access::of(&path).unwrap(), Access::Locked);
        assert_eq!(sum(&path), 5);
        connection
            .execute_batch("BEGIN EXCLUSIVE; INSERT INTO t VALUES (1)")
            .unwrap();
        let database = Database::open(&path).and_then(|database| database.columns("t"));
        assert_eq!(database.unwrap_err(), DatabaseError::Busy);
        connection.execute_batch("ROLLBACK").unwrap();
        assert_eq!(sum(&path), 5);
        assert_eq!(listing(folder.path()).len(), 1);
    }

    #[test]
    fn a_living_writer_is_never_seen_in_the_middle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let mut writer = Writer::start(&path);
        writer.run("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (0)");
        for round in 0..2000 {
            writer.tell("BEGIN; INSERT INTO t VALUES (7); INSERT INTO t VALUES (-7); COMMIT");
            if round % 100 == 0 {
                writer.tell("PRAGMA wal_checkpoint");
            }
        }
        let mut read = 0;
        for _ in 0..200 {
            let value = Database::open(&path).and_then(|database| {
                let select = "SELECT sum(a) FROM t";
                let value: i64 = database
                    .connection()
                    .query_row(select, [], |row| row.get(0))?;
                Ok((value, database.is_unchanged()))
            });
            match value {
                Ok((value, true)) => {
                    assert_eq!(value, 0);
                    read += 1;
                }
                Ok((_, false)) | Err(DatabaseError::Busy) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert!(read > 100, "{read} of 200 readings went well");
    }

    #[test]
    fn strange_files_and_schemas_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let connection = writer(&path, "DELETE");
        connection
            .execute_batch("CREATE VIEW message AS SELECT a FROM t")
            .unwrap();
        let database = Database::open(&path).unwrap();
        assert_eq!(database.columns("t").unwrap(), ["a".to_owned()].into());
        assert!(database.columns("message").unwrap().is_empty());
        let view = "SELECT a FROM message";
        assert!(database.connection().prepare(view).is_err());
        drop(database);
        let path = folder.path().join("no.db");
        fs::write(&path, "not a database, but long enough for a header").unwrap();
        let found = Database::open(&path).and_then(|database| database.columns("t"));
        assert!(matches!(found, Err(DatabaseError::Unreadable(_))));
        assert!(Database::open(&folder.path().join("missing.db")).is_err());
        assert!(!folder.path().join("missing.db").exists());
    }

    #[test]
    fn logs_are_known_by_their_name() {
        let database = PathBuf::from("/a/x.db");
        assert_eq!(database_of(&log_of(&database)), Some(database));
        assert_eq!(database_of(Path::new("/a/x.db")), None);
        assert_eq!(database_of(Path::new("/a/-wal")), None);
    }
}
