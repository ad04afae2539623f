//! Sees every session of every AI coding agent on a machine: what it is doing, why, and what it cost.

pub mod model;
pub mod pricing;
pub mod session;

#[cfg(feature = "monitor")]
pub mod clock;
#[cfg(feature = "monitor")]
pub mod config;
#[cfg(feature = "monitor")]
mod error;
#[cfg(feature = "monitor")]
pub mod ingest;
#[cfg(feature = "monitor")]
pub mod monitor;
#[cfg(feature = "monitor")]
pub mod query;
#[cfg(feature = "monitor")]
pub mod source;
#[cfg(feature = "monitor")]
pub mod store;
#[cfg(feature = "monitor")]
pub mod wire;

#[cfg(feature = "monitor")]
pub use error::Error;
#[cfg(feature = "monitor")]
pub use monitor::{Heard, Monitor, MonitorBuilder, Subscription, Update};
