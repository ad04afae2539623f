//! Recordings of real gateways, replayed through the client: what becomes of sessions, states, messages and sums.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::ingest::Delivery;
use agentmon_core::model::{Batch, EventKind, Timestamp};
use agentmon_core::query::{EventFilter, Order, SessionFilter};
use agentmon_core::source::Env;
use agentmon_core::source::openclaw::gateway::link::{Effect, Link, Message, Settings};
use agentmon_core::source::openclaw::gateway::observe::Observer;
use serde_json::{Value, json};

use common::{after_recordings, fixture};

/// A client that hears what a recorder heard.
struct Replay {
    clock: ManualClock,
    now: Timestamp,
    monitor: Monitor,
    link: Link<String>,
    observer: Observer,
    /// The recorder's request ids, by the client's own.
    ids: HashMap<String, String>,
    states: BTreeMap<String, String>,
    story: String,
}

impl Replay {
    fn new() -> Self {
        let now = Timestamp(1_795_000_000_000);
        let clock = ManualClock::at(now);
        let home = PathBuf::from("/nowhere");
        let env = Env::at(&home);
        let monitor = Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .clock(clock.clone())
            .in_memory()
            .open()
            .unwrap();
        let mut link = Link::new(Settings::default(), 1, now);
        link.wake(now, &mut Vec::new());
        link.opened(now);
        Self {
            clock,
            now,
            monitor,
            link,
            observer: Observer::default(),
            ids: HashMap::new(),
            states: BTreeMap::new(),
            story: String::new(),
        }
    }

    /// The recordings tell no time of their own: the latest that a frame states is the present.
    fn see_time(&mut self, frame: &Value) {
        let payload = &frame["payload"];
        let stated = [
            &payload["ts"],
            &payload["message"]["timestamp"],
            &payload["createdAtMs"],
            &payload["data"]["endedAt"],
        ];
        for at in stated.into_iter().filter_map(Value::as_i64) {
            self.now = self.now.max(Timestamp(at));
        }
        self.clock.set(self.now);
    }

    fn request(&mut self, id: &str, method: &str) {
        let mut out = Vec::new();
        self.link
            .request(method.to_owned(), method, &Value::Null, self.now, &mut out)
            .unwrap();
        match &out[..] {
            [Effect::Send(text)] => {
                let sent: Value = serde_json::from_str(text).unwrap();
                self.ids
                    .insert(id.to_owned(), sent["id"].as_str().unwrap().to_owned());
            }
            other => panic!("{other:?}"),
        }
    }

    fn receive(&mut self, mut frame: Value) {
        self.see_time(&frame);
        if let Some(own) = frame["id"].as_str().and_then(|id| self.ids.get(id)) {
            frame["id"] = json!(own);
        }
        let text = frame.to_string();
        let mut batch = Batch::default();
        let mut out = Vec::new();
        match self.link.received(text.as_bytes(), self.now, &mut out) {
            Some(Message::Up(hello)) => {
                self.observer
                    .connected(hello.protocol, None, self.now, &mut batch)
            }
            Some(Message::Event { name, payload, .. }) => {
                let wishes = self.observer.event(&name, payload, self.now, &mut batch);
                if wishes.list {
                    writeln!(self.story, "  (asks for the list, at {name})").unwrap();
                }
            }
            Some(Message::Answer {
                ticket,
                outcome: Ok(payload),
            }) => match &*ticket {
                "sessions.list" | "sessions.subscribe" => {
                    self.observer.listed(payload, true, self.now, &mut batch);
                }
                "chat.history" => {
                    let address = payload.value()["sessionKey"].as_str().unwrap().to_owned();
                    self.observer.history(&address, payload, true, &mut batch);
                }
                "exec.approval.list" if payload.get().starts_with('[') => {
                    self.observer.approvals(payload, self.now, &mut batch);
                }
                _ => {}
            },
            Some(Message::Answer { .. }) | None => {}
        }
        for problem in &batch.problems {
            writeln!(self.story, "  ! {}", problem.detail).unwrap();
        }
        self.monitor
            .ingest_blocking(Delivery::Observed(Box::new(batch)))
            .unwrap();
        self.tell_states();
    }

    fn tell_states(&mut self) {
        let filter = SessionFilter {
            within: true,
            ..SessionFilter::default()
        };
        let mut sessions = self.monitor.sessions(&filter).unwrap().sessions;
        sessions.sort_by_key(|session| session.key.clone());
        for session in sessions {
            let id = short(&session.key.native_id);
            let detail = session
                .detail
                .map(|detail| format!(" | {detail}"))
                .unwrap_or_default();
            let state = format!("{} {}{detail}", session.state, session.reason);
            if self.states.insert(id.clone(), state.clone()).as_ref() != Some(&state) {
                writeln!(self.story, "{id}: {state}").unwrap();
            }
        }
    }

