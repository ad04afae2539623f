//! One topic with its clients: revisions, the patches that can be missed, the snapshot that is shared.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use agentmon_core::model::SessionKey;
use serde_json::value::RawValue;

use super::board::BoardMemory;
use super::feed::FeedMemory;
use super::message::{Frame, Message, Refusal};
use super::outbox::Outbox;
use super::session::SessionMemory;
use super::topic::Topic;
use super::value::ValueMemory;
use crate::app::App;

/// Patches that a client who comes back can have missed.
const PATCHES: usize = 64;
/// How long a topic without clients is kept up to date for those who come back.
const LINGER: Duration = Duration::from_secs(30);

/// How often a topic is read anew.
const PARSED: Duration = Duration::from_secs(25);

/// What happened since the last look.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Sessions that changed.
    pub(super) sessions: HashSet<SessionKey>,
    /// Changes were missed: anything may have changed.
    pub(super) lost: bool,
    /// The event that was committed last.
    pub(super) committed: i64,
    /// Whether events were committed.
    pub(super) events: bool,
}

impl News {
    pub(super) fn any(&self) -> bool {
        self.lost || self.events || !self.sessions.is_empty()
    }
}

/// What a look at a topic found.
#[derive(Debug)]
pub(super) enum Found {
    /// Nothing new.
    Nothing,
    /// A change.
    Patch(Box<RawValue>),
    /// All of it, in place of what was there.
    Whole(Box<RawValue>),
}

/// What is remembered of what clients have.
#[derive(Debug)]
enum Memory {
    Board(BoardMemory),
    Session(SessionMemory),
    Feed(FeedMemory),
    Value(ValueMemory),
}

/// One topic with its clients.
#[derive(Debug)]
pub(super) struct Channel {
    name: Box<str>,
    topic: Topic,
    /// When `topic` was read from `name`.
    parsed: Instant,
    memory: Memory,
    rev: u64,
    patches: VecDeque<(u64, Frame)>,
    snapshot: Option<(u64, Frame)>,
    clients: HashMap<u64, Outbox>,
    empty_since: Option<Instant>,
}

impl Channel {
    /// Opens a topic: looks at it for the first time.
    pub(super) async fn open(name: &str, topic: Topic, app: &App) -> Result<Self, Refusal> {
        let committed = *app.monitor.committed().borrow();
        let (memory, data) = look(&topic, app, committed).await?;
        let mut channel = Self {
            name: name.into(),
            topic,
            parsed: Instant::now(),
            memory,
            rev: 1,
            patches: VecDeque::new(),
            snapshot: None,
            clients: HashMap::new(),
            empty_since: Some(Instant::now()),
        };
        channel.keep_snapshot(&data, app);
        Ok(channel)
    }

    fn keep_snapshot(&mut self, data: &RawValue, app: &App) -> Frame {
        let frame = Message::Snapshot {
            topic: &self.name,
            epoch: &app.live.epoch,
            rev: self.rev,
            data,
        }
        .render();
        self.snapshot = Some((self.rev, frame.clone()));
        frame
    }

    /// Takes a client in and sends what it lacks.
    pub(super) async fn join(
        &mut self,
        client: u64,
        outbox: &Outbox,
        has: Option<u64>,
        app: &App,
    ) -> Result<(), Refusal> {
        let missed = has.and_then(|has| self.missed(has));
        match missed {
            Some(missed) => {
                let resumed = Message::Resumed {
                    topic: &self.name,
                    rev: has.unwrap_or_default(),
                };
                let mut frames = std::iter::once(resumed.render()).chain(missed);
                frames.all(|frame| outbox.put(&frame));
            }
            None => {
                let kept = self.snapshot.as_ref().filter(|(rev, _)| *rev == self.rev);
                let frame = match kept {
                    Some((_, frame)) => frame.clone(),
                    None => {
                        // It may be ahead of `rev`: patches can be applied twice.
                        let committed = *app.monitor.committed().borrow();
                        let (_, data) = look(&self.topic, app, committed).await?;
                        self.keep_snapshot(&data, app)
                    }
                };
                outbox.put(&frame);
            }
        }
        self.clients.insert(client, outbox.clone());
        self.empty_since = None;
        Ok(())
    }

