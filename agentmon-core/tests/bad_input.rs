//! Trouble on the disk and in the database: told clearly, nothing lost, no panic.
//!
//! Permissions are not tested where the tests run as root, for whom there are none: there, a folder in a file's place
//! and a file in a folder's place stand in for what cannot be read.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{ProblemKind, Timestamp};
use agentmon_core::monitor::Heard;
use agentmon_core::query::{
    EventFilter, RefreshOptions, RootState, SessionFilter, SessionView, SourceProblem, SourceReport,
};
use agentmon_core::source::Env;
use agentmon_core::store::StoreError;
use agentmon_core::{Error, Monitor, Subscription};
use common::{after_recordings, by_session, copy, files, fixture, refresh};
use rusqlite::Connection;

const PROJECT: &str = ".claude/projects/-home-user-projects-demo";

/// A home with the sessions of one recorded project.
fn home() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let from = fixture("claude_code/home").join(PROJECT);
    copy(&from, &home.path().join(PROJECT));
    home
}

fn monitor_at(home: &Path, data: &Path) -> Result<Monitor, Error> {
    let env = Env::at(home);
    Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(after_recordings())
        .data_dir(data)
        .open()
}

fn sessions(monitor: &Monitor) -> Vec<SessionView> {
    let list = monitor.sessions(&SessionFilter::default()).unwrap();
    list.sessions
}

fn sources(monitor: &Monitor) -> Vec<SourceReport> {
    monitor.sources().unwrap()
}

fn problems(monitor: &Monitor) -> Vec<SourceProblem> {
    let sources = sources(monitor).into_iter();
    sources.flat_map(|source| source.problems).collect()
}

/// What was published and not heard yet.
fn hear(subscription: &mut Subscription) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut heard = 0;
        let patience = Duration::from_millis(50);
        while let Ok(Some(Heard::Update(_))) =
            tokio::time::timeout(patience, subscription.recv()).await
        {
            heard += 1;
        }
        heard
    })
}

#[test]
fn missing_folders_are_an_ordinary_result() {
    let home = tempfile::tempdir().unwrap();
    let nowhere = home.path().join("no/such/home");
    let monitor = common::monitor(&nowhere);
    refresh(&monitor).unwrap();
    assert!(sessions(&monitor).is_empty());
    let sources = sources(&monitor);
    assert!(sources.len() >= 3);
    for source in sources {
        assert_eq!(
            source.state,
            RootState::Missing,
            "{}",
            source.root.display()
        );
        assert!(source.problems.is_empty());
    }
}

