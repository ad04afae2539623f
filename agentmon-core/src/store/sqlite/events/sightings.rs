//! One event seen by several sources, or copied into several sessions: one row, whoever came first (I13).
//!
//! The sighting with the lowest credit holds the row: its session, its time, its text. The others fill in what it does
//! not know. Merging is commutative, so that the order of sources leaves the same row.

use std::cmp::Ordering;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::event_cells::CellChanges;
use super::super::keys::Keys;
use super::super::{calls, text_index};
use super::{
    counted, joined, key_of, key_of_id, kind_of, named, status_code, status_of, used_tool,
};
use crate::model::{DedupKey, Event, EventKind, EventStatus, FactKey, Timestamp};

/// One source's word on an event.
#[derive(Debug, Clone, PartialEq)]
struct Sighting {
    session: i64,
    credit: i64,
    at: Timestamp,
    status: EventStatus,
    tool: Option<i64>,
    call: Option<FactKey>,
    model_call: Option<FactKey>,
    duration_ms: Option<u64>,
    text: Box<str>,
    truncated: bool,
}

/// A sighting that is stored.
#[derive(Debug)]
struct Stored {
    seq: i64,
    kind: EventKind,
    sighting: Sighting,
}

/// Whether an event that is told by an id of lesser sources is known by its own id.
pub(super) fn is_known_otherwise(
    connection: &Connection,
    key: &DedupKey,
    keys: &Keys,
) -> rusqlite::Result<bool> {
    Ok(is_lesser(key) && keys.names.find(connection, key_of(key))?.is_some())
}

/// Merges a sighting into the row of an event that is known.
pub(super) fn complete(
    connection: &Connection,
    event: &Event,
    session: i64,
    tool: Option<i64>,
    keys: &mut Keys,
    cells: &mut CellChanges,
) -> rusqlite::Result<()> {
    let (DedupKey::Shared { credit, .. } | DedupKey::Known { credit, .. }) = event.key else {
        return Ok(());
    };
    let mut key = key_of(&event.key);
    if is_lesser(&event.key)
        && let Some(own) = keys.names.find(connection, key)?
    {
        key = own;
    }
    let Some(stored) = read(connection, keys, key)? else {
        return Ok(());
    };
    let sighting = Sighting {
        session,
        credit,
        at: event.at,
        status: event.status,
        tool,
        call: event.call,
        model_call: model_call(connection, event, keys)?,
        duration_ms: event.duration_ms,
        text: event.text.clone(),
        truncated: event.truncated,
    };
    merge_into(connection, &stored, sighting, keys, cells)
}

/// Notes an event's other id, and takes in the row of whoever told it by that.
pub(super) fn absorb(
    connection: &Connection,
    key: &DedupKey,
    keys: &mut Keys,
    cells: &mut CellChanges,
) -> rusqlite::Result<()> {
    let DedupKey::Shared {
        alias: Some(alias), ..
    } = key
    else {
        return Ok(());
    };
    let other = key_of_id(alias);
    if !keys.names.add(connection, other, key_of(key))? {
        return Ok(());
    }
    let lesser = read(connection, keys, other)?;
    let own = read(connection, keys, key_of(key))?;
    let (Some(lesser), Some(own)) = (lesser, own) else {
        return Ok(());
    };
    remove(connection, &lesser, keys, cells)?;
    keys.events.remove(connection, other, lesser.seq)?;
    merge_into(connection, &own, lesser.sighting, keys, cells)
}

/// The model call that an event belongs to, by its real name where the teller knows only another.
pub(super) fn model_call(
    connection: &Connection,
    event: &Event,
    keys: &Keys,
) -> rusqlite::Result<Option<FactKey>> {
    match event.model_call {
        Some(call) if is_lesser(&event.key) => {
            let real = keys.names.find(connection, call.0)?;
            Ok(Some(real.map_or(call, FactKey)))
        }
        call => Ok(call),
    }
}

/// Whether a key is that of a source that does not know the event's own.
fn is_lesser(key: &DedupKey) -> bool {
    matches!(
        key,
        DedupKey::Shared { credit, .. } | DedupKey::Known { credit, .. } if *credit >= DedupKey::HOOK
    )
}

fn merge_into(
    connection: &Connection,
    stored: &Stored,
    other: Sighting,
    keys: &mut Keys,
    cells: &mut CellChanges,
) -> rusqlite::Result<()> {
    let merged = stored.sighting.clone().merge(other, connection)?;
    if merged == stored.sighting {
        return Ok(());
    }
    count(
        connection,
        stored,
        &stored.sighting,
        keys,
        |session, tool, event| {
            cells.removed(session, tool, event);
        },
    )?;
    count(connection, stored, &merged, keys, |session, tool, event| {
        cells.added(session, tool, event);
    })?;
    if let Some(call) = stored.sighting.model_call
        && merged.model_call != Some(call)
    {
        keys.told.put_one(connection, call)?;
    }
    connection
        .prepare_cached(
            "UPDATE event SET session = ?2, credit = ?3, at = ?4, status = ?5, tool = ?6, call = ?7, call_fact = ?8,
                 usage = CASE WHEN model_call IS ?9 THEN usage END, model_call = ?9, duration_ms = ?10, truncated = ?11
             WHERE seq = ?1",
        )?
        .execute(params![
            stored.seq,
            merged.session,
            merged.credit,
            merged.at.0,
            status_code(merged.status),
            merged.tool,
            joined(connection, merged.call, stored.seq, keys)?,
            merged.call.map(|fact| fact.0),
            merged.model_call.map(|fact| fact.0),
            merged.duration_ms.map(|ms| ms as i64),
            merged.truncated,
        ])?;
    let known = &stored.sighting;
    if (merged.tool, merged.call) != (known.tool, known.call) {
        // Where a row leaves a call, nobody else has to be told: calls of a row are only ever found out.
        if let Some(call) = joined(connection, merged.call, stored.seq, keys)? {
            let before = known.tool.filter(|_| known.call == merged.call);
            named(connection, call, stored.seq, before, cells)?;
        }
    }
    if merged.text != stored.sighting.text {
        remove_text(connection, stored)?;
        add_text(connection, stored.seq, &merged.text)?;
    }
    Ok(())
}

