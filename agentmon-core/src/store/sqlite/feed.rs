//! The feed of the events API: its pages, its rows after a given one, its sessions.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params};

use super::conditions::Conditions;
use super::events::kind_code;
use super::told::{call_figures, call_model};
use super::usage::session_sums;
use crate::ingest::events_api::EVENT_TYPES;
use crate::model::{
    AgentKind, EventKind, EventStatus, NanoUsd, SessionKey, Span, Timestamp, Usage,
};
use crate::query::feed::Standing;
use crate::query::{FeedFilter, FeedPage, FeedRow, FeedSession, FeedSessionFilter, FeedSessions};
use crate::session::State;
use crate::store::StoreError;

/// `kind IN (...)` for the kinds that the contract knows.
pub(super) fn known_kinds(column: &str) -> String {
    let codes: Vec<String> = EVENT_TYPES.map(|kind| kind_code(kind).to_string()).into();
    format!("{column} IN ({})", codes.join(", "))
}

/// A tool's result is an event of its own where agents write it apart: how it went counts for the use.
fn select() -> String {
    let result = kind_code(EventKind::ToolResult);
    format!(
        "SELECT event.seq, posted.event_id, owner.agent, owner.native_id, event.kind, tool.name,
                max(event.status, coalesce((SELECT max(result.status) FROM event AS result
                    WHERE result.call = event.call AND result.kind = {result}), 0)),
                {figures}, coalesce(named_branch.name, session.branch), coalesce(named_project.name, project.name),
                coalesce(event.duration_ms, (SELECT max(result.duration_ms) FROM event AS result
                    WHERE result.call = event.call AND result.kind = {result})),
                event.at, posted.client_at, posted.metadata, event.truncated,
                coalesce(named_model.name, nullif(model.name, 'unknown')), sender.name, event.model_call,
                coalesce(event_body.text, '')
         {FROM}",
        figures = call_figures!()
    )
}

const FROM: &str = concat!(
    "FROM event
    JOIN session ON session.id = event.session
    JOIN session AS owner ON owner.id = session.report_as
    LEFT JOIN project ON project.id = owner.project
    LEFT JOIN tool ON tool.id = event.tool
    LEFT JOIN call ON call.fact = event.model_call
    LEFT JOIN model ON model.id = ",
    call_model!(),
    " LEFT JOIN posted ON posted.seq = event.seq
    LEFT JOIN sender ON sender.id = posted.sender
    LEFT JOIN label AS named_branch ON named_branch.id = posted.branch
    LEFT JOIN label AS named_project ON named_project.id = posted.project
    LEFT JOIN label AS named_model ON named_model.id = posted.model
    LEFT JOIN event_body ON event_body.seq = event.seq"
);

/// A row, and the model call that it belongs to.
fn read(row: &Row<'_>) -> rusqlite::Result<(FeedRow, Option<i64>)> {
    let text = |index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::<Box<str>>::into))
    };
    let count = |index: usize| {
        row.get::<_, Option<i64>>(index)
            .map(|count| count.unwrap_or(0) as u64)
    };
    let feed_row = FeedRow {
        id: row.get(0)?,
        event_id: text(1)?,
        session: SessionKey::new(
            AgentKind::from(row.get_ref(2)?.as_str()?),
            row.get_ref(3)?.as_str()?,
        ),
        kind: EventKind::ALL
            .get(usize::from(row.get::<_, u8>(4)?))
            .copied()
            .unwrap_or(EventKind::Notice),
        tool: text(5)?,
        status: EventStatus::ALL
            .get(usize::from(row.get::<_, u8>(6)?))
            .copied()
            .unwrap_or_default(),
        usage: Usage {
            input: count(7)?,
            cache_read: count(8)?,
            cache_creation_5m: count(9)?,
            cache_creation_1h: count(10)?,
            output: count(11)?,
            reasoning: count(12)?,
        },
        cost: row.get::<_, Option<i64>>(13)?.map(NanoUsd),
        branch: text(14)?,
        project: text(15)?,
        duration_ms: row.get::<_, Option<i64>>(16)?.map(|ms| ms as u64),
        created_at: Timestamp(row.get(17)?),
        client_at: row.get::<_, Option<i64>>(18)?.map(Timestamp),
        metadata: text(19)?,
        truncated: row.get(20)?,
        model: text(21)?,
        source: text(22)?,
        text: text(24)?.unwrap_or_default(),
    };
    Ok((feed_row, row.get(23)?))
}

