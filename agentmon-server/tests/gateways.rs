//! Gateways over HTTP: what goes in and never comes out, who may do what, and chats over the WebSocket.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use common::Running;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A gateway that answers every message with its text in two deltas. Returns its URL.
async fn gateway() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                let challenge = json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_795_000_000_000_i64}});
                socket
                    .send(Message::text(challenge.to_string()))
                    .await
                    .unwrap();
                while let Some(Ok(Message::Text(text))) = socket.next().await {
                    let request: Value = serde_json::from_str(&text).unwrap();
                    let payload = match request["method"].as_str().unwrap() {
                        "connect" => {
                            json!({"type": "hello-ok", "protocol": 4, "server": {"version": "fake"}})
                        }
                        "sessions.subscribe" => {
                            json!({"subscribed": true, "list": {"sessions": []}})
                        }
                        "sessions.list" => {
                            json!({"sessions": [{"key": "agent:main:main", "secretive": 1}], "totalCount": 1})
                        }
                        "agents.list" => json!({"agents": [{"id": "main"}], "defaultId": "main"}),
                        "models.list" => json!({"models": [{"id": "m"}]}),
                        "chat.history" => json!({"messages": []}),
                        "exec.approval.list" => json!([]),
                        _ => json!({"status": "started"}),
                    };
                    let answer =
                        json!({"type": "res", "id": request["id"], "ok": true, "payload": payload});
                    socket
                        .send(Message::text(answer.to_string()))
                        .await
                        .unwrap();
                    if request["method"] == "chat.send" {
                        let said = request["params"]["message"].as_str().unwrap();
                        for (state, text) in [("delta", &said[..1]), ("final", said)] {
                            let payload = json!({"runId": request["params"]["idempotencyKey"], "sessionKey": "agent:main:main",
                                "state": state, "message": {"content": [{"type": "text", "text": text}]}});
                            let event =
                                json!({"type": "event", "event": "chat", "payload": payload});
                            socket.send(Message::text(event.to_string())).await.unwrap();
                        }
                    }
                }
            });
        }
    });
    url
}

#[test]
fn gateways_are_managed_by_who_may_control_and_show_no_secret() {
    let server = Running::new();
    let control = format!("Bearer {}", server.control_token());
    let ask = |method: &str, path: &str, body: &str| {
        let headers = [
            ("authorization", &*control),
            ("content-type", "application/json"),
        ];
        server.ask(method, path, &headers, body)
    };
    let body = r#"{"name":"Home","url":"ws://127.0.0.1:9","token":"t0p-secret","enabled":false}"#;
    assert_eq!(server.post("/api/gateways", body).status, 401);
    let added = ask("POST", "/api/gateways", body);
    assert_eq!(added.status, 201);
    let expected =
        json!({"id": "home", "name": "Home", "url": "ws://127.0.0.1:9", "connected": false});
    assert_eq!(added.json(), expected);
    assert_eq!(server.json("/api/gateways"), json!([expected]));
    assert_eq!(server.json("/api/gateways/home"), expected);
    assert_eq!(server.json("/api/gateways/home/status")["note"], "disabled");
    for (method, path, body, status) in [
        ("POST", "/api/gateways", r#"{"url":"ftp://x"}"#, 400),
        (
            "POST",
            "/api/gateways",
            r#"{"url":"ws://x","tokn":"t0p-secret"}"#,
            400,
        ),
        ("PATCH", "/api/gateways/none", "{}", 404),
        ("PATCH", "/api/gateways/home", r#"{"name":"New"}"#, 200),
        ("GET", "/api/gateways/home/agents", "", 503),
        ("GET", "/api/gateways/home/other", "", 404),
        ("DELETE", "/api/gateways/home", "", 200),
        ("DELETE", "/api/gateways/home", "", 404),
    ] {
        let answer = ask(method, path, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert!(!answer.text().contains("t0p-secret"));
    }
}

#[test]
fn a_chat_streams_to_everybody_and_only_control_may_speak() {
    let server = Running::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = runtime.block_on(gateway());
    let control = format!("Bearer {}", server.control_token());
    let headers = [
        ("authorization", &*control),
        ("content-type", "application/json"),
    ];
    let body = json!({"name": "Home", "url": url}).to_string();
    assert_eq!(
        server.ask("POST", "/api/gateways", &headers, &body).status,
        201
    );
    while server.json("/api/gateways")[0]["connected"] != true {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(
        server.json("/api/gateways/home/agents")["agents"][0]["id"],
        "main"
    );
    let sessions = server.json("/api/gateways/home/sessions");
    assert_eq!(sessions["sessions"], json!([{"key": "agent:main:main"}]));
    runtime.block_on(async {
        let connect = async |token: Option<&str>| {
            let mut request = format!("ws://{}/ws/chat", server.address)
                .into_client_request()
                .unwrap();
            if let Some(token) = token {
                request
                    .headers_mut()
                    .insert("authorization", token.parse().unwrap());
            }
            tokio_tungstenite::connect_async(request).await.unwrap().0
        };
        let (mut speaker, mut viewer) = (connect(Some(&control)).await, connect(None).await);
        let say = |kind: &str, rest: Value| {
            let mut body =
                json!({"type": kind, "gatewayId": "home", "sessionKey": "main", "id": 7});
            body.as_object_mut()
                .unwrap()
                .extend(rest.as_object().unwrap().clone());
            Message::text(body.to_string())
        };
        macro_rules! next {
            ($socket:expr, $kind:expr) => {
                loop {
                    let frame =
                        tokio::time::timeout(std::time::Duration::from_secs(20), $socket.next())
                            .await;
                    if let Message::Text(text) = frame.unwrap().unwrap().unwrap() {
                        let frame: Value = serde_json::from_str(&text).unwrap();
                        if frame["type"] == $kind {
                            break frame;
                        }
                    }
                }
            };
        }
        viewer
            .send(say("chat", json!({"message": "No"})))
            .await
            .unwrap();
        assert!(
            next!(viewer, "error")["error"]
                .as_str()
                .unwrap()
                .contains("control")
        );
        viewer.send(say("watch", json!({}))).await.unwrap();
        assert_eq!(next!(viewer, "watching")["sessionKey"], "agent:main:main");
        speaker
            .send(say("chat", json!({"message": "Yes"})))
            .await
            .unwrap();
        let sent = next!(speaker, "sent");
        assert_eq!(
            (&sent["id"], &sent["message"]["text"]),
            (&json!(7), &json!("Yes"))
        );
        assert_eq!(next!(viewer, "message")["message"]["text"], "Yes");
        assert_eq!(next!(viewer, "delta")["text"], "Y");
        let end = next!(viewer, "final");
        assert_eq!(
            (&end["text"], &end["runId"]),
            (&json!("Yes"), &sent["runId"])
        );
        viewer.send(say("history", json!({}))).await.unwrap();
        let history = next!(viewer, "history");
        let told: Vec<_> = history["messages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|said| (&said["role"], &said["text"]))
            .collect();
        assert_eq!(
            told,
            [
                (&json!("user"), &json!("Yes")),
                (&json!("assistant"), &json!("Yes"))
            ]
        );
        viewer.send(Message::text("nonsense")).await.unwrap();
        next!(viewer, "error");
    });
}
