//! OpenClaw gateways: which there are, one connection to each, what is watched through it and who chats.
//!
//! ```text
//!  configuration, added ones ─> Gateways ─> one task for each ── socket ── gateway
//!                                              │ Link (pure): requests, silence, attempts
//!                                              │ Observer (pure) ─> Batch ─> the store's queue
//!                                              │ Chats ─> viewers (any number), and the recorder ─> store
//!  viewers, commands ─> Gateways ─> bounded queue ─┘
//! ```
//!
//! The protocol is [`crate::source::openclaw::gateway`]. Here are tasks, queues and the store. A task reads no more from its
//! socket while too much waits to be stored; a viewer that is slow is told so and shown the present anew.

mod chat;
mod connection;
mod entry;
mod manager;
mod recorder;
mod secrets;
mod talk;
mod transcripts;

pub use chat::{ChatFrame, ChatStream};
pub use entry::{
    ChatMessage, GatewayChange, GatewayEntry, GatewayError, GatewayStatus, GatewayView,
    MessageState, NewGateway, NewMessage, Sent,
};
pub use manager::Gateways;
pub use secrets::SecretsError;
