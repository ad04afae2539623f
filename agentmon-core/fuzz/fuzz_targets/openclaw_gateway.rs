//! Frames of an OpenClaw gateway, one after another on one connection.
#![no_main]

use agentmon_core::model::Batch;
use agentmon_core::source::openclaw::gateway::link::{Link, Message, Settings};
use agentmon_core::source::openclaw::gateway::observe::Observer;
use agentmon_core::source::openclaw::gateway::talk::{Answer, ChatEvent, Conversation};
use agentmon_core_fuzz::{NOW, holds, records};
use libfuzzer_sys::fuzz_target;

const CHALLENGE: &[u8] =
    br#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1795254263211}}"#;

fuzz_target!(|data: &[u8]| {
    for protocol in [3, 4] {
        let mut link: Link<u32> = Link::new(Settings::default(), 1, NOW);
        let (mut observer, mut batch, mut effects) = (Observer::default(), Batch::default(), Vec::new());
        link.wake(NOW, &mut effects);
        link.opened(NOW);
        link.received(CHALLENGE, NOW, &mut effects);
        let hello = format!(
            r#"{{"type":"res","id":"connect","ok":true,"payload":{{"protocol":{protocol}}}}}"#
        );
        assert!(matches!(link.received(hello.as_bytes(), NOW, &mut effects), Some(Message::Up(_))));
        observer.connected(protocol, None, NOW, &mut batch);
        for ticket in 0..4 {
            let _ = link.request(ticket, "m", &serde_json::Value::Null, NOW, &mut effects);
        }
        let mut answer = Answer::default();
        for frame in records(data) {
            match link.received(frame, NOW, &mut effects) {
                Some(Message::Event { name, payload, .. }) => {
                    let _ = observer.event(&name, payload, NOW, &mut batch);
                    if let Some(event) = ChatEvent::read(payload) {
                        let _ = answer.take(&event);
                    }
                }
                Some(Message::Answer { ticket, outcome: Ok(payload) }) => match ticket {
                    0 => drop(observer.listed(payload, true, NOW, &mut batch)),
                    1 => drop(observer.approvals(payload, NOW, &mut batch)),
                    2 => {
                        let _ = observer.history("agent:main:main", payload, true, &mut batch);
                    }
                    _ => {
                        let _ = Conversation::read(payload).fate("r", None, false);
                    }
                },
                _ => {}
            }
        }
        observer.lost(NOW, &mut batch);
        holds(&batch);
    }
});
