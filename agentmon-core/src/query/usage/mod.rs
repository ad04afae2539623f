//! Usage reports: the store's cells, the question, the answer.

mod blocks;
mod hours;
mod period;
mod report;
mod savings;
#[cfg(test)]
mod tests;
pub(super) mod unattributed;

pub use hours::{HourCell, hours};
pub use report::report;

use crate::model::{AgentKind, NanoUsd, SessionKey, Timestamp, Usage};

use super::Project;
use super::{WeekStart, Zone};

/// One row of the store's rollup: 15 minutes of one session with one model.
///
/// No real time zone changes its offset by other than multiples of 15 minutes (and none has done so since 1972), so a
/// cell lies within one day of every zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageCell {
    /// Start of the 15 minutes, UTC.
    pub bucket: Timestamp,
    /// The first call in it.
    pub first: Timestamp,
    /// The last call in it.
    pub last: Timestamp,
    /// Index into [`UsageData::sessions`].
    pub session: u32,
    /// Index into [`UsageData::models`].
    pub model: u32,
    /// Model calls.
    pub requests: u64,
    /// Those of them whose model has no known price.
    pub unpriced_requests: u64,
    /// Tokens.
    pub usage: Usage,
    /// What the priced calls cost.
    pub cost: NanoUsd,
}

impl UsageCell {
    /// Length of a bucket in milliseconds.
    pub const WIDTH: i64 = 15 * 60 * 1000;

    /// Start of the bucket that holds a point in time.
    #[must_use]
    pub fn bucket_of(at: Timestamp) -> Timestamp {
        Timestamp(at.0.div_euclid(Self::WIDTH).saturating_mul(Self::WIDTH))
    }
}

/// A session as usage reports see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageSession {
    /// The session.
    pub key: SessionKey,
    /// The session that answers for its usage in reports by session: a Claude Code subagent's is its parent's
    /// (`Relation::Within`, followed to the root), every other's is its own.
    pub report_as: SessionKey,
    /// The project of the session that answers.
    pub project: Option<Project>,
    /// The machine of the session that answers, if that is known.
    pub host: Option<Box<str>>,
    /// The title of the session that answers.
    pub title: Option<Box<str>>,
}

/// What an agent itself counts for one session and model over the session's whole life, beside what was counted from
/// its calls over the same whole life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedTotals {
    /// Index into [`UsageData::sessions`].
    pub session: u32,
    /// Index into [`UsageData::models`].
    pub model: u32,
    /// When the agent said so.
    pub at: Timestamp,
    /// Tokens by the agent's count (cache writes all in `cache_creation_5m`, no reasoning).
    pub reported: Usage,
    /// Cost by the agent's count.
    pub reported_cost: NanoUsd,
    /// Tokens of all counted calls of the session (and of the subagents that report as it) with this model.
    pub counted: Usage,
    /// Cost of all counted calls.
    pub counted_cost: NanoUsd,
}

/// What the store gives for a [`UsageQuery`].
///
/// Cells are those whose bucket starts at or after [`UsageQuery::first_bucket`] and before
/// [`UsageQuery::end_bucket`], in any order (that of time is fastest). [`UsageQuery::filter`] is the report's job.
/// Where [`UsageQuery::needs_sessions`] is false, the store may merge the cells of all sessions of an agent and name
/// any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageData {
    /// Cells.
    pub cells: Vec<UsageCell>,
    /// Sessions that cells refer to.
    pub sessions: Vec<UsageSession>,
    /// Model names that cells refer to.
    pub models: Vec<Box<str>>,
    /// What agents themselves count, for the sessions that have cells here; not for forks, whose agents count their
    /// parent's too.
    pub reported: Vec<ReportedTotals>,
}

/// Which report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReportKind {
    /// By day.
    Daily,
    /// By week.
    Weekly,
    /// By month.
    Monthly,
    /// By session.
    Session,
    /// By model.
    Models,
    /// By project.
    Projects,
    /// By five-hour window of each agent.
    Blocks,
}

/// The dimensions of a report's rows, beside its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dimensions {
    /// The agent.
    pub agent: bool,
    /// The model.
    pub model: bool,
    /// The project.
    pub project: bool,
    /// The machine.
    pub host: bool,
    /// The session.
    pub session: bool,
}

