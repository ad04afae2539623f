//! The OpenClaw and Clawdbot file source against recorded state folders and against made-up trouble.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test may stop at the first surprise, and says what it skips"
)]

mod common;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use agentmon_core::model::{
    Batch, DedupKey, EventKind, EventStatus, FactKey, NanoUsd, ProblemKind, Relation, SessionIndex,
    SessionKey, SessionPatch, Stamped, Timestamp, Usage,
};
use agentmon_core::session::Evidence;
use agentmon_core::source::openclaw::OpenClawFiles;
use agentmon_core::source::{Env, FileFormat, FileInfo, FileRole, Parser, Want};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_795_300_000_000);
const ALL: Want = Want {
    accounting: true,
    evidence: true,
    content: true,
};

/// What a store keeps of batches: each fact once, patches merged.
#[derive(Debug, Default, PartialEq)]
struct Kept {
    sessions: BTreeMap<String, SessionPatch>,
    calls: BTreeMap<FactKey, Call>,
    evidence: BTreeMap<String, BTreeSet<(Timestamp, String)>>,
    events: BTreeMap<String, (String, EventKind, EventStatus, String)>,
    problems: Vec<(ProblemKind, String)>,
}

#[derive(Debug, PartialEq, Clone)]
struct Call {
    credit: i64,
    session: String,
    model: String,
    at: Timestamp,
    usage: Usage,
    reported: Option<NanoUsd>,
}

impl Kept {
    fn absorb(&mut self, batch: Batch) {
        let name = |index: SessionIndex| batch.sessions[index.0 as usize].key.native_id.to_string();
        for call in &batch.calls {
            let call_ = Call {
                credit: call.credit,
                session: name(call.session),
                model: batch.models[call.model as usize].to_string(),
                at: call.at,
                usage: call.usage,
                reported: call.reported,
            };
            let kept = self.calls.entry(call.fact).or_insert_with(|| call_.clone());
            assert_eq!(
                (kept.usage, kept.at),
                (call.usage, call.at),
                "one fact, two calls"
            );
            if (call_.credit, &call_.session) < (kept.credit, &kept.session) {
                *kept = call_;
            }
        }
        for (session, Evidence { at, source, signal }) in &batch.evidence {
            let signs = self.evidence.entry(name(*session)).or_default();
            signs.insert((*at, format!("{source:?} {signal:?}")));
        }
        for event in &batch.events {
            let DedupKey::Id(key) = &event.key else {
                panic!("events have ids")
            };
            let text = (
                name(event.session),
                event.kind,
                event.status,
                event.text.to_string(),
            );
            let known = self.events.insert(key.to_string(), text.clone());
            assert!(
                known.is_none_or(|known| known == text),
                "one event, two texts: {key}"
            );
        }
        let problems = batch.problems.iter();
        self.problems
            .extend(problems.map(|problem| (problem.kind, problem.detail.to_string())));
        for patch in batch.sessions {
            match self.sessions.entry(patch.key.native_id.to_string()) {
                Entry::Occupied(known) => {
                    known.into_mut().merge(&patch);
                }
                Entry::Vacant(new) => {
                    new.insert(patch);
                }
            }
        }
    }

    /// Totals per session and model, in the form of `expected.json`.
    fn totals(&self) -> Value {
        let mut totals: BTreeMap<&str, BTreeMap<&str, (u64, Usage, NanoUsd)>> = BTreeMap::new();
        for call in self.calls.values() {
            let models = totals.entry(&call.session).or_default();
            let (calls, usage, cost) = models.entry(&call.model).or_default();
            *calls += 1;
            *usage += call.usage;
            *cost += call.reported.unwrap_or_default();
        }
        let total = |(calls, usage, cost): &(u64, Usage, NanoUsd)| {
            json!({
                "calls": calls, "input": usage.input, "output": usage.output, "cache_read": usage.cache_read,
                "cache_write": usage.cache_creation(), "reported_nano_usd": cost.0,
            })
        };
        let sessions = totals.iter().map(|(session, models)| {
            let models = models
                .iter()
                .map(|(model, sums)| ((*model).to_owned(), total(sums)));
            ((*session).to_owned(), Value::Object(models.collect()))
        });
        Value::Object(sessions.collect())
    }

    /// The signs of the one session whose id contains `part`, without the parts of a sign that are the same in all.
    fn signs(&self, part: &str) -> Vec<String> {
        let mut found = self.evidence.iter().filter(|(id, _)| id.contains(part));
        let signs = found.next().map(|(_, signs)| signs).into_iter().flatten();
        let short = |sign: &str| sign.replace(" { background: 0, scheduled: None }", "");
        let signs = signs.map(|(_, sign)| short(sign)).collect();
        assert_eq!(found.next(), None, "{part} names one session");
        signs
    }

    /// One line for each session: id, address, entrypoint, model, context, parent, title.
    fn table(&self) -> String {
        let mut text = String::new();
        let short = |id: &str| id[..id.find('/').unwrap() + 5].to_owned();
        for (id, patch) in &self.sessions {
            let value = |field: &Option<Stamped<Box<str>>>| match field {
                Some(field) => field.value.to_string(),
                None => "-".to_owned(),
            };
            let parent = patch.parent.as_ref();
            let context = patch.context.as_ref().map(|context| context.value);
            let (tokens, window) = context.unwrap_or_default();
            writeln!(
                text,
                "{} {} {} {} {tokens}/{} {} {}",
                short(id),
                value(&patch.address).split_inclusive('-').next().unwrap(),
                value(&patch.entrypoint),
                value(&patch.model),
                window.unwrap_or_default(),
                parent.map_or("-".to_owned(), |(key, relation)| {
                    format!("{relation:?}:{}", short(&key.native_id))
                }),
                patch.title.as_ref().map_or("", |title| &title.text),
            )
            .unwrap();
        }
        text
    }
}

