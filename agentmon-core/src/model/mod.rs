//! Plain data that every layer shares: times, identities, token usage, money, calls, sessions, events, quotas.
//!
//! Nothing here reads a clock, a file or the network, and nothing here decides anything: adapters fill these types,
//! the session machine and the price book work on them, the store keeps them.

mod agent;
mod batch;
mod call;
mod counter;
mod event;
mod file_change;
mod ids;
mod money;
mod quota;
pub mod semconv;
mod session;
mod stamped;
mod time;
mod usage;

pub use agent::AgentKind;
pub use batch::{Batch, Problem, ProblemKind, SessionIndex};
pub use call::{CallSource, Finality, ModelCall, PriceMode};
pub use counter::{Counter, CounterKind};
pub use event::{Event, EventKind, EventStatus};
pub use file_change::{FileDelta, FileOp};
pub use ids::{DedupKey, FactKey, SessionKey};
pub use money::{Cost, CostBasis, NanoUsd};
pub use quota::QuotaWindow;
pub use session::{
    Host, HostKind, Located, ModelTotals, Progress, Relation, SessionPatch, Title, TitleKind,
};
pub use stamped::Stamped;
#[cfg(feature = "monitor")]
pub(crate) use stamped::{earliest, latest, stamp, stamp_first};
pub use time::{Span, Timestamp};
pub use usage::Usage;