/// Direction of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// Oldest or cheapest first.
    #[default]
    Ascending,
    /// Newest or dearest first.
    Descending,
}

/// Which calls count. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsageFilter {
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Models, by name or by a part of it that begins at its start or after a `/` (`claude-opus-5-5`,
    /// `claude-opus`).
    pub models: Vec<Box<str>>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Machines, by name.
    pub hosts: Vec<Box<str>>,
    /// Sessions, by id or by a beginning of it.
    pub sessions: Vec<Box<str>>,
}

/// A question for usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// Which report.
    pub kind: ReportKind,
    /// Dimensions of the rows.
    pub by: Dimensions,
    /// Calls at or after this time, to the quarter of an hour.
    pub since: Option<Timestamp>,
    /// Calls before this time, to the quarter of an hour.
    pub until: Option<Timestamp>,
    /// Where days begin.
    pub zone: Zone,
    /// Which day weeks begin with.
    pub week_start: WeekStart,
    /// Which calls count.
    pub filter: UsageFilter,
    /// Direction of rows; by default the oldest first, and the dearest first where rows are not by time.
    pub order: Option<Order>,
    /// At most this many periods (or sessions, models, projects), the latest (or dearest) of them. Totals stay those
    /// of all rows.
    pub limit: Option<usize>,
    /// Whether to work out what caches saved, which needs the price book.
    pub cache_savings: bool,
}

/// Sums of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Model calls.
    pub requests: u64,
    /// Those of them whose model has no known price.
    pub unpriced_requests: u64,
    /// Tokens.
    pub usage: Usage,
    /// What the priced calls cost.
    pub cost: NanoUsd,
    /// What caches saved against sending everything as fresh input, at standard rates without long-prompt tiers;
    /// negative where cache writes cost more than cache reads saved. Only with [`UsageQuery::cache_savings`], and only
    /// of models with a known price.
    pub cache_saved: Option<NanoUsd>,
}

/// What a session used of one model within a quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellUsage {
    /// The time of its first call.
    pub first: Timestamp,
    /// The model.
    pub model: Box<str>,
    /// Its calls.
    pub sums: Sums,
}

/// One row of a report. A dimension that was not chosen is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The period: `2026-11-20`, the first day of a week, `2026-11`, or the start of a block. `None` for reports that
    /// are not by time.
    pub period: Option<Box<str>>,
    /// The session that answers for the usage.
    pub session: Option<SessionKey>,
    /// The session's title.
    pub title: Option<Box<str>>,
    /// The agent.
    pub agent: Option<AgentKind>,
    /// The model.
    pub model: Option<Box<str>>,
    /// The project; `Some(None)` for calls outside of any project.
    pub project: Option<Option<Project>>,
    /// The machine; `Some(None)` for calls of which nobody said where they were made.
    pub host: Option<Option<Box<str>>>,
    /// The first call.
    pub first: Timestamp,
    /// The last call.
    pub last: Timestamp,
    /// Sums.
    pub sums: Sums,
}

/// A five-hour window of one agent's plan: it starts at the full hour (UTC) of its first call and ends five hours
/// later, or after five hours without a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The agent.
    pub agent: AgentKind,
    /// Start of the window.
    pub start: Timestamp,
    /// End of the window.
    pub end: Timestamp,
    /// The first call.
    pub first: Timestamp,
    /// The last call so far.
    pub last: Timestamp,
    /// Sums so far.
    pub sums: Sums,
    /// Where it will be at its end if it goes on like this; only for the window that is open now.
    pub projection: Option<Projection>,
}

/// How fast an open block is used up, and where that leads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Projection {
    /// Minutes until the window ends.
    pub remaining_minutes: u64,
    /// All tokens a minute since the first call.
    pub tokens_per_minute: f64,
    /// Cost an hour since the first call.
    pub cost_per_hour: NanoUsd,
    /// Tokens at the window's end.
    pub tokens: u64,
    /// Cost at the window's end.
    pub cost: NanoUsd,
}

impl Eq for Projection {}

