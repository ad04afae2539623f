//! Statistics of the events API, from the cells of events and calls.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, Row, params};

use super::events::kind_code;
use super::feed::{known_kinds, standings};
use crate::model::{EventKind, NanoUsd, Span, Timestamp, Usage};
use crate::query::{
    CostHour, CostReport, FeedSessionFilter, FeedStats, FilterOptions, ModelCost, ProjectCost,
    StatsFilter, ToolTotals, UsageCell,
};
use crate::store::StoreError;

const HOUR: i64 = 3_600_000;

/// The cells of events at or after ?1 of agent ?2, if any, with the events of the quarter of an hour that ?1 cuts.
const EVENTS: &str = "
    WITH counted AS (
        SELECT session, kind, tool, bucket, events, errors, timed, duration_ms
        FROM event_cell WHERE bucket >= ?3
        UNION ALL
        SELECT session, kind,
               coalesce(tool, (SELECT max(used.tool) FROM event AS used WHERE used.call = event.call), 0), at, 1,
               status = 1, duration_ms IS NOT NULL, coalesce(duration_ms, 0)
        FROM event WHERE at >= ?1 AND at < ?3)
    SELECT owner.agent, counted.kind, tool.name, counted.bucket, project.name, counted.events, counted.errors,
           counted.timed, counted.duration_ms
    FROM counted
    JOIN session ON session.id = counted.session
    JOIN session AS owner ON owner.id = session.report_as
    LEFT JOIN project ON project.id = owner.project
    LEFT JOIN tool ON tool.id = counted.tool
    WHERE (?2 IS NULL OR owner.agent = ?2)";

/// The cells of calls at or after ?1 of agent ?2, if any.
const CALLS: &str = "
    SELECT rollup.bucket, owner.id, model.name, project.name, rollup.requests, rollup.input, rollup.cache_read,
           rollup.cache_write_5m, rollup.cache_write_1h, rollup.output, rollup.reasoning, rollup.cost
    FROM rollup
    JOIN session ON session.id = rollup.session
    JOIN session AS owner ON owner.id = session.report_as
    JOIN model ON model.id = rollup.model
    LEFT JOIN project ON project.id = owner.project
    WHERE rollup.bucket >= ?1 AND (?2 IS NULL OR owner.agent = ?2)";

/// A part of the events.
struct Events {
    agent: Box<str>,
    kind: i64,
    tool: Option<Box<str>>,
    at: Timestamp,
    project: Option<Box<str>>,
    events: u64,
    errors: u64,
    timed: u64,
    duration_ms: u64,
}

/// A cell of calls.
struct Calls {
    bucket: Timestamp,
    session: i64,
    model: Box<str>,
    project: Option<Box<str>>,
    requests: u64,
    usage: Usage,
    cost: NanoUsd,
}

fn each_event(
    connection: &Connection,
    filter: &StatsFilter,
    mut each: impl FnMut(Events),
) -> Result<(), StoreError> {
    let since = filter.since.map_or(i64::MIN, |at| at.0);
    let whole = filter.since.map_or(i64::MIN, |at| {
        let bucket = UsageCell::bucket_of(at);
        if bucket == at {
            at.0
        } else {
            bucket.0.saturating_add(UsageCell::WIDTH)
        }
    });
    let sql = format!(
        "{EVENTS} AND ({} OR counted.kind = {})",
        known_kinds("counted.kind"),
        kind_code(EventKind::ToolResult)
    );
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(params![since, filter.agent.as_deref(), whole])?;
    while let Some(row) = rows.next()? {
        let count = |index: usize| row.get::<_, i64>(index).map(|count| count as u64);
        each(Events {
            agent: row.get_ref(0)?.as_str().unwrap_or_default().into(),
            kind: row.get(1)?,
            tool: text(row, 2)?,
            at: Timestamp(row.get(3)?),
            project: text(row, 4)?,
            events: count(5)?,
            errors: count(6)?,
            timed: count(7)?,
            duration_ms: count(8)?,
        });
    }
    Ok(())
}

