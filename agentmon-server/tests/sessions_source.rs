//! One agentmon watches another through the sessions API; and what it makes of servers that are rude.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::clock::{Clock, SystemClock};
use agentmon_core::config::Config;
use agentmon_core::ingest::Delivery;
use agentmon_core::ingest::events_api::read_batch;
use agentmon_core::model::{NanoUsd, Span, Timestamp};
use agentmon_core::monitor::RemoteTask;
use agentmon_core::query::SessionView;
use agentmon_core::session::State;
use agentmon_core::source::Env;
use common::Running;
use tokio::runtime::Runtime;

/// A monitor that watches an address.
struct Watcher {
    monitor: Monitor,
    tasks: Vec<RemoteTask>,
    runtime: Runtime,
}

impl Watcher {
    fn of(address: SocketAddr, key: &str) -> Self {
        let env = Env::at("/nonexistent")
            .with("OPENCLAW_API_URL", format!("http://{address}/api/openclaw"))
            .with("OPENCLAW_API_KEY", key)
            .with("OPENCLAW_TIMEOUT", "2000")
            .with("OPENCLAW_RETRY_ATTEMPTS", "0");
        let monitor = Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .in_memory()
            .open()
            .unwrap();
        let runtime = Runtime::new().unwrap();
        let tasks = runtime.block_on(async { monitor.start_remotes() });
        Self {
            monitor,
            tasks,
            runtime,
        }
    }

    fn session(&self, id: &str) -> Option<SessionView> {
        self.monitor.find_session(id).unwrap()
    }

    /// Waits for a session that is as it should be.
    fn wait(&self, id: &str, good: impl Fn(&SessionView) -> bool) -> SessionView {
        let begin = Instant::now();
        loop {
            let found = self.session(id);
            if let Some(view) = found.clone().filter(|view| good(view)) {
                return view;
            }
            assert!(begin.elapsed() < Duration::from_secs(40), "{id}: {found:?}");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// What `sources` shows of it.
    fn shown(&self) -> String {
        let reports = self.monitor.sources().unwrap();
        let mut reports = reports.iter();
        let report = reports.find(|report| &*report.format == "sessions_api");
        format!("{:?}", report.unwrap().state)
    }

    fn wait_shown(&self, part: &str) {
        let begin = Instant::now();
        while !self.shown().contains(part) {
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "{:?}, not {part}",
                self.shown()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        for task in self.tasks.drain(..) {
            self.runtime.block_on(task.stop());
        }
    }
}

fn post(server: &Running, kind: &str, more: &str) {
    let body = format!(
        r#"{{"session_id":"far","agent_type":"my_agent","event_type":"{kind}","project":"app"{more}}}"#
    );
    assert_eq!(server.post("/api/events", &body).status, 201);
}

/// A call of a session that ran on `build-7` a moment ago, as its telemetry tells it.
fn elsewhere() -> String {
    // The list holds what was active within the last day.
    let end = SystemClock.now();
    let begin = end - Span::from_secs(2);
    let nanoseconds = |at: Timestamp| format!("{}000000", at.0);
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-agent"}},
        {"key":"host.name","value":{"stringValue":"build-7"}}]},
        "scopeSpans":[{"spans":[{"name":"chat m-1","traceId":"t1","spanId":"s1",
          "startTimeUnixNano":"BEGIN","endTimeUnixNano":"END",
          "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},
            {"key":"gen_ai.conversation.id","value":{"stringValue":"elsewhere"}},
            {"key":"gen_ai.request.model","value":{"stringValue":"m-1"}},
            {"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}},
            {"key":"gen_ai.usage.output_tokens","value":{"intValue":"20"}}]}]}]}]}"#
        .replace("BEGIN", &nanoseconds(begin))
        .replace("END", &nanoseconds(end))
}

const CALL: &str = r#","model":"m-1","tokens_in":100,"tokens_out":20,"cache_read_tokens":5,"cost_usd":0.123456789"#;