/// A model whose calls have no known price. Their cost is unknown, not zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpriced {
    /// The model, as its agent spells it.
    pub model: Box<str>,
    /// Calls.
    pub requests: u64,
    /// Tokens of all calls of the cells that hold them.
    pub tokens: u64,
}

/// What an agent counted beyond the calls that it wrote down (Claude Code does not write compaction requests). Over
/// the session's whole life, never part of rows and totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unattributed {
    /// The session.
    pub session: SessionKey,
    /// The model.
    pub model: Box<str>,
    /// Tokens beyond the counted ones.
    pub usage: Usage,
    /// Cost beyond the counted one.
    pub cost: NanoUsd,
}

/// An answer to a [`UsageQuery`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageReport {
    /// Which report.
    pub kind: ReportKind,
    /// Dimensions of the rows.
    pub by: Dimensions,
    /// Where days begin.
    pub zone: Zone,
    /// Start of the time looked at, if bounded.
    pub since: Option<Timestamp>,
    /// End of the time looked at, if bounded.
    pub until: Option<Timestamp>,
    /// Rows.
    pub rows: Vec<UsageRow>,
    /// Sums of all rows, of those beyond the limit too.
    pub totals: Sums,
    /// The five-hour windows, for [`ReportKind::Blocks`].
    pub blocks: Vec<Block>,
    /// Models without a known price, the most used first.
    pub unpriced: Vec<Unpriced>,
    /// What agents counted beyond the calls.
    pub unattributed: Vec<Unattributed>,
}

impl UsageQuery {
    /// A report over everything, in UTC, with the dimensions that its kind has by default.
    #[must_use]
    pub fn new(kind: ReportKind) -> Self {
        Self {
            kind,
            by: kind.default_dimensions(),
            since: None,
            until: None,
            zone: Zone::utc(),
            week_start: WeekStart::default(),
            filter: UsageFilter::default(),
            order: None,
            limit: None,
            cache_savings: false,
        }
    }

    /// Start of the first bucket that counts. Where five-hour windows begin depends on everything before.
    #[must_use]
    pub fn first_bucket(&self) -> Option<Timestamp> {
        self.since
            .filter(|_| self.kind != ReportKind::Blocks)
            .map(UsageCell::bucket_of)
    }

    /// Start of the first bucket that no longer counts.
    #[must_use]
    pub fn end_bucket(&self) -> Option<Timestamp> {
        self.until
            .filter(|_| self.kind != ReportKind::Blocks)
            .map(|until| Timestamp(until.0.saturating_add(UsageCell::WIDTH - 1)))
            .map(UsageCell::bucket_of)
    }

    /// Whether a cell is in the time looked at.
    pub(super) fn covers(&self, cell: &UsageCell) -> bool {
        self.first_bucket().is_none_or(|first| cell.bucket >= first)
            && self.end_bucket().is_none_or(|end| cell.bucket < end)
    }

    /// Direction of rows.
    #[must_use]
    pub fn order(&self) -> Order {
        self.order.unwrap_or(match self.kind {
            ReportKind::Models | ReportKind::Projects => Order::Descending,
            _ => Order::Ascending,
        })
    }

    /// Whether the report tells sessions or projects apart. If not, the store may merge the cells of one agent.
    #[must_use]
    pub fn needs_sessions(&self) -> bool {
        self.by.session
            || self.by.project
            || self.by.host
            || !self.filter.hosts.is_empty()
            || !self.filter.projects.is_empty()
            || !self.filter.sessions.is_empty()
    }
}

impl ReportKind {
    /// The name used on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
            Self::Session => "session",
            Self::Models => "models",
            Self::Projects => "projects",
            Self::Blocks => "blocks",
        }
    }

    /// The dimensions of a report's rows if none are chosen.
    #[must_use]
    pub fn default_dimensions(self) -> Dimensions {
        let agent_and_model = Dimensions {
            agent: true,
            model: true,
            ..Dimensions::default()
        };
        match self {
            Self::Daily | Self::Weekly | Self::Monthly | Self::Blocks | Self::Models => {
                agent_and_model
            }
            Self::Session => Dimensions {
                session: true,
                project: true,
                ..agent_and_model
            },
            Self::Projects => Dimensions {
                agent: true,
                project: true,
                ..Dimensions::default()
            },
        }
    }
}
