//! Telemetry that the real clients sent: every body is read, and its calls and sums are what the provider counted.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use agentmon_core::model::{Batch, CounterKind, HostKind, NanoUsd, Timestamp, Usage};
use agentmon_core::session::Signal as Sign;
use agentmon_core::source::otlp::{Decoded, Encoding, OtlpError, Signal, read};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Bytes before the message of a gRPC body.
const GRPC_FRAME: usize = 5;

/// Requests, then tokens in disjoint buckets: input, cache read, cache creation, output.
type Totals = BTreeMap<String, [u64; 5]>;

#[test]
fn every_recorded_body_is_read() {
    for agent in ["claude_code", "codex", "gemini", "opencode"] {
        let mut batch = Batch::default();
        let bodies = bodies(agent);
        assert!(!bodies.is_empty(), "{agent}");
        for body in &bodies {
            let decoded = read_body(body, &mut batch).unwrap();
            assert_eq!(
                decoded.rejected,
                0,
                "{}: {:?}",
                body.display(),
                decoded.error
            );
            assert!(decoded.accepted > 0, "{}", body.display());
        }
        let unknown: BTreeSet<_> = batch
            .problems
            .iter()
            .map(|problem| &problem.detail)
            .collect();
        assert!(unknown.is_empty(), "{agent}: {unknown:?}");
        assert!(
            batch
                .sessions
                .iter()
                .all(|patch| patch.key.agent.as_str() == agent)
        );
        assert!(
            batch.evidence.iter().all(|(_, sign)| sign.at < NOW),
            "{agent}: dated by its sender"
        );
    }
}

/// `expected.json` holds sessions whose telemetry was recorded as a whole; of opencode's, what its two spans hold.
#[test]
fn calls_add_up_to_what_the_provider_sent() {
    let expected: BTreeMap<String, BTreeMap<String, Totals>> =
        serde_json::from_slice(&fs::read(common::fixture("otlp/expected.json")).unwrap()).unwrap();
    for (agent, sessions) in expected {
        let mut batch = Batch::default();
        for body in bodies(&agent) {
            // Exporters deliver again when an answer was lost.
            read_body(&body, &mut batch).unwrap();
            read_body(&body, &mut batch).unwrap();
        }
        let mut found = calls(&batch);
        found.retain(|session, _| sessions.contains_key(session));
        assert_eq!(found, sessions, "{agent}");
    }
}

#[test]
fn the_sums_of_metrics_equal_the_calls_of_logs() {
    for folder in [
        "grpc",
        "http-protobuf",
        "http-json-gzip-cumulative",
        "http-json/simple",
    ] {
        let mut batch = Batch::default();
        for body in bodies(&format!("claude_code/{folder}")) {
            read_body(&body, &mut batch).unwrap();
        }
        let mut sums: BTreeMap<(String, CounterKind), f64> = BTreeMap::new();
        let mut last = HashMap::new();
        for counter in &batch.counters {
            // A cumulative sum replaces its predecessor.
            let known = match counter.start {
                Some(start) => last.insert((counter.series, start), counter.value),
                None => None,
            };
            let session = batch.sessions[counter.session.0 as usize]
                .key
                .native_id
                .to_string();
            *sums.entry((session, counter.kind)).or_default() +=
                counter.value - known.unwrap_or(0.0);
        }
        let mut usage: BTreeMap<String, (Usage, NanoUsd)> = BTreeMap::new();
        for call in &batch.calls {
            let session = batch.sessions[call.session.0 as usize]
                .key
                .native_id
                .to_string();
            let entry = usage.entry(session).or_default();
            entry.0 += call.usage;
            entry.1 += call.reported.unwrap();
        }
        assert!(!usage.is_empty(), "{folder}");
        for (session, (usage, cost)) in usage {
            let sum = |kind| sums.get(&(session.clone(), kind)).copied().unwrap_or(0.0);
            let tokens = |kind| sum(kind) as u64;
            assert_eq!(
                [
                    tokens(CounterKind::Input),
                    tokens(CounterKind::CacheRead),
                    tokens(CounterKind::CacheCreation),
                    tokens(CounterKind::Output),
                ],
                [
                    usage.input,
                    usage.cache_read,
                    usage.cache_creation(),
                    usage.output
                ],
                "{folder} {session}"
            );
            let difference = (sum(CounterKind::Cost) - cost.dollars()).abs();
            assert!(difference < 1e-6, "{folder} {session}: {difference}");
        }
    }
}

