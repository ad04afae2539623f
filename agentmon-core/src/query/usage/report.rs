//! Cells in, report out. The one place where usage is summed for people (I12).

use std::collections::HashMap;

use jiff::civil::Date;

use super::blocks;
use super::period::{self, Calendar};
use super::savings::Savings;
use super::{
    Block, Order, ReportKind, Sums, Unpriced, UsageCell, UsageData, UsageQuery, UsageReport,
    UsageRow, unattributed,
};
use crate::model::{NanoUsd, SessionKey, Timestamp};
use crate::pricing::PriceBook;
use crate::query::Project;
use crate::query::filter::{model_matches, project_matches, session_matches};

/// Answers `query` from the store's cells. `prices` are needed only for [`UsageQuery::cache_savings`]; `now` decides
/// which five-hour window is open.
#[must_use]
pub fn report(
    query: &UsageQuery,
    data: &UsageData,
    prices: Option<&PriceBook>,
    now: Timestamp,
) -> UsageReport {
    let Chosen { sessions, models } = Chosen::new(query, data);

    let (mut windows, window_of) = match query.kind {
        ReportKind::Blocks => blocks::windows(data),
        _ => (Vec::new(), Vec::new()),
    };
    let mut calendar = Calendar::new(query.kind, &query.zone, query.week_start);
    let mut savings = Savings::new(prices.filter(|_| query.cache_savings), data);
    let mut groups: HashMap<Group, Tally> = HashMap::new();
    let mut unpriced: HashMap<u32, (u64, u64)> = HashMap::new();

    for (index, cell) in data.cells.iter().enumerate() {
        let placed = sessions.get(cell.session as usize).and_then(Option::as_ref);
        let (Some(placed), Some(true)) = (placed, models.get(cell.model as usize)) else {
            continue;
        };
        let period = match query.kind {
            ReportKind::Daily | ReportKind::Weekly | ReportKind::Monthly => {
                Period::Since(calendar.period_of(cell.bucket))
            }
            ReportKind::Blocks => Period::Window(window_of[index]),
            ReportKind::Session | ReportKind::Models | ReportKind::Projects => Period::All,
        };
        let in_range = match period {
            // A window is shown as a whole if any of it is in range.
            Period::Window(window) => windows.get(window as usize).is_some_and(|window| {
                query.since.is_none_or(|since| window.end > since)
                    && query.until.is_none_or(|until| window.start < until)
            }),
            _ => query.covers(cell),
        };
        if !in_range {
            continue;
        }
        let saved = savings.of(cell);
        if let Period::Window(window) = period
            && let Some(window) = windows.get_mut(window as usize)
        {
            window.sums.add(cell, saved);
        }
        if cell.unpriced_requests > 0 {
            let (requests, tokens) = unpriced.entry(cell.model).or_default();
            *requests += cell.unpriced_requests;
            *tokens += cell.usage.total();
        }
        let group = Group {
            period,
            agent: query.by.agent.then_some(placed.agent),
            project: query.by.project.then_some(placed.project),
            host: query.by.host.then_some(placed.host),
            session: query.by.session.then_some(placed.session),
            model: query.by.model.then_some(cell.model),
        };
        groups
            .entry(group)
            .or_insert_with(|| Tally::new(cell, savings.is_on()))
            .add(cell, saved);
    }

    let mut totals = Sums {
        cache_saved: savings.is_on().then_some(NanoUsd::ZERO),
        ..Sums::default()
    };
    for tally in groups.values() {
        totals.merge(&tally.sums);
    }
    for window in &mut windows {
        window.projection = blocks::project(window, now);
    }
    let rows = rows(query, data, &windows, groups);
    windows.retain(|window| window.sums.requests > 0);
    if query.order() == Order::Descending {
        windows.sort_by_key(|window| std::cmp::Reverse(window.start));
    } else {
        windows.sort_by_key(|window| window.start);
    }
    UsageReport {
        kind: query.kind,
        by: query.by,
        zone: query.zone.clone(),
        since: query.since,
        until: query.until,
        rows,
        totals,
        blocks: windows,
        unpriced: list_unpriced(data, unpriced),
        unattributed: unattributed::list(data, |session, model| {
            matches!(sessions.get(session), Some(Some(_))) && models.get(model) == Some(&true)
        }),
    }
}

/// Whether a list of alternatives lets something through.
fn any(wanted: &[Box<str>], matches: impl Fn(&str) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| matches(wanted))
}

