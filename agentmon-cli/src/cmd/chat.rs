//! `agentmon chat`: talks to an agent behind a gateway, and answers what it asks. Ctrl-C stops the answer; a second one, or
//! the end of the input, ends the chat. Where a server runs, the chat goes through it.

use std::io::{BufRead, IsTerminal, Write};
use std::time::Duration;

use agentmon_core::gateways::{ChatStream, Gateways};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::gateways::runtime;
use crate::args::ChatArgs;
use crate::client::Client;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{Format, Output, text};

/// How long a connection to the gateway may take.
const CONNECT: Duration = Duration::from_secs(20);
/// Messages of before that are shown.
const SHOWN: usize = 6;

/// The way to the gateway: both give the same frames.
enum Way {
    /// Through the server that runs.
    Server(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    /// Straight.
    Own {
        gateways: Gateways,
        stream: ChatStream,
        replies: mpsc::Receiver<Value>,
        reply: mpsc::Sender<Value>,
    },
}

pub(super) fn run(args: &ChatArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let runtime = runtime()?;
    let result = runtime.block_on(chat(args, cx, out));
    // A thread that waits for input is not waited for.
    runtime.shutdown_background();
    result
}

async fn chat(args: &ChatArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let mut way = Way::open(args, cx).await?;
    let mut chat = Chat {
        args,
        out,
        run: None,
        ended: None,
        is_answered: args.message.is_none(),
        said: String::new(),
        asked: None,
        failed: false,
    };
    if args.message.is_none() {
        way.say(args, "history", json!({"limit": SHOWN})).await?;
    }
    let mut lines = match &args.message {
        Some(message) => {
            way.say(args, "chat", json!({"message": message})).await?;
            None
        }
        None => Some(input()),
    };
    loop {
        let frame = tokio::select! {
            frame = way.next() => frame?,
            line = next_line(&mut lines) => match line {
                Some(line) if line.trim().is_empty() => continue,
                Some(line) => {
                    if let Some(decision) = decision(&line) {
                        match chat.asked.clone() {
                            Some(id) => {
                                let body = json!({"approvalId": id, "decision": decision});
                                way.say(args, "approve", body).await?;
                            }
                            None => chat.say("[nothing asks for approval]\n")?,
                        }
                        continue;
                    }
                    chat.is_answered = false;
                    way.say(args, "chat", json!({"message": line})).await?;
                    continue;
                }
                None if chat.is_over(true) => break,
                None => {
                    // The answer that is being given is still shown.
                    lines = None;
                    continue;
                }
            },
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                if chat.run.is_none() {
                    break;
                }
                way.say(args, "abort", json!({"runId": chat.run})).await?;
                continue;
            }
        };
        chat.show(&frame)?;
        if chat.is_over(lines.is_none()) {
            break;
        }
    }
    way.close().await;
    Ok(if chat.failed {
        Exit::Failed
    } else {
        Exit::Done
    })
}

/// What is shown.
struct Chat<'a> {
    args: &'a ChatArgs,
    out: &'a mut Output,
    /// The run that is being answered.
    run: Option<String>,
    /// The run that ended last: its end may be heard of before its beginning.
    ended: Option<String>,
    /// Whether what was to be said was said, or could not be.
    is_answered: bool,
    /// The part of the answer that stands there already.
    said: String,
    /// The request for approval that came last and waits.
    asked: Option<String>,
    failed: bool,
}

