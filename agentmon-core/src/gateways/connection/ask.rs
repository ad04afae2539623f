//! What is asked of a gateway by itself, and what becomes of the answers.

use std::path::Path;

use serde_json::json;

use super::{Connection, LIST_EVERY, LIST_SOON, ROWS, Ticket};
use crate::gateways::transcripts::Progress;
use crate::model::{SessionKey, Timestamp};
use crate::source::openclaw::gateway::frame::Payload;
use crate::source::openclaw::gateway::handshake::Hello;
use crate::source::openclaw::gateway::observe::Wishes;

impl Connection {
    /// The gateway let agentmon in: everything that may have changed is asked for.
    pub(super) async fn up(&mut self, hello: &Hello, now: Timestamp) {
        self.lost_at = None;
        self.started = hello.uptime.map(|uptime| now - uptime);
        self.observer
            .connected(hello.protocol, self.started, now, &mut self.batch);
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

    pub(super) async fn ask_metadata(&mut self) {
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

    pub(super) async fn wish(&mut self, wishes: Wishes) {
        if wishes.list {
            let soon = self.tick() + LIST_SOON;
            let (at, after_gap) = self.list_at.unwrap_or((soon, false));
            self.list_at = Some((at.min(soon), after_gap));
        }
        if let Some(address) = wishes.transcript {
            self.transcripts.want(&address);
            let unfinished = self.shared.chats.unfinished();
            if unfinished.iter().any(|(_, known, _)| *known == address) {
                // Another run has ended: it may have been this one, taken up under another name.
                self.fates_at = Some(self.tick() + LIST_SOON);
            }
        }
        if wishes.metadata {
            self.ask_metadata().await;
        }
    }

    pub(super) async fn answered(&mut self, ticket: Ticket, payload: Payload<'_>, now: Timestamp) {
        match ticket {
            // Whoever asked may be gone.
            Ticket::Caller(answer) => drop(answer.send(Ok(payload.get().to_owned()))),
            Ticket::List { after_gap, rows } => self.listed(payload, after_gap, rows, now).await,
            Ticket::Approvals => {
                self.waiting(payload);
                let wishes = self.observer.approvals(payload, now, &mut self.batch);
                self.wish(wishes).await;
            }
            Ticket::Agents => self.shared.known().agents = Some(payload.value()),
            Ticket::Models => self.shared.known().models = Some(payload.value()["models"].take()),
            Ticket::Transcript(address) => self.transcript(&address, payload).await,
            Ticket::Fates(address) => self.fates(&address, payload, now).await,
        }
    }

    pub(super) async fn listed(
        &mut self,
        payload: Payload<'_>,
        after_gap: bool,
        before: u64,
        now: Timestamp,
    ) {
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

    pub(super) fn default_model(&self, payload: Payload<'_>) {
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

    pub(super) async fn transcript(&mut self, address: &str, payload: Payload<'_>) {
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
