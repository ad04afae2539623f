//! Every question that is put to OpenClaw's databases. Nothing here knows what the answers mean.

use std::io::Read;

use rusqlite::{OptionalExtension, Row, params};

use crate::model::Timestamp;
use crate::source::{Database, DatabaseError};

/// Longest text that is read, in bytes. OpenClaw itself allows 4 MiB for an event.
const MAX_TEXT: i64 = 8 * 1024 * 1024;

/// Longest archived transcript that is read, in bytes, unpacked.
const MAX_ARCHIVE: u64 = 64 * 1024 * 1024;

/// What of an agent's tables is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tables {
    /// Whether there are rows and transcripts at all.
    pub(super) known: bool,
    rewrites: bool,
    archives: bool,
    compressed: bool,
    forks: bool,
}

/// A transcript and what changes when it does.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) session: String,
    pub(super) updated: Timestamp,
    /// The last event.
    pub(super) last: i64,
    /// Changes when events were rewritten.
    pub(super) generation: String,
}

/// A row and what changes when it does.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) key: String,
    pub(super) session: String,
    pub(super) updated: Timestamp,
    /// Length of the row, in bytes.
    pub(super) length: i64,
    /// The session that this one began as a copy of.
    pub(super) fork_of: Option<String>,
}

/// A transcript that was put away.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub(super) session: String,
    pub(super) generation: String,
    /// What the file is called that it is, or is to be, kept in.
    pub(super) name: String,
    pub(super) created: Timestamp,
}

/// What an operator was asked.
#[derive(Debug)]
pub(super) struct Approval {
    pub(super) id: String,
    pub(super) is_pending: bool,
    pub(super) presentation: String,
    pub(super) agent: Option<String>,
    pub(super) address: Option<String>,
    pub(super) session: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) updated: Timestamp,
}

/// A text, or `None` where it is too long or cannot be unpacked.
pub(super) type Text = Option<Vec<u8>>;

fn has(database: &Database, table: &str, needed: &[&str]) -> Result<bool, DatabaseError> {
    let columns = database.columns(table)?;
    Ok(needed.iter().all(|column| columns.contains(*column)))
}

/// What of an agent's tables is there.
pub(super) fn tables(database: &Database) -> Result<Tables, DatabaseError> {
    let node = [
        "session_key",
        "current_session_id",
        "entry_json",
        "updated_at",
    ];
    let window = ["session_id", "session_key", "created_at", "updated_at"];
    let event = ["session_id", "seq", "event_json"];
    let archive = [
        "session_id",
        "generation",
        "encoding",
        "archive_blob",
        "archive_name",
        "created_at",
    ];
    Ok(Tables {
        known: has(database, "session_nodes", &node)?
            && has(database, "session_windows", &window)?
            && has(database, "transcript_events", &event)?,
        rewrites: has(
            database,
            "transcript_rewrite_watermarks",
            &["session_id", "generation"],
        )?,
        archives: has(database, "session_transcript_archives", &archive)?,
        compressed: has(database, "transcript_events", &["event_zstd"])?,
        forks: has(database, "session_nodes", &["fork_source_session_id"])?,
    })
}