#[test]
fn what_is_not_what_it_should_be_is_named_and_the_rest_is_read() {
    let home = home();
    let clean = by_session(&common::monitor(home.path()));
    assert!(clean.is_empty());
    let expected = {
        let monitor = common::monitor(home.path());
        refresh(&monitor).unwrap();
        by_session(&monitor)
    };
    let at = |path: &str| home.path().join(path);
    // A folder in a file's place, and a file where a folder of files should be.
    fs::create_dir_all(at(&format!(
        "{PROJECT}/11111111-2222-3333-4444-555555555555.jsonl/x"
    )))
    .unwrap();
    fs::write(at(".claude/projects/-a-file"), "no folder").unwrap();
    // A file where a root should be.
    fs::write(at(".codex"), "no folder").unwrap();
    fs::create_dir_all(at(".openclaw")).unwrap();
    fs::write(at(".openclaw/agents"), "no folder").unwrap();
    let mut named = vec![
        (
            at(&format!(
                "{PROJECT}/11111111-2222-3333-4444-555555555555.jsonl"
            )),
            "a folder where a file should be",
        ),
        (at(".codex"), "not a folder"),
        (at(".openclaw/agents"), "a file where a folder should be"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;
        let link = |to: &Path, path: &str| symlink(to, at(path)).unwrap();
        // Cycles: to itself, to the parent, of two; and a link to nothing.
        link(&at(".claude/projects"), ".claude/projects/again");
        link(&at(PROJECT), &format!("{PROJECT}/again"));
        link(&at(".claude/projects/ping"), ".claude/projects/pong");
        link(&at(".claude/projects/pong"), ".claude/projects/ping");
        link(&at("nowhere"), &format!("{PROJECT}/dangling.jsonl"));
        // A pipe: to open it would be to wait for ever.
        let pipe = format!("{PROJECT}/66666666-2222-3333-4444-555555555555.jsonl");
        let made = std::process::Command::new("mkfifo").arg(at(&pipe)).status();
        if made.is_ok_and(|status| status.success()) {
            named.push((at(&pipe), "not a regular file"));
        } else {
            eprintln!("SKIPPED: mkfifo is not there");
        }
        // Without rights, unless there are none to lack.
        use std::os::unix::fs::PermissionsExt;
        let locked = at(&format!(
            "{PROJECT}/77777777-2222-3333-4444-555555555555.jsonl"
        ));
        fs::write(&locked, "{}\n").unwrap();
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        if File::open(&locked).is_err() {
            named.push((locked, "denied"));
        } else {
            eprintln!("SKIPPED: permissions do not bind this user");
        }
    }
    let monitor = common::monitor(home.path());
    refresh(&monitor).unwrap();
    assert_eq!(by_session(&monitor), expected);
    let found = problems(&monitor);
    for (path, reason) in named {
        let told = found.iter().any(|problem| {
            problem.kind == ProblemKind::Unreadable
                && problem.file == path
                && problem.detail.contains(reason)
        });
        assert!(told, "{} {reason}: {found:#?}", path.display());
    }
    let codex = sources(&monitor)
        .into_iter()
        .find(|source| source.root == at(".codex"));
    assert!(matches!(codex.unwrap().state, RootState::Unreadable(_)));
}

#[test]
fn a_switched_off_source_is_told_and_not_read() {
    let home = home();
    let config = home.path().join("agentmon.toml");
    fs::write(&config, "[sources.claude_code]\nenabled = false\n").unwrap();
    let env = Env::at(home.path()).with("AGENTMON_CONFIG", config.to_str().unwrap());
    let monitor = Monitor::builder().env(env).in_memory().open().unwrap();
    refresh(&monitor).unwrap();
    assert!(sessions(&monitor).is_empty());
    let off: Vec<_> = sources(&monitor)
        .into_iter()
        .filter(|source| source.state == RootState::Disabled)
        .map(|source| source.root)
        .collect();
    assert!(off.contains(&home.path().join(".claude")), "{off:?}");
}

/// The most memory that this process ever used, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

#[test]
fn a_line_of_100_megabytes_costs_bounded_memory_and_nothing_else() {
    let home = home();
    let expected = {
        let monitor = common::monitor(home.path());
        refresh(&monitor).unwrap();
        by_session(&monitor)
    };
    let file = files(&home.path().join(PROJECT))
        .into_iter()
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .unwrap();
    let lines = fs::read(&file).unwrap();
    let half = memchr::memchr(b'\n', &lines).unwrap() + 1;
    let mut out = BufWriter::new(File::create(&file).unwrap());
    out.write_all(&lines[..half]).unwrap();
    out.write_all(b"{\"type\":\"user\",\"message\":{\"content\":\"")
        .unwrap();
    for _ in 0..100 {
        out.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    out.write_all(b"\"}}\n").unwrap();
    out.write_all(&lines[half..]).unwrap();
    out.into_inner().unwrap();

    let before = peak_memory();
    let monitor = common::monitor(home.path());
    refresh(&monitor).unwrap();
    assert_eq!(by_session(&monitor), expected);
    let told = problems(&monitor);
    let told = told
        .iter()
        .filter(|problem| problem.kind == ProblemKind::TooLong);
    assert!(told.count() > 0, "nothing was told");
    match (before, peak_memory()) {
        // Other tests run in this process meanwhile; the line alone would need all of this and more.
        (Some(before), Some(after)) => {
            assert!(after - before < 90 << 20, "{} bytes", after - before)
        }
        _ => eprintln!("SKIPPED: this system does not tell how much memory was used"),
    }
}

#[test]
fn a_clock_that_goes_backwards_loses_nothing() {
    let home = home();
    let recorded = fixture("claude_code/home/.claude/projects/-home-user-projects-calc");
    let at = |time: &str| Timestamp::parse(time).unwrap();
    let clock = ManualClock::at(at("2026-11-22T12:00:00Z"));
    let env = Env::at(home.path());
    let monitor = Monitor::builder()
        .config(Config::defaults(&env))
        .env(env)
        .clock(clock.clone())
        .in_memory()
        .open()
        .unwrap();
    refresh(&monitor).unwrap();
    // Before the recordings were made, before 1970, far ahead, and back again.
    for time in [
        "2026-01-01T00:00:00Z",
        "1969-12-31T23:00:00Z",
        "2199-01-01T00:00:00Z",
        "2026-11-22T12:00:00Z",
    ] {
        clock.set(at(time));
        let name = files(&recorded)[0].file_name().unwrap().to_owned();
        let target = home.path().join(PROJECT).join(name);
        let _ = fs::remove_file(&target);
        fs::copy(&files(&recorded)[0], &target).unwrap();
        refresh(&monitor).unwrap();
        let fresh = common::monitor(home.path());
        refresh(&fresh).unwrap();
        assert_eq!(by_session(&monitor), by_session(&fresh), "{time}");
        for session in sessions(&monitor) {
            assert!(session.blocked.0 >= 0, "{time}: {session:?}");
            monitor.explain(&session.key.to_string()).unwrap();
        }
    }
}

#[test]
fn a_locked_database_is_told_and_nothing_is_lost() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    let monitor = monitor_at(home.path(), data.path()).unwrap();
    let mut subscription = monitor.subscribe();
    let intruder = Connection::open(data.path().join("agentmon.db")).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = refresh(&monitor).unwrap_err();
    assert!(
        matches!(error, Error::Store(StoreError::Busy(_))),
        "{error}"
    );
    assert!(
        error.to_string().contains("locked by another process"),
        "{error}"
    );
    // Nothing is published that was not stored (I6).
    assert_eq!(hear(&mut subscription), 0);
    intruder.execute_batch("ROLLBACK").unwrap();
    refresh(&monitor).unwrap();
    assert!(hear(&mut subscription) > 0);
    let expected = common::monitor(home.path());
    refresh(&expected).unwrap();
    assert_eq!(by_session(&monitor), by_session(&expected));
}

#[test]
fn a_damaged_database_is_moved_aside_told_and_built_anew() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let expected = {
        let monitor = common::monitor(home.path());
        refresh(&monitor).unwrap();
        by_session(&monitor)
    };
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("no database", |bytes| {
            *bytes = b"this is no database at all".repeat(500)
        }),
        ("cut short", |bytes| bytes.truncate(bytes.len() / 2)),
        ("torn header", |bytes| bytes[..16].fill(0)),
        ("first page", |bytes| bytes[100..4096].fill(0xA5)),
    ];
    for (name, damage) in damages {
        let data = folder.path().join(name);
        drop({
            let monitor = monitor_at(home.path(), &data).unwrap();
            refresh(&monitor).unwrap();
            monitor
        });
        let path = data.join("agentmon.db");
        let mut bytes = fs::read(&path).unwrap();
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        let monitor = monitor_at(home.path(), &data).unwrap();
        let aside = monitor
            .moved_aside()
            .unwrap_or_else(|| panic!("{name}: nothing was moved"));
        assert!(
            fs::read(aside).unwrap() == bytes,
            "{name}: not what was there"
        );
        refresh(&monitor).unwrap();
        assert_eq!(by_session(&monitor), expected, "{name}");
        assert!(monitor.db_check().unwrap().problems.is_empty());
        drop(monitor);
        // Once: what was built anew is sound.
        assert_eq!(
            monitor_at(home.path(), &data).unwrap().moved_aside(),
            None,
            "{name}"
        );
    }
}

