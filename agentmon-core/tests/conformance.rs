//! What every source must survive: files that grow, tear, shrink, are replaced, come in any order or twice, or hold
//! what they should not. Whatever happened on the way, the rows are those of one clean read.
//!
//! A new format comes under these tests with one line in [`CASES`]; without that line they fail.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and a skipped one says so"
)]

mod common;

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use agentmon_core::Monitor;
use agentmon_core::clock::ManualClock;
use agentmon_core::config::Config;
use agentmon_core::model::{FactKey, ProblemKind, Span, Timestamp};
use agentmon_core::query::{
    Dimensions, EventFilter, QuotaView, ReportKind, SessionFilter, SessionView, Sums, UsageQuery,
};
use agentmon_core::source::{Env, FileFormat, FileRole, formats};
use common::{assert_same, copy, files, fixture, refresh};

/// Each format's recordings: folders among the fixtures, and where they belong below the home folder.
const CASES: &[(&str, &[(&str, &str)])] = &[
    ("claude-code", &[("claude_code/home", "")]),
    (
        "codex",
        &[
            ("codex/sessions", ".codex/sessions"),
            ("codex/archived_sessions", ".codex/archived_sessions"),
            ("codex/legacy/0.104.0", ".codex"),
            ("codex/legacy/0.45.0", ".codex"),
            ("codex/mixed/compressed", ".codex"),
        ],
    ),
    (
        "openclaw-files",
        &[
            ("openclaw/clawdbot-2026.1.24", ".clawdbot"),
            ("openclaw/openclaw-2026.7.1", ".openclaw"),
            ("openclaw/openclaw-2026.9.6", ".openclaw"),
        ],
    ),
    (
        "gemini",
        &[("gemini", ".gemini"), ("gemini/legacy", ".gemini")],
    ),
    ("opencode", &[("opencode", ".local/share/opencode")]),
    (
        "openclaw-sqlite",
        &[("openclaw/openclaw-2026.9.6", ".openclaw")],
    ),
    ("copilot", &[("further/home", "")]),
    ("qwen", &[("further/home", "")]),
    ("kimi", &[("further/home", "")]),
    ("droid", &[("further/home", "")]),
    ("cline", &[("further/home", "")]),
    ("cline-tasks", &[("further/home", "")]),
    ("roo-code", &[("further/home", "")]),
];

/// When the recordings had been written, and the time at which they are looked at.
const WRITTEN: &str = "2026-11-21T10:00:00Z";
const NOW: &str = "2026-11-21T12:00:00Z";

/// Places at which one file is torn, beside its line ends; a shorter file is torn at each of its bytes.
const CUTS: usize = 60;

/// A home folder with the recordings of one format.
struct Home {
    format: &'static str,
    folder: tempfile::TempDir,
    /// The files, by their path in the home folder, in the order in which they were written, with their content.
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Home {
    /// An empty home that will hold `files`.
    fn new(format: &'static str, files: Vec<(PathBuf, Vec<u8>)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            format,
            folder,
            files,
        }
    }

    /// One empty home for all files of each format.
    fn all() -> impl Iterator<Item = Self> {
        CASES.iter().map(|(format, folders)| {
            let recorded = tempfile::tempdir().unwrap();
            for (from, to) in *folders {
                copy(&fixture(from), &recorded.path().join(to));
            }
            let mut home = Self::new(format, Vec::new());
            for path in files(recorded.path()) {
                let mut name = path.strip_prefix(recorded.path()).unwrap().to_owned();
                let mut content = fs::read(&path).unwrap();
                // Databases are recorded in little space.
                let is_database = [".db.zst", ".sqlite.zst"]
                    .iter()
                    .any(|end| name.to_string_lossy().ends_with(end));
                if is_database {
                    content = zstd::decode_all(&*content).unwrap();
                    name.set_extension("");
                }
                if home.role(&*home.format(), &name).is_some() {
                    home.files.push((name, content));
                }
            }
            home
        })
    }

    /// Homes with one file of lines alone: the smallest of each format and, spread over the rest, `more` others.
    fn single(more: usize) -> impl Iterator<Item = Self> {
        Self::all().flat_map(move |home| {
            let format = home.format();
            let mut lines: Vec<_> = home
                .files
                .iter()
                .filter(|(path, _)| home.role(&*format, path) == Some(FileRole::Lines))
                .collect();
            lines.sort_by_key(|(_, content)| content.len());
            let step = lines.len().div_ceil(more + 1).max(1);
            let chosen = lines.into_iter().step_by(step);
            let homes = chosen.map(|file| Self::new(home.format, vec![file.clone()]));
            homes.collect::<Vec<_>>()
        })
    }