fn each_call(
    connection: &Connection,
    filter: &StatsFilter,
    mut each: impl FnMut(Calls),
) -> Result<(), StoreError> {
    let since = filter
        .since
        .map_or(i64::MIN, |at| UsageCell::bucket_of(at).0);
    let mut select = connection.prepare_cached(CALLS)?;
    let mut rows = select.query(params![since, filter.agent.as_deref()])?;
    while let Some(row) = rows.next()? {
        let count = |index: usize| row.get::<_, i64>(index).map(|count| count as u64);
        each(Calls {
            bucket: Timestamp(row.get(0)?),
            session: row.get(1)?,
            model: text(row, 2)?.unwrap_or_default(),
            project: text(row, 3)?,
            requests: count(4)?,
            usage: Usage {
                input: count(5)?,
                cache_read: count(6)?,
                cache_creation_5m: count(7)?,
                cache_creation_1h: count(8)?,
                output: count(9)?,
                reasoning: count(10)?,
            },
            cost: NanoUsd(row.get(11)?),
        });
    }
    Ok(())
}

fn text(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Box<str>>> {
    row.get::<_, Option<String>>(index)
        .map(|text| text.map(Into::into))
}

/// Whether this is a tool's result, which is no event of the contract: it only tells how a use went.
fn is_result(events: &Events) -> bool {
    events.kind == kind_code(EventKind::ToolResult)
}

/// The largest first, equals by name.
fn ranked(counts: BTreeMap<Box<str>, u64>) -> Vec<(Box<str>, u64)> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

/// Counts over everything.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn stats(
    connection: &Connection,
    filter: &StatsFilter,
    timeout: Span,
    now: Timestamp,
) -> Result<FeedStats, StoreError> {
    let mut stats = FeedStats::default();
    let mut active = BTreeSet::new();
    for (_, session) in standings(connection, &FeedSessionFilter::default(), timeout, now)? {
        stats.sessions += 1;
        stats.live_sessions += u64::from(session.status != "ended");
        if session.status == "active" {
            stats.active_sessions += 1;
            active.insert(session.key.agent);
        }
    }
    stats.active_agents = active.len() as u64;
    let (mut tools, mut agents) = (BTreeMap::new(), BTreeMap::new());
    each_event(connection, filter, |part| {
        if is_result(&part) {
            return;
        }
        stats.events += part.events;
        *agents.entry(part.agent).or_default() += part.events;
        if let Some(tool) = part.tool {
            *tools.entry(tool).or_default() += part.events;
        }
    })?;
    let mut models = BTreeMap::new();
    each_call(connection, filter, |cell| {
        stats.usage += cell.usage;
        stats.cost += cell.cost;
        *models.entry(cell.model).or_default() += cell.requests;
    })?;
    stats.tools = ranked(tools);
    stats.agents = ranked(agents);
    stats.models = ranked(models);
    let mut seen = BTreeSet::new();
    for (_, branch) in branches(connection)? {
        if seen.insert(branch.clone()) {
            stats.branches.push(branch);
        }
    }
    Ok(stats)
}

/// A project, if known, and a branch.
type ProjectBranch = (Option<Box<str>>, Box<str>);