#[test]
fn damage_inside_is_met_in_use_and_settled_by_the_next_start() {
    let (home, data) = (home(), tempfile::tempdir().unwrap());
    drop({
        let monitor = monitor_at(home.path(), data.path()).unwrap();
        refresh(&monitor).unwrap();
        monitor.db_vacuum().unwrap();
        monitor
    });
    let path = data.path().join("agentmon.db");
    let mut bytes = fs::read(&path).unwrap();
    // All but the schema's own pages.
    for page in bytes.chunks_mut(4096).skip(4) {
        page.fill(0xA5);
    }
    fs::write(&path, &bytes).unwrap();
    // Met on opening or at the first question; told either way, and the file is still there.
    let mut moved = None;
    for _ in 0..2 {
        let monitor = monitor_at(home.path(), data.path()).unwrap();
        moved = moved.or_else(|| monitor.moved_aside().cloned());
        match refresh(&monitor) {
            Ok(()) => {}
            Err(error) => assert!(
                matches!(error, Error::Store(StoreError::Damaged(_))),
                "{error}"
            ),
        }
    }
    assert!(fs::read(moved.expect("moved aside")).unwrap() == bytes);
    let monitor = monitor_at(home.path(), data.path()).unwrap();
    refresh(&monitor).unwrap();
    let expected = common::monitor(home.path());
    refresh(&expected).unwrap();
    assert_eq!(by_session(&monitor), by_session(&expected));
}

