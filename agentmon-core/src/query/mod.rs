//! Questions and answers: typed filters, usage reports, session views, explanations, event pages.
//!
//! Everything here is plain data and pure functions on it. The store fills [`UsageData`], [`SessionView`] and the
//! other rows; the functions here turn them into reports. No SQL, no I/O, no clock, no JSON (that is `wire`).

mod activity;
mod archive;
mod artifact;
mod board;
mod budget;
mod database;
mod detail;
mod doctor;
mod event;
pub(crate) mod feed;
mod filter;
mod import;
mod log;
mod manual;
mod present;
mod refresh;
mod search;
mod session;
mod source;
mod times;
mod tools;
mod transcript;
mod usage;
mod when;
mod zone;

pub use activity::{BlockedDay, BlockedReport, BlockedSession, BlockedTime, blocked};
pub use archive::{CallFilter, CallRow};
pub use artifact::{
    ArtifactFold, Artifacts, FileArtifact, FileFate, LineCounts, NotCounted, Output, OutputKind,
    ToolAnswer, ToolRow, line_counts,
};
pub use board::{Board, BoardQuery, Group, board};
pub use budget::{Budget, BudgetPeriod, BudgetState};
pub use database::{DbBackup, DbCheck, DbStats, DbVacuum, TableStats};
pub use detail::{cross_check, explanation};
pub use doctor::{Finding, Severity, judge_database, judge_prices, judge_sources, price_warnings};
pub use event::{EventCursor, EventFilter, EventIdentity, EventPage, EventRow};
pub use feed::{
    CostHour, CostReport, FeedFilter, FeedPage, FeedRow, FeedSession, FeedSessionFilter,
    FeedSessions, FeedStats, FilterOptions, ModelCost, ProjectCost, StatsFilter, ToolTotals,
};
pub use filter::{model_matches, project_matches, session_matches};
pub use import::{ImportReport, ImportedFolder};
pub use log::{LogLevel, LogPage};
pub use manual::{ManualAgent, ManualChange, ManualLog, ManualStatus};
pub use present::Present;
pub use refresh::{Phase, Progress, RefreshOptions, RefreshReport};
pub use search::{
    IndexProgress, SearchFilter, SearchHit, SearchOrder, SearchResults, SearchTerm, SearchText,
    Snippet,
};
pub use session::{
    Explanation, ModelUsage, Project, QuotaView, SessionDetail, SessionFilter, SessionList,
    SessionView, ToolStats,
};
pub use source::{RootState, SourceProblem, SourceReport};
pub use times::Times;
pub use tools::{ToolFilter, ToolUsage};
pub use transcript::{
    Diff, Hunk, Todo, TodoStatus, ToolBlock, ToolOutcome, ToolType, TranscriptBlock,
    TranscriptPage, TranscriptPlace, blocks,
};
pub use usage::{
    Block, CellUsage, Dimensions, HourCell, Order, Projection, ReportKind, ReportedTotals, Sums,
    Unattributed, Unpriced, UsageCell, UsageData, UsageFilter, UsageQuery, UsageReport, UsageRow,
    UsageSession, hours, report,
};
pub use when::{Edge, WhenError, parse_when};
pub use zone::{WeekStart, Zone, ZoneError};
