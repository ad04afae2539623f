//! How far each file was read, and what was skipped in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use crate::model::ProblemKind;
use crate::query::SourceProblem;
use crate::source::piece::{CursorKey, FileUpdate, Skipped};
use crate::source::read::{Cursor, Pass};
use crate::source::walk::Stat;
use crate::store::StoreError;

/// All cursors of one pass.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn load_cursors(
    connection: &Connection,
    pass: Pass,
) -> Result<HashMap<CursorKey, Cursor>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT path, version, device, inode, size, modified_ns, position, checksum, evidence, state
         FROM cursor WHERE pass = ?1",
    )?;
    let mut rows = select.query([pass as i64])?;
    let mut cursors = HashMap::new();
    while let Some(row) = rows.next()? {
        let Some(path) = path_of(row.get_ref(0)?.as_str().unwrap_or_default()) else {
            continue;
        };
        let cursor = Cursor {
            version: row.get(1)?,
            stat: Stat {
                id: (row.get::<_, i64>(2)? as u64, row.get::<_, i64>(3)? as u64),
                size: row.get::<_, i64>(4)? as u64,
                modified_ns: row.get(5)?,
            },
            offset: row.get::<_, i64>(6)? as u64,
            check: row.get::<_, i64>(7)? as u64,
            evidence: row.get(8)?,
            state: row.get(9)?,
        };
        cursors.insert(CursorKey { path, pass }, cursor);
    }
    Ok(cursors)
}

/// How many files were met with how many bytes, and those of them whose text is not indexed to the end, with how far
/// it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Indexed {
    /// Files and bytes that are indexed to their end.
    pub whole: (u64, u64),
    /// The others: path, size, and how many bytes are indexed.
    pub part: Vec<(PathBuf, u64, u64)>,
}

/// How far the content pass is behind the accounting pass. Files without content are among the unindexed ones.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn indexed(connection: &Connection) -> Result<Indexed, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT known.path, known.size, content.size, content.position
         FROM cursor AS known
         LEFT JOIN cursor AS content ON content.pass = ?2 AND content.path = known.path
         WHERE known.pass = ?1",
    )?;
    let mut rows = select.query([Pass::Accounting as i64, Pass::Content as i64])?;
    let mut indexed = Indexed::default();
    while let Some(row) = rows.next()? {
        let size = row.get::<_, i64>(1)? as u64;
        // A cursor without the file's size was stored half-way.
        if row
            .get::<_, Option<i64>>(2)?
            .is_some_and(|content| content as u64 >= size)
        {
            indexed.whole.0 += 1;
            indexed.whole.1 += size;
        } else if let Some(path) = path_of(row.get_ref(0)?.as_str().unwrap_or_default()) {
            let position = row.get::<_, Option<i64>>(3)?.unwrap_or(0) as u64;
            indexed.part.push((path, size, position.min(size)));
        }
    }
    Ok(indexed)
}

/// Stores cursors and problems of files.
pub(super) fn store(connection: &Connection, files: &[FileUpdate]) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO cursor (pass, path, version, device, inode, size, modified_ns, position, checksum, evidence, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (pass, path) DO UPDATE SET
             version = excluded.version, device = excluded.device, inode = excluded.inode, size = excluded.size,
             modified_ns = excluded.modified_ns, position = excluded.position, checksum = excluded.checksum,
             evidence = excluded.evidence, state = excluded.state",
    )?;
    let mut forget =
        connection.prepare_cached("DELETE FROM cursor WHERE pass = ?1 AND path = ?2")?;
    for file in files {
        let path = text_of(&file.key.path);
        let pass = file.key.pass as i64;
        match &file.cursor {
            Some(cursor) => upsert.execute(params![
                pass,
                path,
                cursor.version,
                cursor.stat.id.0 as i64,
                cursor.stat.id.1 as i64,
                cursor.stat.size as i64,
                cursor.stat.modified_ns,
                cursor.offset as i64,
                cursor.check as i64,
                cursor.evidence,
                cursor.state,
            ])?,
            None => forget.execute(params![pass, path])?,
        };
        store_problems(connection, file, &path, pass)?;
    }
    Ok(())
}

fn store_problems(
    connection: &Connection,
    file: &FileUpdate,
    path: &str,
    pass: i64,
) -> rusqlite::Result<()> {
    if file.resets_problems {
        connection
            .prepare_cached("DELETE FROM problem WHERE path = ?1 AND pass = ?2")?
            .execute(params![path, pass])?;
    }
    for Skipped { problem, count } in &file.skipped {
        connection
            .prepare_cached(
                "INSERT INTO problem (path, pass, kind, detail, format, position, count)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (path, pass, kind, detail) DO UPDATE SET
                     count = count + excluded.count, position = min(position, excluded.position)",
            )?
            .execute(params![
                path,
                pass,
                kind_name(problem.kind),
                &*problem.detail,
                file.format,
                problem.offset as i64,
                *count as i64,
            ])?;
    }
    Ok(())
}

/// What was skipped in the files of a format, below a folder.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn problems(
    connection: &Connection,
    format: &str,
    root: &Path,
) -> Result<Vec<SourceProblem>, StoreError> {
    // Both readings of a file may meet the same bad line: it is one.
    let mut select = connection.prepare_cached(
        "SELECT path, kind, detail, min(position), max(count) FROM problem WHERE format = ?1
         GROUP BY path, kind, detail ORDER BY path, min(position), kind, detail",
    )?;
    let mut rows = select.query([format])?;
    let mut problems = Vec::new();
    while let Some(row) = rows.next()? {
        let Some(file) = path_of(row.get_ref(0)?.as_str().unwrap_or_default()) else {
            continue;
        };
        if file.starts_with(root) {
            problems.push(SourceProblem {
                kind: kind_of(row.get_ref(1)?.as_str().unwrap_or_default()),
                file,
                detail: row.get::<_, String>(2)?.into(),
                offset: row.get::<_, i64>(3)? as u64,
                count: row.get::<_, i64>(4)? as u64,
            });
        }
    }
    Ok(problems)
}

const KINDS: [(ProblemKind, &str); 6] = [
    (ProblemKind::Malformed, "malformed"),
    (ProblemKind::UnknownType, "unknown_type"),
    (ProblemKind::BadField, "bad_field"),
    (ProblemKind::TooLong, "too_long"),
    (ProblemKind::Unreadable, "unreadable"),
    (ProblemKind::UnknownVersion, "unknown_version"),
];

fn kind_name(kind: ProblemKind) -> &'static str {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or("malformed", |(_, name)| name)
}

fn kind_of(name: &str) -> ProblemKind {
    KINDS
        .iter()
        .find(|(_, known)| *known == name)
        .map_or(ProblemKind::Malformed, |(kind, _)| *kind)
}

/// A path as text. Paths that are not UTF-8 are kept byte by byte behind a marker that no path starts with.
fn text_of(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => {
            let bytes = path.as_os_str().as_encoded_bytes();
            bytes.iter().fold(String::from("\0"), |text, byte| {
                text + &format!("{byte:02x}")
            })
        }
    }
}

#[cfg(unix)]
fn path_of(text: &str) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    let Some(hex) = text.strip_prefix('\0') else {
        return Some(text.into());
    };
    let bytes: Option<Vec<u8>> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok())
        .collect();
    Some(std::ffi::OsString::from_vec(bytes?).into())
}

#[cfg(not(unix))]
fn path_of(text: &str) -> Option<PathBuf> {
    (!text.starts_with('\0')).then(|| text.into())
}