    /// The patches after `has`, if all of them are still known.
    fn missed(&self, has: u64) -> Option<Vec<Frame>> {
        if has == self.rev {
            return Some(Vec::new());
        }
        let first = self.patches.front()?.0;
        if has > self.rev || has + 1 < first {
            return None;
        }
        let after = self.patches.iter().filter(|(rev, _)| *rev > has);
        Some(after.map(|(_, frame)| frame.clone()).collect())
    }

    pub(super) fn leave(&mut self, client: u64) {
        self.clients.remove(&client);
        if self.clients.is_empty() && self.empty_since.is_none() {
            self.empty_since = Some(Instant::now());
        }
    }

    /// Whether nobody has been here for so long that nobody comes back.
    pub(super) fn is_over(&self) -> bool {
        self.empty_since
            .is_some_and(|since| since.elapsed() > LINGER)
    }

    /// Looks for what is new and tells the clients.
    pub(super) async fn update(&mut self, news: &News, app: &App) {
        if self.parsed.elapsed() > PARSED {
            // `24h` and `today` move on.
            self.parsed = Instant::now();
            let topic = Topic::parse(&self.name, app.monitor.config(), app.monitor.now());
            self.topic = topic.unwrap_or_else(|_| self.topic.clone());
        }
        let found = match (&mut self.memory, &self.topic) {
            (Memory::Board(memory), Topic::Board(query)) => memory.update(query, news, app).await,
            (Memory::Session(memory), Topic::Session(_)) => memory.update(news, app).await,
            (Memory::Feed(memory), Topic::Events(filter)) => memory.update(filter, news, app).await,
            (Memory::Value(memory), topic) => memory.update(topic, news, app).await,
            _ => return,
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                // It is asked again at the next change.
                tracing::warn!(
                    topic = &*self.name,
                    code = error.code,
                    "a topic could not be brought up to date"
                );
                return;
            }
        };
        let frame = match found {
            Found::Nothing => return,
            Found::Patch(data) => {
                self.rev += 1;
                let patch = Message::Patch {
                    topic: &self.name,
                    rev: self.rev,
                    data: &data,
                };
                let frame = patch.render();
                if self.patches.len() == PATCHES {
                    self.patches.pop_front();
                }
                self.patches.push_back((self.rev, frame.clone()));
                self.snapshot = None;
                frame
            }
            Found::Whole(data) => {
                self.rev += 1;
                self.patches.clear();
                self.keep_snapshot(&data, app)
            }
        };
        let before = self.clients.len();
        self.clients.retain(|_, outbox| outbox.put(&frame));
        let dropped = before - self.clients.len();
        if dropped > 0 {
            app.metrics.dropped_streams.add(dropped as u64);
            if self.clients.is_empty() {
                self.empty_since = Some(Instant::now());
            }
        }
    }
}

async fn look(
    topic: &Topic,
    app: &App,
    committed: i64,
) -> Result<(Memory, Box<RawValue>), Refusal> {
    Ok(match topic {
        Topic::Board(query) => {
            let (memory, data) = BoardMemory::look(query, app).await?;
            (Memory::Board(memory), data)
        }
        Topic::Session(id) => {
            let (memory, data) = SessionMemory::look(id, committed, app).await?;
            (Memory::Session(memory), data)
        }
        Topic::Events(filter) => {
            let (memory, data) = FeedMemory::look(filter, committed, app).await?;
            (Memory::Feed(memory), data)
        }
        topic => {
            let (memory, data) = ValueMemory::look(topic, app).await?;
            (Memory::Value(memory), data)
        }
    })
}
