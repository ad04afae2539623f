//! Reading totals: the cells of usage reports, the sums of sessions, tool statistics.

use std::collections::HashMap;

use rusqlite::{Connection, Row, Rows, params};

use super::counters;
use crate::model::{
    AgentKind, EventKind, EventStatus, ModelTotals, NanoUsd, SessionKey, Stamped, Timestamp, Usage,
};
use crate::query::{
    CellUsage, ModelUsage, Project, ReportedTotals, Sums, ToolStats, UsageCell, UsageData,
    UsageQuery, UsageSession,
};
use crate::store::StoreError;

/// Sessions up to which each is summed alone; for more, going through all totals once is faster.
const SUMMED_ALONE: usize = 64;

/// The cells that a query may need, with the sessions and models they name.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn usage(connection: &Connection, query: &UsageQuery) -> Result<UsageData, StoreError> {
    let mut data = UsageData::default();
    let mut models = Interner::default();
    let mut sessions = Interner::default();
    let mut select = connection.prepare_cached(
        "SELECT bucket, session, model, requests, unpriced, input, cache_read, cache_write_5m, cache_write_1h, output,
                reasoning, cost, first, last
         FROM rollup WHERE bucket >= ?1 AND bucket < ?2",
    )?;
    let from = query.first_bucket().map_or(i64::MIN, |at| at.0);
    let to = query.end_bucket().map_or(i64::MAX, |at| at.0);
    let mut rows = select.query(params![from, to])?;
    while let Some(row) = rows.next()? {
        data.cells.push(UsageCell {
            bucket: Timestamp(row.get(0)?),
            session: sessions.index(row.get(1)?),
            model: models.index(row.get(2)?),
            requests: row.get::<_, i64>(3)? as u64,
            unpriced_requests: row.get::<_, i64>(4)? as u64,
            usage: usage_at(row, 5)?,
            cost: NanoUsd(row.get(11)?),
            first: Timestamp(row.get(12)?),
            last: Timestamp(row.get(13)?),
        });
    }
    drop(rows);
    data.reported = reported(connection, &mut sessions, &mut models)?;
    data.sessions = usage_sessions(connection, &sessions)?;
    let mut name = connection.prepare_cached("SELECT name FROM model WHERE id = ?1")?;
    for id in &models.ids {
        data.models
            .push(name.query_row([id], |row| row.get::<_, String>(0))?.into());
    }
    Ok(data)
}

/// What a session cost, with the subagents that are a part of it; `None` when no call of it is known.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn session_cost(
    connection: &Connection,
    key: &SessionKey,
) -> Result<Option<NanoUsd>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT sum(rollup.cost) FROM session
         JOIN session AS part ON part.report_as = session.id
         JOIN rollup ON rollup.session = part.id
         WHERE session.agent = ?1 AND session.native_id = ?2",
    )?;
    let parts = params![key.agent.as_str(), &*key.native_id];
    let cost = select.query_row(parts, |row| row.get::<_, Option<i64>>(0))?;
    Ok(cost.map(NanoUsd))
}

/// Gives consecutive numbers to ids in the order in which they come.
#[derive(Default)]
struct Interner {
    ids: Vec<i64>,
    index: HashMap<i64, u32>,
}

impl Interner {
    fn index(&mut self, id: i64) -> u32 {
        *self.index.entry(id).or_insert_with(|| {
            self.ids.push(id);
            self.ids.len() as u32 - 1
        })
    }
}

fn usage_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Usage> {
    let count = |index: usize| row.get::<_, i64>(first + index).map(|count| count as u64);
    Ok(Usage {
        input: count(0)?,
        cache_read: count(1)?,
        cache_creation_5m: count(2)?,
        cache_creation_1h: count(3)?,
        output: count(4)?,
        reasoning: count(5)?,
    })
}

