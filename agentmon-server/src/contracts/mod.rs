//! The APIs of other systems, whose clients work with agentmon: one module for each, over the same questions to the core.

pub(crate) mod dashboard_api;
pub(crate) mod events_api;
pub(crate) mod gateways;
pub(crate) mod hooks;
pub(crate) mod news;
pub(crate) mod otlp;
pub(crate) mod sessions_api;
mod socket;
pub(crate) mod webhooks;