/// Rows in the order of a query. Several events of a file belong to one model call: the oldest of them shows its
/// tokens and cost, so that who adds up a page does not count them twice.
fn collect(
    rows: impl Iterator<Item = rusqlite::Result<(FeedRow, Option<i64>)>>,
) -> Result<Vec<FeedRow>, StoreError> {
    let mut rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut first = std::collections::HashMap::new();
    for (row, call) in &rows {
        if let Some(call) = call {
            let id = first.entry(*call).or_insert(row.id);
            *id = row.id.min(*id);
        }
    }
    for (row, call) in &mut rows {
        if call.is_some_and(|call| first.get(&call) != Some(&row.id)) {
            (row.usage, row.cost) = (Usage::default(), None);
        }
    }
    Ok(rows.into_iter().map(|(row, _)| row).collect())
}

/// A page of the feed.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn feed(connection: &Connection, filter: &FeedFilter) -> Result<FeedPage, StoreError> {
    let mut counted = Conditions::default();
    counted.add(&known_kinds("event.kind"), []);
    let mut equal = |sql: &str, word: &Option<Box<str>>| {
        if let Some(word) = word {
            counted.add(sql, [Value::from(word.to_string())]);
        }
    };
    equal("owner.agent = ?", &filter.agent);
    equal("tool.name = ?", &filter.tool);
    if let Some(kind) = filter.kind {
        counted.add("event.kind = ?", [kind_code(kind).into()]);
    }
    if let Some(session) = &filter.session {
        let ids = with_children(connection, session)?;
        // One alone is read in the order of its own index.
        counted.any(&ids, "event.session = ?", |id| vec![(*id).into()]);
        if ids.is_empty() {
            return Ok(FeedPage::default());
        }
    }
    let from_cells = filter.branch.is_none()
        && filter.model.is_none()
        && filter.source.is_none()
        && filter.since.is_none()
        && filter.until.is_none();
    let total = if from_cells {
        let sql = format!(
            "SELECT coalesce(sum(event.events), 0) FROM event_cell AS event
             JOIN session ON session.id = event.session
             JOIN session AS owner ON owner.id = session.report_as
             LEFT JOIN tool ON tool.id = event.tool
             WHERE {}",
            counted.sql()
        );
        let mut sum = connection.prepare_cached(&sql)?;
        Some(sum.query_row(counted.values(), |row| row.get::<_, i64>(0))?)
    } else {
        None
    };
    if total == Some(0) {
        // Who looks for what is not there would look at everything.
        return Ok(FeedPage::default());
    }
    let mut conditions = counted;
    let mut equal = |sql: &str, word: &Option<Box<str>>| {
        if let Some(word) = word {
            conditions.add(sql, [Value::from(word.to_string())]);
        }
    };
    equal(
        "coalesce(named_branch.name, session.branch) = ?",
        &filter.branch,
    );
    equal("coalesce(named_model.name, model.name) = ?", &filter.model);
    equal("coalesce(sender.name, 'import') = ?", &filter.source);
    if let Some(since) = filter.since {
        conditions.add("event.at >= ?", [since.0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("event.at < ?", [until.0.into()]);
    }
    let total = match total {
        Some(total) => total,
        None => {
            let sql = format!("SELECT count(*) {FROM} WHERE {}", conditions.sql());
            let mut count = connection.prepare_cached(&sql)?;
            count.query_row(conditions.values(), |row| row.get(0))?
        }
    };
    let direction = if filter.oldest_first { "ASC" } else { "DESC" };
    let sql = format!(
        "{} WHERE {} ORDER BY event.at {direction}, event.seq {direction} LIMIT {} OFFSET {}",
        select(),
        conditions.sql(),
        filter.limit,
        filter.offset.min(i64::MAX as u64)
    );
    let mut page = connection.prepare(&sql)?;
    Ok(FeedPage {
        events: collect(page.query_map(conditions.values(), read)?)?,
        total: total as u64,
    })
}

/// The sessions with that id of their agent, and those that report as them.
fn with_children(connection: &Connection, native_id: &str) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT session.id FROM session JOIN session AS owner ON owner.id = session.report_as
         WHERE owner.native_id = ?1",
    )?;
    let ids = select.query_map([native_id], |row| row.get(0))?;
    ids.collect()
}

/// The events that were stored after row `after`, in the order of their rows.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn feed_after(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<FeedRow>, StoreError> {
    let sql = format!(
        "{} WHERE event.seq > ?1 AND {} ORDER BY event.seq LIMIT ?2",
        select(),
        known_kinds("event.kind")
    );
    let mut rows = connection.prepare_cached(&sql)?;
    collect(rows.query_map(params![after, limit as i64], read)?)
}

