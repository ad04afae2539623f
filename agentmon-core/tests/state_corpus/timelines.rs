//! Timelines: recordings of the real client, read by the real adapters, and the truth at chosen times.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use agentmon_core::model::{Batch, SessionKey, Timestamp};
use agentmon_core::session::{Input, Session, StatePolicy};
use agentmon_core::source::claude_code::{hook, live};
use agentmon_core::source::process::{ProcessId, ProcessTable};
use agentmon_core::source::{FileInfo, FileRole, Parser as _, Want};
use serde::Deserialize;

use super::{Expect, corpus};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    timeline: String,
    expect: Vec<Row>,
}

/// The truth at one time.
#[derive(Debug, Deserialize)]
struct Row {
    t: f64,
    /// The beginning of the session's id, where there are several; `id/agent` for a subagent.
    session: Option<String>,
    #[serde(flatten)]
    expect: Expect,
    /// State and reason as far as hooks alone tell.
    hooks: Option<String>,
    /// State and reason as far as the live file alone tells.
    files: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Line {
    t: f64,
    source: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    removed: bool,
    #[serde(default)]
    data: serde_json::Value,
}

/// Processes live until the file that speaks for them is gone.
#[derive(Debug, Clone, Default)]
struct FakeProcesses(Arc<Mutex<Vec<u32>>>);

impl ProcessTable for FakeProcesses {
    fn alive(&self, process: ProcessId) -> Option<bool> {
        Some(self.0.lock().unwrap().contains(&process.pid))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sources {
    All,
    Hooks,
    Files,
}

#[test]
fn timelines() {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/claude_code/timelines");
    let mut failures = Vec::new();
    let mut told = 0;
    for (name, text) in corpus("timeline_") {
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let recording =
            std::fs::read_to_string(folder.join(format!("{}.jsonl", file.timeline))).unwrap();
        let lines: Vec<Line> = recording
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for sources in [Sources::All, Sources::Hooks, Sources::Files] {
            let found = play(&lines, &file.expect, sources);
            failures.extend(
                found
                    .into_iter()
                    .map(|found| format!("{} ({sources:?}): {found}", file.timeline)),
            );
        }
        told += 1;
    }
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n"));
    let recorded = std::fs::read_dir(folder)
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "jsonl")
        })
        .count();
    assert_eq!(told, recorded, "every recording has its truth told");
}

/// Plays a recording and returns what differs from the truth.
fn play(lines: &[Line], expect: &[Row], sources: Sources) -> Vec<String> {
    let mut player = Player::new(lines);
    let mut lines = lines.iter().peekable();
    let mut found = Vec::new();
    for row in expect {
        while let Some(line) = lines.next_if(|line| line.t <= row.t) {
            player.pass(line.t);
            player.take(line, sources);
        }
        player.pass(row.t);
        let told = match sources {
            Sources::All => Some(row.expect.clone()),
            Sources::Hooks => row.hooks.clone().map(only),
            Sources::Files => row.files.clone().map(only),
        };
        let Some(mut told) = told else { continue };
        told.since = told.since.map(|since| super::seconds(player.at(since)));
        let now = player.at(row.t);
        let Some(session) = player.session(row.session.as_deref()) else {
            if told.is.as_deref() != Some("unknown") {
                found.push(format!("at {}: no such session", row.t));
            }
            continue;
        };
        found.extend(
            told.differs(session, now)
                .into_iter()
                .map(|differs| format!("at {}: {differs}", row.t)),
        );
    }
    found
}

fn only(is: String) -> Expect {
    Expect {
        is: Some(is),
        ..Expect::default()
    }
}

struct Player {
    /// The time of the first line.
    zero: i64,
    policy: StatePolicy,
    sessions: BTreeMap<SessionKey, Session>,
    first: Option<SessionKey>,
    processes: FakeProcesses,
    /// Live files as they stand, and what their parsers remember.
    files: BTreeMap<String, (Vec<u8>, Option<Vec<u8>>)>,
    swept: f64,
}

impl Player {
    fn new(lines: &[Line]) -> Self {
        // Hooks carry no time: a file is never seen before it is written, so the latest start that the files allow is
        // the best guess.
        let zero = lines
            .iter()
            .flat_map(|line| {
                let stated = ["startedAt", "updatedAt", "statusUpdatedAt"]
                    .map(|name| line.data.get(name)?.as_i64());
                stated
                    .into_iter()
                    .flatten()
                    .map(|stated| stated - (line.t * 1000.0) as i64)
            })
            .max()
            .unwrap_or_else(|| super::epoch().0);
        Self {
            zero,
            policy: StatePolicy::default(),
            sessions: BTreeMap::new(),
            first: None,
            processes: FakeProcesses::default(),
            files: BTreeMap::new(),
            swept: 0.0,
        }
    }

    fn at(&self, t: f64) -> Timestamp {
        Timestamp(self.zero + (t * 1000.0).round() as i64)
    }

