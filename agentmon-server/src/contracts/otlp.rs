//! OTLP: agents export logs, metrics and traces, over HTTP (here) and [gRPC](grpc). Answered when it is committed, so that
//! an exporter that hears nothing may send again.

mod grpc;

use std::io::Read;
use std::sync::Arc;

use agentmon_core::ingest::Delivery;
use agentmon_core::model::Batch;
use agentmon_core::source::otlp::{self, Encoding, Signal};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::{Route, answer, method, with};

pub(crate) use grpc::serve as serve_grpc;

const PROTOBUF: &str = "application/x-protobuf";

/// All routes of this contract: OpenTelemetry's own paths, and the same below `/api/otel`.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    signal(app, Signal::Logs)
        .or(signal(app, Signal::Metrics))
        .unify()
        .or(signal(app, Signal::Traces))
        .unify()
        .boxed()
}

fn signal(app: &Arc<App>, signal: Signal) -> Route {
    let own = warp::path("v1")
        .and(warp::path(signal.as_str()))
        .and(warp::path::end());
    let below = warp::path!("api" / "otel" / ..).and(own);
    own.or(below)
        .unify()
        .and(method::post())
        .and(with(app))
        .and(warp::header::headers_cloned())
        .and(capped(app.limits.otlp_body, app.limits.body_timeout))
        .then(move |app, headers: HeaderMap, body| async move {
            answer(export(app, signal, &headers, body).await)
        })
        .boxed()
}

async fn export(
    app: Arc<App>,
    signal: Signal,
    headers: &HeaderMap,
    body: Result<Bytes, ApiError>,
) -> Result<Response, ApiError> {
    let coding = headers
        .get(header::CONTENT_ENCODING)
        .map_or("identity", |coding| coding.to_str().unwrap_or("unknown"));
    let body = decompressed(coding, body?, app.limits.otlp_body)?;
    let encoding = encoding(headers);
    let answer = take(&app, signal, encoding, &body).await?;
    let mut response = Response::new(answer.into());
    let kind = match encoding {
        Encoding::Json => "application/json",
        Encoding::Protobuf => PROTOBUF,
    };
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// Stores an export. Returns what its sender is answered, in the same encoding.
async fn take(
    app: &App,
    signal: Signal,
    encoding: Encoding,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let mut batch = Batch::default();
    let decoded =
        otlp::read(signal, encoding, body, app.monitor.now(), &mut batch).map_err(|error| {
            tracing::debug!(%error, "an export cannot be read");
            ApiError::new(
                StatusCode::BAD_REQUEST,
                match encoding {
                    Encoding::Json => "Invalid OTEL JSON payload",
                    Encoding::Protobuf => "Invalid OTEL protobuf payload",
                },
            )
        })?;
    if !batch.sessions.is_empty() {
        app.monitor
            .ingest(Delivery::Observed(Box::new(batch)))
            .await?;
    }
    app.metrics.records.add(decoded.accepted);
    app.metrics.rejected.add(decoded.rejected);
    Ok(otlp::answer(signal, encoding, &decoded))
}

/// Protobuf where it says so; JSON otherwise, also as plain text.
fn encoding(headers: &HeaderMap) -> Encoding {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    match kind {
        Some(kind) if kind.trim_start().starts_with(PROTOBUF) => Encoding::Protobuf,
        _ => Encoding::Json,
    }
}

/// The body as it was before it was compressed, which must not be larger than `limit` either.
fn decompressed(coding: &str, body: Bytes, limit: usize) -> Result<Bytes, ApiError> {
    match coding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(body),
        "gzip" | "x-gzip" => {}
        _ => {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Encoding must be gzip or identity",
            ));
        }
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&*body)
        .take(limit as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| ApiError::new(StatusCode::BAD_REQUEST, "The request body is not gzip"))?;
    if plain.len() > limit {
        return Err(ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request body is larger than {limit} bytes"),
        ));
    }
    Ok(plain.into())
}
