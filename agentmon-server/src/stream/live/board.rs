//! The board as a topic: rows that changed, rows that went, and the strip above them.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use agentmon_core::model::SessionKey;
use agentmon_core::query::{BoardQuery, Group, SessionFilter, SessionView};
use agentmon_core::session::State;
use agentmon_core::wire::{self, BoardStatus};
use serde::Serialize;
use serde_json::value::RawValue;

use super::channel::{Found, News};
use super::message::{Refusal, print, raw};
use crate::app::App;

/// How often all rows are looked at: some leave because time passes.
const SWEEP: Duration = Duration::from_secs(30);
/// How often the strip's sums are computed while things change.
const SUMS: Duration = Duration::from_secs(1);
/// Sessions that are looked at one by one; more are looked at with all others.
const MAX_SINGLE: usize = 200;

type BoardFilter = (SessionFilter, BoardQuery);

/// What clients have of a board.
#[derive(Debug)]
pub(super) struct BoardMemory {
    rows: HashMap<String, Known>,
    status: BoardStatus,
    status_print: u64,
    swept: Instant,
    summed: Instant,
    stale: bool,
    /// Whether a look failed: what it was to find is found by looking at all rows.
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    print: u64,
    state: State,
    group: Group,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    status: &'a RawValue,
    sessions: Vec<Box<RawValue>>,
}

#[derive(Serialize, Default)]
struct Patch {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Box<RawValue>>,
    upsert: Vec<Box<RawValue>>,
    remove: Vec<String>,
}

impl BoardMemory {
    pub(super) async fn look(
        filter: &BoardFilter,
        app: &App,
    ) -> Result<(Self, Box<RawValue>), Refusal> {
        let mut memory = Self {
            rows: HashMap::new(),
            status: BoardStatus::default(),
            status_print: 0,
            swept: Instant::now(),
            summed: Instant::now(),
            stale: false,
            failed: false,
        };
        memory.sum(filter, app).await?;
        let sessions = memory.sweep(filter, app).await?.upsert;
        let status = memory.strip(app);
        let data = raw(&Snapshot {
            status: &status,
            sessions,
        });
        Ok((memory, data))
    }

    pub(super) async fn update(
        &mut self,
        filter: &BoardFilter,
        news: &News,
        app: &App,
    ) -> Result<Found, Refusal> {
        self.stale |= news.any();
        let many = news.lost || self.failed || news.sessions.len() > MAX_SINGLE;
        self.failed = true;
        let mut patch = if many || self.swept.elapsed() >= SWEEP {
            // A new day begins without a change.
            (self.swept, self.stale) = (Instant::now(), true);
            self.sweep(filter, app).await?
        } else if news.sessions.is_empty() {
            Patch::default()
        } else {
            let keys: Vec<SessionKey> = news.sessions.iter().cloned().collect();
            self.look_at(filter, keys, app).await?
        };
        if self.stale && self.summed.elapsed() >= SUMS {
            (self.stale, self.summed) = (false, Instant::now());
            self.sum(filter, app).await?;
        }
        self.failed = false;
        let status = self.status_print;
        let strip = self.strip(app);
        patch.status = (self.status_print != status).then_some(strip);
        let is_empty = patch.status.is_none() && patch.upsert.is_empty() && patch.remove.is_empty();
        Ok(if is_empty {
            Found::Nothing
        } else {
            Found::Patch(raw(&patch))
        })
    }

    /// Looks at all rows.
    async fn sweep(&mut self, filter: &BoardFilter, app: &App) -> Result<Patch, Refusal> {
        let sessions = filter.0.clone();
        let list = app.ask(move |monitor| monitor.sessions(&sessions)).await?;
        self.status.matching = list.matching;
        let mut gone = std::mem::take(&mut self.rows);
        let mut patch = Patch::default();
        for view in &list.sessions {
            let id = view.key.to_string();
            let before = gone.remove(&id);
            patch.upsert.extend(self.take(id, view, before, app));
        }
        patch.remove = gone.into_keys().collect();
        Ok(patch)
    }

    /// Looks at the rows of some sessions.
    async fn look_at(
        &mut self,
        filter: &BoardFilter,
        keys: Vec<SessionKey>,
        app: &App,
    ) -> Result<Patch, Refusal> {
        let sessions = filter.0.clone();
        let (rows, shown) = app
            .ask(move |monitor| {
                let rows = monitor.reported_as(&keys)?;
                let rows: Vec<SessionKey> = rows.into_iter().map(|row| row.key).collect();
                let shown = match rows.is_empty() {
                    true => Vec::new(),
                    false => {
                        let filter = SessionFilter {
                            keys: rows.clone(),
                            limit: None,
                            ..sessions
                        };
                        monitor.sessions(&filter)?.sessions
                    }
                };
                Ok((rows, shown))
            })
            .await?;
        let mut patch = Patch::default();
        for view in &shown {
            let id = view.key.to_string();
            let before = self.rows.remove(&id);
            self.status.matching += u64::from(before.is_none());
            patch.upsert.extend(self.take(id, view, before, app));
        }
        for key in rows {
            let id = key.to_string();
            let is_shown = shown.iter().any(|view| view.key == key);
            if !is_shown && self.rows.remove(&id).is_some() {
                self.status.matching = self.status.matching.saturating_sub(1);
                patch.remove.push(id);
            }
        }
        Ok(patch)
    }

    /// Takes note of a row. Returns it if it is not as it was.
    fn take(
        &mut self,
        id: String,
        view: &SessionView,
        before: Option<Known>,
        app: &App,
    ) -> Option<Box<RawValue>> {
        let group = Group::of(view, app.monitor.now());
        let row = raw(&wire::board_row(view, group));
        let known = Known {
            print: print(&row),
            state: view.state,
            group,
        };
        self.rows.insert(id, known);
        before
            .is_none_or(|before| before.print != known.print)
            .then_some(row)
    }

    async fn sum(&mut self, filter: &BoardFilter, app: &App) -> Result<(), Refusal> {
        let query = filter.1.clone();
        (self.status.today, self.status.quotas, self.status.budgets) = app
            .ask(move |monitor| {
                let budgets = monitor.budgets(&query.zone, monitor.config().week_start.value)?;
                Ok((monitor.today(&query)?, monitor.quotas()?, budgets))
            })
            .await?;
        Ok(())
    }

    /// The strip as it is now.
    fn strip(&mut self, app: &App) -> Box<RawValue> {
        let mut counts: BTreeMap<State, u64> = BTreeMap::new();
        let mut groups: BTreeMap<Group, u64> = BTreeMap::new();
        for row in self.rows.values() {
            *counts.entry(row.state).or_default() += 1;
            *groups.entry(row.group).or_default() += 1;
        }
        (self.status.counts, self.status.groups) = (counts, groups);
        // That time passes is no change.
        let at = std::mem::take(&mut self.status.at);
        self.status_print = print(&raw(&wire::board_status(&self.status)));
        self.status.at = at.max(app.monitor.now());
        raw(&wire::board_status(&self.status))
    }
}