/// What a query's filter lets through.
pub(super) struct Chosen {
    /// One for each session, `None` for those that are left out.
    sessions: Vec<Option<Placed>>,
    models: Vec<bool>,
}

impl Chosen {
    pub(super) fn new(query: &UsageQuery, data: &UsageData) -> Self {
        let wanted = &query.filter.models;
        let models = data.models.iter();
        Self {
            sessions: Placed::all(query, data),
            models: models
                .map(|model| any(wanted, |wanted| model_matches(model, wanted)))
                .collect(),
        }
    }

    pub(super) fn has(&self, cell: &UsageCell) -> bool {
        matches!(self.sessions.get(cell.session as usize), Some(Some(_)))
            && self.models.get(cell.model as usize) == Some(&true)
    }
}

/// Where a session's cells go: indices of the first session that has the same value.
#[derive(Clone, Copy)]
struct Placed {
    agent: u32,
    project: u32,
    host: u32,
    session: u32,
}

impl Placed {
    /// One for each session, `None` for those that the filter leaves out.
    fn all(query: &UsageQuery, data: &UsageData) -> Vec<Option<Self>> {
        let filter = &query.filter;
        let mut sessions: HashMap<&SessionKey, u32> = HashMap::new();
        let mut projects: HashMap<Option<&Project>, u32> = HashMap::new();
        let mut hosts: HashMap<Option<&str>, u32> = HashMap::new();
        let mut agents: HashMap<&str, u32> = HashMap::new();
        let passes = |session: &super::UsageSession| {
            (filter.agents.is_empty() || filter.agents.contains(&session.key.agent))
                && any(&filter.projects, |wanted| {
                    project_matches(session.project.as_ref(), wanted)
                })
                && any(&filter.hosts, |wanted| {
                    session.host.as_deref() == Some(wanted)
                })
                && any(&filter.sessions, |wanted| {
                    session_matches(&session.report_as, wanted)
                        || session_matches(&session.key, wanted)
                })
        };
        let place = |(index, session)| {
            let session: &super::UsageSession = session;
            let index = index as u32;
            passes(session).then(|| Self {
                agent: *agents.entry(session.key.agent.as_str()).or_insert(index),
                project: *projects.entry(session.project.as_ref()).or_insert(index),
                host: *hosts.entry(session.host.as_deref()).or_insert(index),
                session: *sessions.entry(&session.report_as).or_insert(index),
            })
        };
        data.sessions.iter().enumerate().map(place).collect()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Period {
    All,
    Since(Date),
    Window(u32),
}

/// What the cells of one row have in common. Indices are those of [`Placed`] and of the models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Group {
    period: Period,
    agent: Option<u32>,
    project: Option<u32>,
    host: Option<u32>,
    session: Option<u32>,
    model: Option<u32>,
}

struct Tally {
    first: Timestamp,
    last: Timestamp,
    sums: Sums,
}

impl Tally {
    fn new(cell: &UsageCell, with_savings: bool) -> Self {
        Self {
            first: cell.first,
            last: cell.last,
            sums: Sums {
                cache_saved: with_savings.then_some(NanoUsd::ZERO),
                ..Sums::default()
            },
        }
    }

    fn add(&mut self, cell: &UsageCell, saved: Option<NanoUsd>) {
        self.first = self.first.min(cell.first);
        self.last = self.last.max(cell.last);
        self.sums.add(cell, saved);
    }
}

impl Sums {
    pub(super) fn add(&mut self, cell: &UsageCell, saved: Option<NanoUsd>) {
        self.merge(&Self {
            requests: cell.requests,
            unpriced_requests: cell.unpriced_requests,
            usage: cell.usage,
            cost: cell.cost,
            cache_saved: saved,
        });
    }

