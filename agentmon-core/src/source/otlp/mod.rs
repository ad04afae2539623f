//! OpenTelemetry (OTLP) exports of agents -> facts. Pure: bytes in, a [`Batch`] out; HTTP and gRPC are the server's.
//!
//! `json` and `protobuf` decode, `record` is what both decode to, and one file for each agent says what its
//! records mean. What an agent also writes to disk is the same fact here: calls carry the identity by which the
//! transcript's call is known ([`Batch::aliases`]), so nothing is counted twice. Metrics are sums without identities:
//! they become [`Counter`](crate::model::Counter)s, the agent's own totals beside our count.

mod claude_code;
mod codex;
mod gemini;
mod generic;
mod json;
mod opencode;
mod protobuf;
mod reader;
mod record;
mod value;

pub(super) use claude_code::request_key;
pub(super) use codex::usage_key as codex_usage_key;
pub(super) use gemini::usage_key as gemini_usage_key;
pub(super) use opencode::usage_key as opencode_usage_key;
pub(crate) use reader::{ACTIVITY_GAP, call_event};
use thiserror::Error;

use crate::model::{Batch, Timestamp};
use reader::Reader;

/// What an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// Log records and events.
    Logs,
    /// Sums, gauges, histograms.
    Metrics,
    /// Spans.
    Traces,
}

impl Signal {
    /// The name in the paths and services of OTLP.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Traces => "traces",
        }
    }
}

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// JSON. What it holds is told by its fields, so the signal need not be known.
    Json,
    /// Protobuf, without a gRPC frame.
    Protobuf,
}

/// An export that cannot be read at all.
#[derive(Debug, Error)]
pub enum OtlpError {
    /// Not an export in JSON.
    #[error("invalid OTLP JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Not an export in protobuf.
    #[error("invalid OTLP protobuf: {0}")]
    Protobuf(#[from] prost::DecodeError),
}

/// How reading an export went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Records that were read, those without meaning here included.
    pub accepted: u64,
    /// Records that could not be read.
    pub rejected: u64,
    /// What was wrong with the first of them.
    pub error: Option<String>,
}

impl Decoded {
    fn reject(&mut self, error: &str) {
        self.rejected += 1;
        self.error.get_or_insert_with(|| error.to_owned());
    }
}

/// Reads one export that arrived at `now`. One bad record never costs the others.
///
/// # Errors
/// [`OtlpError`] when the body as a whole is not an export; nothing was read then.
pub fn read(
    signal: Signal,
    encoding: Encoding,
    bytes: &[u8],
    now: Timestamp,
    out: &mut Batch,
) -> Result<Decoded, OtlpError> {
    let mut reader = Reader::new(now, out);
    Ok(match (encoding, signal) {
        (Encoding::Json, _) => json::decode(bytes, &mut reader)?,
        (Encoding::Protobuf, Signal::Logs) => protobuf::logs(bytes, &mut reader)?,
        (Encoding::Protobuf, Signal::Metrics) => protobuf::metrics(bytes, &mut reader)?,
        (Encoding::Protobuf, Signal::Traces) => protobuf::traces(bytes, &mut reader)?,
    })
}

/// What an exporter is answered: that everything was taken, or how many records were refused and why.
#[must_use]
pub fn answer(signal: Signal, encoding: Encoding, decoded: &Decoded) -> Vec<u8> {
    let error = decoded.error.as_deref().unwrap_or_default();
    if decoded.rejected == 0 {
        return match encoding {
            Encoding::Json => b"{}".to_vec(),
            Encoding::Protobuf => Vec::new(),
        };
    }
    match encoding {
        Encoding::Json => json::partial_success(signal, decoded.rejected, error),
        Encoding::Protobuf => protobuf::partial_success(decoded.rejected, error),
    }
}
