//! Search's index, filled behind what is stored: adding a few words to it costs more than all else that storing an
//! event takes, adding many at once costs little. Rows are added in their order, so that one number tells how far it is.

use rusqlite::{Connection, params};

use super::dimensions;

/// The note that holds the last row whose text is in the index.
const NOTE: &str = "text_indexed";

/// The last row whose text is in the index.
pub(super) fn reached(connection: &Connection) -> rusqlite::Result<i64> {
    let note = dimensions::note(connection, NOTE)?;
    Ok(note.and_then(|row| row.parse().ok()).unwrap_or(0))
}

/// Adds the text of the next `limit` rows. Returns whether there are more.
pub(super) fn advance(connection: &Connection, limit: usize) -> rusqlite::Result<bool> {
    let reached = reached(connection)?;
    let next = params![reached, limit as i64];
    let added = connection
        .prepare_cached(
            "INSERT INTO event_fts (rowid, text)
             SELECT seq, text FROM event_body WHERE seq > ?1 ORDER BY seq LIMIT ?2",
        )?
        .execute(next)?;
    if added == 0 {
        return Ok(false);
    }
    let last: i64 = connection
        .prepare_cached(
            "SELECT max(seq) FROM (SELECT seq FROM event_body WHERE seq > ?1 ORDER BY seq LIMIT ?2)",
        )?
        .query_row(next, |row| row.get(0))?;
    dimensions::set_note(connection, NOTE, &last.to_string())?;
    Ok(added == limit)
}

/// Adds the text of a row that had none, unless its turn is still to come.
pub(super) fn add(connection: &Connection, row: i64, text: &str) -> rusqlite::Result<()> {
    if row <= reached(connection)? {
        connection
            .prepare_cached("INSERT INTO event_fts (rowid, text) VALUES (?1, ?2)")?
            .execute(params![row, text])?;
    }
    Ok(())
}

/// Takes the text of a row out, if it is in.
pub(super) fn remove(connection: &Connection, row: i64, text: &str) -> rusqlite::Result<()> {
    if row <= reached(connection)? {
        connection
            .prepare_cached(
                "INSERT INTO event_fts (event_fts, rowid, text) VALUES ('delete', ?1, ?2)",
            )?
            .execute(params![row, text])?;
    }
    Ok(())
}