    fn env(&self) -> Env {
        Env::at(self.folder.path())
    }

    fn format(&self) -> Box<dyn FileFormat> {
        let mut all = formats().into_iter();
        all.find(|format| format.name() == self.format).unwrap()
    }

    fn role(&self, format: &dyn FileFormat, path: &Path) -> Option<FileRole> {
        let path = self.folder.path().join(path);
        let mut roots = format.roots(&self.env()).into_iter();
        roots.find_map(|root| format.role(path.strip_prefix(&root.path).ok()?))
    }

    fn monitor(&self) -> Monitor {
        Monitor::builder()
            .config(Config::defaults(&self.env()))
            .env(self.env())
            .clock(ManualClock::at(Timestamp::parse(NOW).unwrap()))
            .formats(vec![self.format()])
            .in_memory()
            .open()
            .unwrap()
    }

    /// Puts the beginning of a file in place: appended to what is there, or cut.
    fn write(&self, index: usize, length: usize) {
        use std::io::{Seek, SeekFrom, Write};
        let (path, content) = &self.files[index];
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut options = File::options();
        let mut file = options
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .unwrap();
        let is_database =
            self.role(&*self.format(), &self.files[index].0) == Some(FileRole::Database);
        // No agent leaves a part of a database.
        let length = if is_database {
            content.len()
        } else {
            length.min(content.len())
        };
        let known = file.seek(SeekFrom::End(0)).unwrap() as usize;
        file.write_all(&content[known.min(length)..length]).unwrap();
        file.set_len(length as u64).unwrap();
        self.stamp(index, &file);
    }

    /// Puts a file in place of what is there, as editors and rewriting agents do.
    fn replace(&self, index: usize, content: &[u8]) {
        let path = self.folder.path().join(&self.files[index].0);
        let aside = self.folder.path().join("replacement");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&aside, content).unwrap();
        self.stamp(index, &File::options().write(true).open(&aside).unwrap());
        fs::rename(&aside, &path).unwrap();
    }

    fn write_all(&self) {
        for (index, (_, content)) in self.files.iter().enumerate() {
            self.write(index, content.len());
        }
    }

    /// Files were written one after the other, whatever a test does to them.
    fn stamp(&self, index: usize, file: &File) {
        let millis = Timestamp::parse(WRITTEN).unwrap().0 as u64 + 1000 * index as u64;
        let times = FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_millis(millis));
        file.set_times(times).unwrap();
    }

    /// The rows that one clean read of what is there gives.
    fn clean(&self) -> Rows {
        let monitor = self.monitor();
        refresh(&monitor).unwrap();
        Rows::of(&monitor)
    }

    fn check(&self, monitor: &Monitor, what: &str) {
        Rows::of(monitor).check(&self.clean(), &format!("{}: {what}", self.name()));
    }

    fn name(&self) -> String {
        match &*self.files {
            [(path, _)] => path.display().to_string(),
            _ => self.format.to_owned(),
        }
    }
}

/// Everything that a reader can see, without the numbers of rows.
#[derive(Debug)]
struct Rows {
    sessions: BTreeMap<String, SessionView>,
    usage: BTreeMap<String, Sums>,
    /// How often each event is there.
    events: BTreeMap<String, usize>,
    quotas: BTreeMap<String, QuotaView>,
    problems: BTreeMap<(ProblemKind, PathBuf, String), u64>,
}

