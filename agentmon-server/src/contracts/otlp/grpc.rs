//! OTLP over gRPC: the three `Export` calls, each one message there and one back.
//!
//! A call is a POST over HTTP/2 whose body is one frame (a flag, a length, protobuf) and whose outcome stands in
//! trailers. That is less than what a gRPC library would do in its place, and its size is bounded before and after it is
//! unpacked.
//! See <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md> and
//! <https://opentelemetry.io/docs/specs/otlp/#otlpgrpc>.

use std::convert::Infallible;
use std::sync::Arc;

use agentmon_core::source::otlp::{Encoding, Signal};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use tokio::net::TcpStream;
use tokio_io_timeout::TimeoutStream;

use super::{decompressed, take};
use crate::accept::wound_up;
use crate::access::Scope;
use crate::app::App;
use crate::error::ApiError;
use crate::guard::Peer;
use crate::http::body;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: &str = "grpc-encoding";
/// Before a message: whether it is compressed, and its length.
const FRAME_HEAD: usize = 5;
/// Calls on one connection at a time. Exporters make one after the other.
const MAX_CALLS: u32 = 16;
/// What must be escaped in a status message.
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

type Body = BoxBody<Bytes, Infallible>;

/// Serves one connection.
pub(crate) async fn serve(stream: TcpStream, peer: Peer, app: Arc<App>) {
    let limits = &app.limits;
    let mut stream = TimeoutStream::new(stream);
    // Pings make sure that a client that is alive is never silent for that long.
    stream.set_read_timeout(Some(limits.header_timeout));
    stream.set_write_timeout(Some(limits.write_timeout));
    let service = service_fn(|request| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(answer(&app, peer, request).await) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.header_timeout / 3))
        .keep_alive_timeout(limits.header_timeout)
        .max_concurrent_streams(MAX_CALLS)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let result = wound_up(connection, &app, |connection| {
        connection.graceful_shutdown()
    })
    .await;
    if let Err(error) = result {
        tracing::debug!(%error, "a gRPC connection ended");
    }
}

async fn answer(app: &App, peer: Peer, request: Request<Incoming>) -> Response<Body> {
    let result = export(app, peer, request).await;
    let (status, error) = match &result {
        Ok(_) => (StatusCode::OK, None),
        Err(error) => (error.status(), Some(error)),
    };
    app.metrics.answered(status);
    let message = error.map_or_else(String::new, ApiError::sentence);
    let trailers = outcome(code(status), &message);
    let mut response = match result {
        Ok(message) => {
            let body = Full::new(frame(&message)).with_trailers(async { Some(Ok(trailers)) });
            Response::new(body.boxed())
        }
        Err(_) => {
            // Without a message, the outcome stands where the head is.
            let mut response = Response::new(Full::default().boxed());
            *response.headers_mut() = trailers;
            response
        }
    };
    response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
    let accepted = HeaderValue::from_static("identity,gzip");
    response
        .headers_mut()
        .insert("grpc-accept-encoding", accepted);
    response
}

async fn export(app: &App, peer: Peer, request: Request<Incoming>) -> Result<Vec<u8>, ApiError> {
    let (head, body) = request.into_parts();
    app.access
        .origins
        .check(&head.method, &head.uri, head.version, &head.headers)?;
    app.access
        .check(&head.headers, peer.0.ip(), Scope::Ingest)?;
    let signal = signal(head.uri.path()).filter(|_| head.method == Method::POST);
    let signal = signal.ok_or_else(|| ApiError::not_found("There is no such method"))?;
    let limit = app.limits.otlp_body;
    let body = body.into_data_stream();
    let framed = body::collect(body, limit + FRAME_HEAD, app.limits.body_timeout).await?;
    let message = unframed(framed, &head.headers, limit)?;
    take(app, signal, Encoding::Protobuf, &message).await
}

/// Which signal a method exports.
fn signal(path: &str) -> Option<Signal> {
    let (service, method) = path
        .strip_prefix("/opentelemetry.proto.collector.")?
        .split_once('/')?;
    let signal = match service {
        "logs.v1.LogsService" => Signal::Logs,
        "metrics.v1.MetricsService" => Signal::Metrics,
        "trace.v1.TraceService" => Signal::Traces,
        _ => return None,
    };
    (method == "Export").then_some(signal)
}

/// The message in a body.
fn unframed(mut body: Bytes, headers: &HeaderMap, limit: usize) -> Result<Bytes, ApiError> {
    let broken = || ApiError::new(StatusCode::BAD_REQUEST, "The message is not framed");
    if body.len() < FRAME_HEAD {
        return Err(broken());
    }
    let compressed = body.get_u8();
    let length = body.get_u32();
    if body.len() as u64 != u64::from(length) {
        return Err(broken());
    }
    match compressed {
        0 => Ok(body),
        1 => {
            let coding = headers.get(ENCODING).map(HeaderValue::to_str);
            let coding = coding.and_then(Result::ok).unwrap_or("unknown");
            decompressed(coding, body, limit)
        }
        _ => Err(broken()),
    }
}

fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(FRAME_HEAD + message.len());
    frame.put_u8(0);
    // What is answered is a count and a sentence.
    frame.put_u32(message.len() as u32);
    frame.put_slice(message);
    frame.freeze()
}

/// gRPC's code for a status of HTTP. Exporters send again what was `UNAVAILABLE`, and nothing that was wrong in itself.
fn code(status: StatusCode) -> u8 {
    match status {
        StatusCode::OK => 0,
        StatusCode::BAD_REQUEST => 3,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::FORBIDDEN => 7,
        StatusCode::PAYLOAD_TOO_LARGE => 8,
        StatusCode::NOT_FOUND | StatusCode::UNSUPPORTED_MEDIA_TYPE => 12,
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::INSUFFICIENT_STORAGE => 14,
        _ => 13,
    }
}

fn outcome(code: u8, message: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, u16::from(code).into());
    let escaped = utf8_percent_encode(message, ESCAPED).to_string();
    if let (false, Ok(message)) = (message.is_empty(), HeaderValue::from_str(&escaped)) {
        headers.insert(MESSAGE, message);
    }
    headers
}
