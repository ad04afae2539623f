//! One client's WebSocket, for the contracts that send plain messages of what changed. Who reads too slowly or gives no sign of
//! life is let go; nobody holds up whoever stores.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use http::StatusCode;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use warp::ws::{Message, WebSocket};

use crate::access::Client;
use crate::app::App;
use crate::error::ApiError;
use crate::metrics::Open;

/// Connections of one client at a time.
const MAX_OF_CLIENT: usize = 16;
/// Largest message of a client, in bytes.
pub(super) const MAX_MESSAGE: usize = 16 * 1024;
/// Messages of a client that make no sense before it is let go.
const MAX_MISTAKES: u32 = 20;
/// How long a client may take to read what it is sent.
const SEND: Duration = Duration::from_secs(10);
/// How long it may take to read why it is let go.
const FAREWELL: Duration = Duration::from_secs(1);
/// After how many heartbeats without a sign of life a client is gone.
const HEARTBEATS: u32 = 2;

/// One message, with the topic under which clients subscribe to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) topic: &'static str,
    pub(crate) text: String,
}

/// The messages of one moment.
pub(crate) type Frames = Arc<Vec<Frame>>;

/// What a contract says and hears.
pub(super) trait Protocol: Send + 'static {
    /// The first message, if there is one.
    fn greeting(&self, app: &App) -> Option<String>;
    /// What a client's text is answered; `Err` where it made no sense.
    fn hear(&mut self, text: &str) -> Result<Option<String>, String>;
    /// Whether messages of a topic are sent to this client.
    fn wants(&self, topic: &str) -> bool;
}

/// How many connections each client has.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<HashMap<Client, usize>>);

/// A connection's place. It is given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    app: Arc<App>,
    client: Client,
}

impl Seats {
    fn all(&self) -> MutexGuard<'_, HashMap<Client, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// A place for one more connection of a client.
    pub(super) fn take(app: &Arc<App>, client: Client) -> Result<Self, ApiError> {
        let mut all = app.news.seats.all();
        let taken = all.entry(client).or_default();
        if *taken >= MAX_OF_CLIENT {
            let message = format!("Too many connections: at most {MAX_OF_CLIENT} at a time");
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, message);
            return Err(error.retry_after(app.settings.heartbeat));
        }
        *taken += 1;
        drop(all);
        Ok(Self {
            app: app.clone(),
            client,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.app.news.seats.all();
        if let Some(taken) = all.get_mut(&self.client) {
            *taken -= 1;
            if *taken == 0 {
                all.remove(&self.client);
            }
        }
    }
}

/// Why a connection ends: a close code and words for it.
type End = (u16, &'static str);

const STOPPING: End = (1001, "the server stops");
const SLOW: End = (1013, "reads too slowly");
const SILENT: End = (1013, "gave no sign of life");
const CONFUSED: End = (1008, "too many messages that make no sense");

type Sink = SplitSink<WebSocket, Message>;

/// Serves one client until it leaves or is let go.
pub(super) async fn serve(
    seat: Seat,
    socket: WebSocket,
    frames: broadcast::Receiver<Frames>,
    protocol: impl Protocol,
) {
    let app = seat.app.clone();
    let _open = Open::socket(&app.metrics);
    let (mut sink, stream) = socket.split();
    let end = run(&app, &mut sink, stream, frames, protocol).await;
    if end == Some(SLOW) {
        app.metrics.dropped_streams.add(1);
    }
    if let Some((code, reason)) = end {
        // Who does not read it learns of it by the connection's end.
        let _ = timeout(FAREWELL, sink.send(Message::close_with(code, reason))).await;
    }
}

/// Runs until the end; `None` when the client left.
async fn run(
    app: &App,
    sink: &mut Sink,
    mut stream: futures_util::stream::SplitStream<WebSocket>,
    mut frames: broadcast::Receiver<Frames>,
    mut protocol: impl Protocol,
) -> Option<End> {
    if let Some(greeting) = protocol.greeting(app) {
        send(sink, [greeting]).await?;
    }
    let mut heartbeat = interval(app.settings.heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat.reset();
    let mut heard = Instant::now();
    let mut mistakes = 0;
    loop {
        tokio::select! {
            () = app.stopped() => return Some(STOPPING),
            received = frames.recv() => match received {
                Ok(frames) => {
                    let wanted = frames.iter().filter(|frame| protocol.wants(frame.topic));
                    let texts: Vec<String> = wanted.map(|frame| frame.text.clone()).collect();
                    if let Some(end) = sent(send(sink, texts).await) {
                        return end;
                    }
                }
                Err(RecvError::Lagged(_)) => return Some(SLOW),
                Err(RecvError::Closed) => return Some(STOPPING),
            },
            said = stream.next() => {
                let message = said?.ok()?;
                heard = Instant::now();
                if message.is_close() {
                    return None;
                }
                let Ok(text) = message.to_str() else { continue };
                let answer = protocol.hear(text).unwrap_or_else(|error| {
                    mistakes += 1;
                    let answer = serde_json::json!({ "type": "error", "error": error });
                    Some(answer.to_string())
                });
                if mistakes > MAX_MISTAKES {
                    return Some(CONFUSED);
                }
                if let Some(end) = sent(send(sink, answer).await) {
                    return end;
                }
            }
            _ = heartbeat.tick() => {
                if heard.elapsed() > app.settings.heartbeat * HEARTBEATS {
                    return Some(SILENT);
                }
                let ping = timeout(SEND, sink.send(Message::ping(Vec::new()))).await;
                if !matches!(ping, Ok(Ok(()))) {
                    return Some(SLOW);
                }
            }
        }
    }
}

/// What a failed sending means for the connection.
fn sent(result: Option<()>) -> Option<Option<End>> {
    result.is_none().then_some(Some(SLOW))
}

/// Sends messages in one go; `None` when the client did not take them in time.
async fn send(sink: &mut Sink, texts: impl IntoIterator<Item = String>) -> Option<()> {
    let all = async {
        for text in texts {
            sink.feed(Message::text(text)).await?;
        }
        sink.flush().await
    };
    timeout(SEND, all).await.ok()?.ok()
}
