//! Figures about the server itself, as Prometheus reads them.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use agentmon_core::ingest::IngestFigures;
use http::StatusCode;

/// Figures about the server itself.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Answers by the first digit of their status, 1 to 5.
    answers: [AtomicU64; 5],
    /// Connections open now.
    pub(crate) connections: Gauge,
    /// WebSockets open now.
    pub(crate) sockets: Gauge,
    /// Connections that were refused because there were too many.
    pub(crate) refused_connections: Counter,
    /// Posted events that were stored.
    pub(crate) events: Counter,
    /// Records of OTLP exports that were read.
    pub(crate) records: Counter,
    /// Posted events that were known.
    pub(crate) duplicates: Counter,
    /// Posted events that were not valid.
    pub(crate) rejected: Counter,
    /// Streams that were closed because their client did not read.
    pub(crate) dropped_streams: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

/// A number of things that are there now.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

/// Counts one thing until it is dropped.
#[derive(Debug)]
pub(crate) struct Open {
    metrics: Arc<Metrics>,
    gauge: fn(&Metrics) -> &Gauge,
}

impl Open {
    fn new(metrics: &Arc<Metrics>, gauge: fn(&Metrics) -> &Gauge) -> Self {
        gauge(metrics).0.fetch_add(1, Ordering::Relaxed);
        Self {
            metrics: metrics.clone(),
            gauge,
        }
    }

    /// A connection.
    pub(crate) fn connection(metrics: &Arc<Metrics>) -> Self {
        Self::new(metrics, |metrics| &metrics.connections)
    }

    /// A WebSocket, whichever contract it speaks.
    pub(crate) fn socket(metrics: &Arc<Metrics>) -> Self {
        Self::new(metrics, |metrics| &metrics.sockets)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let Gauge(open) = (self.gauge)(&self.metrics);
        open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What others count, at the moment.
#[derive(Debug)]
pub(crate) struct Present<'a> {
    /// Sessions by state.
    pub(crate) sessions: &'a [(&'a str, u64)],
    /// Bytes of the database.
    pub(crate) database: u64,
    /// The way into the store.
    pub(crate) ingest: &'a IngestFigures,
    /// Streams open now.
    pub(crate) streams: usize,
    /// Seconds since the start.
    pub(crate) uptime: f64,
}

impl Metrics {
    /// A request was answered.
    pub(crate) fn answered(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(answers) = self.answers.get(class) {
            answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it in Prometheus' text format, with what others count.
    pub(crate) fn render(&self, now: &Present<'_>) -> String {
        let mut text = String::new();
        let mut metric = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP agentmon_{name} {help}\n# TYPE agentmon_{name} {kind}"
            );
            for (labels, value) in values {
                let _ = writeln!(text, "agentmon_{name}{labels} {value}");
            }
        };
        let plain = |value: f64| vec![(String::new(), value)];
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let answers: Vec<_> = self
            .answers
            .iter()
            .enumerate()
            .map(|(class, answers)| (format!("{{status=\"{}xx\"}}", class + 1), count(answers)))
            .collect();
        let sessions: Vec<_> = now
            .sessions
            .iter()
            .map(|(state, count)| (format!("{{state=\"{state}\"}}"), *count as f64))
            .collect();
        metric(
            "http_answers_total",
            "counter",
            "Requests answered.",
            &answers,
        );
        metric(
            "http_connections",
            "gauge",
            "Connections open now.",
            &plain(count(&self.connections.0)),
        );
        metric(
            "websockets",
            "gauge",
            "WebSockets open now.",
            &plain(count(&self.sockets.0)),
        );
        metric(
            "http_connections_refused_total",
            "counter",
            "Connections refused because there were too many.",
            &plain(count(&self.refused_connections.0)),
        );
        metric(
            "ingest_events_total",
            "counter",
            "Posted events that were stored.",
            &plain(count(&self.events.0)),
        );
        metric(
            "ingest_otlp_records_total",
            "counter",
            "Records of OTLP exports that were read.",
            &plain(count(&self.records.0)),
        );
        metric(
            "ingest_duplicates_total",
            "counter",
            "Posted events that were known already.",
            &plain(count(&self.duplicates.0)),
        );
        metric(
            "ingest_rejected_total",
            "counter",
            "Posted events and exported records that were not valid.",
            &plain(count(&self.rejected.0)),
        );
        metric(
            "ingest_queue_deliveries",
            "gauge",
            "Deliveries that wait to be stored.",
            &plain(now.ingest.waiting as f64),
        );
        metric(
            "ingest_queue_bytes",
            "gauge",
            "Bytes of the deliveries that wait to be stored.",
            &plain(now.ingest.waiting_bytes as f64),
        );
        metric(
            "ingest_refused_total",
            "counter",
            "Deliveries that were refused because too many were waiting.",
            &plain(now.ingest.refused as f64),
        );
        metric(
            "ingest_deliveries_total",
            "counter",
            "Deliveries that were stored.",
            &plain(now.ingest.stored as f64),
        );
        metric(
            "streams",
            "gauge",
            "Event streams open now.",
            &plain(now.streams as f64),
        );
        metric(
            "streams_dropped_total",
            "counter",
            "Event streams closed because their client did not read.",
            &plain(count(&self.dropped_streams.0)),
        );
        metric("sessions", "gauge", "Sessions by state.", &sessions);
        metric(
            "database_bytes",
            "gauge",
            "Size of the database and its log.",
            &plain(now.database as f64),
        );
        metric(
            "uptime_seconds",
            "gauge",
            "Seconds since the server started.",
            &plain(now.uptime),
        );
        commits(&mut text, now.ingest);
        text
    }
}

/// How long transactions take, as a histogram.
fn commits(text: &mut String, figures: &IngestFigures) {
    const NAME: &str = "agentmon_ingest_commit_seconds";
    let _ = writeln!(
        text,
        "# HELP {NAME} How long transactions take that store deliveries.\n# TYPE {NAME} histogram"
    );
    for (end, commits) in &figures.commits_within {
        let _ = writeln!(
            text,
            "{NAME}_bucket{{le=\"{}\"}} {commits}",
            end.as_secs_f64()
        );
    }
    let IngestFigures {
        commits,
        commit_time,
        ..
    } = figures;
    let _ = writeln!(
        text,
        "{NAME}_bucket{{le=\"+Inf\"}} {commits}\n{NAME}_sum {}\n{NAME}_count {commits}",
        commit_time.as_secs_f64()
    );
}
