//! Live streams: rendered once, sent to many.

mod frame;
mod hub;
pub(crate) mod live;
mod sse;

pub(crate) use hub::{Hub, run};
pub(crate) use sse::{Interest, open};