/// The sessions that match a filter.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn feed_sessions(
    connection: &Connection,
    filter: &FeedSessionFilter,
    timeout: Span,
    now: Timestamp,
) -> Result<FeedSessions, StoreError> {
    let mut sessions = standings(connection, filter, timeout, now)?;
    let excluded = filter.exclude_status.as_deref();
    sessions.retain(|(_, session)| {
        let asked = filter.status.as_deref();
        asked.is_none_or(|asked| asked == session.status)
            && excluded.is_none_or(|excluded| excluded != session.status)
            && filter
                .since
                .is_none_or(|since| session.last_event_at >= since)
    });
    let rank = |status: &str| {
        ["active", "idle", "ended"]
            .iter()
            .position(|word| *word == status)
    };
    sessions.sort_by_key(|(id, session)| {
        (
            rank(session.status),
            std::cmp::Reverse((session.last_event_at, *id)),
        )
    });
    let total = sessions.len() as u64;
    sessions.truncate(filter.limit);
    let ids: Vec<i64> = sessions.iter().map(|(id, _)| *id).collect();
    let sums = session_sums(connection, &ids)?;
    let count = format!(
        "SELECT coalesce(sum(events), 0) FROM event_cell
         WHERE session IN (SELECT id FROM session WHERE id = ?1 OR (parent IS NOT NULL AND report_as = ?1)) AND {}",
        known_kinds("kind")
    );
    let mut events = connection.prepare_cached(&count)?;
    let mut files =
        connection.prepare_cached("SELECT count(*) FROM posted_file WHERE session = ?1")?;
    let mut filled = Vec::with_capacity(sessions.len());
    for (id, mut session) in sessions {
        session.events = events.query_row([id], |row| row.get::<_, i64>(0))? as u64;
        session.files_edited = files.query_row([id], |row| row.get::<_, i64>(0))? as u64;
        for model in sums.get(&id).into_iter().flatten() {
            session.usage += model.sums.usage;
            session.cost += model.sums.cost;
        }
        filled.push(session);
    }
    Ok(FeedSessions {
        sessions: filled,
        total,
    })
}

/// All sessions that match by id and agent, with their store's ids and status, without what must be summed.
pub(super) fn standings(
    connection: &Connection,
    filter: &FeedSessionFilter,
    timeout: Span,
    now: Timestamp,
) -> Result<Vec<(i64, FeedSession)>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.add(
        "session.started_at IS NOT NULL AND session.report_as = session.id",
        [],
    );
    if let Some(agent) = &filter.agent {
        conditions.add("session.agent = ?", [Value::from(agent.to_string())]);
    }
    if let Some(id) = &filter.id {
        conditions.add(
            "(session.native_id = ? OR session.agent || ':' || session.native_id = ?)",
            [Value::from(id.to_string()), Value::from(id.to_string())],
        );
    }
    let sql = format!(
        "SELECT session.id, session.agent, session.native_id, session.state, session.since, session.started_at,
                session.last_activity_at, session.branch, project.name, session.transcript IS NULL,
                posted_session.last_at, posted_session.ended_at, posted_session.lines_added,
                posted_session.lines_removed
         FROM session
         LEFT JOIN project ON project.id = session.project
         LEFT JOIN posted_session ON posted_session.session = session.id
         WHERE {}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(conditions.values(), |row| {
        let time = |index: usize| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp));
        let text = |index: usize| {
            row.get::<_, Option<String>>(index)
                .map(|text| text.map(Into::<Box<str>>::into))
        };
        let lines = |index: usize| {
            row.get::<_, Option<i64>>(index)
                .map(|lines| lines.unwrap_or(0) as u64)
        };
        let agent = AgentKind::from(row.get_ref(1)?.as_str()?);
        let started_at = time(5)?.unwrap_or_default();
        let last_activity = time(6)?.unwrap_or(started_at);
        let posted_at = time(10)?;
        let only_posted = row.get::<_, bool>(9)?;
        let last_event = posted_at.map_or(last_activity, |at| at.max(last_activity));
        let standing = Standing {
            agent: &agent,
            state: State::parse(row.get_ref(3)?.as_str()?).unwrap_or(State::Unobserved),
            since: Timestamp(row.get(4)?),
            posted: match (posted_at.filter(|_| only_posted), time(11)?) {
                (Some(at), ended) => Some((at, ended)),
                (None, _) => None,
            },
        };
        let (status, ended_at) = standing.judge(timeout, now);
        let session = FeedSession {
            key: SessionKey::new(agent.clone(), row.get_ref(2)?.as_str()?),
            project: text(8)?,
            branch: text(7)?,
            status,
            started_at,
            ended_at,
            last_event_at: last_event,
            events: 0,
            usage: Usage::default(),
            cost: NanoUsd::ZERO,
            files_edited: 0,
            lines_added: lines(12)?,
            lines_removed: lines(13)?,
        };
        Ok((row.get(0)?, session))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