fn fixture(name: &str) -> PathBuf {
    common::fixture("openclaw").join(name)
}

/// The files that the format asks for below a state folder.
fn files(root: &Path) -> Vec<FileInfo> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root).unwrap();
            if path.is_dir() {
                if OpenClawFiles.enters(relative) {
                    folders.push(path);
                }
            } else if let Some(role) = OpenClawFiles.role(relative) {
                found.push(info(root, relative, role));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn info(root: &Path, relative: &Path, role: FileRole) -> FileInfo {
    FileInfo {
        root: root.to_owned(),
        path: root.join(relative),
        role,
        born: Timestamp(1),
        modified: Timestamp(2),
    }
}

fn bytes(file: &FileInfo) -> Vec<u8> {
    let bytes = fs::read(&file.path).unwrap();
    match file.role {
        FileRole::CompressedLines => zstd::decode_all(&bytes[..]).unwrap(),
        _ => bytes,
    }
}

fn feed(parser: &mut dyn Parser, base: usize, bytes: &[u8], kept: &mut Kept) {
    let mut batch = Batch::default();
    parser.feed(base as u64, bytes, ALL, NOW, &mut batch);
    parser.finish(ALL, &mut batch);
    kept.absorb(batch);
}

fn read(root: &Path) -> Kept {
    let mut kept = Kept::default();
    for file in files(root) {
        feed(
            &mut *OpenClawFiles.start(&file),
            0,
            &bytes(&file),
            &mut kept,
        );
    }
    kept
}

/// Reads made-up files of one state folder, in the order given.
fn read_made_up(files: &[(&str, String)]) -> Kept {
    let mut kept = Kept::default();
    for (path, text) in files {
        let path = Path::new(path);
        let role = OpenClawFiles.role(path).expect("a file of interest");
        let file = info(Path::new("/state"), path, role);
        feed(
            &mut *OpenClawFiles.start(&file),
            0,
            text.as_bytes(),
            &mut kept,
        );
    }
    kept
}

fn recording(name: &str) -> Value {
    let expected = fs::read_to_string(fixture("expected.json")).unwrap();
    serde_json::from_str::<Value>(&expected).unwrap()[name].clone()
}

#[test]
fn totals_of_every_session_are_exact() {
    for (name, original) in [
        ("clawdbot-2026.1.24", "clawdbot/state"),
        ("openclaw-2026.7.1", "openclaw/state-2026.7.1"),
    ] {
        let kept = read(&fixture(name));
        assert_eq!(kept.totals(), recording(name), "{name}");
        assert_eq!(kept.problems, [], "{name}");
        if let Some(original) = common::shared(&format!("fixtures/{original}")) {
            let kept = read(&original);
            assert_eq!(kept.totals(), recording(name), "{original:?}");
            assert_eq!(kept.problems, [], "{original:?}");
        }
    }
}

#[test]
fn openclaw_itself_counts_the_same_for_each_file() {
    let own = fs::read_to_string(fixture("own-count-2026.7.1.json")).unwrap();
    let own: BTreeMap<String, Value> = serde_json::from_str(&own).unwrap();
    assert_eq!(own.len(), 9);
    for (name, counted) in own {
        let root = fixture("openclaw-2026.7.1");
        let relative = Path::new("agents/main/sessions").join(name);
        let file = info(&root, &relative, FileRole::Lines);
        let mut kept = Kept::default();
        feed(
            &mut *OpenClawFiles.start(&file),
            0,
            &bytes(&file),
            &mut kept,
        );
        let sum: Usage = kept.calls.values().map(|call| call.usage).sum();
        let cost: NanoUsd = kept.calls.values().filter_map(|call| call.reported).sum();
        let mine = [sum.input, sum.output, sum.cache_read, sum.cache_creation()];
        let theirs = ["input", "output", "cacheRead", "cacheWrite"]
            .map(|field| counted[field].as_u64().unwrap());
        assert_eq!(mine, theirs, "{relative:?}");
        let theirs = NanoUsd::from_dollars(counted["totalCost"].as_f64().unwrap()).unwrap();
        assert_eq!(cost, theirs, "{relative:?}");
    }
}

#[test]
fn every_conversation_is_one_session_with_its_facts() {
    // `d77b` stands in sessions.json alone, `34b1` and `fdbe` are on disk alone.
    let expected = "\
main/197e agent:main:queue webchat/direct mock-large 2708/128000 - First of two. @slow(6)
main/34b1 - - mock-large 0/0 - After the reset.
main/3628 agent:main:err- webchat/direct mock-large 0/0 - This one goes wrong. @fail(401)
main/418e agent:main:openai:9c5ed569- openai mock-large 2600/128000 - hello over http
main/44e6 agent:main:main webchat/direct mock-large 3064/128000 - Good morning. What is on the list today?
main/5050 agent:main:shared webchat/direct mock-large 2637/128000 - Sent by another client. @exec(echo seen)
main/6387 agent:main:err- webchat/direct mock-large 2612/128000 - This one goes wrong. @fail(500 2)
main/7a7c agent:main:careful webchat/direct mock-large 2809/128000 - Hello, careful one.
main/80dd agent:main:cron:9c063c6f- cron mock-large 2631/128000 - Hourly check
main/8e64 agent:main:err- webchat/direct mock-large 0/0 - This one goes wrong. @fail(400)
main/d77b agent:main:nope - - 0/0 -\x20
main/fa96 agent:main:subagent:d8fc6538- subagent mock-large 958/128000 Spawned:main/44e6 Summarise the notes file in one line
main/fdbe - - mock-large 0/0 - Start a scratch conversation.
research/f300 agent:research:main - mock-small 2610/64000 - A run through the agent method. @exec(echo from-agent-method)
";
    let kept = read(&fixture("clawdbot-2026.1.24"));
    assert_eq!(kept.table(), expected);
    let main = &kept.sessions["main/44e6961f-5029-49a4-9e6d-3045315e4029"];
    assert_eq!(&*main.cwd.as_ref().unwrap().value, "/home/user/clawd");
    assert_eq!(
        main.started_at,
        Timestamp::parse("2026-11-21T09:28:57.560Z")
    );
    assert_eq!(main.last_activity_at, Some(Timestamp(1_795_253_434_832)));
    let transcript = &main.transcript.as_ref().unwrap().value;
    assert!(transcript.ends_with("44e6961f-5029-49a4-9e6d-3045315e4029.jsonl"));

    let kept = read(&fixture("openclaw-2026.7.1"));
    let table = kept.table();
    let line = |id: &str| table.lines().find(|line| line.contains(id)).unwrap();
    assert_eq!(table.lines().count(), 10);
    assert!(line("main/180a").ends_with("Spawned:main/3b06 Summarise the notes file in one line"));
    assert!(line("main/fd08").ends_with("Cron: Hourly check"));
    assert!(line("main/891c").contains(" - - mock-large 0/0 - Start a scratch"));
    let child = &kept.sessions["main/180a9ce6-3df3-4114-90de-f52f7a0b5b04"];
    assert_eq!(&*child.role.as_ref().unwrap().value, "leaf");
}

#[test]
fn signs_tell_what_each_session_did() {
    let kept = read(&fixture("clawdbot-2026.1.24"));
    let permission = |id: &str| {
        format!(
            "Transcript NeedsInput {{ ask: Permission {{ tool: Some(\"exec\") }}, \
             detail: Some(\"curl --version | head -1\"), request: Some(\"{id}\") }}"
        )
    };
    assert_eq!(
        kept.signs("7a7c")[3..9],
        [
            "Transcript PromptSubmitted",
            "Transcript ToolStarted { call: \"call_mock_56\", tool: \"exec\", about: Some(\"curl --version | head -1\") }",
            &permission("639d2cc8-1b25-46fc-bb24-6e0d85dcf8b8"),
            "Transcript ToolFinished { call: \"call_mock_56\" }",
            "Transcript TurnEnded",
            "Transcript PromptSubmitted",
        ]
    );
    // Clawdbot leaves no trace of an abort before the first word, and its rows no sign of work.
    let main = kept.signs("44e6");
    assert_eq!(
        main[main.len() - 2..],
        [
            "Transcript PromptSubmitted",
            "Row ContextUsed { fraction: 0.0239375 }"
        ]
    );
    assert_eq!(kept.signs("d77b"), [""; 0]);
    assert_eq!(
        kept.signs("34b1").last().unwrap(),
        "Transcript SessionEnded { reason: \"deleted\" }"
    );
    assert_eq!(
        kept.signs("3628")[2],
        "Transcript TurnFailed { class: \"http_401\", message: Some(\"401 Incorrect API key provided.\") }"
    );

    let kept = read(&fixture("openclaw-2026.7.1"));
    let ends = |session| kept.signs(session).last().unwrap().clone();
    assert_eq!(ends("3b06"), "Transcript Aborted");
    assert!(kept.signs("3b06").contains(&"Row Aborted".to_owned()));
    assert!(kept.signs("c9ec").contains(&"Row TurnEnded".to_owned()));
    assert_eq!(
        ends("4ba3"),
        "Row TurnFailed { class: \"run_failed\", message: None }"
    );
    assert_eq!(
        ends("891c"),
        "Transcript SessionEnded { reason: \"reset\" }"
    );
    assert!(kept.signs("891c")[4].contains("Unknown model: nobody/none."));
}

#[test]
fn content_is_what_people_said_and_tools_did() {
    let kept = read(&fixture("clawdbot-2026.1.24"));
    let event = |key: &str| {
        let mut found = kept.events.iter().filter(|(id, _)| id.ends_with(key));
        found
            .next()
            .map(|(_, (_, kind, status, text))| (*kind, *status, text.as_str()))
            .unwrap()
    };
    let fine = EventStatus::Success;
    let question = "Good morning. What is on the list today?";
    assert_eq!(
        event("#e31fb277.0"),
        (EventKind::UserPrompt, fine, question)
    );
    assert_eq!(event("#951a3d0d.0"), (EventKind::ToolUse, fine, "exit 3"));
    assert_eq!(
        event("#7b21494b.0"),
        (EventKind::ToolUse, fine, r#"{"path":"notes.txt"}"#)
    );
    let (kind, status, text) = event("#8223ac9f.0");
    assert_eq!((kind, status), (EventKind::ToolResult, EventStatus::Error));
    assert!(text.contains("Command exited with code 3"));
    assert_eq!(
        event("#65cbcd93.0"),
        (EventKind::Response, fine, "The tool returned: a b c")
    );
    let error = (
        EventKind::Error,
        EventStatus::Error,
        "401 Incorrect API key provided.",
    );
    assert_eq!(event("#caae3e8d.end"), error);

    let kept = read(&fixture("openclaw-2026.9.6"));
    let kinds: Vec<_> = kept.events.values().map(|(_, kind, ..)| *kind).collect();
    assert!(
        kinds.contains(&EventKind::Compaction),
        "compressed transcripts are read: {kinds:?}"
    );
    assert_eq!(kept.problems, []);
}

#[test]
fn order_repetition_and_pieces_change_nothing() {
    for name in ["clawdbot-2026.1.24", "openclaw-2026.7.1"] {
        let root = fixture(name);
        let whole = read(&root);
        let mut pieces = Kept::default();
        // Last file first, each line on its own with the state taken and given back, and everything twice.
        for file in files(&root).iter().rev().chain(&files(&root)) {
            let bytes = bytes(file);
            let mut state: Option<Vec<u8>> = None;
            let mut base = 0;
            let step = match file.role {
                FileRole::Snapshot => bytes.len(),
                _ => 1,
            };
            while base < bytes.len() {
                let rest = &bytes[base + step - 1..];
                let end = base + step + rest.iter().position(|&byte| byte == b'\n').unwrap_or(0);
                let mut parser = match &state {
                    Some(state) => OpenClawFiles.resume(file, state).unwrap(),
                    None => OpenClawFiles.start(file),
                };
                feed(
                    &mut *parser,
                    base,
                    &bytes[base..end.min(bytes.len())],
                    &mut pieces,
                );
                state = Some(parser.state());
                base = end;
            }
        }
        assert_eq!(pieces, whole, "{name}");
    }
}

#[test]
fn a_file_torn_anywhere_loses_nothing_and_breaks_nothing() {
    let root = fixture("openclaw-2026.7.1");
    for file in files(&root)
        .iter()
        .filter(|file| file.path.to_string_lossy().contains("4ba3"))
    {
        let bytes = bytes(file);
        let mut whole = Kept::default();
        feed(&mut *OpenClawFiles.start(file), 0, &bytes, &mut whole);
        for cut in 0..bytes.len() {
            let complete = bytes[..cut]
                .iter()
                .rposition(|&byte| byte == b'\n')
                .map_or(0, |end| end + 1);
            let mut torn = Kept::default();
            let mut parser = OpenClawFiles.start(file);
            feed(&mut *parser, 0, &bytes[..complete], &mut torn);
            let mut parser = OpenClawFiles.resume(file, &parser.state()).unwrap();
            feed(&mut *parser, complete, &bytes[complete..], &mut torn);
            assert_eq!(torn, whole, "cut at {cut}");
            // A reader that gives the half line away is told so.
            let mut half = Kept::default();
            feed(&mut *OpenClawFiles.start(file), 0, &bytes[..cut], &mut half);
            assert!(
                half.problems
                    .iter()
                    .all(|(kind, _)| *kind == ProblemKind::Malformed)
            );
        }
    }
}

const SESSIONS: &str = "agents/main/sessions";

fn header(id: &str, at: &str) -> String {
    format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{id}\",\"timestamp\":\"2026-01-02T{at}Z\",\"cwd\":\"/w\"}}\n"
    )
}

/// An answer of `output` tokens to 10 of input.
fn answer(id: &str, at: &str, output: u64) -> String {
    let line = json!({
        "type": "message", "id": id, "timestamp": format!("2026-01-02T{at}Z"),
        "message": {
            "role": "assistant", "content": [{"type": "text", "text": id}], "provider": "p", "model": "m",
            "usage": {"input": 10, "output": output, "cacheRead": 0, "cacheWrite": 0, "cost": {"total": 0.5}},
            "stopReason": "stop", "timestamp": 1_767_312_000_000_u64,
        }
    });
    format!("{line}\n")
}

#[test]
fn copies_renamed_and_shortened_files_hold_the_same_facts() {
    let head = header("s", "00:00:00.000");
    let (first, second) = (
        answer("a1", "00:00:01.000", 1),
        answer("a2", "00:00:02.000", 2),
    );
    let whole = format!("{head}{first}{second}");
    let at = |name: &str| format!("{SESSIONS}/s{name}");
    let kept = read_made_up(&[
        (&at(".jsonl"), second.clone()),
        (&at(".jsonl.bak.2026-01-02T00-00-03.000Z"), whole.clone()),
        (&at(".checkpoint.0a1b.jsonl"), format!("{head}{first}")),
        (&at("-topic-7.jsonl"), whole.clone()),
        (
            &at(".jsonl.deleted.2026-01-02T00-00-04.000Z"),
            whole.clone(),
        ),
        ("agents/main/session-sqlite-import-archive/s.jsonl", whole),
    ]);
    assert_eq!(
        kept.totals(),
        json!({"main/s": {"m": {
            "calls": 2, "input": 20, "output": 3, "cache_read": 0, "cache_write": 0, "reported_nano_usd": 1_000_000_000,
        }}})
    );
    assert_eq!(kept.sessions.len(), 1);
    assert_eq!(
        kept.signs("main/s").last().unwrap(),
        "Transcript SessionEnded { reason: \"deleted\" }"
    );
    let kept_events: Vec<_> = kept.events.values().map(|(_, kind, ..)| *kind).collect();
    assert_eq!(kept_events.len(), 3, "{kept_events:?}");
}

#[test]
fn a_fork_counts_only_what_was_added() {
    let (one, two) = (
        answer("a1", "00:00:01.000", 1),
        answer("a2", "00:00:05.000", 2),
    );
    let parent = format!("{}{one}", header("p", "00:00:00.000"));
    let fork = header("f", "00:00:04.000").replace(
        "\"cwd\"",
        "\"parentSession\":\"/state/agents/main/sessions/p.jsonl\",\"cwd\"",
    );
    let fork = format!("{fork}{one}{two}");
    let files = [
        (
            "agents/main/sessions/2026-01-02T00-00-04-000Z_f.jsonl",
            fork,
        ),
        ("agents/main/sessions/p.jsonl", parent),
    ];
    let kept = read_made_up(&files);
    let output = |session: &str| kept.totals()[session]["m"]["output"].as_u64();
    assert_eq!((output("main/p"), output("main/f")), (Some(1), Some(2)));
    let fork = &kept.sessions["main/f"];
    let parent = SessionKey::new("openclaw".into(), "main/p");
    assert_eq!(fork.parent, Some((parent, Relation::Fork)));
    assert_eq!(fork.started_at, Timestamp::parse("2026-01-02T00:00:04Z"));
    assert_eq!(
        kept.signs("main/f").len(),
        2,
        "what the parent did is no sign of the fork"
    );
    // A fork whose parent is gone keeps the whole.
    assert_eq!(
        read_made_up(&files[..1]).totals()["main/f"]["m"]["output"],
        3
    );
}

#[test]
fn usage_is_taken_as_written_or_refused() {
    let usage = |usage: &str| {
        let line = answer("a", "00:00:01.000", 1);
        let start = line.find("\"usage\":").unwrap() + 8;
        let end = start + line[start..].find("}}").unwrap() + 1;
        let line = format!("{}{usage}{}", &line[..start], &line[end..]);
        let kept = read_made_up(&[(&format!("{SESSIONS}/s.jsonl"), line)]);
        assert!(kept.calls.len() + kept.problems.len() <= 1);
        let problem = kept
            .problems
            .first()
            .map(|(kind, detail)| (*kind, detail.clone()));
        match kept.calls.into_values().next() {
            Some(call) => Ok((call.usage, call.reported)),
            None => Err(problem),
        }
    };
    let counts = |input, output| Usage {
        input,
        output,
        ..Usage::default()
    };
    for (written, expected) in [
        (r#"{"input":1,"output":2}"#, (counts(1, 2), None)),
        (r#"{"input":1.0,"output":2e1}"#, (counts(1, 20), None)),
        (
            r#"{"input":1,"output":2,"cost":{"total":0}}"#,
            (counts(1, 2), None),
        ),
        (
            r#"{"input":1,"output":2,"cost":{"total":-1}}"#,
            (counts(1, 2), None),
        ),
        (
            r#"{"input":1,"output":2,"cost":{"total":1e300}}"#,
            (counts(1, 2), None),
        ),
        (r#"{"input":1,"output":2,"cost":7}"#, (counts(1, 2), None)),
        (
            r#"{"input":0,"output":0,"cost":{"total":0}}"#,
            (counts(0, 0), Some(NanoUsd::ZERO)),
        ),
        (
            r#"{"input":1,"output":9,"cacheRead":3,"cacheWrite":8,"cacheWrite1h":5,"reasoningTokens":99}"#,
            (
                Usage {
                    input: 1,
                    cache_read: 3,
                    cache_creation_5m: 3,
                    cache_creation_1h: 5,
                    output: 9,
                    reasoning: 9,
                },
                None,
            ),
        ),
    ] {
        assert_eq!(usage(written), Ok(expected), "{written}");
    }
    let refused = Err(Some((ProblemKind::BadField, "usage".to_owned())));
    for written in [
        r#"{"input":-1,"output":2}"#,
        r#"{"input":"1"}"#,
        "[]",
        "7",
        "{}",
        r#"{"input":1e30}"#,
    ] {
        assert_eq!(usage(written), refused, "{written}");
    }
    assert_eq!(usage("null"), Err(None));
    // Only a broken-off answer without tokens is no call.
    let aborted = answer("a", "00:00:01.000", 0).replace("\"stop\"", "\"aborted\"");
    let kept = read_made_up(&[(&format!("{SESSIONS}/s.jsonl"), aborted.clone())]);
    assert_eq!(kept.calls.len(), 1, "its prompt was billed");
    let free = aborted.replace("\"input\":10", "\"input\":0");
    assert_eq!(
        read_made_up(&[(&format!("{SESSIONS}/s.jsonl"), free)])
            .calls
            .len(),
        0
    );
}

#[test]
fn hostile_transcripts_are_counted_and_skipped() {
    let path = format!("{SESSIONS}/s.jsonl");
    for (text, problems) in [
        ("", vec![]),
        ("\n\n \r\n", vec![]),
        ("not json\n[]\n7\n\"x\"\n", vec![ProblemKind::Malformed; 4]),
        ("{}\n", vec![ProblemKind::BadField]),
        (
            "{\"type\":7,\"timestamp\":1}\n",
            vec![ProblemKind::BadField],
        ),
        (
            "{\"type\":\"new\",\"timestamp\":1}\n",
            vec![ProblemKind::UnknownType],
        ),
        (
            "{\"type\":\"message\",\"timestamp\":1,\"message\":[[]]}\n",
            vec![ProblemKind::UnknownType],
        ),
        (
            "{\"type\":\"session\",\"timestamp\":1,\"version\":5}\n",
            vec![ProblemKind::UnknownVersion],
        ),
        (
            "{\"type\":\"leaf\",\"timestamp\":1,\"type\":\"leaf\"}\n",
            vec![ProblemKind::Malformed],
        ),
    ] {
        let kept = read_made_up(&[(&path, text.to_owned())]);
        let kinds: Vec<_> = kept.problems.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, problems, "{text}");
        assert_eq!(kept.calls.len(), 0);
    }
    // Nothing readable: no session either.
    assert!(
        read_made_up(&[(&path, "half a li".to_owned())])
            .sessions
            .is_empty()
    );
    let deep = format!(
        "{{\"type\":\"leaf\",\"timestamp\":1,\"data\":{}\n",
        "[".repeat(200_000)
    );
    assert_eq!(read_made_up(&[(&path, deep)]).problems.len(), 1);
    // JavaScript cuts texts between the halves of a character.
    let cut = answer("a", "00:00:01.000", 1).replace("\"text\":\"a\"", "\"text\":\"a\\ud83d\"");
    let kept = read_made_up(&[(&path, cut)]);
    assert_eq!((kept.calls.len(), kept.problems.len()), (1, 0));
    assert!(
        kept.events
            .values()
            .next()
            .unwrap()
            .3
            .starts_with("a\u{fffd}")
    );
    // Text that is not UTF-8 costs its line.
    let mut parser = OpenClawFiles.start(&info(
        Path::new("/state"),
        Path::new(&path),
        FileRole::Lines,
    ));
    let mut kept = Kept::default();
    let mut bytes = b"{\"type\":\"custom\",\"data\":\"\xff\"}\n".to_vec();
    bytes.extend(answer("a", "00:00:01.000", 1).bytes());
    feed(&mut *parser, 0, &bytes, &mut kept);
    assert_eq!((kept.calls.len(), kept.problems.len()), (1, 1));
    assert!(
        OpenClawFiles
            .resume(
                &info(Path::new("/state"), Path::new(&path), FileRole::Lines),
                b"?"
            )
            .is_none()
    );
}

fn rows(text: &str) -> Kept {
    read_made_up(&[(&format!("{SESSIONS}/sessions.json"), text.to_owned())])
}

#[test]
fn rows_report_states_with_the_time_at_which_they_were_true() {
    for (fields, expected) in [
        (
            r#""status":"running","startedAt":5,"abortedLastRun":true"#,
            Some((90, "ModelActive")),
        ),
        (r#""status":"done","endedAt":80"#, Some((80, "TurnEnded"))),
        (
            r#""status":"done","endedAt":80,"abortedLastRun":true"#,
            Some((80, "Aborted")),
        ),
        (r#""status":"killed","endedAt":80"#, Some((80, "Aborted"))),
        (r#""status":"failed","endedAt":80,"lastRunError":"no"#, None),
        (
            r#""status":"failed","lastRunError":"no""#,
            Some((
                90,
                "TurnFailed { class: \"run_failed\", message: Some(\"no\") }",
            )),
        ),
        (
            r#""status":"timeout","endedAt":80"#,
            Some((80, "TurnFailed { class: \"timeout\", message: None }")),
        ),
        (r#""abortedLastRun":true"#, Some((90, "Aborted"))),
        (r#""abortedLastRun":false"#, None),
        (r#""status":"levitating""#, None),
        (r#""status":["done"]"#, None),
        (
            r#""totalTokens":50,"contextTokens":200"#,
            Some((90, "ContextUsed { fraction: 0.25 }")),
        ),
        (
            r#""totalTokens":50,"contextTokens":200,"totalTokensFresh":false"#,
            None,
        ),
        (r#""totalTokens":50,"contextTokens":0"#, None),
    ] {
        let kept = rows(&format!(
            r#"{{"main":{{"sessionId":"s","updatedAt":90,{fields}}}}}"#
        ));
        let signs: Vec<_> = kept.evidence.into_values().flatten().collect();
        let signs: Vec<_> = signs
            .iter()
            .map(|(at, sign)| {
                (
                    at.0,
                    sign.trim_start_matches("Row ")
                        .replace(" { background: 0, scheduled: None }", ""),
                )
            })
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(at, sign)| (at, sign.to_owned()))
            .collect();
        assert_eq!(signs, expected, "{fields}");
    }
}

#[test]
fn rows_name_their_session_by_file_then_by_id() {
    let id = |row: &str| {
        let kept = rows(&format!("{{\"k\":{row}}}"));
        kept.sessions.into_keys().next()
    };
    let s = |id: &str| Some(id.to_owned());
    assert_eq!(id(r#"{"sessionId":"a"}"#), s("main/a"));
    assert_eq!(
        id(r#"{"sessionId":"a","sessionFile":"/x/agents/main/sessions/b-topic-1.jsonl"}"#),
        s("main/b")
    );
    assert_eq!(
        id(r#"{"sessionId":"a","sessionFile":"agent:main:main"}"#),
        s("main/a")
    );
    assert_eq!(id(r#"{"sessionId":"a","sessionFile":7}"#), s("main/a"));
    for nothing in [
        "{}",
        r#"{"sessionId":""}"#,
        r#"{"sessionId":7}"#,
        "7",
        "null",
        "[]",
    ] {
        assert_eq!(id(nothing), None, "{nothing}");
    }
}

#[test]
fn titles_prefer_labels_and_distrust_display_names() {
    let title = |fields: &str| {
        let kept = rows(&format!(
            r#"{{"main":{{"sessionId":"s","updatedAt":90,{fields}}}}}"#
        ));
        kept.sessions["main/s"]
            .title
            .as_ref()
            .map(|title| title.text.to_string())
    };
    assert_eq!(
        title(r#""label":"Mine","displayName":"Theirs""#).as_deref(),
        Some("Mine")
    );
    assert_eq!(
        title(r#""displayName":"Theirs","origin":{"label":"x"}"#).as_deref(),
        Some("Theirs")
    );
    assert_eq!(
        title(r#""displayName":"recorder","origin":{"label":"recorder"}"#),
        None
    );
    assert_eq!(
        title(r#""displayName":"r","origin":{"label":"r"},"subject":"Group""#).as_deref(),
        Some("Group")
    );
    assert_eq!(title(r#""label":"  ""#), None);
}

#[test]
fn a_parent_that_was_reset_since_is_not_the_parent() {
    let parent = |began: u64| {
        let text = json!({
            "agent:main:main": {"sessionId": "p", "sessionStartedAt": began},
            "agent:main:subagent:x": {"sessionId": "c", "sessionStartedAt": 50, "spawnedBy": "main"},
            "agent:main:subagent:y": {"sessionId": "d", "spawnedBy": "agent:other:main"},
            "agent:main:subagent:z": {"sessionId": "p", "spawnedBy": "agent:main:main"},
        });
        let kept = rows(&text.to_string());
        assert_eq!(
            kept.sessions["main/d"].parent, None,
            "another agent's rows are in another file"
        );
        assert_eq!(
            kept.sessions["main/p"].parent, None,
            "nobody is their own parent"
        );
        let parent = kept.sessions["main/c"].parent.clone();
        parent.map(|(key, relation)| (key.native_id.to_string(), relation))
    };
    assert_eq!(parent(40), Some(("main/p".to_owned(), Relation::Spawned)));
    assert_eq!(parent(60), None);
}

#[test]
fn only_rows_that_changed_are_reported_again() {
    let file = info(
        Path::new("/state"),
        Path::new("agents/main/sessions/sessions.json"),
        FileRole::Snapshot,
    );
    let table = |b: u64| {
        json!({"a": {"sessionId": "a", "updatedAt": 1}, "b": {"sessionId": "b", "updatedAt": b}})
            .to_string()
    };
    let reported = |state: &[u8], text: &str, want: Want| {
        let mut parser = OpenClawFiles.resume(&file, state).unwrap();
        let mut batch = Batch::default();
        parser.feed(0, text.as_bytes(), want, NOW, &mut batch);
        let ids: String = batch
            .sessions
            .iter()
            .map(|patch| &patch.key.native_id[5..])
            .collect();
        (ids, batch.problems.len(), parser.state())
    };
    let mut parser = OpenClawFiles.start(&file);
    parser.feed(
        0,
        table(1).as_bytes(),
        Want::ACCOUNTING,
        NOW,
        &mut Batch::default(),
    );
    let first = parser.state();
    assert_eq!(reported(&first, &table(1), Want::ACCOUNTING).0, "");
    assert_eq!(reported(&first, &table(2), Want::ACCOUNTING).0, "b");
    assert_eq!(
        reported(&first, &table(1), Want::CONTENT),
        (String::new(), 0, first.clone())
    );
    let (ids, _, live) = reported(&first, &table(1), Want::LIVE);
    assert_eq!(ids, "ab", "evidence was not asked for before");
    assert_eq!(reported(&live, &table(1), Want::ACCOUNTING).0, "");
    // A file caught half written is reported and changes nothing.
    let text = table(2);
    for cut in 1..text.len() {
        assert_eq!(
            reported(&live, &text[..cut], Want::LIVE),
            (String::new(), 1, live.clone()),
            "{cut}"
        );
    }
    assert_eq!(
        reported(&live, "", Want::LIVE),
        (String::new(), 0, live.clone())
    );
    assert!(
        OpenClawFiles
            .resume(&file, &live[..live.len() - 1])
            .is_none()
    );
    assert!(OpenClawFiles.resume(&file, &[]).is_none());
}

#[test]
fn hand_edited_and_hostile_session_files() {
    let kept =
        rows("\u{feff}{ // mine\n main: {sessionId: 's', updatedAt: 90, label: 'Hand made',},\n}");
    assert_eq!(
        kept.sessions["main/s"]
            .title
            .as_ref()
            .map(|title| &*title.text),
        Some("Hand made")
    );
    assert_eq!(kept.problems, []);
    let malformed = [(ProblemKind::Malformed, "sessions.json".to_owned())];
    for text in [
        "[]",
        "7",
        "{",
        "{]",
        "nothing",
        &"[".repeat(1_000_000),
        &"{\"a\":".repeat(200_000),
    ] {
        assert_eq!(rows(text).problems, malformed, "{}", &text[..1]);
    }
    let bad = |count| vec![(ProblemKind::BadField, "session row".to_owned()); count];
    let kept = rows(
        r#"{"a":{"sessionId":{}},"b":{"sessionId":"b","updatedAt":1e99,"model":[],"origin":7,"spawnedBy":{}}}"#,
    );
    assert_eq!(kept.problems, bad(1));
    assert_eq!(kept.sessions.len(), 1);
    assert_eq!(rows(r#"{"a":[1]}"#).problems.len(), 1);
}

#[test]
fn all_state_folders_are_looked_at() {
    let roots = |env: &Env| {
        let roots = OpenClawFiles.roots(env);
        let text = roots
            .iter()
            .map(|root| format!("{}={}", root.origin, root.path.display()));
        text.collect::<Vec<_>>()
    };
    let home = [
        "default=/h/.openclaw",
        "legacy=/h/.clawdbot",
        "legacy=/h/.moltbot",
        "legacy=/h/.moldbot",
    ];
    assert_eq!(roots(&Env::at("/h")), home);
    let env = Env::at("/elsewhere")
        .with("OPENCLAW_HOME", "/h")
        .with("OPENCLAW_STATE_DIR", "/a")
        .with("CLAWDBOT_STATE_DIR", "~/b")
        .with("OPENCLAW_PROFILE", "work");
    let first = [
        "OPENCLAW_STATE_DIR=/a",
        "CLAWDBOT_STATE_DIR=/elsewhere/b",
        home[0],
        "OPENCLAW_PROFILE=/h/.openclaw-work",
    ];
    assert_eq!(roots(&env), [&first[..], &home[1..]].concat());
}

#[test]
fn a_monitor_stores_each_conversation_once_wherever_its_files_lie() {
    let home = tempfile::tempdir().unwrap();
    // A machine after the renaming: the old folder, a copy of it under the second name, and the new one.
    for (folder, recording) in [
        (".clawdbot", "clawdbot-2026.1.24"),
        (".moltbot", "clawdbot-2026.1.24"),
        (".openclaw", "openclaw-2026.7.1"),
    ] {
        common::copy(&fixture(recording), &home.path().join(folder));
    }
    let monitor = common::monitor(home.path());
    let expected = ["clawdbot-2026.1.24", "openclaw-2026.7.1"].map(recording);
    let mut wanted = BTreeMap::new();
    for (session, models) in expected.iter().flat_map(|all| all.as_object().unwrap()) {
        for (model, sums) in models.as_object().unwrap() {
            let fields = ["calls", "input", "output", "cache_read", "cache_write"];
            let sums = fields.map(|field| sums[field].as_u64().unwrap());
            wanted.insert((session.clone(), model.clone()), sums);
        }
    }
    let stored = || -> BTreeMap<_, _> {
        let sums = common::by_session(&monitor).into_iter();
        sums.map(|(key, sums)| {
            let Usage {
                input,
                output,
                cache_read,
                ..
            } = sums.usage;
            (
                key,
                [
                    sums.requests,
                    input,
                    output,
                    cache_read,
                    sums.usage.cache_creation(),
                ],
            )
        })
        .collect()
    };
    common::refresh(&monitor).unwrap();
    common::assert_same("totals", &stored(), &wanted);

    // Deleting a conversation renames its file: nothing is lost and nothing doubled.
    let folder = home.path().join(".openclaw/agents/main/sessions");
    let name = "dee4b7c4-d0ca-480e-83b2-ecf0df1ac15a.jsonl";
    let renamed = format!("{name}.deleted.2026-11-21T10-00-00.000Z");
    fs::rename(folder.join(name), folder.join(renamed)).unwrap();
    common::refresh(&monitor).unwrap();
    common::assert_same("after the renaming", &stored(), &wanted);
}

proptest::proptest! {
    /// Any damage to any file costs at most the lines that it hit.
    #[test]
    fn damage_costs_at_most_a_line(
        which in 0_usize..100,
        at in 0.0..1.0_f64,
        damage in proptest::collection::vec(proptest::num::u8::ANY, 1..40),
    ) {
        let root = fixture(["clawdbot-2026.1.24", "openclaw-2026.7.1"][which % 2]);
        let files = files(&root);
        let file = &files[which % files.len()];
        let mut bytes = bytes(file);
        let at = (bytes.len() as f64 * at) as usize;
        let end = (at + damage.len()).min(bytes.len());
        let hit = bytes[at..end].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let made = damage.iter().filter(|&&byte| byte == b'\n').count() + 1;
        bytes.splice(at..end, damage);
        let mut batch = Batch::default();
        let mut parser = OpenClawFiles.start(file);
        parser.feed(0, &bytes, ALL, NOW, &mut batch);
        parser.finish(ALL, &mut batch);
        if file.role == FileRole::Lines {
            proptest::prop_assert!(batch.problems.len() <= 3 * (hit + made));
            let mut counted = Batch::default();
            OpenClawFiles.start(file).feed(0, &self::bytes(file), ALL, NOW, &mut counted);
            proptest::prop_assert!(batch.calls.len() + hit >= counted.calls.len());
        }
    }
}
