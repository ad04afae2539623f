//! A gateway for tests, whose manner each test decides.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Secret};
use agentmon_core::gateways::NewGateway;
use agentmon_core::source::Env;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

type Socket = WebSocketStream<TcpStream>;

/// A gateway whose manner is a function of the connection's number.
pub(crate) struct Fake {
    address: SocketAddr,
    pub(crate) connections: Arc<Mutex<usize>>,
}

impl Fake {
    pub(crate) async fn start<F>(manner: impl Fn(usize, Peer) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(0));
        let count = connections.clone();
        let manner = Arc::new(manner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut count = count.lock().unwrap();
                    *count += 1;
                    *count
                };
                let manner = manner.clone();
                tokio::spawn(async move {
                    if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                        manner(number, Peer { socket, seq: 0 }).await;
                    }
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.address)
    }
}

pub(crate) struct Peer {
    pub(crate) socket: Socket,
    seq: u64,
}

impl Peer {
    pub(crate) async fn send(&mut self, frame: Value) {
        // The client may be gone.
        let _ = self.socket.send(Message::text(frame.to_string())).await;
    }

    pub(crate) async fn event(&mut self, name: &str, payload: Value) {
        self.seq += 1;
        let seq = self.seq;
        self.send(json!({"type": "event", "event": name, "payload": payload, "seq": seq}))
            .await;
    }

    pub(crate) async fn request(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    pub(crate) async fn greet(&mut self, protocol: u64) -> Option<Value> {
        self.send(json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_795_000_000_000_i64}}))
            .await;
        let request = self.request().await?;
        assert_eq!(request["method"], "connect");
        let payload = json!({
            "type": "hello-ok", "protocol": protocol, "server": {"version": "fake"},
            "snapshot": {"uptimeMs": 3_600_000, "sessionDefaults": {"defaultAgentId": "main"}},
            "policy": {"tickIntervalMs": 30_000},
        });
        self.send(json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}))
            .await;
        Some(request)
    }

    pub(crate) async fn refuse(&mut self, code: &str, message: &str, details: Value) {
        self.send(json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_795_000_000_000_i64}}))
            .await;
        let Some(request) = self.request().await else {
            return;
        };
        let error = json!({"code": code, "message": message, "details": details});
        self.send(json!({"type": "res", "id": request["id"], "ok": false, "error": error}))
            .await;
        self.close(1008, message).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let close = CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        };
        // The client may be gone.
        let _ = self.socket.close(Some(close)).await;
    }

    /// Answers what agentmon asks of any gateway.
    pub(crate) async fn answer(&mut self, request: &Value) -> bool {
        let payload = match request["method"].as_str().unwrap() {
            "sessions.subscribe" => json!({"subscribed": true, "list": {"sessions": [row()]}}),
            "sessions.list" => json!({"sessions": [row()], "count": 1}),
            "exec.approval.list" => json!([]),
            "agents.list" => json!({"agents": [{"id": "main"}], "defaultId": "main"}),
            "models.list" => json!({"models": [{"id": "m"}]}),
            _ => return false,
        };
        self.ok(request, payload).await;
        true
    }

    pub(crate) async fn ok(&mut self, request: &Value, payload: Value) {
        self.send(json!({"type": "res", "id": request["id"], "ok": true, "payload": payload}))
            .await;
    }

    pub(crate) async fn chat(&mut self, run: &str, state: &str, rest: Value) {
        let mut payload = json!({"runId": run, "sessionKey": "agent:main:main", "agentId": "main", "state": state});
        payload
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        self.event("chat", payload).await;
    }

    pub(crate) async fn delta(&mut self, run: &str, text: &str) {
        self.chat(
            run,
            "delta",
            json!({"message": {"content": [{"type": "text", "text": text}]}}),
        )
        .await;
    }
}

pub(crate) fn row() -> Value {
    json!({"key": "agent:main:main", "agentId": "main", "sessionId": "s-1", "updatedAt": 1_795_000_000_000_i64,
        "status": "done", "hasActiveRun": false, "endedAt": 1_795_000_000_000_i64})
}

/// A monitor that sees nothing else.
pub(crate) fn monitor() -> Monitor {
    let env = Env::at("/nowhere");
    Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .in_memory()
        .open()
        .unwrap()
}

/// How to get to the gateway.
pub(crate) fn new(url: String) -> NewGateway {
    NewGateway {
        name: "Home".into(),
        url,
        token: Some(Secret::new("t0p-secret".into())),
        password: None,
        enabled: true,
    }
}
