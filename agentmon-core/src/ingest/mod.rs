//! The way into the store for what others send: validation by contract, enrichment, and the bounded queue to the
//! writer. Files take a way of their own (`source`).

pub mod events_api;
mod figures;
mod json;
pub mod manual;
mod metadata;
pub mod project;
pub mod queue;
pub mod stated;
pub mod statusline;

pub use events_api::PostedEvent;
pub use figures::IngestFigures;
pub use queue::{IngestError, Pending};

use crate::model::Batch;

/// What somebody hands over to be stored, all of it or nothing.
#[derive(Debug)]
pub enum Delivery {
    /// What a protocol's adapter made of a message: hooks, OpenTelemetry.
    Observed(Box<Batch>),
    /// Events posted to the events API.
    Posted(Vec<PostedEvent>),
}

/// What became of a delivery. It is committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// The rows of its events that were new, in their order.
    pub ids: Vec<i64>,
    /// How many of its events were known already.
    pub duplicates: u64,
}
