//! Gateways that misbehave: what reaches the store and the viewers all the same.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod fake;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Secret};
use agentmon_core::gateways::{ChatStream, GatewayChange, GatewayError, Gateways, MessageState};
use agentmon_core::query::SessionFilter;
use agentmon_core::source::Env;
use agentmon_core::source::openclaw::gateway::requests::RequestError;
use fake::{Fake, monitor, new};
use futures_util::SinkExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Much is done with the machine meanwhile.
const PATIENCE: Duration = Duration::from_secs(90);

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("nothing happened")
}

async fn until(gateways: &Gateways, id: &str, good: impl Fn(bool, &str) -> bool) {
    within(async {
        loop {
            let (view, note) = (gateways.get(id).unwrap(), gateways.note(id).unwrap());
            if good(view.connected, &note) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn next(stream: &mut ChatStream, kind: &str) -> Value {
    within(async {
        loop {
            let frame: Value = serde_json::from_str(&stream.next().await.unwrap()).unwrap();
            if frame["type"] == kind {
                return frame;
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_stored_sent_answered_and_seen_by_everybody() {
    let fake = Fake::start(|_, mut peer| async move {
        peer.greet(4).await;
        let mut early: Option<Value> = None;
        while let Some(request) = peer.request().await {
            if peer.answer(&request).await {
                continue;
            }
            let params = &request["params"];
            match request["method"].as_str().unwrap() {
                "chat.send" => {
                    let run = params["idempotencyKey"].as_str().unwrap();
                    peer.delta(run, "<think>secret").await;
                    peer.delta(run, "<think>secret</think>Hel").await;
                    // Answers out of order, and twice.
                    if let Some(early) = early.take() {
                        peer.ok(&early, json!({"messages": []})).await;
                    }
                    peer.ok(&request, json!({"runId": run, "status": "started"})).await;
                    peer.ok(&request, json!({"runId": run, "status": "started"})).await;
                    let message = json!({"message": {"content": [{"type": "text", "text": "<think>secret</think>Hello"}]}});
                    peer.chat(run, "final", message.clone()).await;
                    peer.chat(run, "final", message).await;
                }
                "chat.history" => match early {
                    None => early = Some(request),
                    Some(_) => peer.ok(&request, json!({"messages": []})).await,
                },
                "chat.abort" => peer.ok(&request, json!({"ok": true, "aborted": true, "runIds": ["r"]})).await,
                other => panic!("{other}"),
            }
        }
    })
    .await;
    let gateways = Gateways::start(monitor()).unwrap();
    let id = gateways.add(new(fake.url())).unwrap().id;
    assert_eq!(&*id, "home");
    until(&gateways, &id, |connected, _| connected).await;
    let (mut one, mut two) = (
        gateways.watch(&id, "main").unwrap(),
        gateways.watch(&id, "agent:main:main").unwrap(),
    );
    let mut other = gateways.watch(&id, "agent:main:other").unwrap();
    let sent = gateways.send(&id, "main", "Hi").await.unwrap();
    for stream in [&mut one, &mut two] {
        assert_eq!(next(stream, "message").await["message"]["text"], "Hi");
        assert_eq!(next(stream, "delta").await["text"], "Hel");
        let end = next(stream, "final").await;
        assert_eq!(
            (&end["text"], &end["runId"]),
            (&json!("Hello"), &json!(sent.run))
        );
        assert_eq!(end["message"]["text"], "Hello");
    }
    let stored = gateways
        .history(&id, "main", None, 50, false)
        .await
        .unwrap();
    let told: Vec<_> = stored
        .iter()
        .map(|message| (message.role.as_str(), &*message.text, message.state))
        .collect();
    assert_eq!(
        told,
        [
            ("user", "Hi", MessageState::Sent),
            ("assistant", "Hello", MessageState::Sent)
        ]
    );
    assert_eq!(gateways.abort(&id, "main", None).await.unwrap(), ["r"]);
    assert_eq!(
        gateways.agents(&id).await.unwrap()["agents"][0]["id"],
        "main"
    );
    assert!(
        tokio::time::timeout(Duration::from_millis(50), other.next())
            .await
            .is_err(),
        "nothing crosses over"
    );
    let list = serde_json::to_string(&gateways.list()).unwrap();
    assert_eq!(
        list,
        format!(
            r#"[{{"id":"home","name":"Home","url":"{}","connected":true}}]"#,
            fake.url()
        )
    );
    gateways.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_and_changes_take_effect() {
    let fake = Fake::start(|_, mut peer| async move {
        peer.send(json!({"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 1_795_000_000_000_i64}}))
            .await;
        let Some(request) = peer.request().await else { return };
        let params = &request["params"];
        let mut reply = Some(());
        if params["auth"]["token"] == "right" {
            let payload = json!({"type": "hello-ok", "protocol": 4, "server": {"version": "fake"}});
            peer.ok(&request, payload).await;
            while let Some(request) = peer.request().await {
                peer.answer(&request).await;
            }
            reply = None;
        }
        if reply.is_some() {
            let error = json!({"code": "INVALID_REQUEST", "message": "unauthorized", "details": {"code": "AUTH_TOKEN_MISMATCH"}});
            peer.send(json!({"type": "res", "id": request["id"], "ok": false, "error": error})).await;
        }
    })
    .await;
    let gateways = Gateways::start(monitor()).unwrap();
    let id = gateways.add(new(fake.url())).unwrap().id;
    until(&gateways, &id, |_, note| {
        note.contains("token or password refused")
    })
    .await;
    match gateways.send(&id, "main", "Hi").await {
        Err(GatewayError::Request(RequestError::NotConnected)) => {}
        other => panic!("{other:?}"),
    }
    within(async {
        // Stored before it was sent, and known to have failed.
        loop {
            let stored = gateways.history(&id, "main", None, 9, false).await.unwrap();
            if let [message] = &stored[..]
                && message.state == MessageState::Failed
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let change = GatewayChange {
        token: Some(Secret::new("right".into())),
        ..GatewayChange::default()
    };
    gateways.change(&id, change).unwrap();
    until(&gateways, &id, |connected, _| connected).await;
    let change = GatewayChange {
        enabled: Some(false),
        ..GatewayChange::default()
    };
    assert!(!gateways.change(&id, change).unwrap().connected);
    assert_eq!(gateways.note(&id).unwrap(), "disabled");
    gateways.remove(&id).unwrap();
    assert!(gateways.list().is_empty());
    assert!(matches!(gateways.get(&id), Err(GatewayError::Unknown(_))));
    for wrong in ["ftp://x", "ws://a:b@c", ""] {
        assert!(
            matches!(
                gateways.add(new(wrong.into())),
                Err(GatewayError::Address(_))
            ),
            "{wrong}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_refusals_say_what_to_do() {
    for (code, message, details, told) in [
        (
            "NOT_PAIRED",
            "pairing required",
            json!({"code": "PAIRING_REQUIRED", "requestId": "r-9"}),
            "openclaw devices approve r-9",
        ),
        (
            "INVALID_REQUEST",
            "protocol mismatch",
            json!({"code": "PROTOCOL_MISMATCH", "expectedProtocol": 7}),
            "protocol 7",
        ),
    ] {
        let fake = Fake::start(move |_, mut peer| {
            let details = details.clone();
            async move { peer.refuse(code, message, details).await }
        })
        .await;
        let gateways = Gateways::start(monitor()).unwrap();
        let id = gateways.add(new(fake.url())).unwrap().id;
        until(&gateways, &id, |_, note| note.contains(told)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_in_mid_run_is_taken_up_where_the_run_is() {
    let run = Arc::new(Mutex::new(String::new()));
    let fake = Fake::start(move |number, mut peer| {
        let run = run.clone();
        async move {
            peer.greet(4).await;
            while let Some(request) = peer.request().await {
                if peer.answer(&request).await {
                    continue;
                }
                match (number, request["method"].as_str().unwrap()) {
                    (1, "chat.send") => {
                        let id = request["params"]["idempotencyKey"].as_str().unwrap().to_owned();
                        run.lock().unwrap().clone_from(&id);
                        peer.ok(&request, json!({"runId": id, "status": "started"})).await;
                        peer.delta(&id, "One, ").await;
                        // No close frame: the cable was cut.
                        return;
                    }
                    (_, "chat.history") => {
                        let run = run.lock().unwrap().clone();
                        let at = 1_795_000_000_000_i64;
                        let messages = match &*run {
                            "" => json!([]),
                            run => json!([
                                {"role": "user", "content": "Count", "timestamp": at, "idempotencyKey": format!("{run}:user"),
                                 "__openclaw": {"id": "u1", "recordTimestampMs": at}},
                                {"role": "assistant", "content": "One, two.", "stopReason": "stop", "timestamp": at + 1,
                                 "__openclaw": {"id": "a1", "runId": run, "recordTimestampMs": at + 2}},
                            ]),
                        };
                        peer.ok(&request, json!({"sessionId": "s-1", "messages": messages, "sessionInfo": {"hasActiveRun": false}}))
                            .await;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    })
    .await;
    let gateways = Gateways::start(monitor()).unwrap();
    let id = gateways.add(new(fake.url())).unwrap().id;
    until(&gateways, &id, |connected, _| connected).await;
    let mut stream = gateways.watch(&id, "main").unwrap();
    let sent = gateways.send(&id, "main", "Count").await.unwrap();
    assert_eq!(next(&mut stream, "delta").await["text"], "One, ");
    assert_eq!(next(&mut stream, "gateway").await["connected"], false);
    let end = next(&mut stream, "final").await;
    assert_eq!(
        (&end["text"], &end["runId"]),
        (&json!("One, two."), &json!(sent.run))
    );
    tokio::time::sleep(Duration::from_millis(300)).await;
    // However often the gateway's own history is taken in, nothing is there twice.
    for _ in 0..2 {
        let stored = gateways.history(&id, "main", None, 50, true).await.unwrap();
        let told: Vec<_> = stored
            .iter()
            .map(|message| (&*message.text, message.state))
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told.contains(&("Count", MessageState::Sent))
                && told.contains(&("One, two.", MessageState::Sent))
        );
    }
    assert!(*fake.connections.lock().unwrap() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_floods_and_huge_frames_stop_nothing() {
    let fake = Fake::start(|_, mut peer| async move {
        peer.greet(4).await;
        for garbage in ["", "null", "[[[[", "{\"type\":\"event\"}", "{\"type\":\"res\",\"id\":\"1\"}", "{\"type\":\"event\",\"event\":\"agent\",\"payload\":7}"] {
            let _ = peer.socket.send(Message::text(garbage)).await;
        }
        let _ = peer.socket.send(Message::binary(vec![0; 1000])).await;
        let huge = "x".repeat(25 << 20);
        peer.event("session.message", json!({"sessionKey": "agent:main:main", "message": {"role": "user", "content": huge}})).await;
        for number in 0..20_000 {
            peer.delta("flood", &format!("{number} {}", "y".repeat(200))).await;
            if number % 100 == 0 {
                let data = json!({"phase": "start", "name": "exec", "toolCallId": format!("c{number}")});
                peer.event("agent", json!({"runId": "flood", "sessionKey": "agent:main:main", "sessionId": "s-1", "stream": "tool", "data": data}))
                    .await;
            }
        }
        peer.chat("flood", "final", json!({"message": {"content": "done"}})).await;
        while let Some(request) = peer.request().await {
            if !peer.answer(&request).await {
                peer.ok(&request, json!({"sessionId": "s-1", "messages": []})).await;
            }
        }
    })
    .await;
    let monitor = monitor();
    let gateways = Gateways::start(monitor.clone()).unwrap();
    let id = gateways.add(new(fake.url())).unwrap().id;
    // One viewer never reads, one does: the first costs the second nothing.
    let mut slow = gateways.watch(&id, "main").unwrap();
    let mut quick = gateways.watch(&id, "main").unwrap();
    let end = next(&mut quick, "final").await;
    assert_eq!(end["text"], "done");
    assert_eq!(
        next(&mut slow, "resync").await["sessionKey"],
        "agent:main:main"
    );
    until(&gateways, &id, |connected, _| connected).await;
    within(async {
        loop {
            let sessions = monitor
                .sessions(&SessionFilter::default())
                .unwrap()
                .sessions;
            if let [session] = &sessions[..]
                && session.state.as_str() == "idle"
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_are_kept_with_their_secrets_apart() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let env = Env::at(folder.path());
        let config = Config::defaults(&env);
        Monitor::builder()
            .config(config)
            .env(env)
            .data_dir(folder.path().join("data"))
            .open()
            .unwrap()
    };
    let gateways = Gateways::start(open()).unwrap();
    let mut off = new("ws://127.0.0.1:9".into());
    off.enabled = false;
    let id = gateways.add(off).unwrap().id;
    let second = gateways.add(new("ws://127.0.0.1:9".into())).unwrap().id;
    assert_eq!((&*id, &*second), ("home", "home-2"));
    gateways.stop().await;
    drop(gateways);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let again = Gateways::start(open()).unwrap();
    assert_eq!(again.list().len(), 2);
    for entry in std::fs::read_dir(folder.path().join("data")).unwrap() {
        let path = entry.unwrap().path();
        let holds = std::fs::read(&path)
            .unwrap()
            .windows(10)
            .any(|part| part == b"t0p-secret");
        assert_eq!(
            holds,
            path.ends_with("gateway-secrets.json"),
            "{}",
            path.display()
        );
    }
    assert!(!format!("{again:?}").contains("t0p-secret"));
    again.stop().await;
}
