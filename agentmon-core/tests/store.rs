//! The store: one writer, one transaction, the same rows whatever the order, and totals that are the sums of calls.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

#[path = "store/behind.rs"]
mod behind;
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use agentmon_core::config::Config;
use agentmon_core::ingest::Delivery;
use agentmon_core::model::{
    AgentKind, Batch, CallSource, DedupKey, Event, EventKind, EventStatus, FactKey, Host, HostKind,
    ModelCall, NanoUsd, PriceMode, QuotaWindow, Relation, SessionIndex, SessionKey, SessionPatch,
    Span, Stamped, Timestamp, Title, TitleKind, Usage,
};
use agentmon_core::pricing::{PriceBook, PriceOverride};
use agentmon_core::query::{EventFilter, SessionFilter};
use agentmon_core::session::StatePolicy;
use agentmon_core::source::Env;
use agentmon_core::source::piece::{CursorKey, FileUpdate, Piece};
use agentmon_core::source::read::{Cursor, Pass};
use agentmon_core::store::StoreError;
use agentmon_core::store::sqlite::{self, Forgotten, Writer, open_reader, open_writer};
use agentmon_core::{Error, Monitor};
use common::{after_recordings, copy, files, fixture, refresh};
use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

const NOW: Timestamp = Timestamp(1_795_300_000_000);
const MODEL: &str = "claude-opus-4-6";

fn writer(path: Option<&Path>, prices: &[PriceOverride]) -> Result<Writer, StoreError> {
    let book = Arc::new(PriceBook::with_overrides(prices).unwrap());
    let opened = open_writer(path, NOW)?;
    Writer::new(opened, path.map(Into::into), book, StatePolicy::default())
}

/// Something that a source saw.
#[derive(Debug, Clone)]
enum Seen {
    Session(Box<SessionPatch>),
    Call {
        session: SessionKey,
        model: &'static str,
        call: ModelCall,
    },
    Event {
        session: SessionKey,
        event: Event,
    },
    Quota(QuotaWindow),
}

fn piece(seen: impl IntoIterator<Item = Seen>) -> Piece {
    let mut batch = Batch::default();
    for seen in seen {
        match seen {
            Seen::Session(patch) => {
                let index = batch.session(&patch.key);
                batch.patch(index).merge(&patch);
            }
            Seen::Call {
                session,
                model,
                mut call,
            } => {
                call.session = batch.session(&session);
                call.model = batch.model(model);
                batch.calls.push(call);
            }
            Seen::Event { session, mut event } => {
                event.session = batch.session(&session);
                batch.events.push(event);
            }
            Seen::Quota(window) => batch.quotas.push(window),
        }
    }
    Piece {
        batch,
        ..Piece::default()
    }
}

fn key(number: usize) -> SessionKey {
    SessionKey::new(AgentKind::ClaudeCode, format!("session-{number}"))
}

fn patch(number: usize, at: Timestamp) -> SessionPatch {
    let mut patch = SessionPatch::new(key(number));
    patch.touch(at);
    patch
}

fn call(fact: &str, session: usize, at: Timestamp, output: u64) -> Seen {
    let index = Batch::default().session(&key(session));
    let call = ModelCall {
        fact: FactKey::new("anthropic.message", &[fact.as_bytes()]),
        at,
        session: index,
        model: 0,
        usage: Usage {
            input: 1000,
            cache_read: 20_000,
            cache_creation_5m: 300,
            cache_creation_1h: 40,
            output,
            reasoning: output / 2,
        },
        mode: PriceMode::Standard,
        web_searches: 0,
        reported: None,
        credit: 5,
        source: CallSource::Transcript,
    };
    Seen::Call {
        session: key(session),
        model: MODEL,
        call,
    }
}

fn event(id: &str, session: usize, at: Timestamp, text: &str) -> Seen {
    let event = Event {
        key: DedupKey::Id(id.into()),
        at,
        session: Batch::default().session(&key(session)),
        kind: EventKind::UserPrompt,
        status: EventStatus::Success,
        tool: None,
        call: None,
        model_call: None,
        duration_ms: None,
        text: text.into(),
        truncated: false,
    };
    Seen::Event {
        session: key(session),
        event,
    }
}

