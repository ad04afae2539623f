//! The hub: owns all topics, hears of changes, gathers them for a moment, and tells the clients.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use agentmon_core::Heard;
use tokio::time::{MissedTickBehavior, interval};

use super::Commands;
use super::channel::{Channel, News};
use super::message::{Frame, Message, Refusal};
use super::outbox::Outbox;
use super::topic::Topic;
use crate::app::App;

/// How long changes are gathered.
pub(super) const GATHER: Duration = Duration::from_millis(150);
/// How often clients hear that the server is there.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(5);
/// Topics at a time, those that nobody may come back to among them.
const MAX_TOPICS: usize = 512;

/// What connections tell the hub.
#[derive(Debug)]
pub(crate) enum Command {
    /// A client is there.
    Join(u64, Outbox),
    /// It wants a topic. `has` is the revision that it has, of this epoch.
    Subscribe {
        client: u64,
        topic: String,
        has: Option<u64>,
    },
    /// It wants a topic no more.
    Unsubscribe(u64, String),
    /// It is gone.
    Leave(u64),
}

struct Hub {
    app: Arc<App>,
    clients: HashMap<u64, Outbox>,
    channels: HashMap<String, Channel>,
    news: News,
}

/// Runs the hub until the server stops.
pub(crate) async fn run(app: Arc<App>, mut commands: Commands) {
    let mut committed = app.monitor.committed();
    let mut changes = app.monitor.subscribe();
    let every = |period| {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut gathered, mut heartbeat) = (every(GATHER), every(HEARTBEAT));
    let mut is_over = false;
    let mut hub = Hub {
        news: News {
            committed: *committed.borrow_and_update(),
            ..News::default()
        },
        app: app.clone(),
        clients: HashMap::new(),
        channels: HashMap::new(),
    };
    loop {
        tokio::select! {
            () = app.stopped() => return,
            Some(command) = commands.recv() => hub.obey(command).await,
            heard = changes.recv() => match heard {
                Some(Heard::Update(update)) => {
                    if !hub.channels.is_empty() {
                        hub.news.sessions.insert(update.change.key.clone());
                    }
                }
                Some(Heard::Resync(_)) => hub.news.lost = true,
                None => return,
            },
            changed = committed.changed(), if !is_over => {
                // Where another process writes there is no news.
                is_over = changed.is_err();
                hub.news.committed = *committed.borrow_and_update();
                hub.news.events = true;
            }
            _ = gathered.tick() => hub.tell().await,
            _ = heartbeat.tick() => {
                let frame = Message::heartbeat(app.monitor.now()).render();
                hub.clients.retain(|_, outbox| outbox.put(&frame));
            }
        }
    }
}

impl Hub {
    async fn obey(&mut self, command: Command) {
        match command {
            Command::Join(client, outbox) => {
                self.clients.insert(client, outbox);
            }
            Command::Subscribe { client, topic, has } => {
                let Some(outbox) = self.clients.get(&client).cloned() else {
                    return;
                };
                if let Err(refusal) = self.subscribe(client, &outbox, &topic, has).await {
                    let frame: Frame = refusal.render(Some(&topic));
                    outbox.put(&frame);
                }
            }
            Command::Unsubscribe(client, topic) => {
                if let Some(channel) = self.channels.get_mut(&topic) {
                    channel.leave(client);
                }
            }
            Command::Leave(client) => {
                self.clients.remove(&client);
                for channel in self.channels.values_mut() {
                    channel.leave(client);
                }
            }
        }
    }

    async fn subscribe(
        &mut self,
        client: u64,
        outbox: &Outbox,
        name: &str,
        has: Option<u64>,
    ) -> Result<(), Refusal> {
        if !self.channels.contains_key(name) {
            if self.channels.len() >= MAX_TOPICS {
                return Err(Refusal::new("too_many", "Too many topics are in use"));
            }
            let topic = Topic::parse(name, self.app.monitor.config(), self.app.monitor.now())?;
            let channel = Channel::open(name, topic, &self.app).await?;
            self.channels.insert(name.to_owned(), channel);
        }
        match self.channels.get_mut(name) {
            Some(channel) => channel.join(client, outbox, has, &self.app).await,
            None => Ok(()),
        }
    }

    /// Tells every topic's clients what is new.
    async fn tell(&mut self) {
        let committed = self.news.committed;
        let news = std::mem::take(&mut self.news);
        self.news.committed = committed;
        self.channels.retain(|_, channel| !channel.is_over());
        for channel in self.channels.values_mut() {
            channel.update(&news, &self.app).await;
        }
    }
}
