//! Sees every session of every AI coding agent on a machine: what it is doing, why, and what it cost.
//!
//! ```text
//!  files of agents ─> walk ─> read ─> parser ─> Batch ─> store: one transaction ─> updates ─> Monitor::subscribe
//!                                     (pure)             session: state machine
//!                                                        pricing: cost of every call
//!  questions ─> Monitor ─> one consistent reading ─> query: reports and views ─> wire: JSON
//! ```
//!
//! Sources *report*, the state machine *decides*, frontends *show*. Nothing flows back, and nothing is ever written
//! into an agent's folder. [`Monitor`] is the way in:
//!
#![cfg_attr(feature = "monitor", doc = "```")]
#![cfg_attr(not(feature = "monitor"), doc = "```ignore")]
//! # let home = std::env::temp_dir().join("agentmon-doc");
//! use agentmon_core::query::{BoardQuery, RefreshOptions, Zone};
//! use agentmon_core::{Monitor, source::Env};
//!
//! let monitor = Monitor::builder().env(Env::at(home)).in_memory().open()?;
//! monitor.refresh(&RefreshOptions { want_state: true, ..RefreshOptions::default() })?;
//! let board = monitor.board(&BoardQuery::new(Zone::utc()))?;
//! for session in &board.needs_you {
//!     println!("{} waits since {}: {}", session.key, session.since, session.reason);
//! }
//! println!("Today: {}", board.today.cost);
//! # Ok::<(), agentmon_core::Error>(())
//! ```
//!
//! With `default-features = false` only [`model`], [`session`] and [`pricing`] remain: plain functions on plain data.
//! The feature `demo` adds a made-up home folder to try things on.

pub mod model;
pub mod pricing;
pub mod session;

#[cfg(feature = "monitor")]
pub mod alert;
#[cfg(feature = "monitor")]
pub mod clock;
#[cfg(feature = "monitor")]
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
#[cfg(feature = "monitor")]
mod error;
#[cfg(feature = "monitor")]
pub mod gateways;
#[cfg(feature = "monitor")]
pub mod hooks;
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