    /// Adds other sums to these.
    pub fn merge(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.unpriced_requests = self
            .unpriced_requests
            .saturating_add(other.unpriced_requests);
        self.usage += other.usage;
        self.cost += other.cost;
        if let Some(saved) = other.cache_saved {
            *self.cache_saved.get_or_insert_default() += saved;
        }
    }
}

/// Turns groups into rows: those that have the report's own dimension in common stand together, ordered by time or
/// cost; within them by name.
fn rows(
    query: &UsageQuery,
    data: &UsageData,
    windows: &[Block],
    groups: HashMap<Group, Tally>,
) -> Vec<UsageRow> {
    let lead = |group: &Group| match query.kind {
        ReportKind::Session => (group.period, group.session),
        ReportKind::Models => (group.period, group.model),
        ReportKind::Projects => (group.period, group.project),
        _ => (group.period, None),
    };
    // What each lead is ordered by: its start, its last call, or its cost (where there is none, its tokens).
    let mut weights: HashMap<_, (i64, i64, u64)> = HashMap::new();
    for (group, tally) in &groups {
        let weight = weights.entry(lead(group)).or_default();
        match query.kind {
            ReportKind::Models | ReportKind::Projects => {
                weight.0 = weight.0.saturating_add(tally.sums.cost.0);
                weight.2 = weight.2.saturating_add(tally.sums.usage.total());
            }
            ReportKind::Session => weight.0 = weight.0.max(tally.last.0),
            ReportKind::Blocks => {
                if let Period::Window(window) = group.period {
                    weight.0 = windows[window as usize].start.0;
                }
            }
            ReportKind::Daily | ReportKind::Weekly | ReportKind::Monthly => {
                if let Period::Since(date) = group.period {
                    weight.0 = query.zone.start_of(date).0;
                }
            }
        }
    }
    let mut leads: Vec<_> = weights.into_iter().collect();
    // The name breaks ties, so that the same data gives the same report.
    let name_of = |lead: &(Period, Option<u32>)| -> Option<&str> {
        let index = lead.1? as usize;
        match query.kind {
            ReportKind::Models => data.models.get(index).map(|model| &**model),
            ReportKind::Projects => {
                let project = data.sessions.get(index)?.project.as_ref()?;
                Some(&*project.root)
            }
            _ => Some(&*data.sessions.get(index)?.report_as.native_id),
        }
    };
    leads.sort_by(|(a, weight_of_a), (b, weight_of_b)| {
        (weight_of_b, name_of(a), a.0).cmp(&(weight_of_a, name_of(b), b.0))
    });
    leads.truncate(query.limit.unwrap_or(usize::MAX));
    if query.order() == Order::Ascending {
        leads.reverse();
    }
    let rank: HashMap<_, usize> = leads
        .into_iter()
        .enumerate()
        .map(|(rank, (lead, _))| (lead, rank))
        .collect();

    let mut rows: Vec<(usize, UsageRow)> = groups
        .into_iter()
        .filter_map(|(group, tally)| {
            let rank = *rank.get(&lead(&group))?;
            Some((rank, row(query, data, windows, &group, tally)))
        })
        .collect();
    rows.sort_by(|(rank_a, a), (rank_b, b)| {
        let key = |row: &UsageRow| {
            let (agent, host) = (row.agent.clone(), row.host.clone());
            (agent, row.project.clone(), host, row.session.clone())
        };
        rank_a
            .cmp(rank_b)
            .then_with(|| key(a).cmp(&key(b)))
            .then_with(|| b.sums.cost.cmp(&a.sums.cost))
            .then_with(|| a.model.cmp(&b.model))
    });
    rows.into_iter().map(|(_, row)| row).collect()
}

fn row(
    query: &UsageQuery,
    data: &UsageData,
    windows: &[Block],
    group: &Group,
    tally: Tally,
) -> UsageRow {
    let at = |index: Option<u32>| data.sessions.get(index? as usize);
    let session = at(group.session);
    UsageRow {
        period: match group.period {
            Period::All => None,
            Period::Since(date) => Some(period::name(query.kind, date)),
            Period::Window(window) => Some(windows[window as usize].start.to_string().into()),
        },
        session: session.map(|session| session.report_as.clone()),
        title: session.and_then(|session| session.title.clone()),
        agent: at(group.agent).map(|session| session.key.agent.clone()),
        model: group
            .model
            .and_then(|model| data.models.get(model as usize).cloned()),
        project: at(group.project).map(|session| session.project.clone()),
        host: at(group.host).map(|session| session.host.clone()),
        first: tally.first,
        last: tally.last,
        sums: tally.sums,
    }
}

fn list_unpriced(data: &UsageData, models: HashMap<u32, (u64, u64)>) -> Vec<Unpriced> {
    let mut list: Vec<Unpriced> = models
        .into_iter()
        .filter_map(|(model, (requests, tokens))| {
            Some(Unpriced {
                model: data.models.get(model as usize)?.clone(),
                requests,
                tokens,
            })
        })
        .collect();
    list.sort_by(|a, b| (b.tokens, &a.model).cmp(&(a.tokens, &b.model)));
    list
}
