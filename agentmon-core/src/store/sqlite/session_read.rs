//! Reading sessions: lists, single ones, their transitions.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::conditions::Conditions;
use super::sessions::relation_of;
use crate::model::{AgentKind, Progress, SessionKey, Span, Timestamp};
use crate::query::{Project, SessionFilter, SessionView, Sums};
use crate::session::{Liveness, Reason, Session, State, Transition};
use crate::store::StoreError;

/// A session and its id in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// The id.
    pub id: i64,
    /// The session in whose name it is reported.
    pub report_as: i64,
    /// What lists show; the sums are left at zero.
    pub view: SessionView,
}

const SELECT: &str = "
    SELECT session.id, session.report_as, session.agent, session.native_id, parent.agent, parent.native_id,
           session.relation, session.state, session.reason, session.detail, session.liveness, session.since,
           session.title, project.name, project.root, session.branch, session.cwd, session.model, session.version,
           session.entrypoint, session.role, session.started_at, session.last_activity_at, session.context_used,
           session.context_window, session.progress_done, session.progress_total, session.blocked_ms, session.pid,
           session.transcript, (SELECT count(*) FROM session AS child WHERE child.parent = session.id),
           session.host
    FROM session
    LEFT JOIN session AS parent ON parent.id = session.parent
    LEFT JOIN project ON project.id = session.project";

/// Changes of state that are read of one session, the latest.
const MAX_HISTORY: usize = 5000;

/// Sessions that were only spoken of (as a parent) are not shown before something is known of them.
const SEEN: &str = "session.started_at IS NOT NULL";

fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let text = |index: usize| {
        row.get::<_, Option<String>>(index)
            .map(|text| text.map(Into::<Box<str>>::into))
    };
    let time = |index: usize| row.get::<_, Option<i64>>(index).map(|at| at.map(Timestamp));
    let count = |index: usize| {
        row.get::<_, Option<i64>>(index)
            .map(|count| count.map(|count| count as u64))
    };
    let parent = text(4)?
        .zip(text(5)?)
        .map(|(agent, id)| SessionKey::new(AgentKind::from(&*agent), id));
    let relation = text(6)?.and_then(|name| relation_of(&name));
    let progress: Option<(u32, u32)> = row.get::<_, Option<u32>>(25)?.zip(row.get(26)?);
    Ok(SessionRow {
        id: row.get(0)?,
        report_as: row.get(1)?,
        view: SessionView {
            key: SessionKey::new(
                AgentKind::from(row.get::<_, String>(2)?),
                row.get::<_, String>(3)?,
            ),
            parent: parent.zip(relation),
            state: State::parse(row.get_ref(7)?.as_str()?).unwrap_or(State::Unobserved),
            reason: text(8)?.map_or(Reason::NoEvidence, |text| Reason::parse(&text)),
            detail: text(9)?,
            liveness: Liveness::parse(row.get_ref(10)?.as_str()?).unwrap_or_default(),
            since: Timestamp(row.get(11)?),
            title: text(12)?,
            project: text(13)?
                .zip(text(14)?)
                .map(|(name, root)| Project { name, root }),
            branch: text(15)?,
            host: text(31)?,
            cwd: text(16)?,
            model: text(17)?,
            version: text(18)?,
            entrypoint: text(19)?,
            role: text(20)?,
            started_at: time(21)?,
            last_activity_at: time(22)?,
            sums: Sums::default(),
            context: count(23)?
                .map(|used| Ok::<_, rusqlite::Error>((used, count(24)?)))
                .transpose()?,
            progress: progress.map(|(done, total)| Progress { done, total }),
            blocked: Span(row.get(27)?),
            children: row.get(30)?,
            pid: row.get(28)?,
            transcript: text(29)?.map(|path| std::path::PathBuf::from(&*path)),
        },
    })
}

/// The sessions that match a filter, the one active most lately first, and how many there are without its limit.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn sessions(
    connection: &Connection,
    filter: &SessionFilter,
) -> Result<(Vec<SessionRow>, u64), StoreError> {
    let mut conditions = Conditions::default();
    conditions.add(SEEN, []);
    if !filter.within {
        conditions.add("session.report_as = session.id", []);
    }
    conditions.keys(&filter.keys);
    conditions.session_ids(&filter.sessions);
    conditions.any(&filter.states, "session.state = ?", |state| {
        vec![state.to_string().into()]
    });
    conditions.agents(&filter.agents);
    conditions.projects(&filter.projects);
    conditions.models("session.model", &filter.models);
    conditions.hosts(&filter.hosts);
    if let Some(since) = filter.since {
        conditions.add(
            if filter.or_open {
                "(session.last_activity_at >= ? OR session.state NOT IN ('completed', 'failed', 'terminated'))"
            } else {
                "session.last_activity_at >= ?"
            },
            [since.0.into()],
        );
    }
    if let Some(until) = filter.until {
        conditions.add("session.started_at < ?", [until.0.into()]);
    }
    if let Some(parent) = &filter.parent {
        let mut of_parent = Conditions::default();
        of_parent.session_ids(std::slice::from_ref(parent));
        // The same condition, asked of the parent's row.
        conditions.nested(
            "session.parent IN (SELECT session.id FROM session WHERE ",
            of_parent,
            ")",
        );
    }
    let limit = filter
        .limit
        .map_or(-1, |limit| limit.min(i64::MAX as usize) as i64);
    let condition = conditions.sql();
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE {condition} ORDER BY session.last_activity_at DESC, session.id DESC LIMIT {limit}"
    ))?;
    let rows = select
        .query_map(conditions.values(), read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let matching = if filter.limit.is_none_or(|limit| rows.len() < limit) {
        rows.len() as u64
    } else {
        let count = format!(
            "SELECT count(*) FROM session LEFT JOIN project ON project.id = session.project WHERE {condition}"
        );
        connection.query_row(&count, conditions.values(), |row| row.get::<_, i64>(0))? as u64
    };
    Ok((rows, matching))
}

