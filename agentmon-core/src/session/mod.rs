//! The session state machine: evidence in, verdict out. Pure: no I/O, no clock (see `docs/state.md`).

mod classify;
mod evidence;
mod ledger;
mod policy;
mod reason;
mod reduce;
mod state;

pub use classify::classify;
pub use evidence::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};
pub use ledger::Ledger;
pub use policy::{AgentPolicy, Authority, StatePolicy};
pub use reason::Reason;
pub use reduce::{Blocked, Change, Input, Session, Transition};
pub use state::{Confidence, EvidenceRef, Liveness, State, Verdict};