impl Chat<'_> {
    fn show(&mut self, frame: &Value) -> Result<(), Error> {
        let kind = frame["type"].as_str().unwrap_or_default();
        if self.out.format == Format::Json {
            self.out.json_line(frame)?;
            self.out.flush()?;
        }
        match kind {
            "sent" => {
                self.is_answered = true;
                let run = frame["runId"].as_str().map(str::to_owned);
                self.run = run.filter(|run| self.ended.as_ref() != Some(run));
            }
            "delta" => {
                let text = frame["text"].as_str().unwrap_or_default();
                if frame["replace"] == true && !self.said.is_empty() {
                    self.say("\n")?;
                    self.said.clear();
                }
                self.said.push_str(text);
                self.say(text)?;
            }
            "final" | "aborted" => {
                // The end may say more than the pieces before it, or something else.
                let text = frame["text"].as_str().unwrap_or_default();
                match text.strip_prefix(&*self.said) {
                    Some(rest) => self.say(rest)?,
                    None if text.is_empty() => {}
                    None => self.say(&format!("\n{text}"))?,
                }
                self.say(if kind == "aborted" {
                    " [aborted]\n"
                } else {
                    "\n"
                })?;
                self.ended(frame);
            }
            "error" => {
                let words = frame["error"].as_str().unwrap_or("something went wrong");
                self.say(&format!("\n[error] {words}\n"))?;
                self.failed = true;
                self.ended(frame);
                if frame["runId"].is_null() {
                    self.is_answered = true;
                    self.run = None;
                }
            }
            "history" if self.args.message.is_none() => {
                for message in frame["messages"].as_array().into_iter().flatten() {
                    let who = if message["role"] == "user" { "> " } else { "" };
                    self.say(&format!(
                        "{who}{}\n",
                        message["text"].as_str().unwrap_or_default()
                    ))?;
                }
            }
            "approval" => {
                let command = frame["command"].as_str().unwrap_or_default();
                self.asked = frame["approvalId"].as_str().map(str::to_owned);
                let how = match self.args.message {
                    None => " (/allow, /allow always or /deny)",
                    Some(_) => "",
                };
                self.say(&format!("\n[asks for approval{how}] {command}\n"))?;
            }
            "approval_resolved"
                if self.asked.is_some()
                    && self.asked.as_deref() == frame["approvalId"].as_str() =>
            {
                self.asked = None;
                let decision = frame["decision"].as_str().unwrap_or("no longer asked");
                self.say(&format!("[{decision}]\n"))?;
            }
            "gateway" if frame["connected"] == false => {
                let note = frame["note"].as_str().unwrap_or_default();
                self.say(&format!("\n[gateway] {note}\n"))?;
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, frame: &Value) {
        self.said.clear();
        self.ended = frame["runId"].as_str().map(str::to_owned);
        if self.run == self.ended {
            self.run = None;
        }
    }

    fn say(&mut self, words: &str) -> Result<(), Error> {
        if self.out.format != Format::Json {
            let clean: String = words
                .chars()
                .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
                .collect();
            self.out.raw().write_all(clean.as_bytes())?;
            self.out.flush()?;
        }
        Ok(())
    }

    /// Whether there is nothing more to wait for.
    fn is_over(&self, no_input: bool) -> bool {
        no_input && self.is_answered && self.run.is_none()
    }
}

impl Way {
    async fn open(args: &ChatArgs, cx: &Context) -> Result<Self, Error> {
        if let Some(client) = Client::find(&cx.config.data_dir.value) {
            let failed = |error: &dyn std::fmt::Display| {
                Error::Server(format!("cannot chat through the server: {error}"))
            };
            let url = format!("ws://{}/ws/chat", client.address());
            let mut request = url.into_client_request().map_err(|error| failed(&error))?;
            let word =
                HeaderValue::from_str(&client.authorization()).map_err(|error| failed(&error))?;
            request.headers_mut().insert("authorization", word);
            let connected = tokio_tungstenite::connect_async(request).await;
            let (socket, _) = connected.map_err(|error| failed(&error))?;
            return Ok(Self::Server(Box::new(socket)));
        }
        let gateways = Gateways::only(cx.monitor()?, |entry| *entry.id == *args.gateway)?;
        let stream = gateways.watch(&args.gateway, &args.session)?;
        let begin = tokio::time::Instant::now();
        while !gateways.get(&args.gateway)?.connected {
            let note = gateways.note(&args.gateway)?;
            if note != "connecting" || begin.elapsed() > CONNECT {
                return Err(Error::Server(format!(
                    "{} is not connected: {note}",
                    text::line(&args.gateway)
                )));
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        let (reply, replies) = mpsc::channel(16);
        Ok(Self::Own {
            gateways,
            stream,
            replies,
            reply,
        })
    }

    async fn say(&mut self, args: &ChatArgs, kind: &str, mut body: Value) -> Result<(), Error> {
        body["type"] = kind.into();
        body["gatewayId"] = args.gateway.as_str().into();
        body["sessionKey"] = args.session.as_str().into();
        match self {
            Self::Server(socket) => socket
                .send(Message::text(body.to_string()))
                .await
                .map_err(|error| Error::Server(error.to_string())),
            Self::Own {
                gateways, reply, ..
            } => {
                let (gateways, reply) = (gateways.clone(), reply.clone());
                // The answer may come before this does.
                tokio::spawn(async move {
                    let said = own(&gateways, &body).await;
                    let said = said.unwrap_or_else(
                        |error| json!({"type": "error", "error": error.to_string()}),
                    );
                    // The chat may be over.
                    let _ = reply.send(said).await;
                });
                Ok(())
            }
        }
    }

    async fn next(&mut self) -> Result<Value, Error> {
        let gone = || Error::Server("the connection is lost".to_owned());
        loop {
            let frame = match self {
                Self::Server(socket) => match socket.next().await {
                    Some(Ok(Message::Text(frame))) => serde_json::from_str(&frame).ok(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(gone()),
                    Some(Ok(_)) => None,
                },
                Self::Own {
                    stream, replies, ..
                } => tokio::select! {
                    frame = stream.next() => Some(serde_json::from_str(&frame.ok_or_else(gone)?).unwrap_or_default()),
                    reply = replies.recv() => reply,
                },
            };
            if let Some(frame) = frame {
                return Ok(frame);
            }
        }
    }

    async fn close(self) {
        match self {
            // Whether it hears that or not, the chat is over.
            Self::Server(mut socket) => drop(SinkExt::close(&mut socket).await),
            Self::Own { gateways, .. } => gateways.stop().await,
        }
    }
}

/// What a line decides about a request for approval.
fn decision(line: &str) -> Option<&'static str> {
    Some(match line.trim() {
        "/allow" => "allow-once",
        "/allow always" => "allow-always",
        "/deny" => "deny",
        _ => return None,
    })
}

/// Does what the server would do.
async fn own(
    gateways: &Gateways,
    request: &Value,
) -> Result<Value, agentmon_core::gateways::GatewayError> {
    let text = |key: &str| request[key].as_str().unwrap_or_default();
    let (id, key) = (text("gatewayId"), text("sessionKey"));
    Ok(match text("type") {
        "chat" => {
            let sent = gateways.send(id, key, text("message")).await?;
            json!({"type": "sent", "runId": sent.run, "message": sent.message})
        }
        "abort" => {
            let run = request["runId"].as_str();
            json!({"type": "abort", "runIds": gateways.abort(id, key, run).await?})
        }
        "approve" => {
            gateways
                .resolve(id, text("approvalId"), text("decision"))
                .await?;
            json!({"type": "approved"})
        }
        _ => {
            let messages = gateways.history(id, key, None, SHOWN, true).await?;
            json!({"type": "history", "messages": messages})
        }
    })
}

/// Lines of the standard input, read in a thread of its own.
fn input() -> mpsc::Receiver<String> {
    let (lines, read) = mpsc::channel(16);
    if std::io::stdin().is_terminal() {
        // Nobody is left to be told that this failed.
        let _ = writeln!(
            std::io::stderr(),
            "Write a line and press Enter; Ctrl-C stops an answer, Ctrl-D leaves."
        );
    }
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    read
}

async fn next_line(lines: &mut Option<mpsc::Receiver<String>>) -> Option<String> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}