/// All rows that sources give rise to, with names in place of numbers.
fn rows(connection: &Connection) -> BTreeMap<&'static str, Vec<String>> {
    let queries = [
        (
            "session",
            "SELECT session.agent, session.native_id, parent.native_id, session.relation, main.native_id,
                    session.state, session.title, session.cwd, session.branch, session.model, session.version,
                    session.started_at, session.last_activity_at, project.root, session.host
             FROM session
             LEFT JOIN session AS parent ON parent.id = session.parent
             LEFT JOIN session AS main ON main.id = session.report_as
             LEFT JOIN project ON project.id = session.project",
        ),
        (
            "call",
            "SELECT fact, at, native_id, name, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning,
                    cost, credit, source, mode, web_searches, call.reported
             FROM any_call AS call JOIN session ON session.id = call.session JOIN model ON model.id = call.model",
        ),
        (
            "rollup",
            "SELECT bucket, native_id, name, requests, unpriced, input, cache_read, cache_write_5m, cache_write_1h,
                    output, reasoning, cost, first, last
             FROM rollup JOIN session ON session.id = rollup.session JOIN model ON model.id = rollup.model",
        ),
        (
            "event",
            "SELECT key, event.credit, at, native_id, kind, text FROM event
             JOIN session ON session.id = event.session LEFT JOIN event_body USING (seq)",
        ),
        (
            "event_cell",
            "SELECT native_id, kind, tool.name, bucket, events, errors, timed, duration_ms, times
             FROM event_cell JOIN session ON session.id = event_cell.session
             LEFT JOIN tool ON tool.id = event_cell.tool",
        ),
        ("quota", "SELECT * FROM quota"),
        ("cursor", "SELECT * FROM cursor"),
        ("problem", "SELECT * FROM problem"),
    ];
    let read = |sql: &str| {
        let mut select = connection.prepare(sql).unwrap();
        let columns = select.column_count();
        let rows = select.query_map([], |row| {
            let values: Result<Vec<Value>, _> = (0..columns).map(|index| row.get(index)).collect();
            Ok(format!("{:?}", values?))
        });
        let mut rows: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
        rows.sort();
        rows
    };
    queries.map(|(table, sql)| (table, read(sql))).into()
}

fn assert_sound(connection: &Connection) {
    let problems = sqlite::check(connection).unwrap().problems;
    assert!(problems.is_empty(), "{problems:?}");
}

fn monitor(home: &Path, data: &Path) -> Result<Monitor, Error> {
    let env = Env::at(home);
    Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(after_recordings())
        .data_dir(data)
        .open()
}

/// A home with a few recorded sessions.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let project = ".claude/projects/-home-user-projects-demo";
    let from = fixture("claude_code/home").join(project);
    copy(&from, &home.path().join(project));
    home
}