#[test]
fn decisions_and_failures_become_evidence() {
    let signs = |path: &str| {
        let mut batch = Batch::default();
        for body in bodies(path) {
            read_body(&body, &mut batch).unwrap();
        }
        batch
            .evidence
            .into_iter()
            .map(|(_, sign)| sign.signal)
            .collect::<Vec<_>>()
    };
    let denied = signs("claude_code/http-json/deny");
    let is_given = |sign: &Sign| matches!(sign, Sign::InputGiven { request: Some(_) });
    assert!(denied.iter().any(is_given), "{denied:?}");
    let failed = signs("claude_code/http-json/api-error");
    assert!(
        failed
            .iter()
            .any(|sign| matches!(sign, Sign::TurnFailed { .. })),
        "{failed:?}"
    );
    let codex = signs("codex/tui");
    assert!(
        codex
            .iter()
            .any(|sign| matches!(sign, Sign::PromptSubmitted)),
        "{codex:?}"
    );
    let gemini = signs("gemini/error");
    assert!(
        gemini
            .iter()
            .any(|sign| matches!(sign, Sign::Retrying { .. })),
        "{gemini:?}"
    );
}

#[test]
fn one_bad_record_costs_only_itself() {
    let good = r#"{"timeUnixNano":"1795251419631000000","body":{"stringValue":"claude_code.api_request"},"attributes":[
        {"key":"event.name","value":{"stringValue":"api_request"}},{"key":"session.id","value":{"stringValue":"s"}},
        {"key":"request_id","value":{"stringValue":"r"}},{"key":"input_tokens","value":{"intValue":"7"}},
        {"key":"output_tokens","value":{"stringValue":"3"}},{"key":"nothing","value":{}},{"key":"list","value":{"arrayValue":{"values":[]}}}]}"#;
    for bad in [
        r#""text""#,
        "[]",
        r#"{"attributes":3}"#,
        r#"{"attributes":[3]}"#,
        "null",
    ] {
        let body =
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{bad},{good}]}}]}}]}}"#);
        let mut batch = Batch::default();
        let decoded = read(
            Signal::Logs,
            Encoding::Json,
            body.as_bytes(),
            NOW,
            &mut batch,
        )
        .unwrap();
        assert_eq!((decoded.accepted, decoded.rejected), (1, 1), "{bad}");
        assert_eq!(
            (batch.calls[0].usage.input, batch.calls[0].usage.output),
            (7, 3)
        );
    }
    // A time that is none leaves the record with the time of arrival.
    let undated = good.replace("1795251419631000000", "abc");
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{undated}]}}]}}]}}"#);
    let mut batch = Batch::default();
    read(
        Signal::Logs,
        Encoding::Json,
        body.as_bytes(),
        NOW,
        &mut batch,
    )
    .unwrap();
    assert_eq!(batch.calls[0].at, NOW);
}

#[test]
fn what_is_no_export_is_refused() {
    for body in [
        "",
        "{",
        "[]",
        "3",
        r#"{"resourceLogs":3}"#,
        r#"{"resourceLogs":[3]}"#,
    ] {
        let result = read(
            Signal::Logs,
            Encoding::Json,
            body.as_bytes(),
            NOW,
            &mut Batch::default(),
        );
        assert!(matches!(result, Err(OtlpError::Json(_))), "{body}");
    }
    for signal in [Signal::Logs, Signal::Metrics, Signal::Traces] {
        let result = read(
            signal,
            Encoding::Protobuf,
            b"{\"a\":1}",
            NOW,
            &mut Batch::default(),
        );
        assert!(matches!(result, Err(OtlpError::Protobuf(_))), "{signal:?}");
    }
    // Nothing in it is nothing wrong.
    assert_eq!(
        read(
            Signal::Logs,
            Encoding::Json,
            b"{}",
            NOW,
            &mut Batch::default()
        )
        .unwrap(),
        Decoded::default()
    );
}

#[test]
fn other_senders_are_read_by_the_conventions() {
    let body = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-agent"}},
          {"key":"host.name","value":{"stringValue":"build-7"}}]},
        "scopeSpans":[{"spans":[
            {"name":"chat gpt-5","traceId":"t1","spanId":"s1","startTimeUnixNano":"1795251419000000000","endTimeUnixNano":"1795251420500000000",
             "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"chat"}},{"key":"gen_ai.conversation.id","value":{"stringValue":"c1"}},
               {"key":"gen_ai.request.model","value":{"stringValue":"gpt-5"}},{"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}},
               {"key":"gen_ai.usage.cache_read.input_tokens","value":{"intValue":"60"}},{"key":"gen_ai.usage.output_tokens","value":{"intValue":"20"}}]},
            {"name":"invoke_agent x","traceId":"t1","spanId":"s0","startTimeUnixNano":"1795251418000000000","endTimeUnixNano":"1795251421000000000",
             "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"invoke_agent"}},{"key":"gen_ai.conversation.id","value":{"stringValue":"c1"}},
               {"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}},{"key":"gen_ai.usage.output_tokens","value":{"intValue":"20"}}]},
            {"name":"execute_tool ls","traceId":"t1","spanId":"s2","startTimeUnixNano":"1795251419000000000","endTimeUnixNano":"1795251419100000000","status":{"code":2},
             "attributes":[{"key":"gen_ai.operation.name","value":{"stringValue":"execute_tool"}},{"key":"gen_ai.conversation.id","value":{"stringValue":"c1"}},
               {"key":"gen_ai.tool.name","value":{"stringValue":"ls"}}]},
            {"name":"GET /","traceId":"t1","spanId":"s3","attributes":[]}]}]}]}"#;
    let mut batch = Batch::default();
    read(
        Signal::Traces,
        Encoding::Json,
        body.as_bytes(),
        NOW,
        &mut batch,
    )
    .unwrap();
    assert_eq!(calls(&batch)["c1"]["gpt-5"], [1, 40, 60, 0, 20]);
    assert_eq!(batch.sessions.len(), 1);
    assert_eq!(batch.sessions[0].key.agent.as_str(), "my-agent");
    let host = batch.sessions[0].host.as_ref().unwrap();
    assert_eq!((host.kind, &*host.name), (HostKind::Named, "build-7"));
    let tool = batch
        .events
        .iter()
        .find(|event| event.tool.is_some())
        .unwrap();
    assert_eq!(
        (tool.duration_ms, tool.status.as_str()),
        (Some(100), "error")
    );
}

