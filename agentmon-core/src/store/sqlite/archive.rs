//! Reading what exports hold: model calls one by one, and the facts of sessions.

use rusqlite::{Connection, Row};

use super::calls::{mode_of, source_of};
use super::conditions::Conditions;
use super::session_read::load;
use crate::model::{
    AgentKind, FactKey, Located, NanoUsd, SessionKey, SessionPatch, Stamped, Timestamp, Usage,
};
use crate::query::{CallFilter, CallRow};
use crate::store::StoreError;

/// A page of model calls, in the order of their keys.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn model_calls(
    connection: &Connection,
    filter: &CallFilter,
) -> Result<Vec<CallRow>, StoreError> {
    let mut conditions = Conditions::default();
    conditions.session_ids(&filter.of.sessions);
    conditions.agents(&filter.of.agents);
    conditions.models("model.name", &filter.of.models);
    conditions.projects(&filter.of.projects);
    conditions.hosts(&filter.of.hosts);
    if let Some(since) = filter.since {
        conditions.add("call.at >= ?", [since.0.into()]);
    }
    if let Some(until) = filter.until {
        conditions.add("call.at < ?", [until.0.into()]);
    }
    if let Some(after) = filter.after {
        conditions.add("call.fact > ?", [after.0.into()]);
    }
    let sql = format!(
        "SELECT call.fact, call.at, session.agent, session.native_id, model.name, call.input, call.cache_read,
                call.cache_write_5m, call.cache_write_1h, call.output, call.reasoning, call.cost, call.reported,
                call.mode, call.web_searches, call.source, call.credit
         FROM any_call AS call
         JOIN session ON session.id = call.session
         JOIN model ON model.id = call.model
         LEFT JOIN project ON project.id = session.project
         WHERE {} ORDER BY call.fact LIMIT {}",
        conditions.sql(),
        filter.limit
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map(conditions.values(), call)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn call(row: &Row<'_>) -> rusqlite::Result<CallRow> {
    let count = |index: usize| row.get::<_, i64>(index).map(|count| count as u64);
    let money = |index: usize| {
        row.get::<_, Option<i64>>(index)
            .map(|cost| cost.map(NanoUsd))
    };
    Ok(CallRow {
        fact: FactKey(row.get(0)?),
        at: Timestamp(row.get(1)?),
        session: SessionKey::new(
            AgentKind::from(row.get::<_, String>(2)?),
            row.get::<_, String>(3)?,
        ),
        model: row.get::<_, String>(4)?.into(),
        usage: Usage {
            input: count(5)?,
            cache_read: count(6)?,
            cache_creation_5m: count(7)?,
            cache_creation_1h: count(8)?,
            output: count(9)?,
            reasoning: count(10)?,
        },
        cost: money(11)?,
        reported: money(12)?,
        mode: mode_of(row.get(13)?),
        web_searches: row.get(14)?,
        source: source_of(row.get(15)?),
        credit: row.get(16)?,
    })
}

/// What is known of a session, as far as it holds on other machines too: not its process, nor where its files are, but
/// the project that its folder belongs to here.
///
/// # Errors
/// [`StoreError`] when the database or the session in it cannot be read.
pub fn facts(
    connection: &Connection,
    key: &SessionKey,
) -> Result<Option<SessionPatch>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT session.id, project.root, project.name, session.worktree
         FROM session LEFT JOIN project ON project.id = session.project
         WHERE session.agent = ?1 AND session.native_id = ?2",
    )?;
    let mut rows = select.query([key.agent.as_str(), &*key.native_id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let Some(session) = load(connection, row.get(0)?)? else {
        return Ok(None);
    };
    let mut facts = session.facts;
    (facts.process, facts.transcript, facts.address) = (None, None, None);
    let project: Option<(String, String)> = row.get::<_, Option<String>>(1)?.zip(row.get(2)?);
    if let (Some((root, name)), Some(cwd)) = (project, &facts.cwd) {
        facts.located = Some(Stamped {
            at: cwd.at,
            value: Located {
                root: root.into(),
                name: name.into(),
                worktree: row.get::<_, Option<String>>(3)?.map(Into::into),
            },
        });
    }
    Ok(Some(facts))
}