/// The sessions in whose names these are reported, each once; those that are not known are left out.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn reported_as(
    connection: &Connection,
    keys: &[SessionKey],
) -> Result<Vec<SessionRow>, StoreError> {
    let mut select = connection.prepare_cached(&format!(
        "{SELECT} WHERE {SEEN} AND session.id = (
             SELECT report_as FROM session WHERE native_id = ?1 AND agent = ?2)"
    ))?;
    let mut rows: Vec<SessionRow> = Vec::with_capacity(keys.len());
    let mut known = std::collections::HashSet::new();
    for key in keys {
        let row = select
            .query_row(params![&*key.native_id, key.agent.as_str()], read)
            .optional()?;
        rows.extend(row.filter(|row| known.insert(row.id)));
    }
    Ok(rows)
}

/// The sessions whose id is `id` or begins with it, with or without the agent in front; the whole id alone wins over
/// beginnings. At most `limit`.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn resolve(
    connection: &Connection,
    id: &str,
    limit: usize,
) -> Result<Vec<SessionRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.session_ids(&[id.into()]);
    let sql = format!(
        "{SELECT} WHERE {} ORDER BY session.report_as <> session.id, session.last_activity_at DESC LIMIT {limit}",
        conditions.sql()
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select
        .query_map(conditions.values(), read)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let whole = |row: &SessionRow| &*row.view.key.native_id == id || row.view.key.to_string() == id;
    if let Some(at) = rows.iter().position(whole) {
        rows = vec![rows.swap_remove(at)];
    }
    Ok(rows)
}

/// The session of exactly that id, with or without the agent in front; of several agents' sessions with the same id, the
/// one active most lately.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn exact(connection: &Connection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let (agent, native_id) = id.split_once(':').unwrap_or_default();
    let sql = format!(
        "{SELECT} WHERE {SEEN} AND (session.native_id = ?1 OR session.native_id = ?2 AND session.agent = ?3)
         ORDER BY session.last_activity_at DESC LIMIT 1"
    );
    let mut select = connection.prepare_cached(&sql)?;
    Ok(select.query_row([id, native_id, agent], read).optional()?)
}

/// A session as the state machine keeps it.
///
/// # Errors
/// [`StoreError`] when the database or the session in it cannot be read.
pub fn load(connection: &Connection, id: i64) -> Result<Option<Session>, StoreError> {
    let mut select = connection.prepare_cached("SELECT body FROM session WHERE id = ?1")?;
    let body: Option<String> = select.query_row([id], |row| row.get(0)).optional()?;
    body.map(|body| {
        serde_json::from_str(&body).map_err(|source| StoreError::Value {
            what: "session",
            source,
        })
    })
    .transpose()
}

/// The changes of a session's state, newest first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn transitions(
    connection: &Connection,
    session: i64,
    limit: usize,
) -> Result<Vec<Transition>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT body FROM transition WHERE session = ?1 ORDER BY at DESC, id DESC LIMIT ?2",
    )?;
    let mut rows = select.query(params![session, limit as i64])?;
    let mut transitions = Vec::new();
    while let Some(row) = rows.next()? {
        let transition = serde_json::from_str(row.get_ref(0)?.as_str().unwrap_or_default())
            .map_err(|source| StoreError::Value {
                what: "transition",
                source,
            })?;
        transitions.push(transition);
    }
    Ok(transitions)
}

/// The changes of state of the sessions that match a filter, each session's together and in their order, for the
/// sessions that are reported in their own name.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn histories(
    connection: &Connection,
    filter: &SessionFilter,
) -> Result<Vec<(SessionRow, Vec<Transition>)>, StoreError> {
    let (rows, _) = sessions(connection, filter)?;
    let mut histories = Vec::new();
    for row in rows {
        let mut transitions = transitions(connection, row.id, MAX_HISTORY)?;
        if !transitions.is_empty() {
            transitions.reverse();
            histories.push((row, transitions));
        }
    }
    Ok(histories)
}

/// How many sessions have their transcript below a folder.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn sessions_in(connection: &Connection, folder: &Path) -> Result<u64, StoreError> {
    let begin = format!("{}{}", folder.to_string_lossy(), std::path::MAIN_SEPARATOR);
    let mut count = connection.prepare_cached(
        "SELECT count(*) FROM session WHERE transcript >= ?1 AND transcript < ?2",
    )?;
    let count = count.query_row(params![begin, format!("{begin}\u{10ffff}")], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(count as u64)
}
