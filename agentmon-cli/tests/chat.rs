//! `agentmon gateways` and `agentmon chat` with a gateway that is played: straight, and through a server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{PATIENCE, Server, agentmon};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const TOKEN: &str = "t0p-secret";

/// One client of the gateway.
struct Peer {
    socket: WebSocketStream<TcpStream>,
    run: String,
}

impl Peer {
    async fn event(&mut self, name: &str, payload: Value) {
        let event = json!({"type": "event", "event": name, "payload": payload});
        // The client may be gone.
        let _ = self.socket.send(Message::text(event.to_string())).await;
    }

    async fn chat(&mut self, state: &str, text: &str) {
        let message = json!({"content": [{"type": "text", "text": text}]});
        let payload = json!({"runId": self.run, "sessionKey": "agent:main:main", "state": state, "message": message});
        self.event("chat", payload).await;
    }

    /// `Work` needs a yes, `Long` never ends, everything else comes back.
    async fn said(&mut self, text: &str) {
        match text {
            "Work" => {
                let request = json!({"command": "make install", "sessionKey": "agent:main:main", "runId": self.run});
                self.event(
                    "exec.approval.requested",
                    json!({"id": "a-1", "request": request}),
                )
                .await;
            }
            "Long" => self.chat("delta", "Once upon a time").await,
            _ => {
                self.chat("delta", "You said").await;
                self.chat("final", &format!("You said {text}")).await;
            }
        }
    }

    async fn serve(mut self) {
        self.event("connect.challenge", json!({"nonce": "n", "ts": 1}))
            .await;
        while let Some(Ok(Message::Text(text))) = self.socket.next().await {
            let request: Value = serde_json::from_str(&text).unwrap();
            let (method, params) = (request["method"].as_str().unwrap(), &request["params"]);
            if method == "connect" {
                assert_eq!(params["auth"]["token"], TOKEN);
            }
            if method == "chat.send" {
                params["idempotencyKey"]
                    .as_str()
                    .unwrap()
                    .clone_into(&mut self.run);
            }
            let payload = match method {
                "connect" => {
                    json!({"type": "hello-ok", "protocol": 4, "server": {"version": "fake"}})
                }
                "exec.approval.list" => json!([]),
                "chat.abort" => json!({"ok": true, "aborted": true, "runIds": [self.run]}),
                "chat.send" => json!({"runId": self.run, "status": "started"}),
                _ => json!({"sessions": [], "messages": [], "agents": [], "models": []}),
            };
            let answer =
                json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
            // The client may be gone.
            let _ = self.socket.send(Message::text(answer.to_string())).await;
            match method {
                "chat.send" => self.said(params["message"].as_str().unwrap()).await,
                "chat.abort" => self.chat("aborted", "Once upon a time").await,
                "exec.approval.resolve" => {
                    let decision = params["decision"].as_str().unwrap();
                    let request = json!({"sessionKey": "agent:main:main"});
                    let resolved = json!({"id": "a-1", "decision": decision, "request": request});
                    self.event("exec.approval.resolved", resolved).await;
                    self.chat("final", &format!("Installed after {decision}"))
                        .await;
                }
                _ => {}
            }
        }
    }
}

/// Plays a gateway until the test ends. Returns its URL.
fn gateway() -> String {
    let (tell, told) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async {
                    if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
                        let run = String::new();
                        Peer { socket, run }.serve().await;
                    }
                });
            }
        });
    });
    format!("ws://{}", told.recv().unwrap())
}

/// A chat that is typed into.
struct Typed {
    child: Child,
    input: Option<ChildStdin>,
    shown: String,
    pieces: mpsc::Receiver<String>,
}

impl Typed {
    fn start(home: &Path) -> Self {
        let mut child = agentmon(home)
            .args(["chat", "home", "main"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (piece, pieces) = mpsc::sync_channel(64);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = output.read(&mut buffer)
                && length > 0
                && piece
                    .send(String::from_utf8_lossy(&buffer[..length]).into_owned())
                    .is_ok()
            {}
        });
        Self {
            input: child.stdin.take(),
            child,
            shown: String::new(),
            pieces,
        }
    }

    fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    fn shows(&mut self, words: &str) {
        while !self.shown.contains(words) {
            match self.pieces.recv_timeout(PATIENCE) {
                Ok(piece) => self.shown.push_str(&piece),
                Err(_) => panic!("no {words:?} in {:?}", self.shown),
            }
        }
    }

    fn interrupt(&self) {
        let process = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &process]).status();
        assert!(sent.unwrap().success());
    }
}

fn output(home: &Path, arguments: &[&str]) -> String {
    let output = agentmon(home).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

fn a_chat_from_hello_to_goodbye(home: &Path) {
    let url = gateway();
    let token = home.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    let token = token.to_str().unwrap();
    let added = ["gateways", "add", "Home", &url, "--token-file", token];
    assert!(!output(home, &added).contains(TOKEN));
    assert!(output(home, &["gateways", "test", "home"]).contains("fake"));
    assert!(!output(home, &["gateways", "list", "--json"]).contains(TOKEN));
    let said = output(home, &["chat", "home", "main", "--message", "Hi"]);
    assert_eq!(said, "You said Hi\n");

    let mut chat = Typed::start(home);
    chat.shows("> Hi\nYou said Hi\n");
    chat.say("/allow");
    chat.shows("[nothing asks for approval]");
    chat.say("Work");
    chat.shows("[asks for approval (/allow, /allow always or /deny)] make install");
    chat.say("/deny");
    chat.shows("[deny]\nInstalled after deny\n");
    chat.say("Long");
    chat.shows("Once upon a time");
    chat.interrupt();
    chat.shows("Once upon a time [aborted]\n");
    chat.say("Bye");
    chat.shows("You said Bye\n");
    drop(chat.input.take());
    assert!(chat.child.wait().unwrap().success());

    output(home, &["gateways", "remove", "home"]);
}

#[test]
fn straight() {
    let home = tempfile::tempdir().unwrap();
    a_chat_from_hello_to_goodbye(home.path());
}

#[test]
fn through_a_server() {
    let home = tempfile::tempdir().unwrap();
    let _server = Server::start(home.path(), &["--no-sources"]);
    a_chat_from_hello_to_goodbye(home.path());
}