    /// Time passes up to `t`: live files are read again every second, and sessions are told when they asked to be.
    fn pass(&mut self, t: f64) {
        while self.swept + 1.0 <= t {
            self.swept += 1.0;
            for name in self.files.keys().cloned().collect::<Vec<_>>() {
                self.sweep(&name, self.swept);
            }
            self.tick(self.swept);
        }
        self.tick(t);
    }

    fn tick(&mut self, t: f64) {
        let now = self.at(t);
        let due: Vec<SessionKey> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                session
                    .next_deadline(&self.policy)
                    .is_some_and(|at| at <= now)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            self.apply(&key, Input::Tick, now);
        }
    }

    fn take(&mut self, line: &Line, sources: Sources) {
        match &*line.source {
            "hook" if sources != Sources::Files => {
                let payload = serde_json::to_vec(&line.data).unwrap();
                let mut batch = Batch::default();
                hook::parse(&payload, self.at(line.t), &mut batch).unwrap();
                self.absorb(&mut batch, self.at(line.t));
            }
            "session-file" if sources != Sources::Hooks => {
                let name = line.file.clone().unwrap();
                if line.removed {
                    self.remove(&name, line.t);
                } else {
                    let pid = line.data["pid"].as_u64().unwrap() as u32;
                    self.processes.0.lock().unwrap().push(pid);
                    let known = self.files.remove(&name).and_then(|(_, state)| state);
                    let body = serde_json::to_vec(&line.data).unwrap();
                    self.files.insert(name.clone(), (body, known));
                    self.sweep(&name, line.t);
                }
            }
            _ => {}
        }
    }

    fn sweep(&mut self, name: &str, t: f64) {
        let (body, state) = self.files[name].clone();
        let mut parser = match &state {
            Some(state) => {
                live::LiveParser::resume(state, Arc::new(self.processes.clone())).unwrap()
            }
            None => live::LiveParser::start(Arc::new(self.processes.clone())),
        };
        let mut batch = Batch::default();
        parser.feed(0, &body, Want::LIVE, self.at(t), &mut batch);
        self.files
            .insert(name.to_owned(), (body, Some(parser.state())));
        self.absorb(&mut batch, self.at(t));
    }

    fn remove(&mut self, name: &str, t: f64) {
        let Some((body, Some(state))) = self.files.remove(name) else {
            return;
        };
        let file: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let pid = file["pid"].as_u64().unwrap() as u32;
        self.processes
            .0
            .lock()
            .unwrap()
            .retain(|known| *known != pid);
        let info = FileInfo {
            root: PathBuf::new(),
            path: PathBuf::from("sessions").join(name),
            role: FileRole::Live,
            born: self.at(0.0),
            modified: self.at(t),
        };
        let mut batch = Batch::default();
        live::removed(&info, &state, self.at(t), &self.processes, &mut batch);
        self.absorb(&mut batch, self.at(t));
    }

    /// What the store does with a batch.
    fn absorb(&mut self, batch: &mut Batch, now: Timestamp) {
        assert!(batch.problems.is_empty(), "{:?}", batch.problems);
        for patch in &batch.sessions {
            self.apply(&patch.key, Input::Facts(patch), now);
        }
        for (index, evidence) in &batch.evidence {
            let key = batch.sessions[index.0 as usize].key.clone();
            self.apply(&key, Input::Evidence(evidence), now);
        }
    }

    fn apply(&mut self, key: &SessionKey, input: Input<'_>, now: Timestamp) {
        if self.first.is_none() {
            self.first = Some(key.clone());
        }
        let session = self
            .sessions
            .entry(key.clone())
            .or_insert_with(|| Session::new(key.clone()));
        let mut out = Vec::new();
        session.apply(input, now, &self.policy, &mut out);
        if out.is_empty() {
            return;
        }
        let (verdict, parent) = (session.verdict.clone(), session.facts.parent.clone());
        let last = session.facts.last_activity_at.unwrap_or(verdict.since);
        let inherited: Vec<_> = self
            .sessions
            .iter()
            .filter(|(_, child)| {
                child
                    .facts
                    .parent
                    .as_ref()
                    .is_some_and(|(parent, _)| parent == key)
            })
            .filter_map(|(child, known)| {
                let told = self.sessions[key].inherit(&known.verdict, &self.policy)?;
                Some((child.clone(), told))
            })
            .collect();
        for (child, told) in inherited {
            self.apply(&child, Input::Evidence(&told), now);
        }
        if let Some((parent, _)) = parent {
            let child = Input::Child {
                key,
                state: verdict.state,
                reason: &verdict.reason,
                since: verdict.since,
                at: last,
                detail: verdict.detail.as_deref(),
            };
            self.apply(&parent, child, now);
        }
    }

    fn session(&self, id: Option<&str>) -> Option<&Session> {
        let Some(id) = id else {
            return self.sessions.get(self.first.as_ref()?);
        };
        let (main, agent) = id.split_once('/').unwrap_or((id, ""));
        self.sessions
            .iter()
            .find(|(key, _)| {
                let (their_main, their_agent) = key
                    .native_id
                    .split_once('/')
                    .unwrap_or((&key.native_id, ""));
                their_main.starts_with(main) && their_agent == agent
            })
            .map(|(_, session)| session)
    }
}
