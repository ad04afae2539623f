//! Events: metadata in one table, text in another; search's index over the text is `text_index`.

mod sightings;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::conditions::{Conditions, escape_like};
use super::dimensions::{Names, TOOLS};
use super::event_cells::CellChanges;
use super::keys::Keys;
use super::log::of_level;
use super::search::expression;
use super::told::{call_figures, call_model};
use crate::model::{
    AgentKind, DedupKey, Event, EventKind, EventStatus, FactKey, NanoUsd, SessionIndex, SessionKey,
    Timestamp, Usage,
};
use crate::query::{EventCursor, EventFilter, EventIdentity, EventPage, EventRow, Order};
use crate::source::otlp::call_event;
use crate::store::StoreError;

/// Events in a page when the filter names no limit.
const DEFAULT_LIMIT: usize = 100;

/// Stores events; known ones are skipped, or complete what is known (see [`DedupKey::Shared`]). Returns the row of each
/// that was new.
pub(super) fn store(
    connection: &Connection,
    events: &[Event],
    sessions: &[i64],
    keys: &mut Keys,
    cells: &mut CellChanges,
) -> rusqlite::Result<Vec<Option<i64>>> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO event (seq, key, at, session, kind, status, tool, call, call_fact, model_call, duration_ms, truncated,
                            credit, usage)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    let mut insert_body =
        connection.prepare_cached("INSERT INTO event_body (seq, text) VALUES (?1, ?2)")?;
    let mut tools = Names::new(&TOOLS);
    let mut last = last_row(connection)?;
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let session = sessions[event.session.0 as usize];
        let tool = event
            .tool
            .as_deref()
            .map(|tool| tools.id(connection, tool))
            .transpose()?;
        if sightings::is_known_otherwise(connection, &event.key, keys)? {
            sightings::complete(connection, event, session, tool, keys, cells)?;
            rows.push(None);
            continue;
        }
        let key = key_of(&event.key);
        // What the store itself has numbered is new.
        let is_numbered = matches!(event.key, DedupKey::Serial(_));
        if is_numbered || keys.events.find(connection, key)?.is_none() {
            last += 1;
            let call = joined(connection, event.call, last, keys)?;
            let model_call = sightings::model_call(connection, event, keys)?;
            insert.execute(params![
                last,
                key,
                event.at.0,
                session,
                kind_code(event.kind),
                status_code(event.status),
                tool,
                call,
                event.call.map(|fact| fact.0),
                model_call.map(|fact| fact.0),
                event.duration_ms.map(|ms| ms.min(i64::MAX as u64) as i64),
                event.truncated,
                credit_of(&event.key),
                keys.told.stand_with(connection, model_call, last)?,
            ])?;
            keys.events.add(connection, key, last, last)?;
            let used = used_tool(connection, tool, call)?;
            cells.added(session, used, event);
            if let (Some(_), Some(call)) = (tool, call)
                && call != last
            {
                named(connection, call, last, None, cells)?;
            }
            if !event.text.is_empty() {
                insert_body.execute(params![last, &*event.text])?;
            }
            rows.push(Some(last));
        } else {
            sightings::complete(connection, event, session, tool, keys, cells)?;
            rows.push(None);
        }
        sightings::absorb(connection, &event.key, keys, cells)?;
    }
    Ok(rows)
}

/// Gives the event of a call that telemetry told of the call's real name. The call itself was taken out before.
pub(super) fn name_call(
    connection: &Connection,
    alias: FactKey,
    fact: FactKey,
    keys: &mut Keys,
) -> rusqlite::Result<()> {
    let Some(row) = keys
        .events
        .find(connection, key_of_id(&call_event(alias)))?
    else {
        return Ok(());
    };
    connection
        .prepare_cached("UPDATE event SET model_call = ?2, usage = NULL WHERE seq = ?1")?
        .execute([row, fact.0])
        .map(|_| ())
}