impl Rows {
    fn of(monitor: &Monitor) -> Self {
        let everyone = SessionFilter {
            within: true,
            ..SessionFilter::default()
        };
        let sessions = monitor.sessions(&everyone).unwrap().sessions;
        let report = monitor
            .usage(&UsageQuery {
                by: Dimensions {
                    agent: true,
                    session: true,
                    model: true,
                    project: true,
                    host: true,
                },
                ..UsageQuery::new(ReportKind::Daily)
            })
            .unwrap();
        let usage = report.rows.iter().map(|row| {
            let key = (&row.period, &row.session, &row.model, &row.project);
            (format!("{key:?}"), row.sums)
        });
        let mut events = BTreeMap::new();
        let mut page = EventFilter {
            limit: 10_000,
            ..EventFilter::default()
        };
        loop {
            let found = monitor.events(&page).unwrap();
            for mut event in found.events {
                // Some are known by their place in the file, which some tests shift.
                (event.id, event.identity.key) = (0, FactKey(0));
                *events.entry(format!("{event:?}")).or_default() += 1;
            }
            page.after = found.next;
            if page.after.is_none() {
                break;
            }
        }
        let quotas = monitor.quotas().unwrap().into_iter();
        let sources = monitor.sources().unwrap();
        let problems = sources.iter().flat_map(|source| &source.problems);
        Self {
            sessions: sessions
                .into_iter()
                .map(|session| (session.key.to_string(), session))
                // Measured while it goes on: it depends on when somebody looked.
                .map(|(key, session)| {
                    (
                        key,
                        SessionView {
                            blocked: Span(0),
                            ..session
                        },
                    )
                })
                .collect(),
            usage: usage.collect(),
            events,
            quotas: quotas
                .map(|quota| {
                    let window = &quota.window;
                    (
                        format!("{} {} {}", window.agent, window.limit, window.window),
                        quota,
                    )
                })
                .collect(),
            problems: problems
                .map(|problem| {
                    let key = (
                        problem.kind,
                        problem.file.clone(),
                        problem.detail.to_string(),
                    );
                    (key, problem.count)
                })
                .collect(),
        }
    }

    fn check(&self, clean: &Self, what: &str) {
        self.check_facts(clean, what);
        assert_same(
            &format!("{what}: problems"),
            &self.problems,
            &clean.problems,
        );
    }

    /// All but what was skipped.
    fn check_facts(&self, clean: &Self, what: &str) {
        assert!(
            !clean.usage.is_empty() || !clean.sessions.is_empty(),
            "{what}: nothing to compare"
        );
        assert_same(&format!("{what}: usage"), &self.usage, &clean.usage);
        assert_same(
            &format!("{what}: sessions"),
            &self.sessions,
            &clean.sessions,
        );
        assert_same(&format!("{what}: events"), &self.events, &clean.events);
        assert_same(&format!("{what}: quotas"), &self.quotas, &clean.quotas);
    }
}

#[test]
fn every_format_is_tested() {
    let tested: Vec<&str> = CASES.iter().map(|(format, _)| *format).collect();
    for format in formats() {
        assert!(
            tested.contains(&format.name()),
            "{}: add its recordings to CASES",
            format.name()
        );
    }
    assert_eq!(tested.len(), formats().len());
    for home in Home::all() {
        home.write_all();
        let rows = home.clean();
        let format = home.name();
        assert!(
            !rows.usage.is_empty() && !rows.events.is_empty(),
            "{format}"
        );
    }
}

#[test]
fn reading_goes_on_at_any_line_and_any_byte() {
    for home in Home::single(2) {
        let content = &home.files[0].1;
        let borders = memchr::memchr_iter(b'\n', content).flat_map(|at| [at, at + 1]);
        let step = (content.len() / CUTS).max(1);
        let mut cuts: Vec<usize> = (0..content.len()).step_by(step).chain(borders).collect();
        cuts.sort_unstable();
        cuts.dedup();
        home.write_all();
        let clean = home.clean();
        for cut in cuts {
            let monitor = home.monitor();
            home.write(0, cut);
            refresh(&monitor).unwrap();
            home.write(0, content.len());
            refresh(&monitor).unwrap();
            let what = format!("{} torn at {cut}", home.name());
            Rows::of(&monitor).check(&clean, &what);
        }
    }
}

#[test]
fn what_is_appended_in_pieces_is_read_as_a_whole() {
    for home in Home::single(1) {
        let length = home.files[0].1.len();
        for piece in [1, 7, 1000]
            .into_iter()
            .filter(|piece| length / piece < 2000)
        {
            let _ = fs::remove_file(home.folder.path().join(&home.files[0].0));
            let monitor = home.monitor();
            for end in (0..length).step_by(piece).chain([length]) {
                home.write(0, end);
                refresh(&monitor).unwrap();
            }
            home.check(&monitor, &format!("appended by {piece}"));
        }
    }
    // All files at once, which also tears snapshots and compressed files.
    for home in Home::all() {
        let monitor = home.monitor();
        let longest = home.files.iter().map(|(_, content)| content.len()).max();
        let longest = longest.unwrap();
        for end in (0..longest).step_by(6_001).chain([longest]) {
            for index in 0..home.files.len() {
                home.write(index, end);
            }
            refresh(&monitor).unwrap();
        }
        home.check(&monitor, "growing together");
    }
}

