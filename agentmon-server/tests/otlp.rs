//! Exports over HTTP: in both encodings, compressed and not, below both paths.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::io::Write;

use common::Running;

const EXPORT: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"claude-code"}}]},
    "scopeLogs":[{"logRecords":[{"timeUnixNano":"1795251419631000000","body":{"stringValue":"claude_code.api_request"},"attributes":[
        {"key":"event.name","value":{"stringValue":"api_request"}},{"key":"session.id","value":{"stringValue":"s1"}},
        {"key":"request_id","value":{"stringValue":"req_1"}},{"key":"model","value":{"stringValue":"claude-opus-5-5"}},
        {"key":"input_tokens","value":{"intValue":1000}},{"key":"output_tokens","value":{"stringValue":"200"}}]}]}]}]}"#;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn tokens(server: &Running) -> (u64, u64) {
    let report = server.json("/api/v1/usage?report=models");
    let count = |name: &str| report["totals"][name].as_u64().unwrap_or(0);
    (
        count("requests"),
        count("input_tokens") + count("output_tokens"),
    )
}

#[test]
fn a_request_exported_in_every_way_is_one_request() {
    let server = Running::new();
    for path in ["/v1/logs", "/api/otel/v1/logs"] {
        for kind in ["application/json", "text/plain"] {
            let answer = server.ask("POST", path, &[("Content-Type", kind)], EXPORT);
            assert_eq!(answer.told(), (200, serde_json::json!({})), "{path} {kind}");
        }
    }
    let compressed = gzip(EXPORT.as_bytes());
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    let answer = common::request(server.address, "POST", "/v1/logs", &headers, &compressed);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(tokens(&server), (1, 1200));
    let session = &server.json("/api/v1/sessions")["sessions"][0];
    assert_eq!(session["id"], "claude_code:s1");
}

#[test]
fn what_is_wrong_is_told_and_costs_only_itself() {
    let server = Running::new();
    let (status, told) = server.post("/v1/logs", "{").told();
    assert_eq!(
        (status, told["error"].as_str()),
        (400, Some("Invalid OTEL JSON payload"))
    );
    let headers = [("Content-Type", "application/x-protobuf")];
    let answer = server.ask("POST", "/v1/metrics", &headers, "not protobuf");
    assert_eq!(answer.status, 400);
    let answer = server.ask("POST", "/v1/logs", &[("Content-Encoding", "br")], "{}");
    assert_eq!(answer.status, 415);
    let answer = server.ask("POST", "/v1/logs", &[("Content-Encoding", "gzip")], "{}");
    assert_eq!(answer.status, 400);
    assert_eq!(server.get("/v1/logs").status, 405);

    let mixed = EXPORT.replace(r#""logRecords":["#, r#""logRecords":[3,"#);
    let (status, told) = server.post("/v1/logs", &mixed).told();
    assert_eq!(
        (
            status,
            told["partialSuccess"]["rejectedLogRecords"].as_str()
        ),
        (200, Some("1"))
    );
    assert_eq!(tokens(&server), (1, 1200));
}

/// A small body that unpacks to a large one is refused before it fills the memory.
#[test]
fn a_bomb_is_refused() {
    let server = Running::with(|options| options.limits.otlp_body = 1 << 20);
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let headers = [
        ("Content-Type", "application/json"),
        ("Content-Encoding", "gzip"),
    ];
    let answer = common::request(server.address, "POST", "/v1/logs", &headers, &bomb);
    assert_eq!(answer.status, 413, "{}", answer.text());
}