#[test]
fn one_process_writes_and_the_others_are_told_who() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let data = data.path().join("data");
    let first = monitor(home.path(), &data).unwrap();
    refresh(&first).unwrap();
    assert_eq!(first.other_writer(), None);

    let second = monitor(home.path(), &data).unwrap();
    let pid = std::process::id();
    assert_eq!(second.other_writer(), Some(pid));
    assert_eq!(second.db_stats().unwrap().writer_pid, Some(pid));
    let everyone = SessionFilter::default();
    let seen = |monitor: &Monitor| monitor.sessions(&everyone).unwrap().sessions;
    assert_eq!(seen(&second), seen(&first));
    refresh(&second).unwrap();
    let refused = second.db_vacuum().unwrap_err();
    assert!(matches!(refused, Error::Store(StoreError::ReadOnly { pid: who }) if who == pid));

    // Not even by mistake.
    let reader = open_reader(&data.join("agentmon.db")).unwrap();
    for sql in [
        "DELETE FROM call",
        "PRAGMA query_only = OFF; DELETE FROM call",
        "CREATE TABLE x (y)",
    ] {
        assert!(reader.execute_batch(sql).is_err(), "{sql}");
    }

    // The right to write goes with its holder.
    drop(first);
    let third = monitor(home.path(), &data).unwrap();
    assert_eq!(third.other_writer(), None);
    third.db_vacuum().unwrap();
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let data = data.path().join("data");
    let monitor = monitor(home.path(), &data).unwrap();
    refresh(&monitor).unwrap();
    monitor.db_backup(&data.join("copy.db")).unwrap();
    sqlite::suspect(&data.join("agentmon.db"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in files(&data) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_backup_is_whole_and_overwrites_nothing() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let first = monitor(home.path(), &data.path().join("data")).unwrap();
    refresh(&first).unwrap();
    let copy = data.path().join("copy/agentmon.db");
    let missing = first.db_backup(&copy).unwrap_err().to_string();
    assert!(missing.starts_with("cannot write the copy "), "{missing}");
    fs::create_dir(copy.parent().unwrap()).unwrap();
    first.db_backup(&copy).unwrap();
    let again = first.db_backup(&copy).unwrap_err();
    assert!(
        matches!(&again, Error::Store(StoreError::Copy { source, .. })
        if source.kind() == std::io::ErrorKind::AlreadyExists)
    );
    assert!(again.to_string().contains("exists"), "{again}");
    let copied = open_reader(&copy).unwrap();
    assert_sound(&copied);
    let original = open_reader(&data.path().join("data/agentmon.db")).unwrap();
    assert_eq!(rows(&copied), rows(&original));
}

#[test]
fn what_cannot_be_committed_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let mut writer = writer(Some(&path), &[]).unwrap();
    let known = [call("known", 0, NOW, 10), event("known", 0, NOW, "hello")];
    writer.append(vec![piece(known)], NOW).unwrap();
    let before = rows(writer.connection());

    // Cursors are written last, so all the rest is in the transaction when it fails.
    let offer = || {
        let mut offered = piece((0..2000).flat_map(|number| {
            let name = format!("new {number}");
            [
                call(&name, number % 7, NOW, 5),
                event(&name, number % 7, NOW, &name.repeat(20)),
            ]
        }));
        offered
            .batch
            .touch(SessionIndex(0), NOW + Span::from_mins(5));
        offered.files.push(FileUpdate {
            key: CursorKey {
                path: PathBuf::from("/somewhere/a.jsonl"),
                pass: Pass::Accounting,
            },
            format: "claude-code",
            cursor: Some(Cursor {
                offset: 77,
                ..Cursor::default()
            }),
            resets_problems: true,
            skipped: Vec::new(),
        });
        vec![offered]
    };
    let pages = |writer: &Writer, name: &str, value: i64| {
        let set = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let sql = format!("PRAGMA {name} = {value}");
        writer.connection().query_row(&sql, [], set).unwrap()
    };
    let used: i64 = writer
        .connection()
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    for spare in [0, 1, 5, 20, 60] {
        pages(&writer, "max_page_count", used + spare);
        let error = writer.append(offer(), NOW).unwrap_err();
        assert!(matches!(error, StoreError::Full(_)), "{error}");
        assert_eq!(rows(writer.connection()), before, "{spare} pages");
    }
    pages(&writer, "max_page_count", 1_000_000);
    let changes = writer.append(offer(), NOW).unwrap();
    assert_eq!(changes.len(), 7, "{changes:?}");
    let after = rows(writer.connection());
    assert_eq!((after["call"].len(), after["event"].len()), (2001, 2001));
    assert_eq!(after["cursor"].len(), 1);
    assert_sound(writer.connection());
}

#[test]
fn one_call_that_several_sources_see_costs_once() {
    let source = |source, output, reported| {
        let Seen::Call {
            session,
            model,
            mut call,
        } = call("msg_1", 1, NOW, output)
        else {
            unreachable!()
        };
        (call.source, call.reported) = (source, reported);
        Seen::Call {
            session,
            model,
            call,
        }
    };
    let sightings = [
        // A stream's first line, its last, the same told by telemetry with its own price, and by a hook.
        source(CallSource::Transcript, 3, None),
        source(CallSource::Transcript, 250, None),
        source(CallSource::Otlp, 250, Some(NanoUsd(12_345))),
        source(CallSource::Hook, 250, None),
    ];
    let mut alone = writer(None, &[]).unwrap();
    alone
        .append(vec![piece([sightings[1].clone()])], NOW)
        .unwrap();
    let expected = rows(alone.connection())["rollup"].clone();
    assert_eq!(expected.len(), 1);
    for first in 0..sightings.len() {
        let mut writer = writer(None, &[]).unwrap();
        for offset in 0..sightings.len() {
            let sighting = sightings[(first + offset) % sightings.len()].clone();
            writer.append(vec![piece([sighting])], NOW).unwrap();
        }
        assert_eq!(
            rows(writer.connection())["rollup"],
            expected,
            "{first} first"
        );
    }
}

