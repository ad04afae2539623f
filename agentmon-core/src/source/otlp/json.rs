//! OTLP in JSON. What cannot be decoded at one go is decoded record by record, so that one bad record costs only itself.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::record::{Log, Point, Sink, Span, Temporality, time};
use super::value::{Attributes, Scalar, Value};
use super::{Decoded, Signal};

/// One export: whichever signals it holds. Some exporters post all three to one path. `L` is a log record.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "'de: 'a, L: Deserialize<'de>")
)]
struct Export<'a, L> {
    #[serde(default = "Option::default", alias = "resource_logs")]
    resource_logs: Option<Vec<ResourceLogs<'a, L>>>,
    #[serde(default, borrow, alias = "resource_spans")]
    resource_spans: Option<Vec<ResourceSpans<'a>>>,
    #[serde(default, borrow, alias = "resource_metrics")]
    resource_metrics: Option<Vec<ResourceMetrics<'a>>>,
}

type Whole<'a, L> = Object<Export<'a, L>>;

/// What is written as an object; a list would otherwise be taken for its fields in order.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Map<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(Map(PhantomData)).map(Self)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Resource<'a> {
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    bound(deserialize = "'de: 'a, L: Deserialize<'de>")
)]
struct ResourceLogs<'a, L> {
    #[serde(default, borrow)]
    resource: Option<Resource<'a>>,
    #[serde(default = "Vec::new", alias = "scope_logs")]
    scope_logs: Vec<ScopeLogs<L>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "L: Deserialize<'de>"))]
struct ScopeLogs<L> {
    #[serde(default = "Vec::new", alias = "log_records")]
    log_records: Vec<L>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ResourceSpans<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(borrow, alias = "scope_spans")]
    scope_spans: Vec<ScopeSpans<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScopeSpans<'a> {
    #[serde(borrow)]
    spans: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(borrow, alias = "scope_metrics")]
    scope_metrics: Vec<ScopeMetrics<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScopeMetrics<'a> {
    #[serde(borrow)]
    metrics: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct LogRecord<'a> {
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Scalar<'a>,
    #[serde(borrow, alias = "observed_time_unix_nano")]
    observed_time_unix_nano: Scalar<'a>,
    #[serde(borrow)]
    body: Value<'a>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
    #[serde(borrow, alias = "event_name")]
    event_name: Scalar<'a>,
    #[serde(borrow, alias = "trace_id")]
    trace_id: Scalar<'a>,
    #[serde(borrow, alias = "span_id")]
    span_id: Scalar<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct SpanRecord<'a> {
    #[serde(borrow)]
    name: Scalar<'a>,
    #[serde(borrow, alias = "trace_id")]
    trace_id: Scalar<'a>,
    #[serde(borrow, alias = "span_id")]
    span_id: Scalar<'a>,
    #[serde(borrow, alias = "start_time_unix_nano")]
    start_time_unix_nano: Scalar<'a>,
    #[serde(borrow, alias = "end_time_unix_nano")]
    end_time_unix_nano: Scalar<'a>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
    #[serde(borrow)]
    status: Option<Status<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status<'a> {
    #[serde(borrow)]
    code: Scalar<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Metric<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    sum: Option<Sum<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Sum<'a> {
    #[serde(borrow, alias = "aggregation_temporality")]
    aggregation_temporality: Scalar<'a>,
    #[serde(borrow, alias = "data_points")]
    data_points: Vec<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct DataPoint<'a> {
    #[serde(borrow, alias = "start_time_unix_nano")]
    start_time_unix_nano: Scalar<'a>,
    #[serde(borrow, alias = "time_unix_nano")]
    time_unix_nano: Scalar<'a>,
    #[serde(borrow, alias = "as_double")]
    as_double: Scalar<'a>,
    #[serde(borrow, alias = "as_int")]
    as_int: Scalar<'a>,
    #[serde(borrow)]
    attributes: Attributes<'a>,
}

/// Decodes an export and hands its records to `sink`.
///
/// # Errors
/// The message of the decoder when the body as a whole is not an export in JSON.
pub(super) fn decode(bytes: &[u8], sink: &mut impl Sink) -> Result<Decoded, serde_json::Error> {
    let mut decoded = Decoded::default();
    if let Ok(Object(export)) = serde_json::from_slice::<Whole<'_, Object<LogRecord<'_>>>>(bytes) {
        each(export, &mut decoded, sink, |decoded, Object(record)| {
            decoded.accepted += 1;
            Some(record)
        });
    } else {
        let Object(export) = serde_json::from_slice::<Whole<'_, &RawValue>>(bytes)?;
        each(export, &mut decoded, sink, Decoded::record);
    }
    Ok(decoded)
}