/// All recorded bodies below a folder, in the order in which they arrived.
fn bodies(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![common::fixture("otlp").join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read_body(path: &Path, out: &mut Batch) -> Result<Decoded, OtlpError> {
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut bytes = fs::read(path).unwrap();
    if name.ends_with(".gz") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*bytes)
            .read_to_end(&mut plain)
            .unwrap();
        bytes = plain;
    }
    let signals = [Signal::Logs, Signal::Metrics, Signal::Traces];
    let signal = signals
        .into_iter()
        .find(|signal| name.contains(signal.as_str()))
        .unwrap();
    if name.contains(".grpc") {
        return read(signal, Encoding::Protobuf, &bytes[GRPC_FRAME..], NOW, out);
    }
    let encoding = match name.contains(".json") {
        true => Encoding::Json,
        false => Encoding::Protobuf,
    };
    read(signal, encoding, &bytes, NOW, out)
}

/// The calls of a batch, each once, by session and model.
fn calls(batch: &Batch) -> BTreeMap<String, Totals> {
    let mut seen = BTreeSet::new();
    let mut found: BTreeMap<String, Totals> = BTreeMap::new();
    for call in batch.calls.iter().filter(|call| seen.insert(call.fact)) {
        let session = &batch.sessions[call.session.0 as usize].key.native_id;
        let model = &batch.models[call.model as usize];
        let totals = found.entry(session.to_string()).or_default();
        let totals = totals.entry(model.to_string()).or_default();
        let usage = call.usage;
        let figures = [
            1,
            usage.input,
            usage.cache_read,
            usage.cache_creation(),
            usage.output,
        ];
        totals
            .iter_mut()
            .zip(figures)
            .for_each(|(sum, figure)| *sum += figure);
    }
    found
}

/// Whatever comes first, files or telemetry: what both tell is one call, and the files' figures stay.
#[test]
fn what_files_and_telemetry_tell_is_one_fact() {
    let home = home_of_recorded_clients();
    let alone = common::monitor(home.path());
    common::refresh(&alone).unwrap();
    let wanted = common::by_session(&alone);
    assert!(wanted.len() > 20, "{wanted:?}");

    let files_first = common::monitor(home.path());
    common::refresh(&files_first).unwrap();
    deliver_telemetry(&files_first);
    let telemetry_first = common::monitor(home.path());
    deliver_telemetry(&telemetry_first);
    common::refresh(&telemetry_first).unwrap();
    deliver_telemetry(&telemetry_first);

    let both = common::by_session(&files_first);
    common::assert_same("order", &common::by_session(&telemetry_first), &both);
    // Some calls are only in telemetry: they are new rows, or the rows of sessions that no file tells of.
    for (key, sums) in &wanted {
        let now = &both[key];
        if !IN_TELEMETRY_ONLY.contains(&&*key.0) {
            assert_eq!(
                (now.requests, now.usage),
                (sums.requests, sums.usage),
                "{key:?}"
            );
        }
    }
}

/// Sessions with calls that the agent writes to no file: Gemini's routers and summaries.
const IN_TELEMETRY_ONLY: [&str; 1] = ["9620d888-ecfe-4d32-8991-1141d2f6a570"];

fn home_of_recorded_clients() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    common::copy(&common::fixture("claude_code/home"), home.path());
    common::copy(&common::fixture("codex/sessions"), &at(".codex/sessions"));
    common::copy(&common::fixture("gemini/tmp"), &at(".gemini/tmp"));
    // Files that were written lately are read as live ones.
    let lately = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_795_345_200);
    for path in common::files(home.path()) {
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(lately)
            .unwrap();
    }
    home
}

fn deliver_telemetry(monitor: &agentmon_core::Monitor) {
    for agent in ["claude_code", "codex", "gemini"] {
        for body in bodies(agent) {
            let mut batch = Batch::default();
            read_body(&body, &mut batch).unwrap();
            let delivery = agentmon_core::ingest::Delivery::Observed(Box::new(batch));
            monitor.ingest_blocking(delivery).unwrap();
        }
    }
}
