//! Transcripts as blocks: the events that begin one, and the other events of their calls.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::events::{SELECT, kind_code, read};
use crate::model::{EventKind, FactKey, SessionKey};
use crate::query::{
    EventCursor, EventRow, TranscriptBlock, TranscriptPage, TranscriptPlace, blocks,
};
use crate::store::StoreError;

/// Which events begin a block: not a tool's result or a second use where another event of that call comes first, and
/// not a request to a model that only counts tokens.
fn is_head() -> String {
    let [used, returned, planned] = [
        EventKind::ToolUse,
        EventKind::ToolResult,
        EventKind::PlanStep,
    ]
    .map(kind_code);
    let [asked, answered] = [EventKind::LlmRequest, EventKind::LlmResponse].map(kind_code);
    format!(
        "NOT (event.kind IN ({asked}, {answered}) AND event_body.seq IS NULL)
         AND NOT (event.call IS NOT NULL AND event.kind IN ({used}, {returned}, {planned}) AND EXISTS (
             SELECT 1 FROM event AS other
             WHERE other.call = event.call AND other.session = event.session
               AND other.kind IN ({used}, {returned}, {planned})
               AND (other.kind = {returned}, other.seq) < (event.kind = {returned}, event.seq)))"
    )
}

fn head(row: &Row<'_>) -> rusqlite::Result<(EventRow, Option<FactKey>)> {
    let row = read(row)?;
    let call = row.identity.call;
    Ok((row, call))
}

type Heads = Vec<(EventRow, Option<FactKey>)>;

fn session_id(connection: &Connection, key: &SessionKey) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM session WHERE agent = ?1 AND native_id = ?2")?
        .query_row(params![key.agent.as_str(), &*key.native_id], |row| {
            row.get(0)
        })
        .optional()
}

/// At most `limit` heads from a place on in one direction, in that direction.
fn walk(
    connection: &Connection,
    session: i64,
    from: EventCursor,
    forward: bool,
    limit: usize,
) -> rusqlite::Result<Heads> {
    let (beyond, direction) = if forward { (">", "ASC") } else { ("<", "DESC") };
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 AND (event.at, event.seq) {beyond} (?2, ?3) AND {}
         ORDER BY event.at {direction}, event.seq {direction} LIMIT ?4",
        is_head()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(params![session, from.at.0, from.id, limit as i64], head)?;
    rows.collect()
}

/// A page of at most `limit` blocks of a session.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn transcript_page(
    connection: &Connection,
    key: &SessionKey,
    place: TranscriptPlace,
    limit: usize,
) -> Result<TranscriptPage, StoreError> {
    let none = TranscriptPage {
        session: key.clone(),
        blocks: Vec::new(),
        total: 0,
        before: None,
        after: None,
    };
    let Some(session) = session_id(connection, key)? else {
        return Ok(none);
    };
    let edge = |at: i64| EventCursor {
        at: crate::model::Timestamp(at),
        id: at,
    };
    let (begin, end) = (edge(i64::MIN), edge(i64::MAX));
    let back = |from, limit| {
        // One more tells whether there is a page before.
        let mut heads = walk(connection, session, from, false, limit + 1)?;
        let more = heads.len() > limit;
        heads.truncate(limit);
        heads.reverse();
        Ok::<_, rusqlite::Error>((heads, more))
    };
    let (heads, more_before) = match place {
        TranscriptPlace::Last => back(end, limit)?,
        TranscriptPlace::Before(from) => back(from, limit)?,
        TranscriptPlace::First => (walk(connection, session, begin, true, limit)?, false),
        // There is what is before: the reader comes from there.
        TranscriptPlace::After(from) => (walk(connection, session, from, true, limit)?, true),
        TranscriptPlace::Around(id) => {
            let Some(middle) = head_of(connection, session, id)? else {
                return Ok(none);
            };
            let (mut heads, more) = back(middle, limit / 2)?;
            let here = EventCursor {
                id: middle.id - 1,
                ..middle
            };
            heads.extend(walk(connection, session, here, true, limit - limit / 2)?);
            (heads, more)
        }
    };
    let cursor = |(row, _): &(EventRow, Option<FactKey>)| EventCursor {
        at: row.at,
        id: row.id,
    };
    let after = heads.last().map(cursor);
    let before = heads.first().map(cursor).filter(|_| more_before);
    Ok(TranscriptPage {
        session: key.clone(),
        total: count(connection, session)?,
        before: before.or(match place {
            TranscriptPlace::After(from) => Some(from),
            _ => None,
        }),
        after: after.or(match place {
            TranscriptPlace::After(from) => Some(from),
            _ => None,
        }),
        blocks: join(connection, session, heads)?,
    })
}