#[test]
fn the_order_of_files_does_not_matter() {
    for home in Home::all() {
        let count = home.files.len();
        let orders: [Vec<usize>; 3] = [
            (0..count).collect(),
            (0..count).rev().collect(),
            // Every seventh, around and around.
            (0..7).flat_map(|first| (first..count).step_by(7)).collect(),
        ];
        for (name, order) in ["forwards", "backwards", "mixed"].iter().zip(orders) {
            for (path, _) in &home.files {
                let _ = fs::remove_file(home.folder.path().join(path));
            }
            let monitor = home.monitor();
            for some in order.chunks(count.div_ceil(60)) {
                for index in some {
                    home.write(*index, usize::MAX);
                }
                refresh(&monitor).unwrap();
            }
            home.check(&monitor, name);
        }
    }
}

#[test]
fn what_comes_twice_counts_once() {
    for home in Home::all() {
        home.write_all();
        let monitor = home.monitor();
        refresh(&monitor).unwrap();
        refresh(&monitor).unwrap();
        home.check(&monitor, "looked at twice");
        for (index, (_, content)) in home.files.iter().enumerate() {
            home.replace(index, content);
        }
        refresh(&monitor).unwrap();
        home.check(&monitor, "replaced by a copy");
    }
}

#[test]
fn files_may_shrink_and_be_replaced() {
    for home in Home::all() {
        for part in [0, 1, 2] {
            home.write_all();
            let monitor = home.monitor();
            refresh(&monitor).unwrap();
            for (index, (_, content)) in home.files.iter().enumerate() {
                home.write(index, content.len() * part / 3);
            }
            refresh(&monitor).unwrap();
            home.write_all();
            refresh(&monitor).unwrap();
            home.check(&monitor, &format!("cut to {part} thirds and written again"));

            let monitor = home.monitor();
            for (index, (_, content)) in home.files.iter().enumerate() {
                let role = home.role(&*home.format(), &home.files[index].0);
                if role != Some(FileRole::Database) {
                    home.replace(index, &content[..content.len() * part / 3]);
                }
            }
            refresh(&monitor).unwrap();
            for (index, (_, content)) in home.files.iter().enumerate() {
                home.replace(index, content);
            }
            refresh(&monitor).unwrap();
            home.check(&monitor, &format!("{part} thirds replaced by the whole"));
        }
    }
}

#[test]
fn line_ends_of_another_system_change_nothing() {
    for home in Home::all() {
        home.write_all();
        let clean = home.clean();
        let format = home.format();
        for (index, (path, content)) in home.files.iter().enumerate() {
            if home.role(&*format, path) == Some(FileRole::Lines) {
                let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').collect();
                home.replace(index, &lines.join(&b"\r\n"[..]));
            }
        }
        home.clean()
            .check(&clean, &format!("{}: CRLF", home.name()));
    }
}

#[test]
fn a_line_that_is_no_text_costs_that_line_alone() {
    let bad: [&[u8]; 4] = [
        b"\xff\xfe\x00\x80\n",
        b"{\"type\":\"\xc3\x28\"}\n",
        b"{\"timestamp\":\"2026-11-21T09:30:00.000Z\",\"type\":\"message\",\"text\":\"\xf0\x9f\"\n",
        b"\0\0\0\0\0\0\0\0\n",
    ];
    for home in Home::all() {
        home.write_all();
        let clean = home.clean();
        let format = home.format();
        let mut lines = 0;
        for (index, (path, content)) in home.files.iter().enumerate() {
            if home.role(&*format, path) != Some(FileRole::Lines) {
                continue;
            }
            // Before the last line.
            let end = content.len().saturating_sub(1);
            let at = memchr::memrchr(b'\n', &content[..end]).map_or(0, |at| at + 1);
            home.replace(
                index,
                &[&content[..at], &bad.concat(), &content[at..]].concat(),
            );
            lines += 1;
        }
        let rows = home.clean();
        rows.check_facts(&clean, &format!("{}: invalid UTF-8", home.name()));
        let skipped = |rows: &Rows| rows.problems.values().sum::<u64>();
        assert!(
            skipped(&rows) >= skipped(&clean) + lines,
            "{}: {lines} files with lines that are no text, {:?}",
            home.name(),
            rows.problems
        );
    }
}
