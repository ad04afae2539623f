//! The JSON that the command line's `--json` and the server share.
//!
//! Every object carries a `schema` such as `agentmon.usage.v1`, documented in `docs/cli.md`. Within a version, fields
//! may be added; none changes its meaning or goes away. Only the types here serialise: what the rest of the crate
//! works with is free to change. Times are RFC 3339 in UTC, money is a number of US dollars with at most nine
//! decimals, durations are whole milliseconds, and what is not known is `null` (never zero).

mod activity;
mod alert;
mod artifacts;
mod blocks;
mod config;
pub mod dashboard_api;
mod database;
#[cfg(feature = "demo")]
mod demo;
mod doctor;
mod event;
pub mod events_api;
mod export;
mod hooks;
mod import;
mod live;
mod log;
mod part;
mod price;
mod search;
mod session;
pub mod sessions_api;
mod source;
mod status;
mod statusline;
mod transcript;
mod usage;

pub use activity::{blocked, filters, hours, tools};
pub use alert::{alert, alerts};
pub use artifacts::artifacts;
pub use blocks::blocks;
pub use config::{config, config_path};
pub use database::{db_backup, db_check, db_stats, db_vacuum};
#[cfg(feature = "demo")]
pub use demo::demo;
pub use doctor::doctor;
pub use event::{events, parse_cursor, write_cursor};
pub use export::{export_call, export_event, export_session, export_usage};
pub use hooks::hooks;
pub use import::import;
pub use live::{
    BoardStatus, TodayUsage, block_rows, board_row, board_status, live_events, live_session,
    live_usage, model_rows, session_row, session_rows, tool_rows,
};
pub use log::log;
pub use price::{prices, prices_check};
pub use search::search;
pub use session::{explanation, session, session_change, sessions};
pub use source::sources;
pub use status::{quotas, status};
pub use statusline::statusline;
pub use transcript::transcript;
pub use usage::usage;