impl Sighting {
    fn merge(self, other: Self, connection: &Connection) -> rusqlite::Result<Self> {
        let rank = match other.credit.cmp(&self.credit) {
            Ordering::Equal => calls::compare_sessions(connection, other.session, self.session)?,
            rank => rank,
        };
        let (holder, other) = if rank.is_lt() {
            (other, self)
        } else {
            (self, other)
        };
        let (text, truncated) = if holder.text.is_empty() {
            (other.text, other.truncated)
        } else {
            (holder.text, holder.truncated)
        };
        Ok(Self {
            status: holder.status.max(other.status),
            tool: holder.tool.or(other.tool),
            call: holder.call.or(other.call),
            model_call: holder.model_call.or(other.model_call),
            duration_ms: holder.duration_ms.max(other.duration_ms),
            text,
            truncated,
            ..holder
        })
    }
}

/// Shows a sighting to the totals as they know events.
fn count(
    connection: &Connection,
    stored: &Stored,
    sighting: &Sighting,
    keys: &mut Keys,
    show: impl FnOnce(i64, Option<i64>, &Event),
) -> rusqlite::Result<()> {
    let call = joined(connection, sighting.call, stored.seq, keys)?;
    let tool = used_tool(connection, sighting.tool, call)?;
    let event = counted(
        stored.kind,
        sighting.at,
        sighting.status,
        sighting.duration_ms,
    );
    show(sighting.session, tool, &event);
    Ok(())
}

fn read(connection: &Connection, keys: &mut Keys, key: i64) -> rusqlite::Result<Option<Stored>> {
    let Some(row) = keys.events.find(connection, key)? else {
        return Ok(None);
    };
    let read = |row: &Row<'_>| {
        let fact = |index: usize| {
            let fact = row.get::<_, Option<i64>>(index);
            fact.map(|fact| fact.map(FactKey))
        };
        Ok(Stored {
            seq: row.get(0)?,
            kind: kind_of(row.get(1)?),
            sighting: Sighting {
                session: row.get(2)?,
                credit: row.get(3)?,
                at: Timestamp(row.get(4)?),
                status: status_of(row.get(5)?),
                tool: row.get(6)?,
                call: fact(7)?,
                model_call: fact(8)?,
                duration_ms: row.get::<_, Option<i64>>(9)?.map(|ms| ms as u64),
                text: row.get::<_, String>(10)?.into(),
                truncated: row.get(11)?,
            },
        })
    };
    connection
        .prepare_cached(
            "SELECT seq, kind, session, credit, at, status, tool, call_fact, model_call, duration_ms,
                    coalesce((SELECT text FROM event_body WHERE event_body.seq = event.seq), ''), truncated
             FROM event WHERE seq = ?1",
        )?
        .query_row([row], read)
        .optional()
}

fn remove(
    connection: &Connection,
    stored: &Stored,
    keys: &mut Keys,
    cells: &mut CellChanges,
) -> rusqlite::Result<()> {
    count(
        connection,
        stored,
        &stored.sighting,
        keys,
        |session, tool, event| {
            cells.removed(session, tool, event);
        },
    )?;
    remove_text(connection, stored)?;
    if let Some(call) = stored.sighting.model_call {
        keys.told.put_one(connection, call)?;
    }
    for table in ["posted", "event"] {
        connection
            .prepare_cached(&format!("DELETE FROM {table} WHERE seq = ?1"))?
            .execute([stored.seq])?;
    }
    if let Some(tool) = stored.sighting.tool
        && let Some(call) = joined(connection, stored.sighting.call, stored.seq, keys)?
    {
        named(connection, call, stored.seq, Some(tool), cells)?;
    }
    Ok(())
}

/// Stores the text of a row that has none.
fn add_text(connection: &Connection, seq: i64, text: &str) -> rusqlite::Result<()> {
    if !text.is_empty() {
        connection
            .prepare_cached("INSERT INTO event_body (seq, text) VALUES (?1, ?2)")?
            .execute(params![seq, text])?;
        text_index::add(connection, seq, text)?;
    }
    Ok(())
}

/// Takes the text of a row out of what is kept and searched.
fn remove_text(connection: &Connection, stored: &Stored) -> rusqlite::Result<()> {
    let text = &*stored.sighting.text;
    if !text.is_empty() {
        text_index::remove(connection, stored.seq, text)?;
        connection
            .prepare_cached("DELETE FROM event_body WHERE seq = ?1")?
            .execute([stored.seq])?;
    }
    Ok(())
}