/// The row that was given out last, also if it was deleted since.
pub(super) fn last_row(connection: &Connection) -> rusqlite::Result<i64> {
    let last = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'event'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// The number that joins the events of a tool's call: the row of the first of them, `row` if that is the one.
fn joined(
    connection: &Connection,
    call: Option<FactKey>,
    row: i64,
    keys: &mut Keys,
) -> rusqlite::Result<Option<i64>> {
    let Some(FactKey(fact)) = call else {
        return Ok(None);
    };
    if let Some(first) = keys.calls.find(connection, fact)? {
        return Ok(Some(first));
    }
    keys.calls.add(connection, fact, row, row)?;
    Ok(Some(row))
}

/// The tool that an event is about: its own, or that whose call it is the result of.
fn used_tool(
    connection: &Connection,
    tool: Option<i64>,
    call: Option<i64>,
) -> rusqlite::Result<Option<i64>> {
    match (tool, call) {
        (None, Some(call)) => connection
            .prepare_cached("SELECT max(tool) FROM event WHERE call = ?1")?
            .query_row([call], |row| row.get(0)),
        (tool, _) => Ok(tool),
    }
}

/// The tool that the events of a call name, but for the one in `row`.
fn tool_of_others(connection: &Connection, call: i64, row: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(tool) FROM event WHERE call = ?1 AND seq <> ?2")?
        .query_row([call, row], |row| row.get(0))
}

/// Counts the events of a call that name no tool, but for the one in `row`, with the tool that is known now instead of
/// that which was.
///
/// `row` alone changed, and named the tool `before`.
fn named(
    connection: &Connection,
    call: i64,
    row: i64,
    before: Option<i64>,
    cells: &mut CellChanges,
) -> rusqlite::Result<()> {
    let mut unnamed = connection.prepare_cached(
        "SELECT session, kind, at, status, duration_ms FROM event WHERE call = ?1 AND tool IS NULL AND seq <> ?2",
    )?;
    let mut rows = unnamed.query([call, row])?;
    let mut tools = None;
    while let Some(found) = rows.next()? {
        let (before, after) = match tools {
            Some(tools) => tools,
            None => {
                let others = tool_of_others(connection, call, row)?;
                let now = used_tool(connection, None, Some(call))?;
                *tools.insert((before.max(others), now))
            }
        };
        if before == after {
            break;
        }
        let took: Option<i64> = found.get(4)?;
        let event = counted(
            kind_of(found.get(1)?),
            Timestamp(found.get(2)?),
            status_of(found.get(3)?),
            took.map(|ms| ms as u64),
        );
        cells.removed(found.get(0)?, before, &event);
        cells.added(found.get(0)?, after, &event);
    }
    Ok(())
}

/// An event as totals know it.
fn counted(kind: EventKind, at: Timestamp, status: EventStatus, duration_ms: Option<u64>) -> Event {
    Event {
        key: DedupKey::Serial(0),
        at,
        session: SessionIndex(0),
        kind,
        status,
        tool: None,
        call: None,
        model_call: None,
        duration_ms,
        text: Box::default(),
        truncated: false,
    }
}

/// The key under which an event is stored.
pub(super) fn key_of(key: &DedupKey) -> i64 {
    match key {
        DedupKey::Position { stream, offset } => {
            FactKey::new(
                "event.position",
                &[&stream.to_le_bytes(), &offset.to_le_bytes()],
            )
            .0
        }
        DedupKey::Id(id) | DedupKey::Shared { id, .. } => key_of_id(id),
        DedupKey::Known { key, .. } => key.0,
        DedupKey::Serial(number) => FactKey::serial(*number).0,
    }
}

fn key_of_id(id: &str) -> i64 {
    FactKey::new("event.id", &[id.as_bytes()]).0
}

/// Who holds an event; 0 for one that nobody else can hold.
fn credit_of(key: &DedupKey) -> i64 {
    match key {
        DedupKey::Shared { credit, .. } | DedupKey::Known { credit, .. } => *credit,
        DedupKey::Position { .. } | DedupKey::Id(_) | DedupKey::Serial(_) => 0,
    }
}

pub(super) fn kind_code(kind: EventKind) -> i64 {
    EventKind::ALL
        .iter()
        .position(|known| *known == kind)
        .map_or(0, |code| code as i64)
}

pub(super) fn kind_of(code: u8) -> EventKind {
    let kind = EventKind::ALL.get(usize::from(code));
    kind.copied().unwrap_or(EventKind::Notice)
}

pub(super) fn status_of(code: u8) -> EventStatus {
    let status = EventStatus::ALL.get(usize::from(code));
    status.copied().unwrap_or_default()
}

pub(super) fn status_code(status: EventStatus) -> i64 {
    EventStatus::ALL
        .iter()
        .position(|known| *known == status)
        .map_or(0, |code| code as i64)
}

pub(super) const SELECT: &str = concat!(
    "SELECT event.seq, event.at, session.agent, session.native_id, event.kind, event.status, tool.name,
           event.duration_ms, model.name, ",
    call_figures!(),
    ", coalesce(event_body.text, ''), event.truncated,
           event.key, event.credit, event.call_fact, event.model_call
    FROM event
    JOIN session ON session.id = event.session
    LEFT JOIN tool ON tool.id = event.tool
    LEFT JOIN call ON call.fact = event.model_call
    LEFT JOIN model ON model.id = ",
    call_model!(),
    " LEFT JOIN event_body ON event_body.seq = event.seq
    LEFT JOIN project ON project.id = session.project"
);

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let text = |index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::into))
    };
    let count = |index: usize| {
        row.get::<_, Option<i64>>(index)
            .map(|count| count.unwrap_or(0) as u64)
    };
    let usage = Usage {
        input: count(9)?,
        cache_read: count(10)?,
        cache_creation_5m: count(11)?,
        cache_creation_1h: count(12)?,
        output: count(13)?,
        reasoning: count(14)?,
    };
    let model: Option<Box<str>> = text(8)?;
    Ok(EventRow {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        session: SessionKey::new(
            AgentKind::from(row.get::<_, String>(2)?),
            row.get::<_, String>(3)?,
        ),
        kind: kind_of(row.get(4)?),
        status: status_of(row.get(5)?),
        tool: text(6)?,
        duration_ms: row.get::<_, Option<i64>>(7)?.map(|ms| ms as u64),
        usage: model.is_some().then_some(usage),
        model,
        cost: row.get::<_, Option<i64>>(15)?.map(NanoUsd),
        text: row.get::<_, String>(16)?.into(),
        truncated: row.get(17)?,
        identity: EventIdentity {
            key: FactKey(row.get(18)?),
            credit: row.get(19)?,
            call: row.get::<_, Option<i64>>(20)?.map(FactKey),
            model_call: row.get::<_, Option<i64>>(21)?.map(FactKey),
        },
    })
}

