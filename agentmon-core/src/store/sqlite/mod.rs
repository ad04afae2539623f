//! SQLite: connections, schema, and one file for each family of tables.

mod alerts;
mod aliases;
mod archive;
mod artifacts;
mod behind;
mod calls;
mod chats;
mod conditions;
mod connect;
mod counters;
mod cursors;
mod dimensions;
mod event_cells;
mod events;
mod feed;
mod feed_stats;
mod filter;
mod folding;
mod gateways;
mod held;
mod hosts;
mod incoming;
mod ingest;
mod keys;
mod log;
mod maintain;
mod manual;
mod posted;
mod prices;
mod quotas;
mod recent;
mod remote_cells;
mod rollup;
mod schema;
mod search;
mod session_read;
mod sessions;
mod text_index;
mod told;
mod tool_usage;
mod transcript;
mod usage;
mod writer;

pub use alerts::{alert, alerts, due_deliveries};
pub use archive::{facts, model_calls};
pub use artifacts::artifacts;
pub use calls::knows_any as knows_any_call;
pub use chats::{chat_history, open_messages};
pub use connect::{Opened, Readers, open_reader, open_writer, suspect};
pub use counters::totals as own_totals;
pub use cursors::{indexed, load_cursors, problems};
pub use events::{events, events_after, timeline};
pub use feed::{feed, feed_after, feed_sessions};
pub use feed_stats::{cost as feed_cost, filter_options, stats as feed_stats, tool_stats};
pub use gateways::{gateway_progress, gateway_statuses, gateways};
pub use ingest::Ingested;
pub use log::log;
pub use maintain::{Forgotten, backup, bytes, check, stats};
pub use manual::{
    MAX_AGENTS as MAX_MANUAL_AGENTS, agent as manual_agent, agents as manual_agents,
    log as manual_log,
};
pub use quotas::quotas;
pub use recent::recent;
pub use search::{Found, search};
pub use session_read::{
    SessionRow, exact, histories, load, reported_as, resolve, sessions, sessions_in, transitions,
};
pub use tool_usage::tool_usage;
pub use transcript::{blocks_after, transcript_page};
pub use usage::{own_sums, session_cost, session_sums, tools, usage, usage_cells};
pub use writer::{StoreChange, Writer};
