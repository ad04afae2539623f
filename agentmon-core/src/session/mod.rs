//! The session state machine: evidence in, verdict out. Pure: no I/O, no clock (see `docs/state.md`).

mod evidence;

pub use evidence::{Ask, Evidence, EvidenceSource, LiveStatus, Signal};