#[test]
fn new_prices_price_everything_anew() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let price = |model: &str, input: f64| -> PriceOverride {
        let text = format!("model = {model:?}\ninput = {input}\noutput = 2");
        toml::from_str(&text).unwrap()
    };
    let totals = |writer: &Writer| {
        let sums = "SELECT sum(requests), sum(unpriced), sum(input), sum(cost) FROM rollup";
        assert_sound(writer.connection());
        let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<[i64; 4]> {
            Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?])
        };
        writer.connection().query_row(sums, [], read).unwrap()
    };
    let mut first = writer(Some(&path), &[]).unwrap();
    let mut seen: Vec<Seen> = (0..50)
        .map(|number| {
            call(
                &number.to_string(),
                number % 3,
                NOW + Span::from_mins(9 * number as i64),
                7,
            )
        })
        .collect();
    for seen in seen.iter_mut().take(10) {
        if let Seen::Call { model, .. } = seen {
            *model = "house-model";
        }
    }
    first.append(vec![piece(seen)], NOW).unwrap();
    let embedded = totals(&first);
    assert_eq!(embedded[..3], [50, 10, 50_000]);
    drop(first);

    let own = [price("house-model", 1.0), price(MODEL, 1.0)];
    let repriced = writer(Some(&path), &own).unwrap();
    // A dollar per million of all input, two of output; caches are billed as input.
    let each = (1000 + 20_000 + 300 + 40) * 1000 + 7 * 2000;
    assert_eq!(totals(&repriced), [50, 0, 50_000, 50 * each]);
    drop(repriced);
    let back = writer(Some(&path), &[]).unwrap();
    assert_eq!(totals(&back), embedded);
}

/// The events that the totals count.
fn cells(connection: &Connection) -> i64 {
    let sum = "SELECT coalesce(sum(events), 0) FROM event_cell";
    connection.query_row(sum, [], |row| row.get(0)).unwrap()
}

