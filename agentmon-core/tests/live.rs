//! Watching: what is appended, created, replaced or removed is published without anybody asking.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use agentmon_core::config::Config;
use agentmon_core::model::SessionKey;
use agentmon_core::monitor::{Heard, Watching};
use agentmon_core::query::{EventFilter, SessionFilter};
use agentmon_core::source::Env;
use agentmon_core::{Monitor, Subscription};
use common::{by_session, fixture, refresh};

/// Far longer than anything here takes, on a machine with much else to do, and shorter than the half minute after which
/// a look at everything would find what notifications missed.
const PATIENCE: Duration = Duration::from_secs(20);

const PROJECT: &str = ".claude/projects/-home-user-projects-calc";
const SESSION: &str = "0bcabce6-f94b-5d01-b40a-085d257e2d71";

struct Live {
    monitor: Monitor,
    subscription: Subscription,
    runtime: tokio::runtime::Runtime,
    _watching: Watching,
}

impl Live {
    fn start(home: &Path) -> Self {
        let env = Env::at(home);
        let monitor = Monitor::builder()
            .config(Config::defaults(&env))
            .env(env)
            .clock(common::after_recordings())
            .in_memory()
            .open()
            .unwrap();
        let subscription = monitor.subscribe();
        let watching = monitor.start().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        Self {
            monitor,
            subscription,
            runtime,
            _watching: watching,
        }
    }

    /// Waits until something is heard of the session.
    fn hear(&mut self, session: &str) {
        let end = Instant::now() + PATIENCE;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let next = self.subscription.recv();
            let heard = self
                .runtime
                .block_on(async { tokio::time::timeout(left, next).await });
            match heard {
                Ok(Some(Heard::Update(update))) if is(&update.change.key, session) => return,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        panic!("nothing was heard of {session}");
    }

    /// Waits until something is so.
    fn wait(&self, what: &str, so: impl Fn(&Monitor) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !so(&self.monitor) {
            assert!(Instant::now() < end, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn is(key: &SessionKey, session: &str) -> bool {
    key.native_id.contains(session)
}

fn append(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn what_is_appended_is_published_and_indexed() {
    let home = tempfile::tempdir().unwrap();
    let recorded = fs::read(
        fixture("claude_code/home")
            .join(PROJECT)
            .join(format!("{SESSION}.jsonl")),
    )
    .unwrap();
    let file = home.path().join(PROJECT).join(format!("{SESSION}.jsonl"));
    // Not even the root is there yet.
    let mut live = Live::start(home.path());
    let lines: Vec<&[u8]> = recorded.split_inclusive(|byte| *byte == b'\n').collect();
    let third = lines.len() / 3;
    append(&file, &lines[..third].concat());
    live.hear(SESSION);
    append(&file, &lines[third..2 * third].concat());
    live.hear(SESSION);
    // A line in two halves.
    let (half, rest) = lines[2 * third].split_at(lines[2 * third].len() / 2);
    append(&file, half);
    append(&file, rest);
    append(&file, &lines[2 * third + 1..].concat());
    let clean = common::monitor(home.path());
    refresh(&clean).unwrap();
    live.wait("all of it is counted", |monitor| {
        by_session(monitor) == by_session(&clean)
    });
    let events = |monitor: &Monitor| {
        let all = EventFilter {
            limit: 1000,
            ..EventFilter::default()
        };
        let events = monitor.events(&all).unwrap().events;
        events
            .into_iter()
            .map(|event| event.text)
            .collect::<Vec<_>>()
    };
    live.wait("all of it is indexed", |monitor| {
        events(monitor) == events(&clean)
    });
}

#[test]
fn new_folders_replaced_and_removed_files_are_noticed() {
    let home = tempfile::tempdir().unwrap();
    let at = |path: &str| home.path().join(path);
    let mut live = Live::start(home.path());
    // A project that appears with its files already in it, by rename.
    let from = fixture("claude_code/home").join(PROJECT);
    let aside = at("aside");
    fs::create_dir_all(&aside).unwrap();
    fs::copy(
        from.join(format!("{SESSION}.jsonl")),
        aside.join(format!("{SESSION}.jsonl")),
    )
    .unwrap();
    fs::create_dir_all(at(".claude/projects")).unwrap();
    fs::rename(&aside, at(PROJECT)).unwrap();
    live.hear(SESSION);

    // A subagent's folder, two levels at once.
    let parent = "172da870-1d90-50c5-abc8-3d484015ec6c";
    let agent = format!("{parent}/subagents/agent-aad2e0ab99f42db4e.jsonl");
    let subagent = fs::read(from.join(&agent)).unwrap();
    append(&at(PROJECT).join(&agent), &subagent);
    live.hear("aad2e0ab99f42db4e");

    // A file that is replaced by another one.
    let other = "208c03df-39f5-5641-8051-11fd903c700c";
    let target = at(PROJECT).join(format!("{other}.jsonl"));
    let content = fs::read(from.join(format!("{other}.jsonl"))).unwrap();
    let half = memchr::memrchr(b'\n', &content[..content.len() / 2]).unwrap() + 1;
    append(&target, &content[..half]);
    live.hear(other);
    fs::write(at("replacement"), &content).unwrap();
    fs::rename(at("replacement"), &target).unwrap();
    let clean = common::monitor(home.path());
    refresh(&clean).unwrap();
    live.wait("all of it is counted", |monitor| {
        by_session(monitor) == by_session(&clean)
    });

    // What agents delete is remembered.
    let known = |monitor: &Monitor| {
        monitor
            .sessions(&SessionFilter::default())
            .unwrap()
            .sessions
            .len()
    };
    let before = known(&live.monitor);
    fs::remove_dir_all(at(PROJECT)).unwrap();
    // And a folder of that name is watched again when it comes back.
    let third = "2aaa9c32-af3b-558d-ad6f-6dfa420dded9";
    let content = fs::read(from.join(format!("{third}.jsonl"))).unwrap();
    append(&at(PROJECT).join(format!("{third}.jsonl")), &content);
    live.hear(third);
    append(&at(PROJECT).join(format!("{SESSION}.jsonl")), b"\n");
    assert_eq!(known(&live.monitor), before + 1);
}

#[test]
fn watching_ends_when_it_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let live = Live::start(home.path());
    let begin = Instant::now();
    drop(live);
    assert!(begin.elapsed() < PATIENCE / 2);
}
