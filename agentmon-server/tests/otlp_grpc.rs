//! Exports over gRPC, by a real client of it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use agentmon_server::{GrpcListen, Scope, Tokens};
use common::Running;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;

use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_prost::ProstCodec;

/// A server that takes gRPC on a free port.
fn server(change: impl FnOnce(&mut agentmon_server::Options)) -> Running {
    Running::with(|options| {
        options.otlp_grpc = GrpcListen::At("127.0.0.1:0".parse().unwrap());
        change(options);
    })
}

fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    endpoint.timeout(Duration::from_secs(20)).connect_lazy()
}

const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// One call.
async fn call<M, A>(
    client: &mut Grpc<Channel>,
    path: &'static str,
    request: Request<M>,
) -> Result<Response<A>, Status>
where
    M: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static(path);
    client.unary(request, path, ProstCodec::default()).await
}

async fn logs(
    client: &mut Grpc<Channel>,
    export: ExportLogsServiceRequest,
) -> Result<ExportLogsServiceResponse, Status> {
    let answer = call(client, LOGS, Request::new(export)).await;
    answer.map(Response::into_inner)
}

fn pair(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

/// One request to a model, as Claude Code logs it.
fn export(request: &str) -> ExportLogsServiceRequest {
    let text = |text: &str| Value::StringValue(text.to_owned());
    let record = LogRecord {
        time_unix_nano: 1_795_251_419_631_000_000,
        attributes: vec![
            pair("event.name", text("api_request")),
            pair("session.id", text("s1")),
            pair("request_id", text(request)),
            pair("model", text("claude-opus-5-5")),
            pair("input_tokens", Value::IntValue(1000)),
            pair("output_tokens", Value::IntValue(200)),
        ],
        body: Some(AnyValue {
            value: Some(text("claude_code.api_request")),
        }),
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs {
        log_records: vec![record],
        ..ScopeLogs::default()
    }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            scope_logs,
            ..ResourceLogs::default()
        }],
    }
}

fn requests(server: &Running) -> u64 {
    server.json("/api/v1/usage?report=models")["totals"]["requests"]
        .as_u64()
        .unwrap_or(0)
}

#[test]
fn all_three_services_take_exports_compressed_and_not() {
    let server = server(|_| {});
    let address = server.grpc();
    Runtime::new().unwrap().block_on(async {
        let mut client = Grpc::new(channel(address));
        let answer = logs(&mut client, export("req_1")).await.unwrap();
        assert_eq!(answer.partial_success, None);
        let mut client = client.send_compressed(CompressionEncoding::Gzip);
        // The same request again, and another.
        logs(&mut client, export("req_1")).await.unwrap();
        logs(&mut client, export("req_2")).await.unwrap();
        let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
        let nothing = Request::new(ExportMetricsServiceRequest::default());
        let answer = call(&mut client, metrics, nothing).await.unwrap();
        let answer: ExportMetricsServiceResponse = answer.into_inner();
        assert_eq!(answer.partial_success, None);
        let traces = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let nothing = Request::new(ExportTraceServiceRequest::default());
        let answer = call(&mut client, traces, nothing).await.unwrap();
        let answer: ExportTraceServiceResponse = answer.into_inner();
        assert_eq!(answer.partial_success, None);
        let other = "/opentelemetry.proto.collector.logs.v1.LogsService/Import";
        let refused =
            call::<_, ExportLogsServiceResponse>(&mut client, other, Request::new(export("x")));
        assert_eq!(refused.await.unwrap_err().code(), Code::Unimplemented);
    });
    assert_eq!(requests(&server), 2);
    let session = &server.json("/api/v1/sessions")["sessions"][0];
    assert_eq!(session["id"], "claude_code:s1");
}

#[test]
fn who_may_not_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut tokens = Tokens::open(dir.path()).unwrap();
    let read = tokens.create("read", [Scope::Read].into()).unwrap();
    let ingest = tokens.create("ingest", [Scope::Ingest].into()).unwrap();
    let server = server(|options| {
        options.require_token = true;
        options.data_dir = Some(dir.path().to_owned());
    });
    let address = server.grpc();
    Runtime::new().unwrap().block_on(async {
        let mut client = Grpc::new(channel(address));
        let mut ask = async |token: Option<&str>, origin: Option<&str>| {
            let mut request = Request::new(export("req_1"));
            for (name, value) in [
                (
                    "authorization",
                    token.map(|token| format!("Bearer {token}")),
                ),
                ("origin", origin.map(str::to_owned)),
            ] {
                if let Some(value) = value {
                    request.metadata_mut().insert(name, value.parse().unwrap());
                }
            }
            let answer = call::<_, ExportLogsServiceResponse>(&mut client, LOGS, request).await;
            answer.map_or_else(|status| status.code(), |_| Code::Ok)
        };
        assert_eq!(ask(None, None).await, Code::Unauthenticated);
        assert_eq!(
            ask(Some("agentmon_wrong"), None).await,
            Code::Unauthenticated
        );
        assert_eq!(ask(Some(&read), None).await, Code::PermissionDenied);
        assert_eq!(
            ask(Some(&ingest), Some("http://evil.example")).await,
            Code::PermissionDenied
        );
        assert_eq!(ask(Some(&ingest), None).await, Code::Ok);
        // A name that was pointed here.
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let rebound = endpoint.origin("http://evil.example".parse().unwrap());
        let mut client = Grpc::new(rebound.connect_lazy());
        let refused = logs(&mut client, export("req_2")).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
    });
}

#[test]
fn messages_have_a_limit_before_and_after_they_are_unpacked() {
    let server = server(|options| options.limits.otlp_body = 100_000);
    let address = server.grpc();
    Runtime::new().unwrap().block_on(async {
        let mut large = export("req_1");
        let record = &mut large.resource_logs[0].scope_logs[0].log_records[0];
        record.severity_text = "x".repeat(1 << 20);
        let mut client = Grpc::new(channel(address));
        let refused = logs(&mut client, large.clone()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        let mut client = client.send_compressed(CompressionEncoding::Gzip);
        let refused = logs(&mut client, large).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
        assert!(refused.message().contains("larger than 100000 bytes"));
        logs(&mut client, export("req_1")).await.unwrap();
    });
    assert_eq!(requests(&server), 1);
}

#[test]
fn a_taken_port_is_a_warning_unless_it_was_asked_for() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let server = Running::with(|options| options.otlp_grpc = GrpcListen::IfFree(address));
    assert_eq!(server.server().otlp_grpc(), None);
    assert_eq!(server.json("/api/health")["status"], "ok");
    let dir = tempfile::tempdir().unwrap();
    let mut options = agentmon_server::Options::new(common::monitor(dir.path()));
    options.listen.set_port(0);
    options.sources = false;
    options.otlp_grpc = GrpcListen::At(address);
    let refused = Runtime::new()
        .unwrap()
        .block_on(agentmon_server::serve(options));
    let error = refused.map(|_| ()).unwrap_err().to_string();
    assert!(
        error.contains(&format!("cannot listen on {address}")),
        "{error}"
    );
}
