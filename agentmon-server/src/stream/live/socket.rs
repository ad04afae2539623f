//! One connection: reads requests, sends what is in the outbox, and ends when either side is too slow, too rude or gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use warp::ws::{Message as Raw, WebSocket, Ws};

use super::hub::{Command, HEARTBEAT};
use super::message::{Message, Refusal, Request};
use super::outbox::{Inbox, Next, Outbox, outbox};
use crate::app::App;
use crate::metrics::Open;

/// Largest message of a client, in bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Subscriptions of a connection.
const MAX_SUBSCRIPTIONS: usize = 32;
/// Messages that make no sense before the connection is closed.
const MAX_MISTAKES: u32 = 20;
/// How often a client is asked for a sign of life.
const PING: Duration = Duration::from_secs(15);
/// How long it may give none.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a client may take to read one message.
const SEND: Duration = Duration::from_secs(30);
/// How long it may take to read why it is let go.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a connection ends: a close code and words for it.
type End = (u16, &'static str);

const STOPPING: End = (1001, "the server stops");
const NOT_TEXT: End = (1003, "only text is understood");
const TOO_LARGE: End = (1009, "a message is larger than 64 KiB");
const TOO_MANY: End = (1013, "too many connections");
const CONFUSED: End = (4000, "too many messages that make no sense");
const SLOW: End = (4008, "reads too slowly");
const SILENT: End = (4009, "gave no sign of life");

/// Answers an upgrade.
pub(crate) fn serve(app: Arc<App>, upgrade: Ws) -> impl warp::Reply {
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_upgrade(move |socket| async move {
            let _open = Open::socket(&app.metrics);
            let (mut sink, stream) = socket.split();
            let Some(_seat) = app.live.seat() else {
                return farewell(sink, Some(TOO_MANY)).await;
            };
            let (outbox, inbox) = outbox();
            let client = next_client();
            let end = match greet(&mut sink, &app).await {
                true => {
                    let connection = Connection {
                        app: app.clone(),
                        client,
                        outbox,
                        topics: HashSet::new(),
                        mistakes: 0,
                        heard: Instant::now(),
                    };
                    connection.run(&mut sink, stream, inbox).await
                }
                false => None,
            };
            if end == Some(SLOW) {
                app.metrics.dropped_streams.add(1);
            }
            // A hub that is gone needs no word.
            let _ = app.live.commands.send(Command::Leave(client)).await;
            farewell(sink, end).await;
        })
}

fn next_client() -> u64 {
    static CLIENTS: AtomicU64 = AtomicU64::new(1);
    CLIENTS.fetch_add(1, Ordering::Relaxed)
}

type Sink = SplitSink<WebSocket, Raw>;

async fn send(sink: &mut Sink, text: &str) -> bool {
    matches!(timeout(SEND, sink.send(Raw::text(text))).await, Ok(Ok(())))
}

async fn greet(sink: &mut Sink, app: &App) -> bool {
    let hello = Message::Hello {
        epoch: &app.live.epoch,
        version: env!("CARGO_PKG_VERSION"),
        now: app.monitor.now().to_string(),
        heartbeat_ms: HEARTBEAT.as_millis() as u64,
    };
    send(sink, &hello.render()).await
}

async fn farewell(mut sink: Sink, end: Option<End>) {
    if let Some((code, reason)) = end {
        let close = sink.send(Raw::close_with(code, reason));
        // Who does not read it learns of it by the connection's end.
        let _ = timeout(FAREWELL, close).await;
    }
}

struct Connection {
    app: Arc<App>,
    client: u64,
    outbox: Outbox,
    topics: HashSet<String>,
    mistakes: u32,
    heard: Instant,
}

impl Connection {
    /// Serves until the end. `None` when the client left.
    async fn run(
        mut self,
        sink: &mut Sink,
        mut stream: futures_util::stream::SplitStream<WebSocket>,
        mut inbox: Inbox,
    ) -> Option<End> {
        let app = self.app.clone();
        let joined = Command::Join(self.client, self.outbox.clone());
        if app.live.commands.send(joined).await.is_err() {
            return Some(STOPPING);
        }
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = app.stopped() => return Some(STOPPING),
                said = stream.next() => match said {
                    None => return None,
                    Some(Ok(message)) => {
                        if let Some(end) = self.hear(&message).await {
                            return end;
                        }
                    }
                    Some(Err(error)) => {
                        // The error tells what it is only in words.
                        let is_large = error.to_string().contains("too long");
                        return is_large.then_some(TOO_LARGE);
                    }
                },
                next = inbox.next() => match next {
                    Next::Slow => return Some(SLOW),
                    Next::Closed => return Some(STOPPING),
                    Next::Frame(frame) => {
                        let sent = tokio::select! {
                            sent = send(sink, &frame) => sent,
                            () = inbox.slow() => false,
                            () = app.stopped() => return Some(STOPPING),
                        };
                        if !sent {
                            return Some(SLOW);
                        }
                    }
                },
                _ = ping.tick() => {
                    if self.heard.elapsed() > SILENCE {
                        return Some(SILENT);
                    }
                    let pinged = timeout(SEND, sink.send(Raw::ping(Vec::new()))).await;
                    if !matches!(pinged, Ok(Ok(()))) {
                        return Some(SLOW);
                    }
                }
            }
        }
    }

    /// Takes in what a client says. Returns why the connection ends, if it does.
    async fn hear(&mut self, message: &Raw) -> Option<Option<End>> {
        self.heard = Instant::now();
        if message.is_close() {
            return Some(None);
        }
        if message.is_ping() || message.is_pong() {
            return None;
        }
        let Ok(text) = message.to_str() else {
            return Some(Some(NOT_TEXT));
        };
        let refusal = match serde_json::from_str(text) {
            Ok(request) => match self.obey(request).await {
                Ok(()) => return None,
                Err(refusal) => refusal,
            },
            Err(error) => {
                self.mistakes += 1;
                // Where, not what: it is the client's own text.
                let message = format!("Not understood, at character {}", error.column());
                (None, Refusal::new("bad_message", message))
            }
        };
        let (topic, refusal) = refusal;
        self.outbox.put(&refusal.render(topic.as_deref()));
        (self.mistakes > MAX_MISTAKES).then_some(Some(CONFUSED))
    }

    async fn obey(&mut self, request: Request) -> Result<(), (Option<String>, Refusal)> {
        let (client, live) = (self.client, self.app.live.clone());
        let command = match request {
            Request::Ping => {
                let now = self.app.monitor.now().to_string();
                self.outbox.put(&Message::Pong { now }.render());
                return Ok(());
            }
            Request::Subscribe { topic, epoch, rev } => {
                if self.topics.len() >= MAX_SUBSCRIPTIONS && !self.topics.contains(&topic) {
                    let refusal = Refusal::new("too_many", "A connection has at most 32 topics");
                    return Err((Some(topic), refusal));
                }
                self.topics.insert(topic.clone());
                let has = rev.filter(|_| epoch.as_deref() == Some(&*live.epoch));
                Command::Subscribe { client, topic, has }
            }
            Request::Unsubscribe { topic } => {
                self.topics.remove(&topic);
                Command::Unsubscribe(client, topic)
            }
        };
        // The hub is gone only when the server stops, which is noticed elsewhere.
        let _ = live.commands.send(command).await;
        Ok(())
    }
}
