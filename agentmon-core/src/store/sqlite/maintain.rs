//! Looking after the database: figures, backups, compaction, checks, retention.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Params, TransactionBehavior, params};

use super::keys::Keys;
use super::{event_cells, schema, text_index};
use crate::model::Timestamp;
use crate::query::{DbBackup, DbCheck, DbStats, DbVacuum, TableStats};
use crate::store::StoreError;

/// Tables worth counting and what to call them.
const TABLES: [(&str, &str); 7] = [
    ("sessions", "session"),
    ("calls", "any_call"),
    ("rollup cells", "rollup"),
    ("events", "event"),
    ("transitions", "transition"),
    ("files", "cursor"),
    ("problems", "problem"),
];

/// Tables that hold what belongs to a session, beside its events.
const OF_SESSIONS: [&str; 7] = [
    "call",
    "rollup",
    "transition",
    "event_cell",
    "posted_session",
    "posted_file",
    "remote_cell",
];

/// Size of the database and its log, in bytes.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn bytes(connection: &Connection, path: Option<&Path>) -> Result<u64, StoreError> {
    let Some(path) = path else {
        let pragma =
            |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        return Ok((pragma("page_count")? * pragma("page_size")?) as u64);
    };
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    Ok(size(path) + size(Path::new(&log)))
}

/// Size and content.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn stats(connection: &Connection, path: Option<&Path>) -> Result<DbStats, StoreError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let page = pragma("page_size")?;
    let size = |suffix: &str| {
        let mut name = path
            .map(|path| path.as_os_str().to_owned())
            .unwrap_or_default();
        name.push(suffix);
        fs::metadata(PathBuf::from(name)).map_or(0, |metadata| metadata.len())
    };
    let mut tables = Vec::new();
    for (name, table) in TABLES {
        let rows = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
            row.get::<_, i64>(0)
        })?;
        tables.push(TableStats {
            name: name.into(),
            rows: rows as u64,
        });
    }
    let (oldest, newest) =
        connection.query_row("SELECT min(first), max(last) FROM rollup", [], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
    Ok(DbStats {
        path: path.map(Into::into),
        bytes: if path.is_some() {
            size("")
        } else {
            (pragma("page_count")? * page) as u64
        },
        wal_bytes: if path.is_some() { size("-wal") } else { 0 },
        free_bytes: (pragma("freelist_count")? * page) as u64,
        schema_version: schema::version(connection)?,
        tables,
        oldest: oldest.map(Timestamp),
        newest: newest.map(Timestamp),
        writer_pid: None,
    })
}

/// Writes a compact copy to `to`, which must not exist. Works while others read and write.
///
/// # Errors
/// [`StoreError`] when `to` exists or cannot be written.
pub fn backup(connection: &Connection, to: &Path) -> Result<DbBackup, StoreError> {
    let failed = |source| StoreError::Copy {
        path: to.into(),
        source,
    };
    // SQLite would write into an empty file, and names no reason where it cannot write.
    let name = to
        .to_str()
        .ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    create_new_private(to).map_err(failed)?;
    if let Err(error) = connection.execute("VACUUM INTO ?1", [name]) {
        // A torn copy is none.
        let _ = fs::remove_file(to);
        return Err(error.into());
    }
    let bytes = fs::metadata(to).map_err(failed)?.len();
    Ok(DbBackup {
        path: to.into(),
        bytes,
    })
}

/// Creates an empty file that only its owner can read. Never over another one.
fn create_new_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(|_| ())
}

/// Gives unused space back to the file system and folds the log into the database.
///
/// # Errors
/// [`StoreError`], such as a full disk: a vacuum needs as much space again.
pub fn vacuum(connection: &Connection, path: Option<&Path>) -> Result<DbVacuum, StoreError> {
    let before = stats(connection, path)?;
    connection.execute_batch("INSERT INTO event_fts (event_fts) VALUES ('optimize'); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")?;
    let after = stats(connection, path)?;
    Ok(DbVacuum {
        before: before.bytes + before.wal_bytes,
        after: after.bytes + after.wal_bytes,
    })
}

/// Checks the file's structure and that totals are the sums of calls.
///
/// # Errors
/// [`StoreError`] when the database cannot be read at all.
pub fn check(connection: &Connection) -> Result<DbCheck, StoreError> {
    let mut problems = Vec::new();
    let mut integrity = connection.prepare("PRAGMA integrity_check(20)")?;
    for row in integrity.query_map([], |row| row.get::<_, String>(0))? {
        let row = row?;
        if row != "ok" {
            problems.push(row.into());
        }
    }
    let wrong: i64 = connection.query_row(
        "WITH summed AS (
             SELECT at - ((at % 900000) + 900000) % 900000 AS bucket, session, model, count(*) AS requests,
                    sum(cost IS NULL) AS unpriced, sum(input) AS input, sum(cache_read) AS cache_read,
                    sum(cache_write_5m) AS cache_write_5m, sum(cache_write_1h) AS cache_write_1h,
                    sum(output) AS output, sum(reasoning) AS reasoning, coalesce(sum(cost), 0) AS cost,
                    min(at) AS first, max(at) AS last
             FROM any_call GROUP BY 1, 2, 3)
         SELECT (SELECT count(*) FROM (SELECT * FROM summed EXCEPT SELECT * FROM rollup))
              + (SELECT count(*) FROM (SELECT * FROM rollup EXCEPT SELECT * FROM summed))",
        [],
        |row| row.get(0),
    )?;
    if wrong > 0 {
        problems.push(format!("{wrong} cells of totals differ from the calls they sum up").into());
    }
    Ok(DbCheck { problems })
}