/// The conditions of a filter, but for its place and limit.
fn conditions(filter: &EventFilter) -> Conditions {
    let mut conditions = Conditions::default();
    if let Some(key) = &filter.session {
        let parts = [key.agent.as_str().to_owned(), key.native_id.to_string()];
        conditions.add(
            "event.session = (SELECT id FROM session WHERE agent = ? AND native_id = ?)",
            parts.map(Into::into),
        );
    }
    conditions.session_ids(&filter.sessions);
    conditions.agents(&filter.agents);
    conditions.projects(&filter.projects);
    conditions.hosts(&filter.hosts);
    conditions.any(&filter.kinds, "event.kind = ?", |kind| {
        vec![kind_code(*kind).into()]
    });
    conditions.any(&filter.statuses, "event.status = ?", |status| {
        vec![status_code(*status).into()]
    });
    if !filter.levels.is_empty() {
        let levels: Vec<String> = filter.levels.iter().copied().map(of_level).collect();
        conditions.add(&format!("({})", levels.join(" OR ")), []);
    }
    if let Some(part) = filter.contains.as_deref().filter(|part| !part.is_empty()) {
        let part = format!("%{}%", escape_like(part));
        conditions.add(
            "(event_body.text LIKE ? ESCAPE '!' OR tool.name LIKE ? ESCAPE '!')",
            [part.clone().into(), part.into()],
        );
    }
    conditions.any(&filter.tools, "tool.name = ?", |tool| {
        vec![tool.to_string().into()]
    });
    if let Some(words) = filter.text.as_ref().and_then(expression) {
        conditions.add(
            "event.seq IN (SELECT rowid FROM event_fts WHERE event_fts MATCH ?)",
            [words.into()],
        );
    }
    if let Some(since) = filter.since {
        conditions.add("event.at >= ?", [since.0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("event.at < ?", [until.0.into()]);
    }
    conditions
}

/// The events after row `after` that match a filter, in the order in which they were stored, at most `limit`.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn events_after(
    connection: &Connection,
    filter: &EventFilter,
    after: i64,
    limit: usize,
) -> Result<Vec<EventRow>, StoreError> {
    let mut conditions = conditions(filter);
    conditions.add("event.seq > ?", [after.into()]);
    let sql = format!(
        "{SELECT} WHERE {} ORDER BY event.seq LIMIT {limit}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(conditions.values(), read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A page of events that match a filter.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn events(connection: &Connection, filter: &EventFilter) -> Result<EventPage, StoreError> {
    let mut conditions = conditions(filter);
    let (direction, beyond) = match filter.order {
        Order::Ascending => ("ASC", ">"),
        Order::Descending => ("DESC", "<"),
    };
    if let Some(EventCursor { at, id }) = filter.after {
        conditions.add(
            &format!("(event.at, event.seq) {beyond} (?, ?)"),
            [at.0.into(), id.into()],
        );
    }
    let limit = if filter.limit == 0 {
        DEFAULT_LIMIT
    } else {
        filter.limit
    };
    let sql = format!(
        "{SELECT} WHERE {} ORDER BY event.at {direction}, event.seq {direction} LIMIT {}",
        conditions.sql(),
        limit.saturating_add(1)
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut events = select
        .query_map(conditions.values(), read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let next = (events.len() > limit).then(|| {
        events.truncate(limit);
        events.last().map(|last| EventCursor {
            at: last.at,
            id: last.id,
        })
    });
    Ok(EventPage {
        events,
        next: next.flatten(),
    })
}

/// The latest events of a session, oldest first, and whether there are more.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn timeline(
    connection: &Connection,
    session: i64,
    limit: usize,
) -> Result<(Vec<EventRow>, bool), StoreError> {
    let sql = format!(
        "{SELECT} WHERE event.session = ?1 ORDER BY event.at DESC, event.seq DESC LIMIT ?2"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(params![session, limit as i64 + 1], read)?;
    let mut events = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let more = events.len() > limit;
    events.truncate(limit);
    events.reverse();
    Ok((events, more))
}