fn usage_sessions(
    connection: &Connection,
    sessions: &Interner,
) -> Result<Vec<UsageSession>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT session.id, session.agent, session.native_id, owner.agent, owner.native_id, owner.title, project.name,
                project.root, owner.host
         FROM session
         JOIN session AS owner ON owner.id = session.report_as
         LEFT JOIN project ON project.id = owner.project",
    )?;
    let mut found: Vec<Option<UsageSession>> = vec![None; sessions.ids.len()];
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let Some(&index) = sessions.index.get(&row.get(0)?) else {
            continue;
        };
        let key = |agent: usize, native_id: usize| -> rusqlite::Result<SessionKey> {
            let agent = AgentKind::from(row.get_ref(agent)?.as_str()?);
            Ok(SessionKey::new(agent, row.get_ref(native_id)?.as_str()?))
        };
        let text = |index: usize| {
            row.get::<_, Option<String>>(index)
                .map(|text| text.map(Into::<Box<str>>::into))
        };
        found[index as usize] = Some(UsageSession {
            key: key(1, 2)?,
            report_as: key(3, 4)?,
            title: text(5)?,
            project: text(6)?
                .zip(text(7)?)
                .map(|(name, root)| Project { name, root }),
            host: text(8)?,
        });
    }
    // A cell names a session that the same transaction stored: a missing one would be a damaged database.
    let unknown = || {
        let key = SessionKey::new(AgentKind::from("unknown"), "unknown");
        UsageSession {
            report_as: key.clone(),
            key,
            project: None,
            host: None,
            title: None,
        }
    };
    Ok(found
        .into_iter()
        .map(|session| session.unwrap_or_else(unknown))
        .collect())
}

/// What agents count themselves, beside what was counted, for the sessions in `sessions` that report themselves. A
/// fork's own count starts with its parent's, so it says nothing of the fork.
fn reported(
    connection: &Connection,
    sessions: &mut Interner,
    models: &mut Interner,
) -> Result<Vec<ReportedTotals>, StoreError> {
    // What it writes down itself is complete; sums that it exports begin when somebody listens.
    let mut select = connection.prepare_cached(
        "SELECT id, reported FROM session
         WHERE (reported IS NOT NULL OR id IN (SELECT session FROM counter)) AND relation IS NOT 'fork'",
    )?;
    let mut rows = select.query([])?;
    let mut totals = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        if !sessions.index.contains_key(&id) {
            continue;
        }
        let written = match row.get_ref(1)?.as_str_or_null().unwrap_or_default() {
            Some(json) => Some(
                serde_json::from_str(json).map_err(|source| StoreError::Value {
                    what: "session's own count",
                    source,
                })?,
            ),
            None => counters::totals(connection, id)?,
        };
        let reported: Option<Stamped<Vec<ModelTotals>>> = written;
        let Some(reported) = reported else { continue };
        for own in reported.value {
            let model = super::dimensions::model_id(connection, &own.model)?;
            let (counted, counted_cost) = counted(connection, id, model)?;
            let Some(model) = model else { continue };
            totals.push(ReportedTotals {
                session: sessions.index(id),
                model: models.index(model),
                at: reported.at,
                reported: Usage {
                    input: own.usage.input,
                    cache_read: own.usage.cache_read,
                    cache_creation_5m: own.usage.cache_creation,
                    output: own.usage.output,
                    ..Usage::default()
                },
                reported_cost: own.cost,
                counted,
                counted_cost,
            });
        }
    }
    Ok(totals)
}

fn counted(
    connection: &Connection,
    session: i64,
    model: Option<i64>,
) -> Result<(Usage, NanoUsd), StoreError> {
    let mut sum = connection.prepare_cached(
        "SELECT coalesce(sum(input), 0), coalesce(sum(cache_read), 0), coalesce(sum(cache_write_5m), 0),
                coalesce(sum(cache_write_1h), 0), coalesce(sum(output), 0), coalesce(sum(reasoning), 0),
                coalesce(sum(cost), 0)
         FROM rollup WHERE model = ?2 AND session IN (SELECT id FROM session WHERE report_as = ?1)",
    )?;
    Ok(sum.query_row(params![session, model], |row| {
        Ok((usage_at(row, 0)?, NanoUsd(row.get(6)?)))
    })?)
}

