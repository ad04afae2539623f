//! `/ws/chat`: chats with agents behind gateways, any number of them over one connection.
//!
//! Looking on needs what reading needs; saying something, stopping a run and answering for the user need control. A frame
//! of a chat is rendered once for all who look on (`agentmon_core::gateways`); here it is passed on. Whoever reads slowly
//! hears `resync`, then the present; whoever reads nothing is let go.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use agentmon_core::gateways::{ChatFrame, ChatStream, GatewayError};
use futures_util::{SinkExt, StreamExt};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout};
use warp::ws::{Message, WebSocket, Ws};
use warp::{Filter, Reply};

use crate::access::Scope;
use crate::app::App;
use crate::guard::Peer;
use crate::http::{Route, with};
use crate::metrics::Open;

/// Largest message of a client, in bytes: a chat message may have 256 KiB, each byte of which JSON may write as six.
const MAX_MESSAGE: usize = 2 << 20;
/// Chats of a connection.
const MAX_CHATS: usize = 32;
/// Requests of a connection that are being answered.
const MAX_ASKED: usize = 16;
/// Frames that wait for a client.
const WAITING: usize = 64;
/// Messages in an answer, unless asked for otherwise and at most.
const HISTORY: usize = 50;
const MAX_HISTORY: usize = 500;
/// How often a client is asked for a sign of life, and how long it may give none.
const PING: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);
/// How long a client may take to read one frame.
const SEND: Duration = Duration::from_secs(30);

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("ws" / "chat")
        .and(warp::ws())
        .and(with(app))
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .map(
            |upgrade: Ws, app: Arc<App>, headers: HeaderMap, peer: Option<Peer>| {
                let may_control = peer.is_some_and(|peer| may_control(&app, &headers, peer.0.ip()));
                upgrade
                    .max_message_size(MAX_MESSAGE)
                    .max_frame_size(MAX_MESSAGE)
                    .on_upgrade(move |socket| Connection::new(app, may_control).run(socket))
                    .into_response()
            },
        )
        .boxed()
}

fn may_control(app: &App, headers: &HeaderMap, peer: IpAddr) -> bool {
    app.access.check(headers, peer, Scope::Control).is_ok()
}

/// What a client asks for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(rename = "type")]
    kind: String,
    gateway_id: String,
    #[serde(default)]
    session_key: String,
    /// Comes back in the answer.
    id: Option<Value>,
    message: Option<String>,
    run_id: Option<String>,
    approval_id: Option<String>,
    decision: Option<String>,
    limit: Option<usize>,
    before: Option<i64>,
    sync: Option<bool>,
}

struct Connection {
    app: Arc<App>,
    may_control: bool,
    out: mpsc::Sender<ChatFrame>,
    frames: mpsc::Receiver<ChatFrame>,
    tasks: JoinSet<()>,
    chats: HashMap<(String, String), AbortHandle>,
}

impl Connection {
    fn new(app: Arc<App>, may_control: bool) -> Self {
        let (out, frames) = mpsc::channel(WAITING);
        Self {
            app,
            may_control,
            out,
            frames,
            tasks: JoinSet::new(),
            chats: HashMap::new(),
        }
    }

    async fn run(mut self, socket: WebSocket) {
        let _open = Open::socket(&self.app.metrics);
        let app = self.app.clone();
        let (mut sink, mut said) = socket.split();
        let mut heard = Instant::now();
        let mut ping = tokio::time::interval(PING);
        loop {
            let next = tokio::select! {
                () = app.stopped() => break,
                message = said.next() => match message {
                    Some(Ok(message)) if !message.is_close() => {
                        heard = Instant::now();
                        if let Ok(text) = message.to_str() {
                            self.heard(text).await;
                        }
                        continue;
                    }
                    _ => break,
                },
                Some(frame) = self.frames.recv() => Message::text(frame.to_string()),
                // Collects what has ended.
                Some(_) = self.tasks.join_next() => continue,
                _ = ping.tick() => match heard.elapsed() < SILENCE {
                    true => Message::ping(Vec::new()),
                    false => break,
                },
            };
            if !matches!(timeout(SEND, sink.send(next)).await, Ok(Ok(()))) {
                app.metrics.dropped_streams.add(1);
                return;
            }
        }
        // Whoever is gone needs no farewell.
        let _ = timeout(Duration::from_secs(1), sink.close()).await;
    }

