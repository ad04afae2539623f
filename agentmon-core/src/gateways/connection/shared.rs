//! What the task of a gateway tells everybody.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::gateways::chat::Chats;
use crate::source::openclaw::gateway::handshake::Hello;

/// What everybody may know of a gateway.
#[derive(Debug)]
pub(in crate::gateways) struct Shared {
    pub(in crate::gateways) id: Box<str>,
    pub(in crate::gateways) chats: Arc<Chats>,
    known: Mutex<Known>,
}

/// What was told last.
#[derive(Debug, Clone, Default)]
pub(in crate::gateways) struct Known {
    pub(in crate::gateways) hello: Option<Arc<Hello>>,
    /// The agent that is meant where none is named, also while it is not connected.
    pub(in crate::gateways) default_agent: Option<Box<str>>,
    pub(in crate::gateways) note: String,
    pub(in crate::gateways) agents: Option<Value>,
    pub(in crate::gateways) models: Option<Value>,
    pub(in crate::gateways) default_model: Option<String>,
}

impl Shared {
    pub(in crate::gateways) fn new(id: &str) -> Arc<Self> {
        Arc::new(Self {
            id: id.into(),
            chats: Chats::new(id),
            known: Mutex::default(),
        })
    }

    pub(in crate::gateways) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