#[test]
fn what_is_old_goes_by_its_own_age() {
    let day = |number: i64| NOW - Span::from_mins(24 * 60 * number);
    let child = {
        let mut child = patch(3, day(1));
        child.parent = Some((key(2), Relation::Within));
        child
    };
    let seen = || {
        vec![
            Seen::Session(patch(0, day(100)).into()),
            call("old", 0, day(100), 10),
            event("old", 0, day(100), "ancient words"),
            Seen::Session(patch(1, day(1)).into()),
            // Long, and still going on.
            call("long", 1, day(90), 20),
            event("long", 1, day(90), "early words"),
            event("new", 1, day(1), "recent words"),
            // Old, but with a subagent that is not.
            Seen::Session(patch(2, day(100)).into()),
            call("parent", 2, day(100), 30),
            Seen::Session(child.clone().into()),
            call("child", 3, day(1), 40),
        ]
    };
    let mut writer = writer(None, &[]).unwrap();
    writer.append(vec![piece(seen())], NOW).unwrap();
    let before = rows(writer.connection());
    let texts = |writer: &Writer, words: &str| {
        let filter = EventFilter {
            text: Some(words.into()),
            ..EventFilter::default()
        };
        sqlite::events(writer.connection(), &filter)
            .unwrap()
            .events
            .len()
    };
    assert_eq!(texts(&writer, "words"), 3);

    // In portions, of which each leaves totals that are right for all but the quarter of an hour that it is in.
    let rows_and_more = |forgotten: Forgotten| (forgotten.rows, forgotten.more);
    let forgotten = writer.prune_events(day(30), 1).unwrap();
    assert_eq!(rows_and_more(forgotten), (1, true));
    assert_eq!(texts(&writer, "words"), 2);
    assert_eq!(cells(writer.connection()), 2);
    let forgotten = writer.prune_events(day(30), 1).unwrap();
    assert_eq!(rows_and_more(forgotten), (1, false));
    assert_eq!(texts(&writer, "words"), 1);
    let after = rows(writer.connection());
    for kept in ["session", "call", "rollup"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(cells(writer.connection()), 1);
    let nothing = Forgotten::default();
    assert_eq!(writer.prune_events(day(30), 1).unwrap(), nothing);

    // So do sessions: at first their events, at last all that is left of them.
    let late = event("late", 0, day(100), "late words");
    writer.append(vec![piece(vec![late])], NOW).unwrap();
    let forgotten = writer.prune_sessions(day(30), 1).unwrap();
    assert_eq!(rows_and_more(forgotten), (1, true));
    assert_eq!(rows(writer.connection())["call"], before["call"]);
    assert!(!writer.prune_sessions(day(30), 1).unwrap().more);
    let after = rows(writer.connection());
    let without = |table: &str| -> Vec<String> {
        let of_old = |row: &&String| !row.contains("session-0");
        before[table].iter().filter(of_old).cloned().collect()
    };
    for table in ["session", "call", "rollup"] {
        assert_eq!(after[table], without(table), "{table}");
    }
    assert_eq!(writer.prune_sessions(day(30), 1).unwrap(), nothing);
    assert_sound(writer.connection());

    // What comes again is as new.
    writer.append(vec![piece(seen())], NOW).unwrap();
    assert_eq!(rows(writer.connection()), before);
}

#[test]
fn sessions_know_the_machine_that_they_run_on() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let env = Env::at(home.path()).on("desk");
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(after_recordings())
        .data_dir(data.path())
        .open()
        .unwrap();
    refresh(&monitor).unwrap();
    let listed = |hosts: &[&str]| {
        let filter = SessionFilter {
            hosts: hosts.iter().map(|host| (*host).into()).collect(),
            ..SessionFilter::default()
        };
        monitor.sessions(&filter).unwrap().sessions
    };
    let own = listed(&[]);
    assert!(!own.is_empty() && own == listed(&["desk"]), "{own:?}");

    // Telemetry of a session whose files are here, and of one of which nobody else tells; a copy of files from anywhere.
    let told = |key: &SessionKey| {
        let mut patch = SessionPatch::new(key.clone());
        patch.touch(NOW);
        patch.host = Host::new(HostKind::Named, NOW, "build-7");
        let mut batch = Batch::default();
        batch.session(key);
        batch.sessions[0] = patch;
        let delivery = Delivery::Observed(Box::new(batch));
        monitor.ingest_blocking(delivery).unwrap();
    };
    told(&own[0].key);
    told(&SessionKey::new(AgentKind::Gemini, "far"));
    let copy = fixture("codex/sessions");
    monitor.import(&copy, None).unwrap();
    assert_eq!(listed(&["desk"]).len(), own.len(), "files tell better");
    assert_eq!(listed(&["build-7"]).len(), 1);
    assert_eq!(listed(&["build-7", "desk"]).len(), own.len() + 1);
    let unknown = listed(&[])
        .iter()
        .filter(|view| view.host.is_none())
        .count();
    assert!(unknown > 0, "nobody knows where copies come from");
    assert_eq!(
        monitor.filter_options().unwrap().hosts,
        ["build-7".into(), "desk".into()]
    );
}

#[test]
fn machines_are_settled_for_what_an_older_version_stored() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    refresh(&monitor(home.path(), data.path()).unwrap()).unwrap();
    // As an upgrade leaves it: columns and facts without machines.
    Connection::open(data.path().join("agentmon.db"))
        .unwrap()
        .execute_batch("INSERT INTO meta (key, value) VALUES ('hosts_due', '')")
        .unwrap();
    let env = Env::at(home.path()).on("desk");
    let open = || {
        let monitor = Monitor::builder()
            .config(Config::defaults(&env))
            .env(env.clone());
        monitor
            .clock(after_recordings())
            .data_dir(data.path())
            .open()
            .unwrap()
    };
    let hosts = |monitor: &Monitor| -> Vec<Option<Box<str>>> {
        let list = monitor.sessions(&SessionFilter::default()).unwrap();
        list.sessions.into_iter().map(|view| view.host).collect()
    };
    let again = open();
    let desk = Some("desk".into());
    assert!(
        hosts(&again).iter().all(|host| *host == desk),
        "{:?}",
        hosts(&again)
    );
    // The state machine knows it too.
    let list = again.sessions(&SessionFilter::default()).unwrap().sessions;
    let facts = again.session_facts(&list[0].key).unwrap().unwrap();
    assert_eq!(
        facts.host.map(|host| (host.kind, host.name)),
        Some((HostKind::Seen, "desk".into()))
    );
}

#[test]
fn a_name_of_a_machine_is_one_word() {
    for (text, name) in [
        (" desk.local ", Some("desk.local")),
        ("", None),
        ("two words", None),
        ("bell\u{7}", None),
    ] {
        let host = Host::new(HostKind::Seen, NOW, text);
        assert_eq!(host.as_ref().map(|host| &*host.name), name, "{text:?}");
    }
    assert!(Host::new(HostKind::Seen, NOW, &"x".repeat(256)).is_none());
}

