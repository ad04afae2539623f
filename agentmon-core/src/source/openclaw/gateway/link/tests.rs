//! The machine against gateways that are made up, on a clock that is moved by hand.

use serde_json::json;

use super::*;
use crate::config::Secret;

const CHALLENGE: &[u8] =
    br#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1795254263211}}"#;
const START: Timestamp = Timestamp(1_000_000);

fn hello(protocol: u64) -> String {
    let policy = json!({"tickIntervalMs": 30_000});
    let payload = json!({"type": "hello-ok", "protocol": protocol, "server": {"version": "x"}, "policy": policy});
    json!({"type": "res", "id": "connect", "ok": true, "payload": payload}).to_string()
}

fn refusal(code: &str, message: &str, details: Value) -> String {
    let error = json!({"code": code, "message": message, "details": details});
    json!({"type": "res", "id": "connect", "ok": false, "error": error}).to_string()
}

fn link(identity: bool) -> Link<u32> {
    let settings = Settings {
        credentials: Credentials {
            token: Some(Secret::new("t".to_owned())),
            password: None,
        },
        identity: identity.then(|| Identity::new(&[1; 32])),
        sends_identity: false,
    };
    Link::new(settings, 3, START)
}

/// Dials and passes the challenge. Returns the connect request.
fn greet(link: &mut Link<u32>, now: Timestamp) -> Value {
    let mut out = Vec::new();
    assert!(link.wake(now, &mut out).is_empty());
    assert_eq!(out, [Effect::Dial]);
    link.opened(now);
    out.clear();
    assert!(link.received(CHALLENGE, now, &mut out).is_none());
    match &out[..] {
        [Effect::Send(text)] => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn up(link: &mut Link<u32>, protocol: u64, now: Timestamp) {
    let request = greet(link, now);
    assert_eq!(request["method"], "connect");
    let mut out = Vec::new();
    let text = hello(protocol);
    assert!(matches!(
        link.received(text.as_bytes(), now, &mut out),
        Some(Message::Up(_))
    ));
    assert_eq!(out, [Effect::Changed]);
    assert!(matches!(link.status(), Status::Up(_)));
}

#[test]
fn a_connection_is_made_used_and_kept() {
    let mut link = link(false);
    let mut out = Vec::new();
    let params = json!({"x": 1});
    assert_eq!(
        link.request(9, "chat.send", &params, START, &mut out),
        Err((9, RequestError::NotConnected))
    );
    up(&mut link, 4, START);
    link.request(9, "chat.send", &params, START, &mut out)
        .unwrap();
    link.request(8, "slow", &params, START + Span(1), &mut out)
        .unwrap();
    assert_eq!(out.len(), 2);
    let answer = br#"{"type":"res","id":"1","ok":true,"payload":{"a":2}}"#;
    match link.received(answer, START, &mut out) {
        Some(Message::Answer { ticket: 9, outcome }) => {
            assert_eq!(outcome.unwrap().get(), r#"{"a":2}"#)
        }
        other => panic!("{other:?}"),
    }
    // Signs of life are for nobody, but they keep the connection.
    let tick = br#"{"type":"event","event":"tick","payload":{"ts":1},"seq":1}"#;
    assert!(
        link.received(tick, START + Span::from_secs(29), &mut out)
            .is_none()
    );
    assert_eq!(link.deadline(), START + Span(30_001));
    assert_eq!(link.wake(START + Span(30_001), &mut out), [8]);
    assert_eq!(link.deadline(), START + Span::from_secs(89));
    out.clear();
    link.wake(START + Span::from_secs(89), &mut out);
    assert_eq!(out, [Effect::HangUp(4000, "tick timeout")]);
}

#[test]
fn lost_events_are_noticed_where_they_are_numbered() {
    for (protocol, expected) in [(4, true), (3, false)] {
        let mut link = link(false);
        up(&mut link, protocol, START);
        let mut missed = Vec::new();
        for seq in [1, 2, 4, 5] {
            let text = format!(r#"{{"type":"event","event":"x","seq":{seq}}}"#);
            match link.received(text.as_bytes(), START, &mut Vec::new()) {
                Some(Message::Event { missed: lost, .. }) => missed.push(lost),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(missed, [false, false, expected, false]);
    }
}

#[test]
fn refusals_are_told_and_tried_again_slowly() {
    let cases = [
        (
            "unauthorized: gateway token mismatch",
            json!({"code": "AUTH_TOKEN_MISMATCH"}),
            "token or password",
            48,
        ),
        (
            "pairing required",
            json!({"code": "PAIRING_REQUIRED", "requestId": "r-7"}),
            "devices approve r-7",
            48,
        ),
        (
            "protocol mismatch",
            json!({"expectedProtocol": 5}),
            "speaks protocol 5",
            48,
        ),
        ("starting", json!({"retryAfterMs": 700}), "starting", 0),
    ];
    for (message, details, told, least) in cases {
        let code = if message == "starting" {
            "UNAVAILABLE"
        } else {
            "INVALID_REQUEST"
        };
        let mut link = link(false);
        greet(&mut link, START);
        let mut out = Vec::new();
        let text = refusal(code, message, details);
        assert!(link.received(text.as_bytes(), START, &mut out).is_none());
        assert_eq!(out, [Effect::HangUp(1000, "refused")]);
        link.closed("1008", START, &mut out);
        match link.status() {
            Status::Down(down) => assert!(down.to_string().contains(told), "{down}"),
            other => panic!("{other:?}"),
        }
        let wait = link.deadline() - START;
        assert!(
            wait >= Span::from_secs(least) && wait <= Span::from_secs(60),
            "{wait}"
        );
    }
    let mut link = link(false);
    greet(&mut link, START);
    let strange = hello(9);
    assert!(
        link.received(strange.as_bytes(), START, &mut Vec::new())
            .is_none()
    );
}

#[test]
fn the_device_is_told_only_to_gateways_that_ask_for_it() {
    let mut link = link(true);
    assert!(greet(&mut link, START)["params"].get("device").is_none());
    let mut out = Vec::new();
    let text = refusal("NOT_PAIRED", "device identity required", Value::Null);
    link.received(text.as_bytes(), START, &mut out);
    link.closed("device identity required", START, &mut out);
    let again = link.deadline();
    assert!(again - START <= Span::from_secs(1));
    let device = greet(&mut link, again)["params"]["device"].clone();
    assert_eq!(device["id"], Identity::new(&[1; 32]).id());
}

#[test]
fn silence_in_the_handshake_and_odd_frames_end_nothing_else() {
    let mut link = link(false);
    let mut out = Vec::new();
    link.wake(START, &mut out);
    link.wake(START + Span::from_secs(15), &mut out);
    assert_eq!(out, [Effect::Dial, Effect::HangUp(1000, "no answer")]);
    link.closed("x", START, &mut out);
    let begin = link.deadline();
    greet(&mut link, begin);
    for garbage in [
        &b"\xff\xfe"[..],
        b"",
        b"{}",
        CHALLENGE,
        br#"{"type":"event","event":"agent","seq":1}"#,
    ] {
        out.clear();
        assert!(link.received(garbage, begin, &mut out).is_none());
        assert_eq!(out, []);
    }
    let text = hello(4);
    assert!(link.received(text.as_bytes(), begin, &mut out).is_some());
    // A second hello is nobody's.
    assert!(link.received(text.as_bytes(), begin, &mut out).is_none());
}

/// Fifty gateways that come and go for ten minutes: nothing piles up, nobody is dialed more often than agreed.
#[test]
fn flapping_gateways_cost_little() {
    let end = START + Span::from_mins(10);
    for gateway in 0..50_u64 {
        let mut link = Link::new(Settings::default(), gateway, START);
        // Some never answer, some die at once, some after a while, some refuse.
        let manner = gateway % 5;
        let (mut dials, mut asked, mut ended) = (0_u32, 0_u32, 0_u32);
        let mut now = START;
        while now < end {
            let mut out = Vec::new();
            ended += link.wake(now, &mut out).len() as u32;
            let mut queue = std::collections::VecDeque::from(out);
            while let Some(effect) = queue.pop_front() {
                let mut out = Vec::new();
                match effect {
                    Effect::Dial => {
                        dials += 1;
                        if manner == 0 {
                            ended += link.closed("refused", now, &mut out).len() as u32;
                        } else {
                            link.opened(now);
                            link.received(CHALLENGE, now, &mut out);
                        }
                    }
                    Effect::Send(text) if text.contains("\"connect\"") => {
                        let answer = match manner {
                            1 => hello(4),
                            2 => hello(3),
                            3 => refusal("UNAVAILABLE", "busy", Value::Null),
                            _ => String::new(),
                        };
                        link.received(answer.as_bytes(), now, &mut out);
                        for ticket in 0..40 {
                            if link
                                .request(ticket, "m", &Value::Null, now, &mut out)
                                .is_ok()
                            {
                                asked += 1;
                            }
                        }
                        out.retain(|effect| !matches!(effect, Effect::Send(_)));
                        if manner == 1 {
                            ended += link.closed("1006", now, &mut out).len() as u32;
                        }
                    }
                    Effect::HangUp(..) => {
                        ended += link.closed("closed", now, &mut out).len() as u32
                    }
                    _ => {}
                }
                queue.extend(out);
            }
            assert!(link.waiting() <= 40);
            let next = link.deadline();
            assert!(next > now, "gateway {gateway} spins at {now}");
            now = next;
        }
        ended += link.closed("end", now, &mut Vec::new()).len() as u32;
        assert_eq!(asked, ended, "every request ends once");
        assert!(
            (5..=25).contains(&dials),
            "gateway {gateway}: {dials} dials in ten minutes"
        );
    }
}
