//! One gateway: the task that keeps its connection, hears what it tells and asks what is to be known.

mod ask;
mod chats;
mod shared;

pub(super) use chats::store_end;
pub(super) use shared::{Known, Shared};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::entry::GatewayStatus;
use super::recorder::Recorder;
use super::transcripts::Transcripts;
use crate::Monitor;
use crate::ingest::{Delivery, IngestError, Receipt};
use crate::model::{Batch, Span, Timestamp};
use crate::source::openclaw::gateway::link::{Effect, Link, Message, Settings, Status};
use crate::source::openclaw::gateway::observe::Observer;
use crate::source::openclaw::gateway::requests::RequestError;
use crate::source::openclaw::gateway::socket::{Address, Socket, dial};

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
/// A gateway that was started so lately may still take up runs that were cut off.
const TAKING_UP: Span = Span::from_secs(45);
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
    /// When the gateway was started, where it says so.
    started: Option<Timestamp>,
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
            started: None,
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
        let mut batch = std::mem::take(&mut self.batch);
        if let Some(machine) = self.address.machine() {
            for patch in &mut batch.sessions {
                patch.seen_on(machine);
            }
        }
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