/// One row for each table of facts, as version 1 had them.
const OLD_ROWS: &str = "
    INSERT INTO model (id, name) VALUES (1, 'house-model');
    INSERT INTO session (id, agent, native_id, report_as, state, liveness, since, started_at, last_activity_at,
                         blocked_ms, body)
    VALUES (1, 'codex', 'old', 1, 'completed', 'unknown', 5, 5, 5, 0, '{}');
    INSERT INTO call (fact, at, session, model, input, cache_read, cache_write_5m, cache_write_1h, output, reasoning,
                      credit, source)
    VALUES (7, 5, 1, 1, 10, 20, 30, 40, 50, 6, 0, 0);
    INSERT INTO rollup (bucket, session, model, requests, unpriced, input, cache_read, cache_write_5m,
                        cache_write_1h, output, reasoning, cost, first, last)
    VALUES (0, 1, 1, 1, 1, 10, 20, 30, 40, 50, 6, 0, 5, 5);
    INSERT INTO event (seq, key, at, session, kind, status, truncated) VALUES (3, 9, 5, 1, 2, 0, 0);
    INSERT INTO event_body (seq, text) VALUES (3, 'old words');
    INSERT INTO event_fts (rowid, text) VALUES (3, 'old words');";

#[test]
fn databases_of_other_versions_are_upgraded_or_refused() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let current = {
        let writer = writer(Some(&path), &[]).unwrap();
        sqlite::stats(writer.connection(), None)
            .unwrap()
            .schema_version
    };
    // A database of an earlier version is what the migrations up to it make: they are never edited.
    let migrations =
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations"));
    assert_eq!(migrations.len(), current as usize);
    for version in 1..current {
        let old = data.path().join(format!("version-{version}.db"));
        let connection = Connection::open(&old).unwrap();
        for migration in &migrations[..version as usize] {
            connection
                .execute_batch(&fs::read_to_string(migration).unwrap())
                .unwrap();
        }
        connection.execute_batch(OLD_ROWS).unwrap();
        connection
            .pragma_update(None, "user_version", version)
            .unwrap();
        drop(connection);
        let reader = open_reader(&old).unwrap_err();
        assert!(
            matches!(reader, StoreError::TooOld { found, .. } if found == version),
            "{reader}"
        );
        for _ in 0..2 {
            let writer = writer(Some(&old), &[]).unwrap();
            assert_sound(writer.connection());
            let rows = rows(writer.connection());
            for table in ["session", "call", "rollup", "event"] {
                assert_eq!(rows[table].len(), 1, "{table} of version {version}");
            }
        }
    }

    let nothing = data.path().join("empty.db");
    fs::write(&nothing, "").unwrap();
    let reader = open_reader(&nothing).unwrap_err();
    assert!(
        matches!(reader, StoreError::TooOld { found: 0, .. }),
        "{reader}"
    );
    assert_sound(writer(Some(&nothing), &[]).unwrap().connection());

    let connection = Connection::open(&path).unwrap();
    connection
        .pragma_update(None, "user_version", current + 7)
        .unwrap();
    drop(connection);
    let before = fs::read(&path).unwrap();
    for refused in [writer(Some(&path), &[]).err(), open_reader(&path).err()] {
        let refused = refused.unwrap();
        assert!(matches!(refused, StoreError::TooNew { .. }), "{refused}");
        let message = refused.to_string();
        let found = format!("schema version {}", current + 7);
        assert!(
            message.contains(&found) && message.contains("update agentmon"),
            "{message}"
        );
    }
    assert!(
        fs::read(&path).unwrap() == before,
        "a database that was refused changed"
    );
    let moved = files(data.path())
        .into_iter()
        .any(|file| file.to_string_lossy().contains("damaged"));
    assert!(!moved, "a newer database is not a damaged one");
}