/// What a portion of forgetting did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Rows that are gone.
    pub rows: u64,
    /// Whether there is more to forget.
    pub more: bool,
}

/// Forgets up to `limit` of the events before `before` with their text, the oldest first. Usage and sessions stay.
///
/// # Errors
/// [`StoreError`]; nothing is forgotten then.
pub(super) fn prune_events(
    connection: &mut Connection,
    keys: &mut Keys,
    before: Timestamp,
    limit: usize,
) -> Result<Forgotten, StoreError> {
    if !is_older(connection, before)? {
        return Ok(Forgotten::default());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let oldest = "SELECT seq FROM event WHERE at < ?1 ORDER BY at, seq LIMIT ?2";
    let rows = delete_events(&transaction, keys, oldest, params![before.0, limit as i64])?;
    let more = is_older(&transaction, before)?;
    if more {
        event_cells::forget_passed(&transaction)?;
    } else {
        event_cells::forget_before(&transaction, before)?;
    }
    transaction.commit()?;
    Ok(Forgotten { rows, more })
}

/// Whether there are events before a time.
fn is_older(connection: &Connection, before: Timestamp) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT 1 FROM event WHERE at < ?1 LIMIT 1")?;
    select.exists([before.0])
}

/// Forgets the sessions without any sign since `before`, with their usage, events and transitions. A session and the
/// subagents within it go together; one that a remaining session came from stays. At first up to `limit` of their
/// events go, and when none are left, all the rest.
///
/// # Errors
/// [`StoreError`]; nothing is forgotten then.
pub(super) fn prune_sessions(
    connection: &mut Connection,
    keys: &mut Keys,
    before: Timestamp,
    limit: usize,
) -> Result<Forgotten, StoreError> {
    let old = "SELECT id FROM session WHERE last_activity_at < ?1";
    if !connection.prepare_cached(old)?.exists([before.0])? {
        return Ok(Forgotten::default());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS stale (id INTEGER PRIMARY KEY); DELETE FROM temp.stale",
    )?;
    let mut stale = transaction.execute(
        "INSERT INTO temp.stale (id)
         SELECT id FROM session WHERE report_as IN (
             SELECT session.report_as FROM session
             LEFT JOIN (SELECT session, max(last) AS last FROM rollup GROUP BY session) AS used ON used.session = id
             GROUP BY session.report_as HAVING max(coalesce(max(last_activity_at), 0), coalesce(max(used.last), 0)) < ?1)",
        [before.0],
    )?;
    loop {
        let needed = transaction.execute(
            "DELETE FROM temp.stale WHERE id IN (
                 SELECT session.id FROM session WHERE session.report_as IN (
                     SELECT parent.report_as FROM session AS child JOIN session AS parent ON parent.id = child.parent
                     WHERE child.id NOT IN (SELECT id FROM temp.stale)))",
            [],
        )?;
        stale -= needed;
        if needed == 0 || stale == 0 {
            break;
        }
    }
    let mut forgotten = Forgotten::default();
    if stale > 0 {
        let of_stale = "session IN (SELECT id FROM temp.stale)";
        let some = format!("SELECT seq FROM event WHERE {of_stale} LIMIT ?1");
        forgotten.rows += delete_events(&transaction, keys, &some, [limit as i64])?;
        forgotten.more = forgotten.rows >= limit as u64;
        if !forgotten.more {
            for table in OF_SESSIONS {
                let sql = format!("DELETE FROM {table} WHERE {of_stale}");
                forgotten.rows += transaction.execute(&sql, [])? as u64;
            }
            let sql = "DELETE FROM session WHERE id IN (SELECT id FROM temp.stale)";
            forgotten.rows += transaction.execute(sql, [])? as u64;
        }
    }
    transaction.commit()?;
    Ok(forgotten)
}

/// Deletes the events whose rows `select` gives, with their text and what search knows of it.
fn delete_events(
    connection: &Connection,
    keys: &mut Keys,
    select: &str,
    values: impl Params,
) -> rusqlite::Result<u64> {
    // Chosen once: every table must lose the same.
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS going (seq INTEGER PRIMARY KEY); DELETE FROM temp.going",
    )?;
    connection.execute(&format!("INSERT INTO temp.going (seq) {select}"), values)?;
    let going = "seq IN (SELECT seq FROM temp.going)";
    connection.execute(
        &format!(
            "INSERT INTO event_fts (event_fts, rowid, text)
             SELECT 'delete', seq, text FROM event_body WHERE seq <= ?1 AND {going}"
        ),
        [text_index::reached(connection)?],
    )?;
    for table in ["event_body", "posted"] {
        connection.execute(&format!("DELETE FROM {table} WHERE {going}"), [])?;
    }
    // Calls stay, or go with their session.
    keys.told.put_all(connection)?;
    let rows = format!("DELETE FROM event WHERE {going} RETURNING seq, key, call, call_fact");
    let mut delete = connection.prepare(&rows)?;
    let deleted = delete.query_map([], |row| {
        let call: Option<(i64, i64)> = Option::zip(row.get(2)?, row.get(3)?);
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, call))
    })?;
    let deleted = deleted.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut of_call = connection.prepare_cached("SELECT 1 FROM event WHERE call = ?1 LIMIT 1")?;
    for (row, key, call) in &deleted {
        keys.events.remove(connection, *key, *row)?;
        if let Some((call, fact)) = call
            && !of_call.exists([call])?
        {
            keys.calls.remove(connection, *fact, *call)?;
        }
    }
    Ok(deleted.len() as u64)
}
