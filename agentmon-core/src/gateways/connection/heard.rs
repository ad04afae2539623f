//! What a gateway tells, unasked and in its answers, and what is asked next because of it.

use std::path::Path;

use serde_json::json;

use super::super::chat::Ended;
use super::super::transcripts::Progress;
use super::{Connection, FATES_EVERY, LIST_EVERY, LIST_SOON, ROWS, Ticket, store_end};
use crate::model::{SessionKey, Timestamp};
use crate::source::openclaw::gateway::frame::Payload;
use crate::source::openclaw::gateway::handshake::Hello;
use crate::source::openclaw::gateway::link::Message;
use crate::source::openclaw::gateway::observe::Wishes;
use crate::source::openclaw::gateway::talk::{ChatEvent, Conversation, Fate, Move, Said};

impl Connection {
    /// A frame has come.
    pub(super) async fn heard(&mut self, text: &[u8]) {
        let (tick, now) = (self.tick(), self.monitor.now());
        let mut effects = Vec::new();
        match self.link.received(text, tick, &mut effects) {
            None => {}
            Some(Message::Up(hello)) => {
                Box::pin(self.act(std::mem::take(&mut effects))).await;
                self.up(&hello, now).await;
            }
            Some(Message::Event {
                name,
                payload,
                missed,
            }) => {
                if missed {
                    tracing::info!(gateway = &*self.shared.id, "the gateway left out events");
                    self.list_at = Some((tick + LIST_SOON, true));
                    self.fates_at = Some(tick + LIST_SOON);
                }
                self.chat_event(&name, payload, now).await;
                let wishes = self.observer.event(&name, payload, now, &mut self.batch);
                self.wish(wishes).await;
            }
            Some(Message::Answer { ticket, outcome }) => match outcome {
                Ok(payload) => self.answered(ticket, payload, now).await,
                Err(error) => self.failed(ticket, &error).await,
            },
        }
        Box::pin(self.act(effects)).await;
    }

    /// The gateway let agentmon in: everything that may have changed is asked for.
    async fn up(&mut self, hello: &Hello, now: Timestamp) {
        self.lost_at = None;
        let started = hello.uptime.map(|uptime| now - uptime);
        self.observer
            .connected(hello.protocol, started, now, &mut self.batch);
        if hello.protocol >= 4 {
            let params = json!({"limit": ROWS, "includeDerivedTitles": true});
            let ticket = Ticket::List {
                after_gap: true,
                rows: 0,
            };
            self.ask(ticket, "sessions.subscribe", &params).await;
        } else {
            self.list(true, 0).await;
        }
        if hello.has_scope("operator.approvals") {
            self.ask(Ticket::Approvals, "exec.approval.list", &json!({}))
                .await;
        }
        self.ask_metadata().await;
        self.ask_fates().await;
    }

    async fn ask_metadata(&mut self) {
        self.ask(Ticket::Agents, "agents.list", &json!({})).await;
        self.ask(Ticket::Models, "models.list", &json!({})).await;
    }

    pub(super) async fn list(&mut self, after_gap: bool, offset: u64) {
        self.list_at = None;
        let mut params = json!({"limit": ROWS});
        if offset > 0 {
            params["offset"] = offset.into();
        }
        let ticket = Ticket::List {
            after_gap,
            rows: offset,
        };
        self.ask(ticket, "sessions.list", &params).await;
    }

    async fn wish(&mut self, wishes: Wishes) {
        if wishes.list {
            let soon = self.tick() + LIST_SOON;
            let (at, after_gap) = self.list_at.unwrap_or((soon, false));
            self.list_at = Some((at.min(soon), after_gap));
        }
        if let Some(address) = wishes.transcript {
            self.transcripts.want(&address);
        }
        if wishes.metadata {
            self.ask_metadata().await;
        }
    }

    async fn answered(&mut self, ticket: Ticket, payload: Payload<'_>, now: Timestamp) {
        match ticket {
            // Whoever asked may be gone.
            Ticket::Caller(answer) => drop(answer.send(Ok(payload.get().to_owned()))),
            Ticket::List { after_gap, rows } => self.listed(payload, after_gap, rows, now).await,
            Ticket::Approvals => {
                let wishes = self.observer.approvals(payload, now, &mut self.batch);
                self.wish(wishes).await;
            }
            Ticket::Agents => self.shared.known().agents = Some(payload.value()),
            Ticket::Models => self.shared.known().models = Some(payload.value()["models"].take()),
            Ticket::Transcript(address) => self.transcript(&address, payload).await,
            Ticket::Fates(address) => self.fates(&address, payload, now).await,
        }
    }

    async fn listed(&mut self, payload: Payload<'_>, after_gap: bool, before: u64, now: Timestamp) {
        let listed = self
            .observer
            .listed(payload, after_gap, now, &mut self.batch);
        let is_subscription =
            before == 0 && payload.get().len() < 256 && payload.value()["list"].is_null();
        if is_subscription && payload.value()["subscribed"] == true {
            // This version subscribes without listing.
            return self.list(after_gap, 0).await;
        }
        if before == 0 {
            self.default_model(payload);
        }
        for (address, key, updated) in self.observer.sessions() {
            self.transcripts
                .listed(address, &key.native_id, updated, now);
        }
        match listed.next_offset {
            Some(offset) if offset > before && offset < 5000 => self.list(after_gap, offset).await,
            _ => {
                let is_old = self.link.hello().is_some_and(|hello| hello.protocol < 4);
                let every = if is_old { LIST_EVERY[0] } else { LIST_EVERY[1] };
                self.list_at = Some((self.tick() + every, false));
            }
        }
    }

