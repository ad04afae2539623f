//! Full-text search over events.
//!
//! Few matches are joined with their events and sorted. A word that very many events have is not looked up whole:
//! events are walked from the newest, and each is asked whether it matches, until there are enough hits.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::conditions::Conditions;
use super::events::{kind_code, kind_of, status_of};
use crate::model::{AgentKind, SessionKey, Timestamp};
use crate::query::{SearchFilter, SearchHit, SearchOrder, SearchText, Snippet};
use crate::store::StoreError;

/// Hits when the filter names no limit.
const DEFAULT_LIMIT: usize = 20;
/// Up to this many matches are joined and sorted.
const FEW: i64 = 4000;
/// Events that are asked one by one before that is given up.
const ASKED: usize = 4000;
/// Words in a snippet.
const SNIPPET: u32 = 24;

/// Events that match, and whether there are more than the limit.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn search(
    connection: &Connection,
    filter: &SearchFilter,
) -> Result<(Vec<SearchHit>, bool), StoreError> {
    let Some(words) = expression(&filter.text) else {
        return Ok((Vec::new(), false));
    };
    let limit = match filter.limit {
        0 => DEFAULT_LIMIT,
        limit => limit,
    };
    // One more tells whether there are more.
    let wanted = limit.saturating_add(1);
    let walked = match filter.order {
        SearchOrder::Newest if !are_few(connection, &words)? => {
            walk(connection, filter, &words, wanted)?
        }
        _ => None,
    };
    let mut ids = match walked {
        Some(ids) => ids,
        None => look_up(connection, filter, &words, wanted)?,
    };
    let more = ids.len() > limit;
    ids.truncate(limit);
    let mut hits = Vec::with_capacity(ids.len());
    for id in ids {
        hits.push(hit(connection, id, &words)?);
    }
    Ok((hits, more))
}

/// The words as FTS5 takes them literally, or `None` when there are none.
pub(super) fn expression(text: &SearchText) -> Option<String> {
    let terms = text.terms.iter().map(|term| {
        let star = if term.prefix { "*" } else { "" };
        format!("\"{}\"{star}", term.text.replace('"', "\"\""))
    });
    let terms: Vec<String> = terms.collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}

fn are_few(connection: &Connection, words: &str) -> rusqlite::Result<bool> {
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM (SELECT 1 FROM event_fts WHERE event_fts MATCH ?1 LIMIT ?2)",
    )?;
    let count: i64 = count.query_row(params![words, FEW + 1], |row| row.get(0))?;
    Ok(count <= FEW)
}

fn conditions(filter: &SearchFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.session_ids(&filter.sessions);
    conditions.agents(&filter.agents);
    conditions.projects(&filter.projects);
    conditions.any(&filter.kinds, "event.kind = ?", |kind| {
        vec![kind_code(*kind).into()]
    });
    if let Some(since) = filter.since {
        conditions.add("event.at >= ?", [since.0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("event.at < ?", [until.0.into()]);
    }
    conditions
}

/// The newest matches among events as they come, or `None` when too few of these match.
fn walk(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
    wanted: usize,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let conditions = conditions(filter);
    let sql = format!(
        "SELECT event.seq FROM event
         JOIN session ON session.id = event.session
         LEFT JOIN project ON project.id = session.project
         WHERE {} ORDER BY event.at DESC, event.seq DESC",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut matches = connection
        .prepare_cached("SELECT 1 FROM event_fts WHERE event_fts MATCH ?1 AND rowid = ?2")?;
    let mut rows = select.query(conditions.values())?;
    let mut ids = Vec::new();
    for _ in 0..ASKED {
        let Some(row) = rows.next()? else {
            return Ok(Some(ids));
        };
        let id: i64 = row.get(0)?;
        if matches.exists(params![words, id])? {
            ids.push(id);
            if ids.len() == wanted {
                return Ok(Some(ids));
            }
        }
    }
    Ok(None)
}

/// All matches, sorted.
fn look_up(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
    wanted: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut conditions = conditions(filter);
    conditions.add("event_fts MATCH ?", [words.to_owned().into()]);
    let order = match filter.order {
        SearchOrder::Newest => "event.at DESC, event.seq DESC",
        SearchOrder::Best => "event_fts.rank, event.at DESC, event.seq DESC",
    };
    let sql = format!(
        "SELECT event.seq FROM event_fts
         CROSS JOIN event ON event.seq = event_fts.rowid
         JOIN session ON session.id = event.session
         LEFT JOIN project ON project.id = session.project
         WHERE {} ORDER BY {order} LIMIT {wanted}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(conditions.values(), |row| row.get(0))?;
    rows.collect()
}

fn hit(connection: &Connection, id: i64, words: &str) -> rusqlite::Result<SearchHit> {
    let mut snippet = connection.prepare_cached(
        "SELECT snippet(event_fts, 0, ?3, ?4, '…', ?5) FROM event_fts WHERE event_fts MATCH ?1 AND rowid = ?2",
    )?;
    let (begin, end) = (Snippet::BEGIN.to_string(), Snippet::END.to_string());
    let snippet: Option<String> = snippet
        .query_row(params![words, id, begin, end, SNIPPET], |row| row.get(0))
        .optional()?;
    let mut select = connection.prepare_cached(
        "SELECT event.at, session.agent, session.native_id, session.title, project.name, event.kind, event.status,
                tool.name
         FROM event
         JOIN session ON session.id = event.session
         LEFT JOIN tool ON tool.id = event.tool
         LEFT JOIN project ON project.id = session.project
         WHERE event.seq = ?1",
    )?;
    let text = |row: &Row<'_>, index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::into))
    };
    select.query_row([id], |row| {
        Ok(SearchHit {
            id,
            at: Timestamp(row.get(0)?),
            session: SessionKey::new(
                AgentKind::from(row.get::<_, String>(1)?),
                row.get::<_, String>(2)?,
            ),
            title: text(row, 3)?,
            project: text(row, 4)?,
            kind: kind_of(row.get(5)?),
            status: status_of(row.get(6)?),
            tool: text(row, 7)?,
            snippet: Snippet::marked(&snippet.unwrap_or_default()),
        })
    })
}
