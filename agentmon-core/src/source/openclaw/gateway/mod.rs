//! OpenClaw's gateway, live over a WebSocket: the one program that runs the sessions, and can be talked to.
//!
//! Everything here is pure (bytes and times in, bytes and observations out) but [`socket`], which holds the connection.
//! Protocols 3 (Clawdbot, OpenClaw up to 2026.5.7) and 4 are spoken with one connect request; where they differ,
//! [`handshake::Hello::protocol`] decides. What `crate::gateways` does with a connection (who is watched, who chats,
//! what is stored) is not known here.

pub mod device;
pub mod frame;
pub mod handshake;
pub mod link;
pub mod observe;
pub mod pace;

pub mod requests;
pub mod socket;
pub mod talk;
pub mod thinking;