    fn default_model(&self, payload: Payload<'_>) {
        let value = payload.value();
        let list = if value["list"].is_object() {
            &value["list"]
        } else {
            &value
        };
        let defaults = &list["defaults"];
        if let Some(model) = defaults["model"].as_str() {
            let provider = defaults["modelProvider"].as_str();
            let name = provider.map_or_else(
                || model.to_owned(),
                |provider| format!("{provider}/{model}"),
            );
            self.shared.known().default_model = Some(name);
        }
    }

    pub(super) async fn read_next(&mut self) {
        let protocol = self.link.hello().map_or(4, |hello| hello.protocol);
        let Self {
            transcripts,
            observer,
            ..
        } = self;
        let next = transcripts.next(protocol, |address| {
            let known = observer.sessions().find(|(known, ..)| *known == address);
            known.map(|(_, key, updated)| (key.native_id.to_string(), updated))
        });
        if let Some((address, params)) = next {
            self.ask(Ticket::Transcript(address), "chat.history", &params)
                .await;
        }
    }

    async fn transcript(&mut self, address: &str, payload: Payload<'_>) {
        let hello = self.link.hello().cloned();
        let protocol = hello.as_ref().map_or(4, |hello| hello.protocol);
        let session = self.observer.session(address).cloned();
        // Its entries have no identities: what is read from disk would be told twice.
        let is_read_here = protocol < 4
            && hello
                .zip(session)
                .is_some_and(|(hello, key)| is_on_disk(&hello, &key));
        let part = self
            .observer
            .history(address, payload, !is_read_here, &mut self.batch);
        self.merge_if_open(address, payload).await;
        match self.transcripts.read(Some(part), protocol) {
            Progress::Next(address, params) => {
                self.ask(Ticket::Transcript(address), "chat.history", &params)
                    .await;
            }
            Progress::Done(session, read_to) => self.read.push((session, read_to)),
            Progress::None => {}
        }
    }

    /// Takes a part of a conversation in that somebody looks at.
    async fn merge_if_open(&mut self, address: &str, payload: Payload<'_>) {
        if self.shared.chats.is_open(address) {
            self.merge(address, Conversation::read(payload).said).await;
        }
    }

    async fn merge(&mut self, address: &str, said: Vec<Said>) {
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
    async fn chat_event(&mut self, name: &str, payload: Payload<'_>, now: Timestamp) {
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
                let value = payload.value();
                let request = &value["request"];
                let address = self.address_of(request["sessionKey"].as_str().unwrap_or_default());
                let body = json!({
                    "approvalId": value["id"], "command": request["command"], "cwd": request["cwd"],
                    "decisions": request["allowedDecisions"], "expiresAtMs": value["expiresAtMs"],
                });
                self.shared.chats.tell("approval", &address, body);
            }
            "exec.approval.resolved" => {
                let value = payload.value();
                let body = json!({"approvalId": value["id"], "decision": value["decision"]});
                match value["request"]["sessionKey"].as_str() {
                    Some(key) => {
                        self.shared
                            .chats
                            .tell("approval_resolved", &self.address_of(key), body)
                    }
                    None => self.shared.chats.tell_all("approval_resolved", &body),
                }
            }
            _ => {}
        }
    }

    fn address_of(&self, key: &str) -> String {
        let known = self.shared.known();
        crate::source::openclaw::address(key, known.default_agent.as_deref().unwrap_or("main"))
    }

    /// Stores how a run ended, then tells it.
    async fn store_end(&mut self, ended: Ended, now: Timestamp) {
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

    async fn fates(&mut self, address: &str, payload: Payload<'_>, now: Timestamp) {
        let conversation = Conversation::read(payload);
        let started = self
            .link
            .hello()
            .and_then(|hello| hello.uptime)
            .map(|uptime| now - uptime);
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
                Fate::Failed(words) => Move::Error(words),
            };
            if let Some(ended) = self.shared.chats.end(&run, end) {
                self.store_end(ended, now).await;
            }
        }
        self.merge(address, conversation.said).await;
    }
}

/// Whether the file of a session's transcript is here, where it is read too.
fn is_on_disk(hello: &Hello, key: &SessionKey) -> bool {
    let (Some(folder), Some((agent, session))) = (&hello.state_dir, key.native_id.split_once('/'))
    else {
        return false;
    };
    let is_plain = |part: &str| !part.contains(['/', '\\']) && !part.starts_with('.');
    is_plain(agent)
        && is_plain(session)
        && Path::new(&**folder)
            .join("agents")
            .join(agent)
            .join("sessions")
            .join(format!("{session}.jsonl"))
            .exists()
}