    async fn heard(&mut self, text: &str) {
        let request: Request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(_) => {
                let body = json!({"type": "error", "error": "a message is an object with type and gatewayId"});
                return self.say(body);
            }
        };
        if self.tasks.len() >= MAX_ASKED + self.chats.len() {
            return self.say(error(&request, "too many requests are being answered"));
        }
        let needs_control = matches!(&*request.kind, "chat" | "abort" | "approve");
        if needs_control && !self.may_control {
            return self.say(error(
                &request,
                "this needs a token with the scope \"control\"",
            ));
        }
        if matches!(&*request.kind, "chat" | "history" | "watch")
            && let Err(reason) = self.watch(&request)
        {
            return self.say(error(&request, &reason));
        }
        if request.kind == "unwatch" {
            if let Ok(stream) = self
                .app
                .gateways
                .watch(&request.gateway_id, &request.session_key)
            {
                let key = (request.gateway_id.clone(), stream.session_key().to_owned());
                self.chats.remove(&key).inspect(AbortHandle::abort);
            }
            return;
        }
        let (app, out) = (self.app.clone(), self.out.clone());
        self.tasks.spawn(async move {
            if let Err(reason) = answer(&app, &request, &out).await {
                send(&out, error(&request, &reason.to_string())).await;
            }
        });
    }

    /// Passes on what happens in a chat from now on.
    fn watch(&mut self, request: &Request) -> Result<(), String> {
        let stream = self
            .app
            .gateways
            .watch(&request.gateway_id, &request.session_key)
            .map_err(|error| error.to_string())?;
        self.chats.retain(|_, task| !task.is_finished());
        let key = (request.gateway_id.clone(), stream.session_key().to_owned());
        if self.chats.contains_key(&key) {
            return Ok(());
        }
        if self.chats.len() >= MAX_CHATS {
            return Err("too many chats in one connection".to_owned());
        }
        let task = self.tasks.spawn(pass_on(stream, self.out.clone()));
        self.chats.insert(key, task);
        Ok(())
    }

    /// Answers at once, if there is room.
    fn say(&self, body: Value) {
        // Whoever asks so much that there is none has heard nothing so far either.
        let _ = self.out.try_send(body.to_string().into());
    }
}

async fn pass_on(mut stream: ChatStream, out: mpsc::Sender<ChatFrame>) {
    while let Some(frame) = stream.next().await {
        if out.send(frame).await.is_err() {
            return;
        }
    }
}

async fn send(out: &mpsc::Sender<ChatFrame>, body: Value) {
    // Whoever is gone needs no answer.
    let _ = out.send(body.to_string().into()).await;
}

fn error(request: &Request, reason: &str) -> Value {
    reply(request, "error", json!({"error": reason}))
}

fn reply(request: &Request, kind: &str, mut body: Value) -> Value {
    body["type"] = kind.into();
    body["gatewayId"] = request.gateway_id.as_str().into();
    if body.get("sessionKey").is_none() {
        body["sessionKey"] = request.session_key.as_str().into();
    }
    if let Some(id) = &request.id {
        body["id"] = id.clone();
    }
    body
}

async fn answer(
    app: &App,
    request: &Request,
    out: &mpsc::Sender<ChatFrame>,
) -> Result<(), GatewayError> {
    let (gateways, id, key) = (&app.gateways, &request.gateway_id, &request.session_key);
    match &*request.kind {
        "chat" => {
            let text = request.message.as_deref().unwrap_or_default();
            let sent = gateways.send(id, key, text).await?;
            let body =
                json!({"sessionKey": sent.session_key, "runId": sent.run, "message": sent.message});
            send(out, reply(request, "sent", body)).await;
        }
        "watch" => {
            let session_key = gateways.watch(id, key)?.session_key().to_owned();
            let connected = gateways.get(id)?.connected;
            let body = json!({"sessionKey": session_key, "connected": connected});
            send(out, reply(request, "watching", body)).await;
        }
        "history" => {
            let limit = request.limit.unwrap_or(HISTORY).clamp(1, MAX_HISTORY);
            let session_key = gateways.watch(id, key)?.session_key().to_owned();
            let stored = gateways
                .history(id, key, request.before, limit, false)
                .await?;
            let sync = request
                .sync
                .unwrap_or(stored.is_empty() && request.before.is_none());
            let connected = gateways.get(id)?.connected;
            let body = json!({"sessionKey": session_key, "messages": stored, "synced": false});
            send(out, reply(request, "history", body)).await;
            if sync && connected {
                let synced = gateways
                    .history(id, key, request.before, limit, true)
                    .await?;
                let body = json!({"sessionKey": session_key, "messages": synced, "synced": true});
                send(out, reply(request, "history", body)).await;
            }
        }
        "abort" => {
            let runs = gateways.abort(id, key, request.run_id.as_deref()).await?;
            send(out, reply(request, "abort", json!({"runIds": runs}))).await;
        }
        "approve" => {
            let approval = request.approval_id.as_deref().unwrap_or_default();
            let decision = request.decision.as_deref().unwrap_or_default();
            gateways.resolve(id, approval, decision).await?;
            let body = json!({"approvalId": approval, "decision": decision});
            send(out, reply(request, "approved", body)).await;
        }
        _ => {
            return Err(GatewayError::Invalid(
                "type is chat, history, watch, unwatch, abort or approve",
            ));
        }
    }
    Ok(())
}
