//! SQLite: connections, schema, and one file for each family of tables.

mod calls;
mod conditions;
mod connect;
mod cursors;
mod dimensions;
mod events;
mod maintain;
mod prices;
mod quotas;
mod recent;
mod rollup;
mod schema;
mod search;
mod session_read;
mod sessions;
mod usage;
mod writer;

pub use connect::{Opened, Readers, open_reader, open_writer, suspect};
pub use cursors::{indexed, load_cursors, problems};
pub use events::{events, timeline};
pub use maintain::{backup, check, stats};
pub use quotas::quotas;
pub use recent::recent;
pub use search::search;
pub use session_read::{SessionRow, load, resolve, sessions, sessions_in, transitions};
pub use usage::{own_sums, session_cost, session_sums, tools, usage};
pub use writer::{StoreChange, Writer};
