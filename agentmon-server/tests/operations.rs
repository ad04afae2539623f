//! What those who run a server look at: figures, and that what is too old goes.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Setting};
use agentmon_core::model::Span;
use agentmon_core::source::Env;
use common::socket::Socket;
use common::{Running, Stream};
use serde_json::json;

/// Reads figures as strictly as the checker that comes with Prometheus. Values by name and labels.
fn checked(text: &str) -> BTreeMap<String, f64> {
    let mut types = BTreeMap::new();
    let (mut helped, mut values, mut family) = (BTreeSet::new(), BTreeMap::new(), "");
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(help.ends_with('.') && helped.insert(name), "{line}");
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(
                helped.contains(name) && types.insert(name, kind).is_none(),
                "{line}"
            );
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = name;
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(name.starts_with("agentmon_"), "{line}");
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{line}"
        );
        let parts: &[&str] = match types[family] {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(
            parts.iter().any(|part| *name == format!("{family}{part}")),
            "{line} stands below {family}"
        );
        if let Some(labels) = series
            .strip_prefix(name)
            .filter(|labels| !labels.is_empty())
        {
            let inner = labels
                .strip_prefix('{')
                .and_then(|inner| inner.strip_suffix("\"}"))
                .unwrap();
            assert!(inner.contains("=\""), "{line}");
        }
        let known = values.insert(series.to_owned(), value.parse::<f64>().unwrap());
        assert!(known.is_none(), "{line} stands there twice");
    }
    for (name, _) in types.iter().filter(|(_, kind)| **kind == "histogram") {
        let buckets: Vec<f64> = text
            .lines()
            .filter(|line| line.starts_with(&format!("{name}_bucket{{le=")))
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect();
        assert!(buckets.is_sorted(), "{name}: {buckets:?}");
        assert_eq!(
            buckets.last(),
            values.get(&format!("{name}_count")),
            "{name}"
        );
        assert!(values.contains_key(&format!("{name}_bucket{{le=\"+Inf\"}}")));
    }
    values
}

#[test]
fn figures_are_complete_and_well_formed() {
    let server = Running::new();
    let event =
        json!({"session_id":"s","agent_type":"a","event_type":"user_prompt","event_id":"1"})
            .to_string();
    let before = checked(&server.get("/metrics").text());
    assert_eq!(before["agentmon_ingest_events_total"], 0.0);
    for _ in 0..2 {
        server.post("/api/events", &event);
    }
    server.post("/api/events", "{}");
    let log = json!({"timeUnixNano":"1795251419631000000","body":{"stringValue":"claude_code.user_prompt"},"attributes":[
        {"key":"event.name","value":{"stringValue":"user_prompt"}},{"key":"session.id","value":{"stringValue":"o"}}]});
    let export = json!({"resourceLogs":[{"scopeLogs":[{"logRecords":[log]}]}]}).to_string();
    assert_eq!(server.post("/v1/logs", &export).status, 200);
    let mut stream = Stream::open(server.address, "/api/stream", &[]);
    stream.next_of("connected").unwrap();
    let sockets = ["/api/v1/ws", "/ws", "/api/openclaw/sessions/ws", "/ws/chat"]
        .map(|path| Socket::open(server.address, path, &[]).unwrap());
    let open = |count: f64| {
        let begin = Instant::now();
        while checked(&server.get("/metrics").text())["agentmon_websockets"] != count {
            assert!(begin.elapsed() < Duration::from_secs(5), "{count}");
            thread::sleep(Duration::from_millis(5));
        }
    };
    open(4.0);
    drop(sockets);
    open(0.0);
    let after = checked(&server.get("/metrics").text());
    for (name, least) in [
        ("agentmon_ingest_events_total", 1.0),
        ("agentmon_ingest_duplicates_total", 1.0),
        ("agentmon_ingest_rejected_total", 1.0),
        ("agentmon_ingest_otlp_records_total", 1.0),
        ("agentmon_ingest_deliveries_total", 3.0),
        ("agentmon_ingest_commit_seconds_count", 1.0),
        ("agentmon_ingest_commit_seconds_sum", 0.000_001),
        ("agentmon_http_connections", 1.0),
        ("agentmon_http_answers_total{status=\"2xx\"}", 3.0),
        ("agentmon_http_answers_total{status=\"4xx\"}", 1.0),
        ("agentmon_streams", 1.0),
        ("agentmon_database_bytes", 4096.0),
        ("agentmon_uptime_seconds", 0.0),
        ("agentmon_sessions{state=\"working\"}", 1.0),
    ] {
        assert!(
            after.get(name).is_some_and(|value| *value >= least),
            "{name}: {:?}",
            after.get(name)
        );
    }
    for name in [
        "agentmon_ingest_queue_deliveries",
        "agentmon_ingest_queue_bytes",
        "agentmon_ingest_refused_total",
    ] {
        assert_eq!(after[name], 0.0, "{name}");
    }
}

#[test]
fn what_is_too_old_goes_while_the_server_runs() {
    let dir = tempfile::tempdir().unwrap();
    let keeping = |age: Option<Span>| {
        let env = Env::at(dir.path());
        let mut config = Config::defaults(&env);
        config.retention.sessions = Setting::default_value(age);
        let monitor = Monitor::builder()
            .config(config)
            .env(env)
            .data_dir(dir.path().join("data"));
        let monitor = monitor.open().unwrap();
        Running::with(|options| options.monitor = monitor)
    };
    let mut server = keeping(None);
    for (session, at) in [
        ("old", "2020-01-01T00:00:00Z"),
        ("new", "2099-01-01T00:00:00Z"),
    ] {
        let event = json!({"session_id":session,"agent_type":"a","event_type":"user_prompt","source":"import","client_timestamp":at});
        assert_eq!(server.post("/api/events", &event.to_string()).status, 201);
    }
    assert_eq!(
        server.json("/api/v1/sessions")["sessions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    server.stop();
    drop(server);
    let server = keeping(Some(Span::from_mins(30 * 24 * 60)));
    let begin = Instant::now();
    while server.json("/api/v1/sessions")["sessions"]
        .as_array()
        .unwrap()
        .len()
        != 1
    {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "the old session stays"
        );
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(
        server.json("/api/v1/sessions")["sessions"][0]["id"],
        "a:new"
    );
}