    /// Everything that is known in the end.
    fn finish(mut self) -> String {
        let filter = SessionFilter {
            within: true,
            ..SessionFilter::default()
        };
        let mut sessions = self.monitor.sessions(&filter).unwrap().sessions;
        sessions.sort_by_key(|session| session.key.clone());
        for session in sessions {
            let id = short(&session.key.native_id);
            let parent = session
                .parent
                .map(|(key, _)| format!(" child of {}", short(&key.native_id)));
            writeln!(
                self.story,
                "\n== {id}{}: {:?}, {}, {} calls, {} in, {} out, {}",
                parent.unwrap_or_default(),
                session.title.as_deref().unwrap_or_default(),
                session.model.as_deref().unwrap_or("-"),
                session.sums.requests,
                session.sums.usage.input + session.sums.usage.cache_read,
                session.sums.usage.output,
                session.sums.cost,
            )
            .unwrap();
            let filter = EventFilter {
                session: Some(session.key),
                order: Order::Ascending,
                limit: 100,
                ..EventFilter::default()
            };
            for event in self.monitor.events(&filter).unwrap().events {
                let text: String = event
                    .text
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .chars()
                    .take(60)
                    .collect();
                let tool = event
                    .tool
                    .map(|tool| format!(" {tool}"))
                    .unwrap_or_default();
                let mark = if event.kind == EventKind::Response {
                    "<"
                } else {
                    " "
                };
                writeln!(
                    self.story,
                    "  {mark} {}{tool} [{}] {text}",
                    event.kind.as_str(),
                    event.status.as_str()
                )
                .unwrap();
            }
        }
        self.story
    }
}

/// Ids without what differs from recording to recording.
fn short(id: &str) -> String {
    let end = id.len().min(id.find('/').map_or(id.len(), |at| at + 9));
    id[..end].to_owned()
}

fn replay(name: &str) -> String {
    let path = fixture("openclaw/gateway").join(name);
    let mut replay = Replay::new();
    for line in fs::read_to_string(path).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let frame = &record["frame"];
        match record["dir"].as_str().unwrap() {
            "send" => match (frame["id"].as_str(), frame["method"].as_str()) {
                (Some(id), Some("connect")) => {
                    replay.ids.insert(id.to_owned(), "connect".to_owned());
                }
                (Some(id), Some(method)) => replay.request(id, method),
                _ => {}
            },
            "recv" => replay.receive(frame.clone()),
            _ => {}
        }
    }
    replay.finish()
}

#[test]
fn recordings_give_the_expected_sessions_states_messages_and_sums() {
    let mut names: Vec<String> = fs::read_dir(fixture("openclaw/gateway"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.contains("handshake"))
        .collect();
    names.sort();
    assert!(names.len() > 30, "{names:?}");
    for name in names {
        let story = replay(&name);
        insta::assert_snapshot!(name.trim_end_matches(".jsonl"), story);
    }
}

/// The same conversation from the gateway and from its files is one session with one set of calls and events.
#[test]
fn a_gateway_and_its_files_tell_of_one_session() {
    let Some(state) = common::shared("fixtures/openclaw/state-2026.7.1") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    common::copy(&state, &home.path().join(".openclaw"));
    let env = Env::at(home.path());
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(after_recordings())
        .in_memory()
        .open()
        .unwrap();
    common::refresh(&monitor).unwrap();
    let sums = |monitor: &Monitor| {
        let page = monitor
            .events(&EventFilter {
                limit: 10_000,
                ..EventFilter::default()
            })
            .unwrap();
        (common::by_session(monitor), page.events.len())
    };
    let before = sums(&monitor);
    let mut replay = Replay::new();
    replay.monitor = monitor.clone();
    let path = fixture("openclaw/gateway/2026.7.1_chat-tool.jsonl");
    for line in fs::read_to_string(path).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let frame = &record["frame"];
        match (
            record["dir"].as_str().unwrap(),
            frame["id"].as_str(),
            frame["method"].as_str(),
        ) {
            ("send", Some(id), Some("connect")) => {
                drop(replay.ids.insert(id.to_owned(), "connect".to_owned()))
            }
            ("send", Some(id), Some(method)) => replay.request(id, method),
            ("recv", ..) => replay.receive(frame.clone()),
            _ => {}
        }
    }
    let after = sums(&monitor);
    assert_eq!(before.0, after.0, "no call is counted twice");
    assert_eq!(before.1, after.1, "no event is told twice");
}