/// The blocks of a session that events after row `after` belong to, in the order of the transcript; `None` when there
/// are more than `limit` such events.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn blocks_after(
    connection: &Connection,
    key: &SessionKey,
    after: i64,
    limit: usize,
) -> Result<Option<(Vec<TranscriptBlock>, u64)>, StoreError> {
    let Some(session) = session_id(connection, key)? else {
        return Ok(Some((Vec::new(), 0)));
    };
    let mut select = connection.prepare_cached(
        "SELECT seq, call FROM event WHERE session = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
    )?;
    let new = select
        .query_map(params![session, after, limit as i64 + 1], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<Vec<(i64, Option<i64>)>>>()?;
    if new.len() > limit {
        return Ok(None);
    }
    let total = count(connection, session)?;
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 AND (event.seq = ?2 OR event.call = ?3) AND {}",
        is_head()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut heads: Heads = Vec::new();
    for (row, call) in new {
        let found = select.query_map(params![session, row, call], head)?;
        for found in found {
            let found = found?;
            if heads.iter().all(|(known, _)| known.id != found.0.id) {
                heads.push(found);
            }
        }
    }
    heads.sort_by_key(|(row, _)| (row.at, row.id));
    Ok(Some((join(connection, session, heads)?, total)))
}

/// Where the block is that an event belongs to.
fn head_of(
    connection: &Connection,
    session: i64,
    event: i64,
) -> rusqlite::Result<Option<EventCursor>> {
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 AND (event.seq = ?2
             OR event.call = (SELECT call FROM event WHERE seq = ?2 AND session = ?1)) AND {} LIMIT 1",
        is_head()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let found = select.query_row(params![session, event], head).optional()?;
    Ok(found.map(|(row, _)| EventCursor {
        at: row.at,
        id: row.id,
    }))
}

/// How many blocks there are, from the totals of events.
fn count(connection: &Connection, session: i64) -> rusqlite::Result<u64> {
    let not = [
        EventKind::ToolResult,
        EventKind::LlmRequest,
        EventKind::LlmResponse,
    ]
    .map(kind_code);
    let sql = format!(
        "SELECT coalesce(sum(events), 0) FROM event_cell WHERE session = ?1 AND kind NOT IN ({}, {}, {})",
        not[0], not[1], not[2]
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_row([session], |row| {
        row.get::<_, i64>(0).map(|count| count as u64)
    })
}

/// The blocks that begin with `heads`.
fn join(
    connection: &Connection,
    session: i64,
    heads: Heads,
) -> Result<Vec<TranscriptBlock>, StoreError> {
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 AND event.call = (SELECT call FROM event WHERE seq = ?2)
         AND event.seq <> ?2"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut others = Vec::new();
    for (row, call) in &heads {
        let Some(call) = call else { continue };
        let same_call = select.query_map(params![session, row.id], read)?;
        for other in same_call {
            let other = other?;
            let kinds = [
                EventKind::ToolUse,
                EventKind::ToolResult,
                EventKind::PlanStep,
            ];
            if kinds.contains(&other.kind) {
                others.push((other, *call));
            }
        }
    }
    Ok(blocks(heads, others))
}
