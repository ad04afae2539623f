//! The demo, read by the ordinary sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::Monitor;
use crate::clock::ManualClock;
use crate::query::{BoardQuery, ReportKind, Zone};
use crate::query::{RefreshOptions, SessionFilter, SessionView, UsageQuery};
use crate::session::State;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T14:30:00Z").unwrap()
}

fn monitor(demo: &Demo, clock: &ManualClock) -> Monitor {
    let monitor = Monitor::builder()
        .env(demo.env())
        .clock(clock.clone())
        .in_memory();
    monitor.open().unwrap()
}

fn look(monitor: &Monitor) -> BTreeMap<String, SessionView> {
    let options = RefreshOptions {
        want_state: true,
        ..RefreshOptions::default()
    };
    monitor.refresh(&options).unwrap();
    let filter = SessionFilter {
        within: true,
        since: Some(now() - Span::from_mins(12 * 60)),
        ..SessionFilter::default()
    };
    let sessions = monitor.sessions(&filter).unwrap().sessions;
    let named = |session: SessionView| (session.title.as_deref().unwrap().to_owned(), session);
    sessions.into_iter().map(named).collect()
}

fn problems(monitor: &Monitor) -> Vec<String> {
    let sources = monitor.sources().unwrap();
    let problems = sources.into_iter().flat_map(|source| source.problems);
    problems.map(|problem| format!("{problem:?}")).collect()
}

#[test]
fn every_state_is_on_stage() {
    let folder = tempfile::tempdir().unwrap();
    let options = DemoOptions {
        process: Process::own(),
        ..DemoOptions::default()
    };
    let demo = Demo::write(folder.path(), &options, now()).unwrap();
    let clock = ManualClock::at(now());
    let monitor = monitor(&demo, &clock);
    let sessions = look(&monitor);
    assert_eq!(problems(&monitor), [] as [String; 0]);
    for (title, state, reason) in [
        ("Make the checkout tests pass", State::Working, "tool(Bash)"),
        (
            "Add a column for gift notes",
            State::NeedsInput,
            "permission(Bash)",
        ),
        (
            "Round invoice totals as the law wants",
            State::NeedsInput,
            "question",
        ),
        (
            "Search for the docs without a server",
            State::NeedsInput,
            "plan",
        ),
        (
            "Find what makes ranking slow",
            State::Working,
            "subagents(2)",
        ),
        ("Profile the scorer", State::Working, "tool(Bash)"),
        ("Prepare release 8.2", State::NeedsInput, "permission(Bash)"),
        (
            "Answer 429 with Retry-After",
            State::Idle,
            "turn_done(unseen)",
        ),
        ("Try the new theme", State::WaitingSelf, "background_task"),
        (
            "Keep the cart while offline",
            State::Failed,
            "api_error(overloaded)",
        ),
        ("Explain the dunning job", State::Completed, "idle_timeout"),
        (
            "Write index version 3",
            State::Working,
            "tool(exec_command)",
        ),
        (
            "Deploy the canary",
            State::NeedsInput,
            "permission(exec_command)",
        ),
        ("Forecast next month's stock", State::Stalled, "silent"),
        ("Warehouse group", State::NeedsInput, "permission(exec)"),
        ("Compare parcel services", State::Working, "tool(read)"),
        ("Nightly report", State::Terminated, "aborted"),
        ("Translate the help pages", State::Working, "model"),
        ("Describe every picture", State::Failed, "api_error(error)"),
        ("Sort the delivery slots", State::Working, "tool(bash)"),
        ("Tidy the stylesheet", State::Idle, "turn_done(unseen)"),
        (
            "Publish the client library.",
            State::NeedsInput,
            "permission(shell)",
        ),
        (
            "Write the changelog of 4.2.",
            State::Completed,
            "session_end",
        ),
    ] {
        let session = sessions.get(title);
        let seen = session.map(|session| (session.state, session.reason.to_string()));
        assert_eq!(seen, Some((state, reason.to_owned())), "{title}");
    }
    let limited = &sessions["Move batch jobs to cheaper nodes"];
    assert_eq!(limited.state, State::Limited);
    #[cfg(target_os = "linux")]
    assert_eq!(
        sessions["Import last year's stock"].reason.to_string(),
        "crashed(Bash)"
    );
    let project = sessions["Profile the scorer"].project.as_ref().unwrap();
    assert_eq!(&*project.name, "search-service");

    let board = monitor.board(&BoardQuery::new(Zone::utc())).unwrap();
    assert_eq!(board.counts.values().sum::<u64>(), 29);
    assert_eq!(board.quotas.len(), 2);
}