/// The sums of `sessions`, which report themselves, by the store's id: one entry for each model. What reports as a
/// session is part of it.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn session_sums(
    connection: &Connection,
    sessions: &[i64],
) -> Result<HashMap<i64, Vec<ModelUsage>>, StoreError> {
    const SUMS: &str =
        "SELECT session.report_as, model.name, sum(requests), sum(unpriced), sum(input), sum(cache_read),
                sum(cache_write_5m), sum(cache_write_1h), sum(output), sum(reasoning), sum(cost)
         FROM rollup
         JOIN session ON session.id = rollup.session
         JOIN model ON model.id = rollup.model";
    let mut sums: HashMap<i64, Vec<ModelUsage>> = HashMap::new();
    let mut take = |mut rows: Rows<'_>| {
        while let Some(row) = rows.next()? {
            sums.entry(row.get(0)?).or_default().push(model_usage(row)?);
        }
        Ok::<_, rusqlite::Error>(())
    };
    if sessions.len() > SUMMED_ALONE {
        let sql = format!("{SUMS} GROUP BY session.report_as, rollup.model");
        take(connection.prepare_cached(&sql)?.query([])?)?;
    } else {
        let sql = format!("{SUMS} WHERE session.report_as = ?1 GROUP BY rollup.model");
        let mut select = connection.prepare_cached(&sql)?;
        for session in sessions {
            take(select.query([session])?)?;
        }
    }
    Ok(sums)
}

fn model_usage(row: &Row<'_>) -> rusqlite::Result<ModelUsage> {
    Ok(ModelUsage {
        model: row.get::<_, String>(1)?.into(),
        sums: Sums {
            requests: row.get::<_, i64>(2)? as u64,
            unpriced_requests: row.get::<_, i64>(3)? as u64,
            usage: usage_at(row, 4)?,
            cost: NanoUsd(row.get(10)?),
            cache_saved: None,
        },
    })
}

/// The sums of each session alone, without what reports as it: what a subagent itself used.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn own_sums(connection: &Connection, session: i64) -> Result<Vec<ModelUsage>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT rollup.session, model.name, sum(requests), sum(unpriced), sum(input), sum(cache_read),
                sum(cache_write_5m), sum(cache_write_1h), sum(output), sum(reasoning), sum(cost)
         FROM rollup JOIN model ON model.id = rollup.model
         WHERE rollup.session = ?1 GROUP BY rollup.model",
    )?;
    Ok(select
        .query_map([session], model_usage)?
        .collect::<rusqlite::Result<_>>()?)
}

/// What a session alone used, by model and quarter of an hour, the oldest first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn usage_cells(connection: &Connection, session: i64) -> Result<Vec<CellUsage>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT rollup.first, model.name, requests, unpriced, input, cache_read, cache_write_5m, cache_write_1h,
                output, reasoning, cost
         FROM rollup JOIN model ON model.id = rollup.model
         WHERE rollup.session = ?1 ORDER BY bucket, rollup.model",
    )?;
    let rows = select.query_map([session], |row| {
        let ModelUsage { model, sums } = model_usage(row)?;
        Ok(CellUsage {
            first: Timestamp(row.get(0)?),
            model,
            sums,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How often the tools of a session and of the subagents within it were used.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn tools(connection: &Connection, session: i64) -> Result<Vec<ToolStats>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT tool.name, count(*), coalesce(sum(result.status = ?2), 0),
                coalesce(sum(coalesce(result.duration_ms, event.duration_ms)), 0)
         FROM event
         JOIN tool ON tool.id = event.tool
         LEFT JOIN event AS result ON result.call = event.call AND result.kind = ?4
         WHERE event.kind = ?3 AND event.session IN (SELECT id FROM session WHERE report_as = ?1)
         GROUP BY event.tool ORDER BY count(*) DESC, tool.name",
    )?;
    let code = |kind: EventKind| {
        EventKind::ALL
            .iter()
            .position(|known| *known == kind)
            .map(|at| at as i64)
    };
    let rows = select.query_map(
        params![
            session,
            EventStatus::Error as i64,
            code(EventKind::ToolUse),
            code(EventKind::ToolResult)
        ],
        |row| {
            Ok(ToolStats {
                tool: row.get::<_, String>(0)?.into(),
                calls: row.get::<_, i64>(1)? as u64,
                errors: row.get::<_, i64>(2)? as u64,
                duration_ms: row.get::<_, i64>(3)? as u64,
            })
        },
    )?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
