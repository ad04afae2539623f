//! One gateway: the task that keeps its connection, hears what it tells and asks what is to be known.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::chat::{Chats, Ended};
use super::entry::{GatewayStatus, MessageState, NewMessage};
use super::recorder::Recorder;
use super::transcripts::{Progress, Transcripts};
use crate::Monitor;
use crate::ingest::{Delivery, IngestError, Receipt};
use crate::model::{Batch, SessionKey, Span, Timestamp};
use crate::source::openclaw::gateway::frame::Payload;
use crate::source::openclaw::gateway::handshake::Hello;
use crate::source::openclaw::gateway::link::{Effect, Link, Message, Settings, Status};
use crate::source::openclaw::gateway::observe::{Observer, Wishes};
use crate::source::openclaw::gateway::requests::RequestError;
use crate::source::openclaw::gateway::socket::{Address, Socket, dial};
use crate::source::openclaw::gateway::talk::{ChatEvent, Conversation, Fate, Move, Role, Said};

/// Commands that may wait.
pub(super) const MAX_COMMANDS: usize = 256;
/// Observations that may wait to be stored; then nothing more is read from the socket.
const MAX_BATCH: usize = 4000;
/// Observations are stored so often at most: what comes in between goes together.
const PAUSE: Span = Span(50);
/// A gateway that is out of reach for so long makes its sessions unobserved.
const LOST_AFTER: Span = Span::from_secs(10);
/// The list of sessions is asked for so long after something made it necessary.
const LIST_SOON: Span = Span(500);
/// How often it is asked for in any case: protocol 3 does not tell of all changes.
const LIST_EVERY: [Span; 2] = [Span::from_secs(60), Span::from_mins(10)];
/// How often it is asked what became of a run that nothing is heard of.
const FATES_EVERY: Span = Span::from_secs(20);
/// Rows in a list.
const ROWS: u64 = 100;

/// What a task is asked to do.
#[derive(Debug)]
pub(super) enum Command {
    /// A request of the gateway. The answer is JSON text.
    Ask {
        method: &'static str,
        params: Value,
        answer: oneshot::Sender<Result<String, RequestError>>,
    },
    /// To end.
    Stop,
}

/// What everybody may know of a gateway.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) id: Box<str>,
    pub(super) chats: Arc<Chats>,
    known: Mutex<Known>,
}

/// What was told last.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) hello: Option<Arc<Hello>>,
    /// The agent that is meant where none is named, also while it is not connected.
    pub(super) default_agent: Option<Box<str>>,
    pub(super) note: String,
    pub(super) agents: Option<Value>,
    pub(super) models: Option<Value>,
    pub(super) default_model: Option<String>,
}