#[test]
fn weeks_of_history_cost_what_such_work_costs() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::write(folder.path(), &DemoOptions::default(), now()).unwrap();
    let monitor = monitor(&demo, &ManualClock::at(now()));
    monitor.refresh(&RefreshOptions::default()).unwrap();
    let report = monitor
        .usage(&UsageQuery {
            by: crate::query::Dimensions::default(),
            ..UsageQuery::new(ReportKind::Daily)
        })
        .unwrap();
    assert!(report.rows.len() >= 20, "{} days", report.rows.len());
    assert!(report.unpriced.is_empty());
    let dollars = report.totals.cost.dollars() / report.rows.len() as f64;
    assert!((1.0..40.0).contains(&dollars), "{dollars} a day");
    let usage = report.totals.usage;
    let cached = usage.cache_read as f64 / usage.prompt() as f64;
    assert!((0.7..0.98).contains(&cached), "{cached} from caches");
}

/// All files below a folder and what is in them, with its own path left out.
fn content(root: &Path) -> BTreeMap<String, String> {
    let mut pending = vec![root.to_owned()];
    let mut content = BTreeMap::new();
    let home = root.to_string_lossy().into_owned();
    let munged = home.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy();
                let text = fs::read_to_string(&path).unwrap();
                content.insert(name.replace(&munged, ""), text.replace(&home, ""));
            }
        }
    }
    content
}

#[test]
fn the_same_seed_tells_the_same_story_and_nothing_else_is_overwritten() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let options = DemoOptions::default();
    let demos = folders
        .each_ref()
        .map(|folder| Demo::write(folder.path(), &options, now()).unwrap());
    let told = content(folders[0].path());
    assert!(told == content(folders[1].path()), "the same seed");
    drop(demos);
    // An earlier demo is replaced.
    let other = DemoOptions { seed: 2, ..options };
    Demo::write(folders[0].path(), &other, now()).unwrap();
    assert!(told != content(folders[0].path()), "another seed");
    let own = tempfile::tempdir().unwrap();
    fs::write(own.path().join("letter"), "to somebody").unwrap();
    let refused = Demo::write(own.path(), &other, now()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read_dir(own.path()).unwrap().count(), 1);
}

#[test]
fn it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = DemoOptions {
        days: 0,
        ..DemoOptions::default()
    };
    let mut demo = Demo::write(folder.path(), &options, now()).unwrap();
    let clock = ManualClock::at(now());
    let monitor = monitor(&demo, &clock);
    let mut seen: BTreeMap<String, Vec<State>> = BTreeMap::new();
    for minute in 0..15 {
        for (title, session) in look(&monitor) {
            let states = seen.entry(title).or_default();
            if states.last() != Some(&session.state) {
                states.push(session.state);
            }
        }
        let now = now() + Span::from_secs(minute * 20);
        clock.set(now);
        let next = demo.advance(now).unwrap();
        assert!(next.is_some_and(|next| next > now));
    }
    assert_eq!(problems(&monitor), [] as [String; 0]);
    let migrate = &seen["Add a column for gift notes"];
    assert!(
        migrate.starts_with(&[State::NeedsInput, State::Working]) && migrate.len() > 3,
        "{migrate:?}"
    );
    let moving = seen.values().filter(|states| states.len() > 1).count();
    assert!(moving >= 5, "{seen:?}");
}