#[test]
fn identities_of_an_older_database_are_known() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("agentmon.db");
    let migrations =
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations"));
    let connection = Connection::open(&path).unwrap();
    for migration in &migrations[..8] {
        let sql = fs::read_to_string(migration).unwrap();
        connection.execute_batch(&sql).unwrap();
    }
    connection.execute_batch(OLD_ROWS).unwrap();
    connection
        .execute_batch(
            "INSERT INTO event (seq, key, at, session, kind, status, call, truncated) VALUES
                 (5, 10, 5, 1, 7, 0, 77, 0), (6, 11, 6, 1, 8, 0, 77, 0), (9, 12, 6, 1, 8, 0, NULL, 0);
             DELETE FROM event WHERE seq = 9",
        )
        .unwrap();
    connection.pragma_update(None, "user_version", 8).unwrap();
    drop(connection);
    let mut writer = writer(Some(&path), &[]).unwrap();
    let known = |number: i64| {
        let mut seen = event("again", 0, NOW, "");
        if let Seen::Event { event, .. } = &mut seen {
            let key = FactKey(number);
            event.key = DedupKey::Known { key, credit: 0 };
            event.call = Some(FactKey(77));
        }
        seen
    };
    let seen = [known(10), known(99)];
    writer.append(vec![piece(seen)], NOW).unwrap();
    let sql = "SELECT seq, key, call, call_fact FROM event ORDER BY seq";
    let mut select = writer.connection().prepare(sql).unwrap();
    let rows = select.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    });
    let rows: Vec<(i64, i64, Option<i64>, Option<i64>)> =
        rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(
        rows,
        [
            (3, 9, None, None),
            (5, 10, Some(5), Some(77)),
            (6, 11, Some(5), Some(77)),
            (10, 99, Some(5), Some(77)),
        ],
        "known ones are not stored again, and no number of a row is given out twice"
    );
    drop(select);
    assert_sound(writer.connection());
}

/// Anything that sources may see of four sessions, often of the same things.
fn seen() -> impl Strategy<Value = Seen> {
    let at = || (0..40_i64).prop_map(|step| NOW - Span::from_mins(7 * step));
    let word = || prop::sample::select(vec!["alpha", "beta", "gamma"]);
    let session = (0..4_usize, at(), 0..8_u8, word()).prop_map(|(number, at, what, word)| {
        let mut patch = patch(number, at);
        let stamped = Some(Stamped {
            at,
            value: word.into(),
        });
        match what {
            0 => patch.title = Title::new(TitleKind::FirstPrompt, at, word),
            1 => patch.title = Title::new(TitleKind::Agent, at, word),
            2 => patch.model = stamped,
            3 => patch.branch = stamped,
            4 => {
                patch.cwd = Some(Stamped {
                    at,
                    value: format!("/nowhere/{word}").into(),
                });
            }
            5 => patch.host = Host::new(HostKind::Named, at, word),
            6 => patch.seen_on(word),
            // Only to lower numbers: real sessions are no ancestors of themselves.
            _ if number > 0 => patch.parent = Some((key(number - 1), Relation::Within)),
            _ => patch.version = stamped,
        }
        Seen::Session(patch.into())
    });
    let sources = [CallSource::Transcript, CallSource::Otlp, CallSource::Hook];
    let models = prop::sample::select(vec![MODEL, "house-model"]);
    let reported = prop::option::of((1..1000_i64).prop_map(NanoUsd));
    let calls = (
        0..6_u8,
        0..4_usize,
        at(),
        0..3_u64,
        0..3_i64,
        prop::sample::select(sources.to_vec()),
        models,
        reported,
    )
        .prop_map(
            |(fact, number, at, output, credit, source, name, reported)| {
                let mut seen = call(&fact.to_string(), number, at, output);
                if let Seen::Call { model, call, .. } = &mut seen {
                    (call.credit, call.source, call.reported, *model) =
                        (credit, source, reported, name);
                }
                seen
            },
        );
    // A copied record differs in who holds it, and in nothing else.
    let events = (0..6_u8, 0..4_usize, 0..3_i64).prop_map(|(id, number, credit)| {
        let mut seen = event("", number, NOW, &format!("words of {id}"));
        if let Seen::Event { event, .. } = &mut seen {
            let id = id.to_string().into();
            event.key = DedupKey::Shared {
                id,
                alias: None,
                credit,
            };
        }
        seen
    });
    let quotas = (at(), 0..100_u8).prop_map(|(at, used)| {
        Seen::Quota(QuotaWindow {
            agent: AgentKind::Codex,
            limit: "codex".into(),
            window: "primary".into(),
            used_percent: f64::from(used),
            window_minutes: Some(300),
            resets_at: None,
            plan: None,
            at,
        })
    });
    prop_oneof![4 => session, 4 => calls, 2 => events, 1 => quotas]
}

