//! What the store keeps of gateways and of what is said through them. [`crate::gateways`] does the rest.

use std::collections::HashMap;
use std::path::PathBuf;

use super::Monitor;
use crate::Error;
use crate::gateways::{ChatMessage, GatewayEntry, GatewayStatus, MessageState, NewMessage};
use crate::model::Timestamp;
use crate::source::openclaw::gateway::talk::Said;
use crate::store::sqlite;

impl Monitor {
    /// The folder of agentmon's own files; `None` where nothing is kept.
    #[must_use]
    pub fn data_dir(&self) -> Option<PathBuf> {
        self.inner
            .path
            .as_ref()
            .and_then(|path| path.parent())
            .map(PathBuf::from)
    }

    /// Gateways that were added while running.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn gateway_entries(&self) -> Result<Vec<GatewayEntry>, Error> {
        self.inner.read(sqlite::gateways)
    }

    /// How gateways fared when that last changed, by their ids.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn gateway_statuses(&self) -> Result<HashMap<Box<str>, GatewayStatus>, Error> {
        self.inner.read(sqlite::gateway_statuses)
    }

    /// The latest messages of a conversation, the oldest first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn chat_history(
        &self,
        gateway: &str,
        session_key: &str,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<ChatMessage>, Error> {
        self.inner.read(|connection| {
            sqlite::chat_history(connection, gateway, session_key, before, limit)
        })
    }

    pub(crate) fn open_chat_messages(
        &self,
        gateway: &str,
    ) -> Result<Vec<(String, ChatMessage)>, Error> {
        self.inner
            .read(|connection| sqlite::open_messages(connection, gateway))
    }

    pub(crate) fn gateway_progress(
        &self,
        gateway: &str,
    ) -> Result<HashMap<String, Timestamp>, Error> {
        self.inner
            .read(|connection| sqlite::gateway_progress(connection, gateway))
    }

    pub(crate) fn put_gateway(&self, entry: &GatewayEntry) -> Result<(), Error> {
        let now = self.now();
        self.write(|writer| writer.put_gateway(entry, now))
    }

    pub(crate) fn remove_gateway(&self, id: &str) -> Result<(), Error> {
        self.write(|writer| writer.remove_gateway(id))
    }

    pub(crate) fn set_gateway_status(&self, id: &str, status: &GatewayStatus) -> Result<(), Error> {
        self.write(|writer| writer.set_gateway_status(id, status))
    }

    pub(crate) fn set_gateway_progress(
        &self,
        id: &str,
        read: &[(String, Timestamp)],
    ) -> Result<(), Error> {
        self.write(|writer| writer.set_gateway_progress(id, read))
    }

    pub(crate) fn add_chat_message(
        &self,
        gateway: &str,
        session_key: &str,
        message: &NewMessage,
    ) -> Result<ChatMessage, Error> {
        self.write(|writer| writer.add_chat_message(gateway, session_key, message))
    }

    pub(crate) fn settle_chat_message(
        &self,
        id: i64,
        state: MessageState,
        error: Option<&str>,
    ) -> Result<(), Error> {
        self.write(|writer| writer.settle_chat_message(id, state, error))
    }

    pub(crate) fn set_chat_run(&self, id: i64, run: &str) -> Result<(), Error> {
        self.write(|writer| writer.set_chat_run(id, run))
    }

    pub(crate) fn merge_chat(
        &self,
        gateway: &str,
        session_key: &str,
        said: &[Said],
    ) -> Result<usize, Error> {
        self.write(|writer| writer.merge_chat(gateway, session_key, said))
    }
}