/// Hands the records of an export to `sink`, log records as `decode` gives them.
fn each<'a, L>(
    export: Export<'a, L>,
    decoded: &mut Decoded,
    sink: &mut impl Sink,
    decode: impl Fn(&mut Decoded, L) -> Option<LogRecord<'a>>,
) {
    for group in export.resource_logs.into_iter().flatten() {
        let resource = group.resource.unwrap_or_default().attributes;
        for record in group
            .scope_logs
            .into_iter()
            .flat_map(|scope| scope.log_records)
        {
            if let Some(record) = decode(decoded, record) {
                sink.log(&resource, &log(record));
            }
        }
    }
    for group in export.resource_spans.into_iter().flatten() {
        let resource = group.resource.unwrap_or_default().attributes;
        for raw in group.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            if let Some(record) = decoded.record::<SpanRecord<'_>>(raw) {
                sink.span(&resource, &span(record));
            }
        }
    }
    for group in export.resource_metrics.into_iter().flatten() {
        let resource = group.resource.unwrap_or_default().attributes;
        for raw in group
            .scope_metrics
            .into_iter()
            .flat_map(|scope| scope.metrics)
        {
            metric(raw, &resource, decoded, sink);
        }
    }
}

impl Decoded {
    /// One record, or `None` if it had to be rejected.
    fn record<'a, T: Deserialize<'a>>(&mut self, raw: &'a RawValue) -> Option<T> {
        match serde_json::from_str(raw.get()) {
            Ok(Object(record)) => {
                self.accepted += 1;
                Some(record)
            }
            Err(error) => {
                self.reject(&error.to_string());
                None
            }
        }
    }
}

fn log(record: LogRecord<'_>) -> Log<'_> {
    let body = match record.body {
        Value::Text(text) if !text.is_empty() => Some(text),
        _ => None,
    };
    let at = time(nanos(&record.time_unix_nano)).or(time(nanos(&record.observed_time_unix_nano)));
    Log {
        name: text(record.event_name),
        body,
        at,
        attributes: record.attributes,
        trace: text(record.trace_id),
        span: text(record.span_id),
    }
}

fn span(record: SpanRecord<'_>) -> Span<'_> {
    let failed = record.status.is_some_and(|status| {
        status.code.0.number() == Some(2.0) || status.code.0.text() == Some("STATUS_CODE_ERROR")
    });
    Span {
        name: text(record.name),
        start: time(nanos(&record.start_time_unix_nano)),
        end: time(nanos(&record.end_time_unix_nano)),
        attributes: record.attributes,
        trace: text(record.trace_id),
        span: text(record.span_id),
        failed,
    }
}

fn metric(raw: &RawValue, resource: &Attributes<'_>, decoded: &mut Decoded, sink: &mut impl Sink) {
    let Some(metric) = decoded.record::<Metric<'_>>(raw) else {
        return;
    };
    // Gauges and histograms carry nothing that is counted here.
    let Some(sum) = metric.sum else { return };
    let code = &sum.aggregation_temporality.0;
    let is_delta = code.number() == Some(1.0) || code.text().is_some_and(|c| c.ends_with("DELTA"));
    let temporality = match is_delta {
        true => Temporality::Delta,
        false => Temporality::Cumulative,
    };
    for raw in sum.data_points {
        let Some(point) = decoded.record::<DataPoint<'_>>(raw) else {
            continue;
        };
        let Some(value) = point.as_double.0.number().or(point.as_int.0.number()) else {
            continue;
        };
        let point = Point {
            metric: &metric.name,
            temporality,
            start: nanos(&point.start_time_unix_nano),
            at: nanos(&point.time_unix_nano),
            value,
            attributes: point.attributes,
        };
        sink.point(resource, &point);
    }
}

fn text(scalar: Scalar<'_>) -> Cow<'_, str> {
    match scalar.0 {
        Value::Text(text) => text,
        _ => Cow::default(),
    }
}

/// Nanoseconds, which JSON carries as text because they do not fit into a double; 0 for anything else.
fn nanos(scalar: &Scalar<'_>) -> u64 {
    match &scalar.0 {
        Value::Text(text) => text.parse().unwrap_or_default(),
        Value::Int(int) => (*int).try_into().unwrap_or_default(),
        Value::Float(float) => *float as u64,
        _ => 0,
    }
}

/// `ExportPartialSuccess`: `{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"..."}}`.
pub(super) fn partial_success(signal: Signal, rejected: u64, error: &str) -> Vec<u8> {
    let field = match signal {
        Signal::Logs => "rejectedLogRecords",
        Signal::Metrics => "rejectedDataPoints",
        Signal::Traces => "rejectedSpans",
    };
    // 64-bit numbers are text in protobuf's JSON.
    let answer = serde_json::json!({
        "partialSuccess": { field: rejected.to_string(), "errorMessage": error }
    });
    answer.to_string().into_bytes()
}
