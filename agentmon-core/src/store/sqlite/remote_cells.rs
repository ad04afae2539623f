//! What another agentmon says that a session used, in sums of its own. They count as long as nobody tells of the session's
//! calls themselves, whoever comes first: nothing joins a sum with the calls that are in it.

use rusqlite::{Connection, OptionalExtension};

use super::calls;
use super::incoming::IncomingCalls;
use super::rollup::RollupChanges;
use crate::model::{CallSource, FactKey};

/// Leaves of sums and calls of one session only the calls, of those that come and of those that are stored.
pub(super) fn settle(
    connection: &Connection,
    calls: &mut IncomingCalls<'_>,
    rollup: &mut RollupChanges,
) -> rusqlite::Result<()> {
    if !calls.has_remote() && is_empty(connection)? {
        return Ok(());
    }
    let own = calls.sessions(|source| source != CallSource::Remote);
    for session in &own {
        forget(connection, *session, rollup)?;
    }
    for session in calls.sessions(|source| source == CallSource::Remote) {
        if own.contains(&session) || has_calls(connection, session)? {
            calls.drop_remote(session);
        }
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO remote_cell (session, fact) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    for (session, fact) in calls.remote() {
        insert.execute([session, fact.0])?;
    }
    Ok(())
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT 1 FROM remote_cell LIMIT 1")?;
    Ok(!select.exists([])?)
}

/// Takes the sums of a session out.
fn forget(
    connection: &Connection,
    session: i64,
    rollup: &mut RollupChanges,
) -> rusqlite::Result<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM remote_cell WHERE session = ?1 RETURNING fact")?;
    let facts = delete.query_map([session], |row| row.get(0).map(FactKey))?;
    for fact in facts.collect::<rusqlite::Result<Vec<_>>>()? {
        if let Some(cell) = calls::take(connection, fact)? {
            rollup.removed(&cell);
        }
    }
    Ok(())
}

/// Whether calls of a session are stored that are no sums.
fn has_calls(connection: &Connection, session: i64) -> rusqlite::Result<bool> {
    let requests: Option<i64> = connection
        .prepare_cached("SELECT sum(requests) FROM rollup WHERE session = ?1")?
        .query_row([session], |row| row.get(0))
        .optional()?
        .flatten();
    let cells: i64 = connection
        .prepare_cached("SELECT count(*) FROM remote_cell WHERE session = ?1")?
        .query_row([session], |row| row.get(0))?;
    Ok(requests.unwrap_or(0) > cells)
}