/// A small file system of its own, if this process may mount one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kib: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "none"])
            .arg(at)
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg(&self.0).status();
        assert!(unmounted.unwrap().success(), "{}", self.0.display());
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_is_lost() {
    let home = home();
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(&folder.path().join("disk"), 4096) else {
        eprintln!(
            "SKIPPED: no file system can be mounted here; `store.rs` fills a database instead"
        );
        return;
    };
    let data = disk.0.join("data");
    let monitor = monitor_at(home.path(), &data).unwrap();
    let everything = |monitor: &Monitor| (by_session(monitor), sessions(monitor).len());
    let ballast = disk.0.join("ballast");
    // All but a little of what is left is taken.
    let mut filler = File::create(&ballast).unwrap();
    while filler.write_all(&[0; 1024]).is_ok() {}
    filler
        .set_len(filler.metadata().unwrap().len().saturating_sub(8 * 1024))
        .unwrap();
    let mut subscription = monitor.subscribe();
    let error = refresh(&monitor).unwrap_err();
    assert!(
        matches!(error, Error::Store(StoreError::Full(_))),
        "{error:?}"
    );
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(hear(&mut subscription), 0);
    assert_eq!(everything(&monitor), (Default::default(), 0));
    // A later start is no different, and takes nothing for damaged.
    drop(monitor);
    let later = monitor_at(home.path(), &data).and_then(|monitor| refresh(&monitor));
    assert!(
        matches!(later, Err(Error::Store(StoreError::Full(_)))),
        "{later:?}"
    );

    drop(filler);
    fs::remove_file(&ballast).unwrap();
    let monitor = monitor_at(home.path(), &data).unwrap();
    assert_eq!(monitor.moved_aside(), None);
    refresh(&monitor).unwrap();
    let expected = common::monitor(home.path());
    refresh(&expected).unwrap();
    assert_eq!(everything(&monitor), everything(&expected));
    assert!(monitor.db_check().unwrap().problems.is_empty());
    drop(monitor);
    drop(disk);
}

#[test]
fn a_data_folder_that_cannot_be_used_is_told_with_the_way_out() {
    let (home, folder) = (home(), tempfile::tempdir().unwrap());
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "mine").unwrap();
    for data in [in_the_way.clone(), in_the_way.join("below")] {
        let error = monitor_at(home.path(), &data).unwrap_err().to_string();
        assert!(
            error.contains(data.to_str().unwrap()) && error.contains("--data-dir"),
            "{error}"
        );
    }
    assert_eq!(fs::read(&in_the_way).unwrap(), b"mine");
    // A folder where the database should be.
    let data = folder.path().join("data");
    fs::create_dir_all(data.join("agentmon.db/x")).unwrap();
    let error = monitor_at(home.path(), &data).unwrap_err().to_string();
    assert!(
        error.contains("agentmon.db") && error.contains("--data-dir"),
        "{error}"
    );
    assert!(data.join("agentmon.db/x").is_dir());
}

#[test]
fn what_goes_wrong_while_reading_does_not_stop_the_rest() {
    let home = home();
    let project = home.path().join(PROJECT);
    // Empty, without a line end, one half line, nothing but line ends, and deep nesting.
    for (name, content) in [
        ("a0000000-0000-4000-8000-000000000001.jsonl", String::new()),
        (
            "a0000000-0000-4000-8000-000000000002.jsonl",
            "{\"type\":\"user\"}".to_owned(),
        ),
        (
            "a0000000-0000-4000-8000-000000000003.jsonl",
            "{\"type\":\"us".to_owned(),
        ),
        (
            "a0000000-0000-4000-8000-000000000004.jsonl",
            "\n\r\n\n".to_owned(),
        ),
        (
            "a0000000-0000-4000-8000-000000000005.jsonl",
            format!("{}\n", "[".repeat(200_000)),
        ),
        (
            "a0000000-0000-4000-8000-000000000006.jsonl",
            format!(
                "{{\"type\":\"assistant\",\"message\":{{\"usage\":{}}}}}\n",
                "{\"a\":".repeat(100_000)
            ),
        ),
    ] {
        fs::write(project.join(name), content).unwrap();
    }
    let begin = Instant::now();
    let monitor = common::monitor(home.path());
    let report = monitor
        .refresh(&RefreshOptions {
            want_state: true,
            content: true,
            ..RefreshOptions::default()
        })
        .unwrap();
    assert!(report.problems > 0);
    assert!(begin.elapsed() < Duration::from_secs(60));
    assert!(!by_session(&monitor).is_empty());
    assert!(
        !monitor
            .events(&EventFilter::default())
            .unwrap()
            .events
            .is_empty()
    );
}
