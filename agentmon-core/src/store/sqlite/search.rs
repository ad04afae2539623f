//! Full-text search over events.
//!
//! Most questions are answered by the newest events: a word that many events have is looked for among these alone,
//! by ranges of rows. Only when they do not hold enough are all matches looked up and sorted.
//!
//! To rank a match costs ten times as much as to find it. Of very many, only the newest are ranked, and the answer says
//! since when.

use std::collections::{HashMap, HashSet};

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

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
const RANKED: i64 = 20_000;
/// Most ranges of rows in which matches are ranked. For each one FTS5 counts the matches of all words anew.
const RANGES: usize = 6;
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
    let mut ids = Vec::new();
    let mut ranked_since = None;
    match filter.order {
        SearchOrder::Newest => ids = among_newest(connection, filter, &words, wanted)?,
        SearchOrder::Best => {
            if let Some((best, since)) = best_of_newest(connection, filter, &words, wanted)? {
                (ids, ranked_since) = (best, since);
            }
        }
    }
    if ids.len() < wanted {
        ranked_since = None;
        ids = look_up(connection, filter, &words, wanted)?;
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
        ranked_since,
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
    ranges_across(&ids, if whole { i64::MAX } else { GAP })
}

/// Sorted rows in ranges, across gaps of so many rows.
fn ranges_across(ids: &[i64], gap: i64) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for &id in ids {
        match ranges.last_mut() {
            Some((_, last)) if id - *last <= gap => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    ranges
}

/// The best of the newest matches, and the time of the oldest event that was looked at unless these were all; `None` when
/// there are few enough to rank all of them.
fn best_of_newest(
    connection: &Connection,
    filter: &SearchFilter,
    words: &str,
    wanted: usize,
) -> rusqlite::Result<Option<(Vec<i64>, Option<Timestamp>)>> {
    let count = |sql: &str, words: &[&str]| -> rusqlite::Result<i64> {
        let mut select = connection.prepare_cached(sql)?;
        select.query_row(params_from_iter(words), |row| row.get(0))
    };
    let matching = count(
        "SELECT count(*) FROM event_fts WHERE event_fts MATCH ?1",
        &[words],
    )?;
    if matching <= RANKED {
        return Ok(None);
    }
    // So many of the newest events hold about as many matches as are ranked.
    let events = count("SELECT coalesce(max(seq), 0) FROM event", &[])?;
    let newest = (RANKED as f64 * events as f64 / matching as f64).ceil() as usize;
    let conditions = conditions(filter);
    let sql = format!(
        "SELECT event.seq, event.at FROM event WHERE {} ORDER BY event.at DESC, event.seq DESC LIMIT {newest}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut ages: HashMap<i64, i64> = HashMap::new();
    let mut since = i64::MAX;
    let mut rows = select.query(conditions.values())?;
    while let Some(row) = rows.next()? {
        let (seq, at) = (row.get(0)?, row.get(1)?);
        ages.insert(seq, at);
        since = at;
    }
    let mut ids: Vec<i64> = ages.keys().copied().collect();
    ids.sort_unstable();
    let mut gap = GAP;
    let mut ranges = ranges_across(&ids, gap);
    while ranges.len() > RANGES {
        gap = gap.saturating_mul(4);
        ranges = ranges_across(&ids, gap);
    }
    let mut select = connection.prepare_cached(
        "SELECT rowid, rank FROM event_fts WHERE event_fts MATCH ?1 AND rowid BETWEEN ?2 AND ?3",
    )?;
    let mut best: Vec<(f64, i64, i64)> = Vec::new();
    for (first, last) in ranges {
        let mut rows = select.query(params![words, first, last])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if let Some(at) = ages.get(&id) {
                best.push((row.get(1)?, *at, id));
            }
        }
    }
    // As `look_up` sorts: a lower rank is a better match, then the latest.
    best.sort_by(|a, b| a.0.total_cmp(&b.0).then((b.1, b.2).cmp(&(a.1, a.2))));
    let ids = best.into_iter().take(wanted).map(|(_, _, id)| id).collect();
    let all = ages.len() < newest;
    Ok(Some((ids, (!all).then_some(Timestamp(since)))))
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

/// All matches, sorted, up to `wanted`.
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
