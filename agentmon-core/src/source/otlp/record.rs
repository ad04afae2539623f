//! Logs, spans and data points as agentmon reads them, apart from how they were encoded.

use std::borrow::Cow;

use super::value::Attributes;
use crate::model::Timestamp;

/// A log record.
#[derive(Debug)]
pub(super) struct Log<'a> {
    /// The event's name where the exporter states it: the attribute `event.name`, else the body, else the field.
    pub(super) name: Cow<'a, str>,
    /// The body, if it is text.
    pub(super) body: Option<Cow<'a, str>>,
    /// When it happened, else when it was observed.
    pub(super) at: Option<Timestamp>,
    pub(super) attributes: Attributes<'a>,
    pub(super) trace: Cow<'a, str>,
    pub(super) span: Cow<'a, str>,
}

/// A span that ended.
#[derive(Debug)]
pub(super) struct Span<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    pub(super) attributes: Attributes<'a>,
    pub(super) trace: Cow<'a, str>,
    pub(super) span: Cow<'a, str>,
    pub(super) failed: bool,
}

/// How the values of a series follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Temporality {
    /// Each value is what was added since the last.
    Delta,
    /// Each value is the sum since the series' start.
    Cumulative,
}

/// One value of a sum.
#[derive(Debug)]
pub(super) struct Point<'a> {
    pub(super) metric: &'a str,
    pub(super) temporality: Temporality,
    /// Start of the series, in nanoseconds since 1970; 0 when not stated.
    pub(super) start: u64,
    /// Time of the value, in nanoseconds since 1970; 0 when not stated.
    pub(super) at: u64,
    pub(super) value: f64,
    pub(super) attributes: Attributes<'a>,
}

/// Takes in what a decoder finds.
pub(super) trait Sink {
    fn log(&mut self, resource: &Attributes<'_>, log: &Log<'_>);
    fn span(&mut self, resource: &Attributes<'_>, span: &Span<'_>);
    fn point(&mut self, resource: &Attributes<'_>, point: &Point<'_>);
}

/// Nanoseconds since 1970 as a time; `None` for 0, which exporters send for "not stated".
pub(super) fn time(nanos: u64) -> Option<Timestamp> {
    (nanos > 0).then_some(Timestamp((nanos / 1_000_000) as i64))
}
