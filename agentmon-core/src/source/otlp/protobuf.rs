//! OTLP in protobuf, as sent over HTTP and gRPC. A body that protobuf cannot read is refused as a whole: its records
//! have no borders of their own.

use std::borrow::Cow;
use std::fmt::Write;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::{DecodeError, Message};

use super::Decoded;
use super::record::{Log, Point, Sink, Span, Temporality, time};
use super::value::{Attributes, Value};

/// What the status code of a failed span is.
const STATUS_ERROR: i32 = 2;

pub(super) fn logs(bytes: &[u8], sink: &mut impl Sink) -> Result<Decoded, DecodeError> {
    let export = ExportLogsServiceRequest::decode(bytes)?;
    let mut decoded = Decoded::default();
    for group in &export.resource_logs {
        let resource = of_resource(group.resource.as_ref());
        for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            decoded.accepted += 1;
            let body = match record.body.as_ref().map(value) {
                Some(Value::Text(text)) if !text.is_empty() => Some(text),
                _ => None,
            };
            let log = Log {
                name: Cow::Borrowed(&record.event_name),
                body,
                at: time(record.time_unix_nano).or(time(record.observed_time_unix_nano)),
                attributes: attributes(&record.attributes),
                trace: hex(&record.trace_id),
                span: hex(&record.span_id),
            };
            sink.log(&resource, &log);
        }
    }
    Ok(decoded)
}

pub(super) fn traces(bytes: &[u8], sink: &mut impl Sink) -> Result<Decoded, DecodeError> {
    let export = ExportTraceServiceRequest::decode(bytes)?;
    let mut decoded = Decoded::default();
    for group in &export.resource_spans {
        let resource = of_resource(group.resource.as_ref());
        for record in group.scope_spans.iter().flat_map(|scope| &scope.spans) {
            decoded.accepted += 1;
            let span = Span {
                name: Cow::Borrowed(&record.name),
                start: time(record.start_time_unix_nano),
                end: time(record.end_time_unix_nano),
                attributes: attributes(&record.attributes),
                trace: hex(&record.trace_id),
                span: hex(&record.span_id),
                failed: record
                    .status
                    .as_ref()
                    .is_some_and(|s| s.code == STATUS_ERROR),
            };
            sink.span(&resource, &span);
        }
    }
    Ok(decoded)
}

pub(super) fn metrics(bytes: &[u8], sink: &mut impl Sink) -> Result<Decoded, DecodeError> {
    let export = ExportMetricsServiceRequest::decode(bytes)?;
    let mut decoded = Decoded::default();
    for group in &export.resource_metrics {
        let resource = of_resource(group.resource.as_ref());
        for record in group.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            decoded.accepted += 1;
            // Gauges and histograms carry nothing that is counted here.
            let Some(metric::Data::Sum(sum)) = &record.data else {
                continue;
            };
            let temporality = match sum.aggregation_temporality() {
                AggregationTemporality::Delta => Temporality::Delta,
                _ => Temporality::Cumulative,
            };
            for point in &sum.data_points {
                decoded.accepted += 1;
                let value = match point.value {
                    Some(number_data_point::Value::AsDouble(double)) if double.is_finite() => {
                        double
                    }
                    Some(number_data_point::Value::AsInt(int)) => int as f64,
                    _ => continue,
                };
                let point = Point {
                    metric: &record.name,
                    temporality,
                    start: point.start_time_unix_nano,
                    at: point.time_unix_nano,
                    value,
                    attributes: attributes(&point.attributes),
                };
                sink.point(&resource, &point);
            }
        }
    }
    Ok(decoded)
}

fn of_resource(resource: Option<&Resource>) -> Attributes<'_> {
    resource.map_or_else(Attributes::default, |resource| {
        attributes(&resource.attributes)
    })
}

fn attributes(pairs: &[KeyValue]) -> Attributes<'_> {
    let pairs = pairs.iter().map(|pair| {
        let value = pair.value.as_ref().map_or(Value::Nothing, value);
        (Cow::Borrowed(pair.key.as_str()), value)
    });
    Attributes(pairs.collect())
}

fn value(value: &AnyValue) -> Value<'_> {
    match &value.value {
        Some(any_value::Value::StringValue(text)) => Value::Text(Cow::Borrowed(text)),
        Some(any_value::Value::IntValue(int)) => Value::Int(*int),
        Some(any_value::Value::DoubleValue(double)) => Value::Float(*double),
        Some(any_value::Value::BoolValue(flag)) => Value::Bool(*flag),
        _ => Value::Nothing,
    }
}

/// An id as the JSON encoding writes it.
fn hex(id: &[u8]) -> Cow<'static, str> {
    id.iter()
        .fold(String::with_capacity(id.len() * 2), |mut text, byte| {
            // Writing into a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
        .into()
}

/// `ExportPartialSuccess` of any signal: they have the same fields under the same numbers.
pub(super) fn partial_success(rejected: u64, error: &str) -> Vec<u8> {
    let partial_success = Some(ExportLogsPartialSuccess {
        rejected_log_records: i64::try_from(rejected).unwrap_or(i64::MAX),
        error_message: error.to_owned(),
    });
    ExportLogsServiceResponse { partial_success }.encode_to_vec()
}
