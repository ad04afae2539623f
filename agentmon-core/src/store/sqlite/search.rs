//! Full-text search over events.
//!
//! Most questions are answered by the newest events: a word that many events have is looked for among these alone,
//! by ranges of rows. Only when they do not hold enough are all matches looked up and sorted.
//!
//! To rank a match costs several times as much as to find it. Of very many, only the newest are ranked, and the answer
//! says since when.

use std::collections::{HashMap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::conditions::Conditions;
use super::events::{kind_code, kind_of, status_of};
use crate::model::{AgentKind, SessionKey, Timestamp};
use crate::query::{SearchFilter, SearchHit, SearchOrder, SearchText, Snippet};
use crate::store::StoreError;

/// Hits when the filter names no limit.
const DEFAULT_LIMIT: usize = 20;
/// How many of the newest events are looked at first.
const NEWEST: usize = 2000;
/// Rows between two events that are asked for at once: crossing them costs less than another question.
const GAP: i64 = 1000;
/// About how many matches are ranked: the newest.
const RANKED: i64 = 3_000;
/// Words in a snippet.
const SNIPPET: u32 = 24;

/// What a search found in the store.
#[derive(Debug, Default)]
pub struct Found {
    /// The hits, in the order asked for.
    pub hits: Vec<SearchHit>,
    /// Whether there are more than the limit.
    pub more: bool,
    /// Since when matches were ranked, where there were too many to rank them all.
    pub ranked_since: Option<Timestamp>,
}

/// Events that match.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn search(connection: &Connection, filter: &SearchFilter) -> Result<Found, StoreError> {
    let Some(words) = expression(&filter.text) else {
        return Ok(Found::default());
    };
    let limit = match filter.limit {
        0 => DEFAULT_LIMIT,
        limit => limit,
    };
    // One more tells whether there are more.
    let wanted = limit.saturating_add(1);
    let (mut ids, mut newest) = (Vec::new(), None);
    match filter.order {
        SearchOrder::Newest => ids = among_newest(connection, filter, &words, wanted)?,
        SearchOrder::Best => {
            newest = to_rank(connection, filter, &words)?;
            if newest.is_some() {
                ids = look_up(connection, filter, &words, newest.as_ref(), wanted)?;
            }
        }
    }
    if ids.len() < wanted {
        newest = None;
        ids = look_up(connection, filter, &words, None, wanted)?;
    }
    let more = ids.len() > limit;
    ids.truncate(limit);
    let mut snippets = snippets(connection, &ids, &words, ranges(filter, &ids))?;
    let mut hits = Vec::with_capacity(ids.len());
    for id in ids {
        let snippet = snippets.remove(&id).unwrap_or_default();
        hits.push(hit(connection, id, snippet)?);
    }
    Ok(Found {
        hits,
        more,
        ranked_since: newest.map(|newest| newest.since),
    })
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

fn conditions(filter: &SearchFilter) -> Conditions {
    let mut sessions = Conditions::default();
    sessions.session_ids(&filter.sessions);
    sessions.agents(&filter.agents);
    sessions.projects(&filter.projects);
    let mut conditions = Conditions::default();
    if !sessions.is_empty() {
        conditions.nested(
            "event.session IN (SELECT session.id FROM session LEFT JOIN project ON project.id = session.project WHERE ",
            sessions,
            ")",
        );
    }
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

/// Rows in few ranges. Every range asks anew, and for a beginning of a word that gathers all words that begin so:
/// then there is only one.
fn ranges(filter: &SearchFilter, ids: &[i64]) -> Vec<(i64, i64)> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let whole = filter.text.terms.iter().any(|term| term.prefix);
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for id in ids {
        match ranges.last_mut() {
            Some((_, last)) if whole || id - *last <= GAP => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges
}

/// The matches that are ranked, where there are too many to rank them all.
struct Newest {
    since: Timestamp,
    /// Whether fewer events than matches are so new: then each match is looked for among these, which costs less than
    /// to look its event up.
    are_few: bool,
}

/// Which matches are ranked; `None` for all.
fn to_rank(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
) -> rusqlite::Result<Option<Newest>> {
    let row: Option<i64> = connection
        .prepare_cached("SELECT rowid FROM event_fts WHERE event_fts MATCH ?1 LIMIT 1 OFFSET ?2")?
        .query_row(params![words, RANKED], |row| row.get(0))
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let (first, last): (i64, i64) = connection
        .prepare_cached(
            "SELECT coalesce((SELECT min(seq) FROM event), 0), coalesce((SELECT max(seq) FROM event), 0)",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    // As many events as hold so many matches at the beginning: about as many of the newest hold them as well.
    let newest = (row - first).max(1);
    let matching = RANKED.saturating_mul(last - first + 1) / newest;
    let conditions = conditions(filter);
    let sql = format!(
        "SELECT event.at FROM event WHERE {} ORDER BY event.at DESC, event.seq DESC LIMIT 1 OFFSET {newest}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let since = select.query_row(conditions.values(), |row| row.get(0));
    let newest = since.map(|since| Newest {
        since: Timestamp(since),
        // Those that a filter leaves may reach far back.
        are_few: newest < matching && conditions.is_empty(),
    });
    newest.optional()
}

/// Those of the newest events that match, the latest first, up to `wanted`.
fn among_newest(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
    wanted: usize,
) -> rusqlite::Result<Vec<i64>> {
    let conditions = conditions(filter);
    let sql = format!(
        "SELECT event.seq FROM event WHERE {} ORDER BY event.at DESC, event.seq DESC LIMIT {NEWEST}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let newest = select.query_map(conditions.values(), |row| row.get(0))?;
    let newest: Vec<i64> = newest.collect::<rusqlite::Result<_>>()?;
    let mut select = connection.prepare_cached(
        "SELECT rowid FROM event_fts WHERE event_fts MATCH ?1 AND rowid BETWEEN ?2 AND ?3",
    )?;
    let mut matching = HashSet::new();
    for (first, last) in ranges(filter, &newest) {
        let mut rows = select.query(params![words, first, last])?;
        while let Some(row) = rows.next()? {
            matching.insert(row.get::<_, i64>(0)?);
        }
    }
    let matching = newest.into_iter().filter(|id| matching.contains(id));
    Ok(matching.take(wanted).collect())
}

/// All matches, or the newest, sorted, up to `wanted`.
fn look_up(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
    newest: Option<&Newest>,
    wanted: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut conditions = conditions(filter);
    if let Some(Newest { since, are_few }) = newest {
        let condition = match are_few {
            // Without the `+`, every row would be a question of its own.
            true => "+event_fts.rowid IN (SELECT seq FROM event WHERE at >= ?)",
            false => "event.at >= ?",
        };
        conditions.add(condition, [since.0.into()]);
    }
    conditions.add("event_fts MATCH ?", [words.to_owned().into()]);
    let order = match filter.order {
        SearchOrder::Newest => "event.at DESC, event.seq DESC",
        SearchOrder::Best => "event_fts.rank, event.at DESC, event.seq DESC",
    };
    let sql = format!(
        "SELECT event.seq FROM event_fts CROSS JOIN event ON event.seq = event_fts.rowid
         WHERE {} ORDER BY {order} LIMIT {wanted}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(conditions.values(), |row| row.get(0))?;
    rows.collect()
}

/// The text around what matches, for each of these events.
fn snippets(
    connection: &Connection,
    ids: &[i64],
    words: &str,
    ranges: Vec<(i64, i64)>,
) -> rusqlite::Result<HashMap<i64, Snippet>> {
    // Without the `+`, every id would be a question of its own.
    let list = vec!["?"; ids.len()].join(", ");
    let sql = format!(
        "SELECT rowid, snippet(event_fts, 0, '{}', '{}', '…', {SNIPPET}) FROM event_fts
         WHERE event_fts MATCH ? AND rowid BETWEEN ? AND ? AND +rowid IN ({list})",
        Snippet::BEGIN,
        Snippet::END,
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut snippets = HashMap::new();
    for (first, last) in ranges {
        let mut values: Vec<Value> = vec![words.to_owned().into(), first.into(), last.into()];
        values.extend(ids.iter().map(|id| Value::from(*id)));
        let mut rows = select.query(params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            snippets.insert(row.get(0)?, Snippet::marked(row.get_ref(1)?.as_str()?));
        }
    }
    Ok(snippets)
}

fn hit(connection: &Connection, id: i64, snippet: Snippet) -> rusqlite::Result<SearchHit> {
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
            snippet,
        })
    })
}