impl Shared {
    pub(super) fn new(id: &str) -> Arc<Self> {
        Arc::new(Self {
            id: id.into(),
            chats: Chats::new(id),
            known: Mutex::default(),
        })
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who made a request.
#[derive(Debug)]
enum Ticket {
    Caller(oneshot::Sender<Result<String, RequestError>>),
    List { after_gap: bool, rows: u64 },
    Approvals,
    Agents,
    Models,
    Transcript(Box<str>),
    Fates(Box<str>),
}

type Committing = Pin<Box<dyn Future<Output = Result<Receipt, IngestError>> + Send>>;
type Dialing = Pin<Box<dyn Future<Output = Result<Socket, String>> + Send>>;

/// The task's own.
pub(super) struct Connection {
    shared: Arc<Shared>,
    monitor: Monitor,
    recorder: Recorder,
    address: Address,
    begin: Instant,
    link: Link<Ticket>,
    socket: Option<Socket>,
    dialing: Option<Dialing>,
    observer: Observer,
    transcripts: Transcripts,
    batch: Batch,
    committing: Option<Committing>,
    committed_at: Timestamp,
    /// Sessions whose transcripts are in the batch, with how far they are read.
    read: Vec<(String, Timestamp)>,
    list_at: Option<(Timestamp, bool)>,
    fates_at: Option<Timestamp>,
    lost_at: Option<Timestamp>,
}

impl Connection {
    pub(super) fn new(
        shared: Arc<Shared>,
        monitor: Monitor,
        recorder: Recorder,
        address: Address,
        settings: Settings,
        transcripts: Transcripts,
    ) -> Self {
        let mut seed = [0; 8];
        // Without randomness several gateways are dialed at the same time, no more.
        let _ = getrandom::fill(&mut seed);
        Self {
            shared,
            monitor,
            recorder,
            address,
            begin: Instant::now(),
            link: Link::new(settings, u64::from_le_bytes(seed), Timestamp(0)),
            socket: None,
            dialing: None,
            observer: Observer::default(),
            transcripts,
            batch: Batch::default(),
            committing: None,
            committed_at: Timestamp(0),
            read: Vec::new(),
            list_at: None,
            fates_at: None,
            lost_at: None,
        }
    }

    /// Time for the machine: it never goes back.
    fn tick(&self) -> Timestamp {
        Timestamp(self.begin.elapsed().as_millis().min(i64::MAX as u128) as i64)
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            self.pass().await;
            let wait = self.deadline() - self.tick();
            let sleep = tokio::time::sleep(Duration::from_millis(wait.0.max(0) as u64));
            let has_room = self.committing.is_none() || weight(&self.batch) < MAX_BATCH;
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Ask { method, params, answer }) => {
                        self.ask(Ticket::Caller(answer), method, &params).await;
                    }
                    Some(Command::Stop) | None => break,
                },
                dialed = wait_for(&mut self.dialing) => {
                    self.dialing = None;
                    self.dialed(dialed).await;
                }
                heard = hear(&mut self.socket), if has_room => match heard {
                    Ok(text) => self.heard(text.as_bytes()).await,
                    Err(why) => self.closed(&why).await,
                },
                committed = wait_for(&mut self.committing) => {
                    self.committing = None;
                    self.committed(committed).await;
                }
                () = sleep => {}
            }
        }
        self.observer.lost(self.monitor.now(), &mut self.batch);
        self.commit();
        if let Some(committing) = self.committing.take() {
            let stored = committing.await;
            self.committed(stored).await;
        }
        if let Some(socket) = self.socket.take() {
            socket.close(1000, "bye").await;
        }
    }

    fn deadline(&self) -> Timestamp {
        let commit = (!is_empty(&self.batch) && self.committing.is_none())
            .then_some(self.committed_at + PAUSE);
        let list = self
            .list_at
            .map(|(at, _)| at)
            .filter(|_| self.link.hello().is_some());
        let fates = self.fates_at.filter(|_| self.link.hello().is_some());
        let others = [commit, list, fates, self.lost_at];
        others
            .into_iter()
            .flatten()
            .min()
            .map_or(self.link.deadline(), |at| at.min(self.link.deadline()))
    }

    /// Does what is due.
    async fn pass(&mut self) {
        let now = self.tick();
        let mut effects = Vec::new();
        let expired = self.link.wake(now, &mut effects);
        self.give_up(expired, &RequestError::Timeout).await;
        self.act(effects).await;
        if self.lost_at.is_some_and(|at| at <= now) {
            self.lost_at = None;
            self.observer.lost(self.monitor.now(), &mut self.batch);
        }
        if self.link.hello().is_some() {
            if let Some((at, after_gap)) = self.list_at
                && at <= now
            {
                self.list(after_gap, 0).await;
            }
            if self.fates_at.is_some_and(|at| at <= now) {
                self.fates_at = None;
                self.ask_fates().await;
            }
            self.read_next().await;
        }
        if self.committing.is_none() && now >= self.committed_at + PAUSE {
            self.commit();
        }
    }

    /// Offers what was observed to the store.
    fn commit(&mut self) {
        if is_empty(&self.batch) || self.committing.is_some() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        for problem in &batch.problems {
            tracing::debug!(
                gateway = &*self.shared.id,
                detail = &*problem.detail,
                "a frame was not understood"
            );
        }
        self.committed_at = self.tick();
        match self.monitor.offer(Delivery::Observed(Box::new(batch))) {
            Ok(pending) => self.committing = Some(Box::pin(pending.committed())),
            Err(error) => self.not_stored(&error),
        }
    }

    async fn committed(&mut self, result: Result<Receipt, IngestError>) {
        match result {
            Ok(_) if self.read.is_empty() => {}
            Ok(_) => {
                let (id, read) = (self.shared.id.clone(), std::mem::take(&mut self.read));
                self.recorder
                    .write(move |monitor| {
                        if let Err(error) = monitor.set_gateway_progress(&id, &read) {
                            tracing::warn!(%error, "cannot note how far a gateway's transcripts are read");
                        }
                    })
                    .await;
            }
            Err(error) => self.not_stored(&error),
        }
    }

    /// What was lost is asked for again.
    fn not_stored(&mut self, error: &IngestError) {
        tracing::warn!(gateway = &*self.shared.id, %error, "what a gateway told could not be stored");
        self.read.clear();
        self.list_at = Some((self.tick() + LOST_AFTER, true));
    }

    /// Carries out what the machine wants done.
    async fn act(&mut self, effects: Vec<Effect>) {
        let mut queue = std::collections::VecDeque::from(effects);
        while let Some(effect) = queue.pop_front() {
            let mut more = Vec::new();
            match effect {
                Effect::Dial => {
                    let address = self.address.clone();
                    self.dialing = Some(Box::pin(async move { dial(&address).await }));
                }
                Effect::Send(text) => {
                    let sent = match &mut self.socket {
                        Some(socket) => socket.send(text).await,
                        None => continue,
                    };
                    if let Err(why) = sent {
                        self.hang_up(1000, "gone");
                        self.lose(&why, &mut more).await;
                    }
                }
                Effect::HangUp(code, reason) => {
                    self.hang_up(code, reason);
                    self.lose(reason, &mut more).await;
                }
                Effect::Changed => self.status_changed().await,
            }
            queue.extend(more);
        }
    }

    fn hang_up(&mut self, code: u16, reason: &'static str) {
        self.dialing = None;
        if let Some(socket) = self.socket.take() {
            // It ends by itself within a second.
            tokio::spawn(socket.close(code, reason));
        }
    }

    async fn dialed(&mut self, dialed: Result<Socket, String>) {
        match dialed {
            Ok(socket) => {
                self.socket = Some(socket);
                self.link.opened(self.tick());
            }
            Err(why) => self.closed(&why).await,
        }
    }

    async fn closed(&mut self, why: &str) {
        self.socket = None;
        let mut effects = Vec::new();
        self.lose(why, &mut effects).await;
        self.act(effects).await;
    }

    async fn lose(&mut self, why: &str, effects: &mut Vec<Effect>) {
        let now = self.tick();
        let was_up = self.link.hello().is_some();
        let waiting = self.link.closed(why, now, effects);
        if was_up {
            tracing::info!(
                gateway = &*self.shared.id,
                why,
                "the connection to the gateway is lost"
            );
            self.lost_at = Some(now + LOST_AFTER);
        }
        self.transcripts.interrupted();
        self.list_at = None;
        self.fates_at = None;
        self.give_up(waiting, &RequestError::Lost).await;
    }

    async fn status_changed(&mut self) {
        let (hello, note) = match self.link.status() {
            Status::Up(hello) => {
                let note = format!("version {}, protocol {}", hello.version, hello.protocol);
                (Some(hello), note)
            }
            Status::Down(down) => (None, down.to_string()),
            Status::Connecting => (None, "connecting".to_owned()),
        };
        let connected = hello.is_some();
        {
            let mut known = self.shared.known();
            if let Some(hello) = &hello {
                known.default_agent.clone_from(&hello.default_agent);
            }
            known.hello = hello;
            known.note.clone_from(&note);
        }
        tracing::info!(gateway = &*self.shared.id, connected, note, "gateway");
        self.shared
            .chats
            .tell_all("gateway", &json!({"connected": connected, "note": note}));
        let (id, at) = (self.shared.id.clone(), self.monitor.now());
        self.recorder
            .write(move |monitor| {
                let status = GatewayStatus {
                    connected,
                    note,
                    at,
                };
                if let Err(error) = monitor.set_gateway_status(&id, &status) {
                    tracing::warn!(%error, "cannot note how a gateway fares");
                }
            })
            .await;
    }

    /// Makes a request, or fails it at once.
    async fn ask(&mut self, ticket: Ticket, method: &str, params: &Value) {
        let (now, mut effects) = (self.tick(), Vec::new());
        match self.link.request(ticket, method, params, now, &mut effects) {
            Ok(()) => self.act_on_send(effects).await,
            Err((ticket, error)) => self.failed(ticket, &error).await,
        }
    }

    /// A request's frame is sent; a failure comes back through the connection's end.
    async fn act_on_send(&mut self, effects: Vec<Effect>) {
        Box::pin(self.act(effects)).await;
    }

    async fn give_up(&mut self, tickets: Vec<Ticket>, error: &RequestError) {
        for ticket in tickets {
            self.failed(ticket, error).await;
        }
    }

    async fn failed(&mut self, ticket: Ticket, error: &RequestError) {
        match ticket {
            // Whoever asked may be gone.
            Ticket::Caller(answer) => drop(answer.send(Err(error.clone()))),
            Ticket::Transcript(_) => drop(self.transcripts.read(None, 4)),
            Ticket::List { after_gap, .. } => {
                self.list_at = Some((self.tick() + LIST_EVERY[0], after_gap));
            }
            Ticket::Fates(_) => self.fates_at = Some(self.tick() + FATES_EVERY),
            // Older gateways do not know it, or the token does not allow it.
            Ticket::Approvals | Ticket::Agents | Ticket::Models => {}
        }
    }

    /// A frame has come.
    async fn heard(&mut self, text: &[u8]) {
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

    async fn list(&mut self, after_gap: bool, offset: u64) {
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

    async fn read_next(&mut self) {
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
    async fn ask_fates(&mut self) {
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

/// Stores the answer of a run and what became of its question, and tells both.
pub(super) fn store_end(monitor: &Monitor, shared: &Shared, ended: &Ended, now: Timestamp) {
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
    if let Some(own) = &ended.own {
        let (state, error) = match &ended.end {
            Move::Error(words) => (MessageState::Failed, Some(&**words)),
            _ => (MessageState::Sent, None),
        };
        if let Err(error) = monitor.settle_chat_message(own.id, state, error) {
            tracing::warn!(%error, "cannot note what became of a message");
        }
    }
    match stored {
        Ok(stored) => shared.chats.tell_end(ended, stored.as_ref()),
        Err(error) => {
            tracing::warn!(%error, "cannot store an answer");
            shared.chats.tell_end(ended, None);
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

fn is_empty(batch: &Batch) -> bool {
    batch.sessions.is_empty() && batch.problems.is_empty()
}

fn weight(batch: &Batch) -> usize {
    batch.sessions.len() + batch.calls.len() + batch.evidence.len() + batch.events.len()
}

/// Waits for what is there to wait for, else forever.
async fn wait_for<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + Send>>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn hear(
    socket: &mut Option<Socket>,
) -> Result<tokio_tungstenite::tungstenite::Utf8Bytes, String> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}