/// Counts the cells anew from the events, as the upgrade of an older database does.
fn count_cells_anew(connection: &Connection) {
    let migrations =
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations"));
    let upgrade = fs::read_to_string(&migrations[10]).unwrap();
    connection
        .execute_batch("ALTER TABLE event_cell DROP COLUMN times")
        .unwrap();
    connection.execute_batch(&upgrade).unwrap();
}

/// What sources may tell of the calls of tools: each call has a use and a result, which are told by several, under
/// several ids, with and without the tool's name, the call and the time it took.
fn tool_events() -> impl Strategy<Value = Seen> {
    let told = (0..5_u8, any::<bool>(), 0..3_usize, 0..4_i64);
    let more = (
        prop::option::of(prop::sample::select(vec!["Bash", "Edit"])),
        prop::sample::select(vec![EventStatus::Success, EventStatus::Error]),
        prop::option::of(prop::sample::select(vec![
            0,
            7,
            104,
            105,
            1234,
            987_654,
            1 << 50,
        ])),
        any::<bool>(),
        any::<bool>(),
    );
    (told, more).prop_map(
        |((call, is_use, number, credit), (tool, status, took, names_call, is_alias))| {
            let at = NOW - Span::from_mins(20 * i64::from(call));
            let mut seen = event("", number, at, "");
            if let Seen::Event { event, .. } = &mut seen {
                let id = format!("{call}/{is_use}");
                let lesser: Box<str> = format!("lesser/{id}").into();
                event.key = if is_alias {
                    DedupKey::Shared {
                        id: lesser,
                        alias: None,
                        credit: DedupKey::HOOK,
                    }
                } else {
                    DedupKey::Shared {
                        id: id.into(),
                        alias: Some(lesser),
                        credit,
                    }
                };
                event.kind = if is_use {
                    EventKind::ToolUse
                } else {
                    EventKind::ToolResult
                };
                event.tool = tool.map(Into::into);
                event.status = status;
                event.duration_ms = took;
                event.call = names_call.then(|| FactKey::new("test.tool", &[&[call]]));
            }
            seen
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn totals_of_events_are_what_counting_them_anew_makes(
        told in prop::collection::vec(tool_events(), 1..40),
        cuts in prop::collection::vec(1..12_usize, 1..20),
        old in 0..6_i64,
    ) {
        let mut writer = writer(None, &[]).unwrap();
        let mut told = told.into_iter();
        for cut in cuts.iter().cycle() {
            let part: Vec<Seen> = told.by_ref().take(*cut).collect();
            if part.is_empty() {
                break;
            }
            writer.append(vec![piece(part)], NOW).unwrap();
        }
        let check = |writer: &Writer| {
            let kept = rows(writer.connection())["event_cell"].clone();
            count_cells_anew(writer.connection());
            prop_assert_eq!(&kept, &rows(writer.connection())["event_cell"]);
            Ok(())
        };
        check(&writer)?;
        // Some of what happened goes, and the rest of its quarter of an hour is counted anew.
        while writer.prune_events(NOW - Span::from_mins(20 * old), 2).unwrap().more {}
        check(&writer)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_repetition_and_cuts_change_nothing(
        (all, mixed) in prop::collection::vec(seen(), 1..40).prop_flat_map(|all| {
            // Everything once more, and some of it again, in any order.
            let twice = [all.clone(), all.clone(), all[..all.len() / 2].to_vec()].concat();
            (Just(all), Just(twice).prop_shuffle())
        }),
        cuts in prop::collection::vec(1..12_usize, 1..20),
        together in any::<bool>(),
    ) {
        let mut once = writer(None, &[]).unwrap();
        once.append(vec![piece(all)], NOW).unwrap();
        let mut often = writer(None, &[]).unwrap();
        let mut mixed = mixed.into_iter();
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            let part: Vec<Seen> = mixed.by_ref().take(*cut).collect();
            if part.is_empty() {
                break;
            }
            pieces.push(piece(part));
            if !together {
                often.append(std::mem::take(&mut pieces), NOW).unwrap();
            }
        }
        often.append(pieces, NOW).unwrap();
        prop_assert_eq!(rows(often.connection()), rows(once.connection()));
        assert_sound(once.connection());
        assert_sound(often.connection());
    }
}