/// Projects and branches, those of the latest session first.
fn branches(connection: &Connection) -> Result<Vec<ProjectBranch>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT project.name, session.branch FROM session LEFT JOIN project ON project.id = session.project
         WHERE session.branch IS NOT NULL AND session.branch NOT IN ('', 'HEAD')
         GROUP BY 1, 2 ORDER BY max(session.last_activity_at) DESC, 2, 1",
    )?;
    let rows = select.query_map([], |row| {
        Ok((text(row, 0)?, text(row, 1)?.unwrap_or_default()))
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// How often tools were used, the most used first.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn tool_stats(
    connection: &Connection,
    filter: &StatsFilter,
) -> Result<Vec<ToolTotals>, StoreError> {
    #[derive(Default)]
    struct Sums {
        calls: u64,
        errors: u64,
        timed: u64,
        duration_ms: u64,
        agents: BTreeMap<Box<str>, u64>,
    }
    let mut tools: BTreeMap<Box<str>, Sums> = BTreeMap::new();
    each_event(connection, filter, |part| {
        let is_result = is_result(&part);
        let Some(tool) = part.tool else { return };
        let sums = tools.entry(tool).or_default();
        sums.errors += part.errors;
        sums.timed += part.timed;
        sums.duration_ms = sums.duration_ms.saturating_add(part.duration_ms);
        if !is_result {
            sums.calls += part.events;
            *sums.agents.entry(part.agent).or_default() += part.events;
        }
    })?;
    let mut totals: Vec<ToolTotals> = tools
        .into_iter()
        .filter(|(_, sums)| sums.calls > 0)
        .map(|(tool, sums)| ToolTotals {
            tool,
            calls: sums.calls,
            errors: sums.errors.min(sums.calls),
            mean_ms: (sums.timed > 0).then(|| sums.duration_ms / sums.timed),
            agents: ranked(sums.agents),
        })
        .collect();
    totals.sort_by_key(|tool| std::cmp::Reverse(tool.calls));
    Ok(totals)
}

/// What was spent. At most `limit` projects.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn cost(
    connection: &Connection,
    filter: &StatsFilter,
    limit: usize,
) -> Result<CostReport, StoreError> {
    let mut hours: BTreeMap<i64, CostHour> = BTreeMap::new();
    let mut projects: HashMap<Option<Box<str>>, (ProjectCost, BTreeSet<i64>)> = HashMap::new();
    let mut models: BTreeMap<Box<str>, ModelCost> = BTreeMap::new();
    let hour = |at: Timestamp| at.0.div_euclid(HOUR) * HOUR;
    each_call(connection, filter, |cell| {
        let at = hours.entry(hour(cell.bucket)).or_default();
        at.cost += cell.cost;
        at.usage += cell.usage;
        let (project, sessions) = projects.entry(cell.project).or_default();
        project.cost += cell.cost;
        sessions.insert(cell.session);
        let model = models.entry(cell.model).or_default();
        model.cost += cell.cost;
        model.calls += cell.requests;
        model.usage += cell.usage;
    })?;
    each_event(connection, filter, |part| {
        if is_result(&part) {
            return;
        }
        hours.entry(hour(part.at)).or_default().events += part.events;
        if let Some((project, _)) = projects.get_mut(&part.project) {
            project.events += part.events;
        }
    })?;
    let mut projects: Vec<ProjectCost> = projects
        .into_iter()
        .map(|(name, (project, sessions))| ProjectCost {
            project: name,
            sessions: sessions.len() as u64,
            ..project
        })
        .collect();
    projects.sort_by(|a, b| b.cost.cmp(&a.cost).then_with(|| a.project.cmp(&b.project)));
    projects.truncate(limit);
    let mut models: Vec<ModelCost> = models
        .into_iter()
        .map(|(name, model)| ModelCost {
            model: name,
            ..model
        })
        .collect();
    models.sort_by_key(|model| std::cmp::Reverse(model.cost));
    Ok(CostReport {
        hours: hours
            .into_iter()
            .map(|(start, hour)| CostHour {
                start: Timestamp(start),
                ..hour
            })
            .collect(),
        projects,
        models,
    })
}

/// The values that filters can take.
///
/// # Errors
/// [`StoreError`] when the database cannot be read.
pub fn filter_options(connection: &Connection) -> Result<FilterOptions, StoreError> {
    let names = |sql: &str| -> Result<Vec<Box<str>>, StoreError> {
        let mut select = connection.prepare_cached(sql)?;
        let rows = select.query_map([], |row| text(row, 0).map(Option::unwrap_or_default))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    };
    let mut kinds = connection.prepare_cached("SELECT DISTINCT kind FROM event_cell")?;
    let kinds = kinds
        .query_map([], |row| row.get::<_, u8>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut kinds: Vec<EventKind> = kinds
        .into_iter()
        .filter_map(|code| EventKind::ALL.get(usize::from(code)).copied())
        .filter(|kind| crate::ingest::events_api::EVENT_TYPES.contains(kind))
        .collect();
    kinds.sort_by_key(|kind| kind.as_str());
    let mut branches = branches(connection)?;
    branches.dedup();
    Ok(FilterOptions {
        agents: names(
            "SELECT DISTINCT agent FROM session WHERE started_at IS NOT NULL ORDER BY 1",
        )?,
        kinds,
        tools: names("SELECT name FROM tool ORDER BY 1")?,
        models: names(
            "SELECT name FROM model WHERE name <> 'unknown'
             UNION SELECT model FROM session WHERE model IS NOT NULL ORDER BY 1",
        )?,
        projects: names("SELECT DISTINCT name FROM project ORDER BY 1")?,
        hosts: names("SELECT DISTINCT host FROM session WHERE host IS NOT NULL ORDER BY 1")?,
        sources: names(
            "SELECT name FROM sender
             UNION SELECT 'import' WHERE EXISTS (SELECT 1 FROM session WHERE transcript IS NOT NULL) ORDER BY 1",
        )?,
        branches,
    })
}
