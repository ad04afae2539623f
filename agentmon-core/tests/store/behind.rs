//! What is put into its table behind the events is the same for everybody as if it were there at once, whatever happens
//! meanwhile.

use agentmon_core::query::{CallFilter, EventRow};
use agentmon_core::source::otlp::{self, Encoding, Signal};
use serde_json::{Value as Json, json};

use super::*;

/// What happens to a database.
#[derive(Debug, Clone)]
enum Step {
    /// Telemetry tells of model calls and of the tools that they asked for.
    Export(Vec<u8>),
    /// A transcript tells of model calls, by the names that it knows, later and with more output than telemetry saw.
    Lines(Vec<u8>),
    /// The same, sent by somebody.
    Sent(Vec<u8>),
    /// Another source knows the events of telemetry's calls by its own names, and takes them over.
    Absorb(Vec<u8>),
    /// A quiet moment: so much of what waits is done.
    CatchUp(usize),
    /// The program ends without a word, and another one opens the database.
    Restart { expects_load: bool },
    /// What is older than so many seconds is forgotten.
    Prune(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let calls = || prop::collection::vec(0..24_u8, 1..9);
    prop_oneof![
        4 => calls().prop_map(Step::Export),
        2 => calls().prop_map(Step::Lines),
        1 => calls().prop_map(Step::Sent),
        1 => calls().prop_map(Step::Absorb),
        2 => (1..7_usize).prop_map(Step::CatchUp),
        1 => any::<bool>().prop_map(|expects_load| Step::Restart { expects_load }),
        1 => (0..30_i64).prop_map(Step::Prune),
    ]
}

fn at(number: u8) -> Timestamp {
    NOW - Span::from_secs(i64::from(number))
}

fn export(calls: &[u8]) -> Delivery {
    let attributes = |pairs: Json| -> Vec<Json> {
        let pairs = pairs.as_object().unwrap().clone();
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": {"stringValue": value}}));
        pairs.collect()
    };
    let records = calls.iter().flat_map(|number| {
        let nanos = (at(*number).0 * 1_000_000).to_string();
        let session = format!("session-{}", number % 3);
        let record = |more: Json| json!({"timeUnixNano": nanos, "attributes": attributes(more)});
        [
            record(
                json!({"event.name": "api_request", "session.id": session, "model": MODEL,
                          "request_id": format!("req_{number}"), "input_tokens": "1000",
                          "output_tokens": number.to_string(), "duration_ms": "70"}),
            ),
            record(
                json!({"event.name": "tool_result", "session.id": session, "tool_name": "Bash",
                          "tool_use_id": format!("toolu_{number}"), "success": "true", "duration_ms": "5"}),
            ),
        ]
    });
    let records: Vec<Json> = records.collect();
    let body = json!({"resourceLogs": [{
        "resource": {"attributes": attributes(json!({"service.name": "claude-code"}))},
        "scopeLogs": [{"logRecords": records}],
    }]});
    let mut batch = Batch::default();
    let (signal, body) = (Signal::Logs, body.to_string());
    otlp::read(signal, Encoding::Json, body.as_bytes(), NOW, &mut batch).unwrap();
    Delivery::Observed(Box::new(batch))
}

fn lines(calls: &[u8]) -> Piece {
    let calls = calls.iter().copied();
    let mut piece = piece(calls.clone().map(|number| {
        let name = format!("msg_{number}");
        call(
            &name,
            usize::from(number % 3),
            at(number) + Span::from_mins(i64::from(number)),
            100 + u64::from(number),
        )
    }));
    piece.batch.aliases = calls
        .map(|number| {
            let other = FactKey::new("anthropic.request", &[format!("req_{number}").as_bytes()]);
            let real = FactKey::new("anthropic.message", &[format!("msg_{number}").as_bytes()]);
            (other, real)
        })
        .collect();
    piece
}

fn absorb(calls: &[u8]) -> Piece {
    piece(calls.iter().map(|number| {
        let told = FactKey::new("anthropic.request", &[format!("req_{number}").as_bytes()]);
        let mut seen = event("", usize::from(number % 3), at(*number), "an answer");
        if let Seen::Event { event, .. } = &mut seen {
            event.kind = EventKind::LlmResponse;
            event.key = DedupKey::Shared {
                id: format!("line_{number}").into(),
                alias: Some(format!("call/{}", told.0).into()),
                credit: 5,
            };
        }
        seen
    }))
}

/// The calls and the events as they are read.
fn told(connection: &Connection) -> (Vec<String>, Vec<String>) {
    let filter = CallFilter {
        limit: 1000,
        ..CallFilter::default()
    };
    let calls = sqlite::model_calls(connection, &filter).unwrap();
    let filter = EventFilter {
        limit: 1000,
        ..EventFilter::default()
    };
    let events = sqlite::events(connection, &filter).unwrap().events;
    let event = |row: &EventRow| {
        format!(
            "{:?} {:?} {:?} {:?} {:?}",
            row.identity, row.model, row.usage, row.cost, row.session
        )
    };
    (
        calls.iter().map(|call| format!("{call:?}")).collect(),
        events.iter().map(event).collect(),
    )
}

fn waiting(connection: &Connection) -> i64 {
    let count = "SELECT (SELECT count(*) FROM any_call) - (SELECT count(*) FROM call)";
    connection.query_row(count, [], |row| row.get(0)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_writer_under_load_stores_what_any_other_does(steps in prop::collection::vec(step(), 1..24)) {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("agentmon.db");
        let mut plain = writer(None, &[]).unwrap();
        let mut loaded = writer(Some(&path), &[]).unwrap();
        loaded.expect_load().unwrap();
        for step in &steps {
            match step {
                Step::Export(calls) => {
                    let receipts = [&mut plain, &mut loaded].map(|writer| {
                        let ingested = writer.ingest(&[export(calls), export(&calls[..1])], NOW);
                        ingested.unwrap().receipts
                    });
                    prop_assert_eq!(&receipts[0], &receipts[1]);
                }
                Step::Lines(calls) => {
                    plain.append(vec![lines(calls)], NOW).unwrap();
                    loaded.append(vec![lines(calls)], NOW).unwrap();
                }
                Step::Sent(calls) => {
                    let sent = [Delivery::Observed(Box::new(lines(calls).batch))];
                    plain.ingest(&sent, NOW).unwrap();
                    loaded.ingest(&sent, NOW).unwrap();
                }
                Step::Absorb(calls) => {
                    plain.append(vec![absorb(calls)], NOW).unwrap();
                    loaded.append(vec![absorb(calls)], NOW).unwrap();
                }
                Step::CatchUp(limit) => {
                    loaded.catch_up(*limit).unwrap();
                }
                Step::Restart { expects_load } => {
                    drop(loaded);
                    loaded = writer(Some(&path), &[]).unwrap();
                    if *expects_load {
                        loaded.expect_load().unwrap();
                    }
                }
                Step::Prune(seconds) => {
                    let before = NOW - Span::from_secs(*seconds);
                    while plain.prune_events(before, 3).unwrap().more {}
                    while loaded.prune_events(before, 5).unwrap().more {}
                }
            }
            let (expected, found) = (told(plain.connection()), told(loaded.connection()));
            prop_assert_eq!(&found.0, &expected.0, "calls after {:?}", step);
            prop_assert_eq!(&found.1, &expected.1, "events after {:?}", step);
        }
        let mut expected = rows(plain.connection());
        prop_assert_eq!(rows(loaded.connection()), expected.clone());
        assert_sound(loaded.connection());
        // And when all is where it belongs.
        while loaded.catch_up(3).unwrap() {}
        prop_assert_eq!(waiting(loaded.connection()), 0);
        prop_assert_eq!(rows(loaded.connection()), expected.clone());
        // Prices that change later change what waits too.
        drop(loaded);
        let dear: PriceOverride = toml::from_str(&format!("model = {MODEL:?}\ninput = 900\noutput = 1")).unwrap();
        let loaded = writer(Some(&path), std::slice::from_ref(&dear)).unwrap();
        assert_sound(loaded.connection());
        for table in ["call", "rollup"] {
            expected.remove(table);
        }
        prop_assert!(expected.into_iter().all(|(table, rows_before)| rows(loaded.connection())[table] == rows_before));
    }
}

#[test]
fn calls_wait_with_their_events_and_new_prices_find_them() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let mut first = writer(Some(&path), &[]).unwrap();
    first.expect_load().unwrap();
    first.ingest(&[export(&[1, 2, 3])], NOW).unwrap();
    assert_eq!(waiting(first.connection()), 3);
    let cost = |writer: &Writer| {
        let events = sqlite::events(writer.connection(), &EventFilter::default()).unwrap();
        let costs = events.events.iter().filter_map(|row| row.cost);
        costs.map(|cost| cost.0).sum::<i64>()
    };
    let before = cost(&first);
    // The same call once more, by the name that transcripts know: it is one, and waits no longer.
    first.append(vec![lines(&[2])], NOW).unwrap();
    let (calls, events) = told(first.connection());
    assert_eq!((calls.len(), events.len()), (3, 6));
    drop(first);

    let dear = toml::from_str(&format!("model = {MODEL:?}\ninput = 900\noutput = 1")).unwrap();
    let second = writer(Some(&path), &[dear]).unwrap();
    assert_eq!(waiting(second.connection()), 0);
    assert_ne!(cost(&second), before);
    assert_sound(second.connection());
    let known = sqlite::knows_any_call(
        second.connection(),
        &[FactKey::new("anthropic.request", &[b"req_3"])],
    );
    assert!(known.unwrap());
}

#[test]
fn a_call_that_was_put_into_its_table_is_taken_out_of_the_totals_once() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let mut first = writer(Some(&path), &[]).unwrap();
    first.expect_load().unwrap();
    first.ingest(&[export(&[15, 0])], NOW).unwrap();
    // One of the two goes into the table, what stood with its event is out of date.
    first.catch_up(1).unwrap();
    assert_eq!(waiting(first.connection()), 1);
    drop(first);

    // Whoever comes next reads what waits no sooner than the call has another name.
    let mut second = writer(Some(&path), &[]).unwrap();
    second.append(vec![lines(&[15])], NOW).unwrap();
    let requests = "SELECT sum(requests) FROM rollup";
    let requests = |writer: &Writer| -> i64 {
        let connection = writer.connection();
        connection
            .query_row(requests, [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(requests(&second), 2);
    assert_sound(second.connection());
}
