//! What is said to agents and by them, where somebody looks on: stored first, then told.

use serde_json::{Value, json};

use super::{Connection, FATES_EVERY, Shared, TAKING_UP, Ticket};
use crate::Monitor;
use crate::gateways::chat::{Approval, Ended};
use crate::gateways::entry::{ChatMessage, MessageState, NewMessage};
use crate::model::Timestamp;
use crate::source::openclaw::gateway::frame::Payload;
use crate::source::openclaw::gateway::talk::{ChatEvent, Conversation, Fate, Move, Role, Said};

impl Connection {
    /// Takes a part of a conversation in that somebody looks at.
    pub(super) async fn merge_if_open(&mut self, address: &str, payload: Payload<'_>) {
        if self.shared.chats.is_open(address) {
            self.merge(address, Conversation::read(payload).said).await;
        }
    }

    pub(super) async fn merge(&mut self, address: &str, said: Vec<Said>) {
        let (shared, address) = (self.shared.clone(), address.to_owned());
        self.recorder
            .write(
                move |monitor| match monitor.merge_chat(&shared.id, &address, &said) {
                    Ok(0) => {}
                    Ok(added) => shared
                        .chats
                        .tell("changed", &address, json!({"added": added})),
                    Err(error) => tracing::warn!(%error, "cannot store a conversation"),
                },
            )
            .await;
    }

    /// What happens in conversations that somebody looks at.
    pub(super) async fn chat_event(&mut self, name: &str, payload: Payload<'_>, now: Timestamp) {
        match name {
            "chat" => {
                if let Some(event) = ChatEvent::read(payload) {
                    let address = self.address_of(&event.session_key);
                    if let Some(ended) = self.shared.chats.event(&address, &event) {
                        self.store_end(ended, now).await;
                    }
                }
            }
            "session.message" => {
                let value = payload.value();
                let address = self.address_of(value["sessionKey"].as_str().unwrap_or_default());
                if self.shared.chats.is_open(&address)
                    && let Some(said) = Said::told(payload)
                {
                    self.merge(&address, vec![said]).await;
                }
            }
            "exec.approval.requested" => {
                if let Some(approval) = self.approval(&payload.value()) {
                    self.shared.chats.asked(approval);
                }
            }
            "exec.approval.resolved" => {
                let value = payload.value();
                let body = json!({"approvalId": value["id"], "decision": value["decision"]});
                let key = value["request"]["sessionKey"].as_str();
                let address = key.map(|key| self.address_of(key));
                let id = value["id"].as_str().unwrap_or_default();
                self.shared.chats.resolved(id, address.as_deref(), &body);
            }
            _ => {}
        }
    }

    /// A request for approval, as events and lists have it.
    fn approval(&self, value: &Value) -> Option<Approval> {
        let request = &value["request"];
        let body = json!({
            "approvalId": value["id"], "command": request["command"], "cwd": request["cwd"],
            "decisions": request["allowedDecisions"], "expiresAtMs": value["expiresAtMs"],
        });
        Some(Approval {
            id: value["id"].as_str()?.into(),
            address: self.address_of(request["sessionKey"].as_str()?).into(),
            expires: value["expiresAtMs"].as_i64().map(Timestamp),
            body,
        })
    }

    /// The requests for approval that wait, after a break.
    pub(super) fn waiting(&self, payload: Payload<'_>) {
        let value = payload.value();
        let listed = value.as_array().into_iter().flatten();
        let listed = listed.filter_map(|value| self.approval(value)).collect();
        self.shared.chats.waiting(listed);
    }

    pub(super) fn address_of(&self, key: &str) -> String {
        let known = self.shared.known();
        crate::source::openclaw::address(key, known.default_agent.as_deref().unwrap_or("main"))
    }

    /// Stores how a run ended, then tells it.
    pub(super) async fn store_end(&mut self, ended: Ended, now: Timestamp) {
        let shared = self.shared.clone();
        self.recorder
            .write(move |monitor| store_end(monitor, &shared, &ended, now))
            .await;
    }

    /// Asks what became of messages that were sent from here and have no answer.
    pub(super) async fn ask_fates(&mut self) {
        let mut addresses: Vec<_> = self
            .shared
            .chats
            .unfinished()
            .into_iter()
            .map(|(_, address, _)| address)
            .collect();
        addresses.sort();
        addresses.dedup();
        for address in addresses {
            let params = json!({"sessionKey": address, "limit": 50});
            self.ask(Ticket::Fates(address), "chat.history", &params)
                .await;
        }
    }

    pub(super) async fn fates(&mut self, address: &str, payload: Payload<'_>, now: Timestamp) {
        let conversation = Conversation::read(payload);
        let started = self.started;
        // It may still take up runs that were cut off.
        let is_young = started.is_some_and(|started| now - started < TAKING_UP);
        let mut over = Vec::new();
        for (run, known, own) in self.shared.chats.unfinished() {
            if *known != *address {
                continue;
            }
            let restarted = started.is_some_and(|started| started > own.at);
            let end = match conversation.fate(&run, Some((&own.text, own.at)), restarted) {
                Fate::Running(text) => {
                    if let Some(text) = text {
                        self.shared.chats.grow(&run, &text);
                    }
                    self.fates_at = Some(self.tick() + FATES_EVERY);
                    continue;
                }
                Fate::Unknown => {
                    self.fates_at = Some(self.tick() + FATES_EVERY);
                    continue;
                }
                Fate::Done(text) => Move::Final(text),
                Fate::Aborted(text) => Move::Aborted(text),
                Fate::Failed(_) if is_young => {
                    self.fates_at = Some(self.tick() + FATES_EVERY);
                    continue;
                }
                Fate::Failed(words) => Move::Error(words),
            };
            if let Some(ended) = self.shared.chats.end(&run, end) {
                over.push(ended);
            }
        }
        // The answers are in the history: they are stored as the gateway keeps them.
        self.merge(address, conversation.said).await;
        for ended in over {
            let shared = self.shared.clone();
            self.recorder
                .write(move |monitor| settle(monitor, &shared, &ended, None))
                .await;
        }
    }
}

/// Stores the answer of a run and what became of its question, and tells both.
pub(in crate::gateways) fn store_end(
    monitor: &Monitor,
    shared: &Shared,
    ended: &Ended,
    now: Timestamp,
) {
    let (text, state) = match &ended.end {
        Move::Final(text) => (text.as_str(), MessageState::Sent),
        Move::Aborted(text) => (text.as_str(), MessageState::Aborted),
        Move::Error(_) | Move::Said { .. } => ("", MessageState::Failed),
    };
    let message = NewMessage {
        at: now,
        role: Role::Assistant,
        text: text.to_owned(),
        run: Some(ended.run.to_string()),
        state,
        error: None,
    };
    let stored = (!text.trim().is_empty())
        .then(|| monitor.add_chat_message(&shared.id, &ended.address, &message));
    let stored = stored.transpose();
    let stored = stored.unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot store an answer");
        None
    });
    settle(monitor, shared, ended, stored.as_ref());
}

/// Notes what became of the message that began a run, then tells how the run ended.
fn settle(monitor: &Monitor, shared: &Shared, ended: &Ended, stored: Option<&ChatMessage>) {
    if let Some(own) = &ended.own {
        let (state, error) = match &ended.end {
            Move::Error(words) => (MessageState::Failed, Some(&**words)),
            _ => (MessageState::Sent, None),
        };
        if let Err(error) = monitor.settle_chat_message(own.id, state, error) {
            tracing::warn!(%error, "cannot note what became of a message");
        }
    }
    shared.chats.tell_end(ended, stored);
}
