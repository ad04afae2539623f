//! Measures gateways: how long a piece of an answer takes from the gateway to a viewer's WebSocket, and what fifty quiet
//! gateways cost. `cargo run --release -p agentmon-examples --example bench_gateway`
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark may stop at the first surprise"
)]
#![allow(clippy::print_stdout, reason = "it tells what it measured")]

use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::config::Config;
use agentmon_core::gateways::{Gateways, NewGateway};
use agentmon_core::source::Env;
use agentmon_server::Options;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

const VIEWERS: usize = 10;
const DELTAS: u64 = 2000;
const GATEWAYS: usize = 50;
const SESSIONS: usize = 20;
const QUIET: Duration = Duration::from_secs(30);

/// A gateway that tells of its sessions and, where it is asked to, answers in many pieces that say when they were sent.
async fn gateway(begin: Instant, sessions: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_795_000_000_000_i64}});
        socket
            .send(Message::text(challenge.to_string()))
            .await
            .unwrap();
        let rows: Vec<Value> = (0..sessions)
            .map(|number| {
                json!({"key": format!("agent:main:{number}"), "agentId": "main", "sessionId": format!("s-{number}"),
                    "updatedAt": 1_795_000_000_000_i64, "status": "done", "hasActiveRun": false})
            })
            .collect();
        while let Some(Ok(message)) = socket.next().await {
            let Message::Text(text) = message else {
                continue;
            };
            let request: Value = serde_json::from_str(&text).unwrap();
            let payload = match request["method"].as_str().unwrap() {
                "connect" => {
                    json!({"type": "hello-ok", "protocol": 4, "server": {"version": "bench"}})
                }
                "sessions.subscribe" => json!({"subscribed": true, "list": {"sessions": rows}}),
                "exec.approval.list" => json!([]),
                _ => json!({"messages": [], "agents": [], "models": []}),
            };
            let answer =
                json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
            let sent = socket.send(Message::text(answer.to_string())).await;
            // The server leaves at the end.
            if sent.is_err() {
                return;
            }
            if request["method"] != "chat.send" {
                continue;
            }
            let mut said = String::new();
            for number in 0..DELTAS {
                said.push_str(&format!("{} ", begin.elapsed().as_micros()));
                let state = if number + 1 == DELTAS {
                    "final"
                } else {
                    "delta"
                };
                let payload = json!({"runId": request["params"]["idempotencyKey"], "sessionKey": "agent:main:main",
                    "state": state, "message": {"content": [{"type": "text", "text": said}]}});
                let event = json!({"type": "event", "event": "chat", "payload": payload});
                socket.send(Message::text(event.to_string())).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    url
}

fn new(name: &str, url: String) -> NewGateway {
    NewGateway {
        name: name.to_owned(),
        url,
        enabled: true,
        ..NewGateway::default()
    }
}

fn monitor(folder: &std::path::Path) -> Monitor {
    let env = Env::at(folder);
    let config = Config::defaults(&env);
    Monitor::builder()
        .config(config)
        .env(env)
        .data_dir(folder.join("data"))
        .open()
        .unwrap()
}

/// What this process has computed, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(12) + ticks(13)) / 100.0
}

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let url = gateway(begin, 1).await;
    let monitor = monitor(folder.path());
    // The gateway takes one connection: the server's.
    let gateways = Gateways::only(monitor.clone(), |_| false).unwrap();
    let mut off = new("bench", url);
    off.enabled = false;
    gateways.add(off).unwrap();
    drop(gateways);

    let mut options = Options::new(monitor.clone());
    options.listen.set_port(0);
    options.sources = false;
    options.data_dir = Some(folder.path().join("data"));
    let server = agentmon_server::serve(options).await.unwrap();
    let token = std::fs::read_to_string(folder.path().join("data/control.token")).unwrap();
    let connect = async || {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest;
        let mut request = format!("ws://{}/ws/chat", server.address())
            .into_client_request()
            .unwrap();
        request.headers_mut().insert(
            "authorization",
            format!("Bearer {}", token.trim()).parse().unwrap(),
        );
        tokio_tungstenite::connect_async(request).await.unwrap().0
    };
    let say = |kind: &str| {
        Message::text(
            json!({"type": kind, "gatewayId": "bench", "sessionKey": "main", "message": "Go"})
                .to_string(),
        )
    };
    let enable = json!({"enabled": true}).to_string();
    patch(server.address(), token.trim(), &enable).await;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let mut viewers = Vec::new();
    for _ in 0..VIEWERS {
        let mut socket = connect().await;
        socket.send(say("watch")).await.unwrap();
        viewers.push(tokio::spawn(async move {
            let mut delays = Vec::new();
            while let Some(Ok(message)) = socket.next().await {
                let Message::Text(text) = message else {
                    continue;
                };
                let frame: Value = serde_json::from_str(&text).unwrap();
                if frame["type"] == "final" {
                    break;
                }
                if frame["type"] == "delta" {
                    let last = frame["text"]
                        .as_str()
                        .unwrap()
                        .split_whitespace()
                        .next_back()
                        .unwrap()
                        .parse::<u128>();
                    delays.push(begin.elapsed().as_micros() - last.unwrap());
                }
            }
            delays
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut speaker = connect().await;
    speaker.send(say("chat")).await.unwrap();
    let mut delays = Vec::new();
    for viewer in viewers {
        delays.extend(viewer.await.unwrap());
    }
    delays.sort_unstable();
    let at = |part: usize| delays[(delays.len() - 1) * part / 1000] as f64 / 1000.0;
    println!(
        "delta -> viewer, {} frames to {VIEWERS} viewers: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        delays.len(),
        at(500),
        at(990),
        at(999)
    );
    server.stop().await;

    let gateways = Gateways::only(monitor.clone(), |_| false).unwrap();
    for number in 0..GATEWAYS {
        let url = gateway(begin, SESSIONS).await;
        gateways.add(new(&format!("quiet {number}"), url)).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let connected = gateways
        .list()
        .iter()
        .filter(|gateway| gateway.connected)
        .count();
    let (before, watch) = (cpu(), Instant::now());
    tokio::time::sleep(QUIET).await;
    let used = (cpu() - before) / watch.elapsed().as_secs_f64() * 100.0;
    println!("{connected} gateways with {SESSIONS} sessions each, quiet: {used:.2} % of a core");
    gateways.stop().await;
}

/// Switches the gateway on.
async fn patch(address: std::net::SocketAddr, token: &str, body: &str) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH /api/gateways/bench HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(" 200 "), "{answer}");
}
