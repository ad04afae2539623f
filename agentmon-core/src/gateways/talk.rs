//! What is done with gateways once they are connected: asking what they offer, looking on, talking.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::chat::{ChatStream, Own};
use super::connection::{Command, Shared, store_end};
use super::entry::{ChatMessage, GatewayError, MessageState, NewMessage, Sent};
use super::manager::{Gateways, find};
use crate::Monitor;
use crate::source::openclaw;
use crate::source::openclaw::gateway::frame::Payload;
use crate::source::openclaw::gateway::requests::RequestError;
use crate::source::openclaw::gateway::talk::{Conversation, Move, Role};

/// Longest message, in bytes: half of what the strictest gateway takes in a frame.
const MAX_MESSAGE: usize = 256 * 1024;
/// Messages that are asked of a gateway for a conversation.
const SYNC: usize = 200;

/// How often a message is offered again that the gateway could not take at the moment, and how long it is waited first.
const RETRIES: u32 = 5;
const RETRY: Duration = Duration::from_millis(300);

impl Gateways {
    /// Asks a gateway something that is not done here otherwise. The answer is JSON text.
    async fn ask(
        &self,
        id: &str,
        method: &'static str,
        params: Value,
    ) -> Result<String, GatewayError> {
        let commands = {
            let state = self.state();
            let running = find(&state, id)?.running.as_ref();
            running
                .map(|running| running.commands.clone())
                .ok_or(RequestError::NotConnected)?
        };
        let (answer, waits) = oneshot::channel();
        let command = Command::Ask {
            method,
            params,
            answer,
        };
        commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => GatewayError::Request(RequestError::Busy),
            mpsc::error::TrySendError::Closed(_) => GatewayError::Stopped,
        })?;
        Ok(waits.await.map_err(|_| GatewayError::Stopped)??)
    }

    fn shared(&self, id: &str) -> Result<Arc<Shared>, GatewayError> {
        let state = self.state();
        Ok(find(&state, id)?.shared.clone())
    }

    /// The session key in full that `key` stands for.
    fn address(shared: &Shared, key: &str) -> Result<String, GatewayError> {
        let key = key.trim();
        if key.is_empty() || key.len() > 512 || key.chars().any(char::is_control) {
            return Err(GatewayError::Invalid(
                "a session key has 1 to 512 characters",
            ));
        }
        let known = shared.known();
        Ok(openclaw::address(
            key,
            known.default_agent.as_deref().unwrap_or("main"),
        ))
    }

    /// The agents of a gateway, as it lists them.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn agents(&self, id: &str) -> Result<Value, GatewayError> {
        let shared = self.shared(id)?;
        let kept = shared.known().agents.clone();
        let mut value = match kept {
            Some(kept) => kept,
            None => Payload::of(&self.ask(id, "agents.list", json!({})).await?).value(),
        };
        Ok(json!({"agents": value["agents"].take(), "defaultAgentId": value["defaultId"].take()}))
    }

    /// The models of a gateway, as it lists them, and the one that is used where none is chosen.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn models(&self, id: &str) -> Result<Value, GatewayError> {
        let shared = self.shared(id)?;
        let (kept, default) = {
            let known = shared.known();
            (known.models.clone(), known.default_model.clone())
        };
        let models = match kept {
            Some(kept) => kept,
            None => {
                Payload::of(&self.ask(id, "models.list", json!({})).await?).value()["models"].take()
            }
        };
        Ok(json!({"models": models, "defaultModel": default}))
    }

    /// The sessions of a gateway, as it lists them, the one active most lately first.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn sessions(&self, id: &str, limit: u64) -> Result<Value, GatewayError> {
        const FIELDS: [&str; 20] = [
            "key",
            "agentId",
            "sessionId",
            "kind",
            "status",
            "hasActiveRun",
            "updatedAt",
            "startedAt",
            "endedAt",
            "label",
            "displayName",
            "derivedTitle",
            "modelProvider",
            "model",
            "totalTokens",
            "contextTokens",
            "spawnedBy",
            "channel",
            "abortedLastRun",
            "lastRunError",
        ];
        let answer = self
            .ask(id, "sessions.list", json!({"limit": limit}))
            .await?;
        let value = Payload::of(&answer).value();
        let rows = value["sessions"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let row = |row: &Value| {
            let fields = FIELDS
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), row.get(*name)?.clone())));
            Value::Object(fields.collect())
        };
        let sessions: Vec<Value> = rows.iter().map(row).collect();
        Ok(
            json!({"sessions": sessions, "total": value.get("totalCount").unwrap_or(&value["count"])}),
        )
    }

    /// Looks on at a conversation.
    ///
    /// # Errors
    /// [`GatewayError::Unknown`].
    pub fn watch(&self, id: &str, session_key: &str) -> Result<ChatStream, GatewayError> {
        let shared = self.shared(id)?;
        let address = Self::address(&shared, session_key)?;
        Ok(shared.chats.watch(&address, self.inner.monitor.now()))
    }

    /// The latest messages of a conversation as they are stored, the oldest first; with `sync`, after asking the gateway
    /// for what is missing.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn history(
        &self,
        id: &str,
        session_key: &str,
        before: Option<i64>,
        limit: usize,
        sync: bool,
    ) -> Result<Vec<ChatMessage>, GatewayError> {
        let shared = self.shared(id)?;
        let address = Self::address(&shared, session_key)?;
        if sync {
            let params = json!({"sessionKey": address, "limit": SYNC});
            let answer = self.ask(id, "chat.history", params).await?;
            let said = Conversation::read(Payload::of(&answer)).said;
            let (id, address) = (id.to_owned(), address.clone());
            self.blocking(move |monitor| monitor.merge_chat(&id, &address, &said))
                .await?;
        }
        let id = id.to_owned();
        self.blocking(move |monitor| monitor.chat_history(&id, &address, before, limit))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Monitor) -> Result<T, crate::Error> + Send + 'static,
    ) -> Result<T, GatewayError> {
        let monitor = self.inner.monitor.clone();
        let done = tokio::task::spawn_blocking(move || work(&monitor)).await;
        Ok(done.map_err(|_| GatewayError::Stopped)??)
    }

    /// Says something to an agent: stores it, then sends it. What it answers is told to those who look on.
    ///
    /// # Errors
    /// [`GatewayError`]. A message that was refused, or could not be sent, is stored as failed.
    pub async fn send(
        &self,
        id: &str,
        session_key: &str,
        text: &str,
    ) -> Result<Sent, GatewayError> {
        if text.trim().is_empty() || text.len() > MAX_MESSAGE {
            return Err(GatewayError::Invalid(
                "a message has 1 byte to 256 KiB of text",
            ));
        }
        let shared = self.shared(id)?;
        let address = Self::address(&shared, session_key)?;
        let run = new_run()?;
        let new = NewMessage {
            at: self.inner.monitor.now(),
            role: Role::User,
            text: text.to_owned(),
            run: Some(run.clone()),
            state: MessageState::Pending,
            error: None,
        };
        let stored = {
            let (id, address) = (id.to_owned(), address.clone());
            self.blocking(move |monitor| monitor.add_chat_message(&id, &address, &new))
                .await?
        };
        let own = Own {
            id: stored.id,
            text: stored.text.clone(),
            at: stored.at,
        };
        shared.chats.begin(&address, &run, own);
        shared
            .chats
            .tell("message", &address, json!({"message": stored}));
        let sent = Sent {
            run,
            session_key: address,
            message: stored,
        };
        // Whoever asked may go away: what becomes of the message is noted all the same.
        let (this, id) = (self.clone(), id.to_owned());
        let delivered = tokio::spawn(async move { this.deliver(&id, &shared, sent).await });
        delivered.await.map_err(|_| GatewayError::Stopped)?
    }

    async fn deliver(
        &self,
        id: &str,
        shared: &Arc<Shared>,
        mut sent: Sent,
    ) -> Result<Sent, GatewayError> {
        let mut params = json!({
            "sessionKey": sent.session_key, "message": sent.message.text, "idempotencyKey": sent.run,
        });
        let mut tries = 0;
        let error = loop {
            match self.ask(id, "chat.send", params.clone()).await {
                Ok(_) => return Ok(sent),
                // It may have arrived: what became of it is asked when the gateway is there again.
                Err(error @ GatewayError::Request(RequestError::Lost | RequestError::Timeout)) => {
                    return Err(error);
                }
                // The session changed meanwhile, or the gateway is starting: it was not taken.
                Err(GatewayError::Request(RequestError::Refused(error)))
                    if &*error.code == "UNAVAILABLE" && tries < RETRIES =>
                {
                    tries += 1;
                    tokio::time::sleep(RETRY * tries).await;
                    self.renew(shared, &mut sent).await?;
                    params["idempotencyKey"] = sent.run.as_str().into();
                }
                Err(error) => break error,
            }
        };
        if let Some(ended) = shared
            .chats
            .end(&sent.run, Move::Error(error.to_string().into()))
        {
            let (shared, now) = (shared.clone(), self.inner.monitor.now());
            self.inner
                .recorder
                .write(move |monitor| store_end(monitor, &shared, &ended, now))
                .await;
        }
        Err(error)
    }

    /// Gives a message that was refused another run: a gateway answers the same refusal to the same one.
    async fn renew(&self, shared: &Arc<Shared>, sent: &mut Sent) -> Result<(), GatewayError> {
        let run = new_run()?;
        let (seq, stored) = (sent.message.id, run.clone());
        self.blocking(move |monitor| monitor.set_chat_run(seq, &stored))
            .await?;
        shared.chats.rename(&sent.run, &run);
        sent.message.run = Some(run.clone());
        sent.run = run;
        Ok(())
    }

    /// Stops a run of a conversation, or all of them. Returns the runs that were stopped.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn abort(
        &self,
        id: &str,
        session_key: &str,
        run: Option<&str>,
    ) -> Result<Vec<String>, GatewayError> {
        let shared = self.shared(id)?;
        let address = Self::address(&shared, session_key)?;
        let mut params = json!({"sessionKey": address});
        if let Some(run) = run {
            params["runId"] = run.into();
        }
        let answer = Payload::of(&self.ask(id, "chat.abort", params).await?).value();
        let runs = answer["runIds"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        Ok(runs
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Answers a request for approval: `allow-once`, `allow-always` or `deny`.
    ///
    /// # Errors
    /// [`GatewayError`].
    pub async fn resolve(
        &self,
        id: &str,
        approval: &str,
        decision: &str,
    ) -> Result<(), GatewayError> {
        if !["allow-once", "allow-always", "deny"].contains(&decision) {
            return Err(GatewayError::Invalid(
                "a decision is allow-once, allow-always or deny",
            ));
        }
        let params = json!({"id": approval, "decision": decision});
        self.ask(id, "exec.approval.resolve", params)
            .await
            .map(drop)
    }
}

/// The id of a new run. The gateway takes it over.
fn new_run() -> Result<String, GatewayError> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|_| super::SecretsError::Random)?;
    let run: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("agentmon-{run}"))
}