#[test]
fn one_agentmon_watches_another() {
    let mut far = Running::new();
    let address = far.address;
    post(
        &far,
        "user_prompt",
        r#","metadata":{"message":"Fix <b>it</b>"}"#,
    );
    post(&far, "llm_response", CALL);
    let near = Watcher::of(address, "");
    let view = near.wait("my_agent:far", |view| view.sums.requests > 0);
    assert_eq!(
        (view.state, view.title.as_deref()),
        (State::Working, Some("Fix <b>it</b>"))
    );
    assert_eq!(view.project.map(|project| project.name), Some("app".into()));
    let there = far.monitor.find_session("my_agent:far").unwrap().unwrap();
    assert_eq!(
        (view.sums.usage, view.sums.cost),
        (there.sums.usage, there.sums.cost)
    );
    assert_eq!(view.sums.cost, NanoUsd(123_456_789));
    assert_eq!(view.host, None, "nobody said where it runs");
    assert_eq!(far.post("/v1/traces", &elsewhere()).status, 200);
    let view = near.wait("my-agent:elsewhere", |_| true);
    assert_eq!(view.host.as_deref(), Some("build-7"));
    near.wait_shown("Connected");

    // More of it, told by the socket long before the next question is due.
    post(&far, "llm_response", CALL);
    let begin = Instant::now();
    let view = near.wait("my_agent:far", |view| view.sums.usage.output == 40);
    assert!(begin.elapsed() < Duration::from_secs(9));
    assert_eq!(
        view.sums.cost,
        NanoUsd(246_913_578),
        "once, however often it is told"
    );

    // What was learnt from another is not handed on to one that watches.
    let own = near.monitor.find_session("my_agent:far").unwrap().unwrap();
    assert!(near.monitor.is_remote(&own.key));

    far.stop();
    let view = near.wait("my_agent:far", |view| view.state == State::Unobserved);
    assert_eq!(view.reason.to_string(), "host_unreachable");
    near.wait_shown("Unreadable");

    let back = Running::with(|options| options.listen = address);
    post(&back, "user_prompt", r#","metadata":{"message":"Again"}"#);
    near.wait("my_agent:far", |view| view.state == State::Working);
    post(&back, "session_end", "");
    near.wait("my_agent:far", |view| view.state == State::Completed);
    assert_eq!(
        near.wait("my_agent:far", |_| true).sums.cost,
        NanoUsd(246_913_578)
    );
}

#[test]
fn usage_counts_once_when_a_session_that_is_watched_turns_up_here() {
    let far = Running::new();
    post(&far, "user_prompt", "");
    post(&far, "llm_response", CALL);
    post(&far, "llm_response", CALL);
    let near = Watcher::of(far.address, "");
    let cost =
        |times: i64| move |view: &SessionView| view.sums.cost == NanoUsd(times * 123_456_789);
    near.wait("my_agent:far", cost(2));

    // Its calls themselves take the place of what was told of them, and of what is told from then on.
    let event = format!(
        r#"{{"events":[{{"session_id":"far","agent_type":"my_agent","event_type":"llm_response"{CALL}}}]}}"#
    );
    let own = || Delivery::Posted(read_batch(event.as_bytes(), 10 * 1024).unwrap().events);
    near.monitor.ingest_blocking(own()).unwrap();
    near.wait("my_agent:far", cost(1));
    post(&far, "llm_response", CALL);
    near.monitor.ingest_blocking(own()).unwrap();
    near.wait("my_agent:far", cost(2));
    post(&far, "user_prompt", r#","metadata":{"message":"More"}"#);
    let there = far.monitor.find_session("my_agent:far").unwrap().unwrap();
    near.wait("my_agent:far", |view| {
        view.last_activity_at >= there.last_activity_at
    });
    let view = near.session("my_agent:far").unwrap();
    assert_eq!(
        (view.sums.requests, view.sums.cost),
        (2, NanoUsd(2 * 123_456_789))
    );
    assert!(near.monitor.db_check().unwrap().problems.is_empty());
}

#[test]
fn a_key_is_needed_where_one_is_asked_for() {
    let far = Running::with(|options| options.require_token = true);
    let near = Watcher::of(far.address, "wrong");
    near.wait_shown("refuses");
    let near = Watcher::of(far.address, &far.control_token());
    near.wait_shown("Connected");
}

#[test]
fn sessions_that_are_known_here_are_left_alone() {
    let far = Running::new();
    post(&far, "llm_response", CALL);
    // The same events here and there: once.
    let both = Running::new();
    post(&both, "llm_response", CALL);
    let env = Env::at("/nonexistent").with(
        "OPENCLAW_API_URL",
        format!("http://{}/api/openclaw", far.address),
    );
    let source = agentmon_core::source::remotes(&env).pop().unwrap();
    let runtime = Runtime::new().unwrap();
    let task = runtime.block_on(async { both.monitor.start_remote(source) });
    let mut state = task.state();
    let connected = state.wait_for(|state| format!("{state:?}").contains("Connected"));
    runtime.block_on(connected).unwrap();
    let view = both.monitor.find_session("my_agent:far").unwrap().unwrap();
    assert_eq!(
        (view.sums.requests, view.sums.cost),
        (1, NanoUsd(123_456_789))
    );
    runtime.block_on(task.stop());
}

/// Answers every request with the same bytes.
fn rude(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer);
        }
    });
    address
}

#[test]
fn rude_servers_are_told_apart_and_do_no_harm() {
    for (answer, said) in [
        (
            &b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"[..],
            "refuses: status 401",
        ),
        (
            b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n",
            "TooOften",
        ),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\ncontent-length: 0\r\n\r\n",
            "status 302",
        ),
        (
            b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
            "status 500",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
            "no JSON",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "without sessions",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
            "cannot be reached",
        ),
        (b"\x16\x03\x01 garbage", "cannot be reached"),
        (b"", "cannot be reached"),
    ] {
        let near = Watcher::of(rude(answer), "");
        let said = match said {
            "TooOften" => "asks to wait 7 s",
            said => said,
        };
        near.wait_shown(said);
    }
}
