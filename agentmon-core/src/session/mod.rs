//! The session state machine: evidence in, verdict out. Pure: no I/O, no clock (see `docs/state.md`).

mod attention;
mod classify;
mod evidence;
mod family;
mod intake;
mod ledger;
mod machine;
mod pending;
mod phase;
mod policy;
mod reason;
mod reduce;
mod standing;
mod state;
mod turn;
pub mod vocabulary;

pub use attention::{Attention, Blocked};
pub use classify::classify;
#[cfg(feature = "monitor")]
pub(crate) use ledger::compare as in_order;

pub use evidence::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};
pub use policy::{AgentPolicy, Authority, StatePolicy};
pub use reason::Reason;
pub use reduce::{Change, Input, Session, Transition};
pub use state::{Confidence, EvidenceRef, Liveness, State, Verdict};