fn collect<T>(
    database: &Database,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, DatabaseError> {
    let mut select = database.connection().prepare_cached(sql)?;
    let rows = select.query_map([], |row| read(row))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// All transcripts, the one that changed first in front.
pub(super) fn windows(database: &Database, tables: Tables) -> Result<Vec<Window>, DatabaseError> {
    let generation = if tables.rewrites {
        "(SELECT generation FROM transcript_rewrite_watermarks r WHERE r.session_id = w.session_id)"
    } else {
        "NULL"
    };
    let sql = format!(
        "SELECT session_id, updated_at,
             coalesce((SELECT max(seq) FROM transcript_events e WHERE e.session_id = w.session_id), -1), {generation}
         FROM session_windows w ORDER BY updated_at, session_id"
    );
    collect(database, &sql, |row| {
        Ok(Window {
            session: row.get(0)?,
            updated: Timestamp(row.get(1)?),
            last: row.get(2)?,
            generation: row.get::<_, Option<String>>(3)?.unwrap_or_default(),
        })
    })
}

/// All rows.
pub(super) fn nodes(database: &Database, tables: Tables) -> Result<Vec<Node>, DatabaseError> {
    let fork = match tables.forks {
        true => "fork_source_session_id",
        false => "NULL",
    };
    let sql = format!(
        "SELECT session_key, current_session_id, updated_at, octet_length(entry_json), {fork}
         FROM session_nodes ORDER BY updated_at, session_key"
    );
    collect(database, &sql, |row| {
        Ok(Node {
            key: row.get(0)?,
            session: row.get(1)?,
            updated: Timestamp(row.get(2)?),
            length: row.get(3)?,
            fork_of: row.get(4)?,
        })
    })
}

/// All transcripts that were put away.
pub(super) fn archives(database: &Database, tables: Tables) -> Result<Vec<Archive>, DatabaseError> {
    if !tables.archives {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT session_id, generation, archive_name, created_at FROM session_transcript_archives
               ORDER BY created_at, session_id, generation";
    collect(database, sql, |row| {
        Ok(Archive {
            session: row.get(0)?,
            generation: row.get(1)?,
            name: row.get(2)?,
            created: Timestamp(row.get(3)?),
        })
    })
}

/// The content of a row; `None` when it is gone or too long.
pub(super) fn entry(database: &Database, key: &str) -> Result<Option<String>, DatabaseError> {
    let mut select = database.connection().prepare_cached(
        "SELECT CASE WHEN octet_length(entry_json) <= ?2 THEN entry_json END FROM session_nodes
         WHERE session_key = ?1",
    )?;
    let entry = select.query_row(params![key, MAX_TEXT], |row| row.get(0));
    Ok(entry.optional()?.flatten())
}

/// The next events of a transcript with their numbers.
pub(super) fn events(
    database: &Database,
    tables: Tables,
    session: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<(i64, Text)>, DatabaseError> {
    let packed = match tables.compressed {
        true => "CASE WHEN octet_length(event_zstd) <= ?4 THEN event_zstd END",
        false => "NULL",
    };
    let sql = format!(
        "SELECT seq, CASE WHEN octet_length(event_json) <= ?4 THEN event_json END, {packed} FROM transcript_events
         WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
    );
    let mut select = database.connection().prepare_cached(&sql)?;
    let rows = select.query_map(params![session, after, limit, MAX_TEXT], |row| {
        let plain: Option<String> = row.get(1)?;
        let text = match plain {
            Some(text) => Some(text.into_bytes()),
            None => {
                let packed = row.get_ref(2)?.as_blob_or_null()?;
                packed.and_then(|packed| unpack(packed, MAX_TEXT as u64))
            }
        };
        Ok((row.get(0)?, text))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The content of a transcript that was put away.
pub(super) fn archived(database: &Database, archive: &Archive) -> Result<Text, DatabaseError> {
    let mut select = database.connection().prepare_cached(
        "SELECT encoding, CASE WHEN octet_length(archive_blob) <= ?3 THEN archive_blob END
         FROM session_transcript_archives WHERE session_id = ?1 AND generation = ?2",
    )?;
    let row = select.query_row(
        params![archive.session, archive.generation, MAX_TEXT],
        |row| {
            let encoding: String = row.get(0)?;
            let Some(blob) = row.get_ref(1)?.as_blob_or_null()? else {
                return Ok(None);
            };
            Ok(match &*encoding {
                "zstd" => unpack(blob, MAX_ARCHIVE),
                _ => Some(blob.to_owned()),
            })
        },
    );
    Ok(row.optional()?.flatten())
}

/// Unpacks to at most so many bytes.
fn unpack(packed: &[u8], limit: u64) -> Text {
    let mut text = Vec::new();
    let decoder = zstd::stream::read::Decoder::new(packed).ok()?;
    decoder.take(limit + 1).read_to_end(&mut text).ok()?;
    (text.len() as u64 <= limit).then_some(text)
}

/// The transcript that a session key stood for at a time, in this database or in the one that is attached.
pub(super) fn session_at(
    database: &Database,
    attached: bool,
    address: &str,
    at: Timestamp,
) -> Result<Option<String>, DatabaseError> {
    let schema = if attached { "other" } else { "main" };
    let sql = format!(
        "SELECT session_id FROM {schema}.session_windows WHERE session_key = ?1 AND created_at <= ?2
         ORDER BY created_at DESC LIMIT 1"
    );
    let select = database.connection().prepare_cached(&sql);
    // The other database need not have the table.
    let Ok(mut select) = select else {
        return Ok(None);
    };
    let session = select.query_row(params![address, at.0], |row| row.get(0));
    Ok(session.optional()?)
}

/// Whether the table of approvals is there.
pub(super) fn has_approvals(database: &Database) -> Result<bool, DatabaseError> {
    let needed = [
        "approval_id",
        "status",
        "presentation_json",
        "source_agent_id",
        "source_session_key",
        "source_session_id",
        "source_tool_name",
        "created_at_ms",
        "expires_at_ms",
        "updated_at_ms",
    ];
    has(database, "operator_approvals", &needed)
}

/// Approvals that changed at or after a time, the first in front.
pub(super) fn approvals(
    database: &Database,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Approval>, DatabaseError> {
    let mut select = database.connection().prepare_cached(
        "SELECT approval_id, status = 'pending', substr(presentation_json, 1, 65536), source_agent_id,
             source_session_key, source_session_id, source_tool_name, created_at_ms, expires_at_ms, updated_at_ms
         FROM operator_approvals WHERE updated_at_ms >= ?1 ORDER BY updated_at_ms DESC, approval_id LIMIT ?2",
    )?;
    let rows = select.query_map(params![since.0, limit], |row| {
        Ok(Approval {
            id: row.get(0)?,
            is_pending: row.get(1)?,
            presentation: row.get(2)?,
            agent: row.get(3)?,
            address: row.get(4)?,
            session: row.get(5)?,
            tool: row.get(6)?,
            created: Timestamp(row.get(7)?),
            expires: Timestamp(row.get(8)?),
            updated: Timestamp(row.get(9)?),
        })
    })?;
    let mut approvals = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    approvals.reverse();
    Ok(approvals)
}
