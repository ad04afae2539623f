//! Kimi Code: `~/.kimi-code/sessions/<workspace>/<session id>/`, with one `agents/<agent>/wire.jsonl` for the session
//! itself (`main`) and each of its subagents, and `state.json` for what the session is.
//!
//! **Usage**: every call leaves a `usage.record` with disjoint counts; `step.end` and `agent.message.appended` repeat
//! them. Reasoning is in `output` and not told apart. A record names the user's alias of the model; the request before
//! it tells the model itself. A fork copies its parent's records with their times, so agent, time and counts are the
//! identity of a call. The Python client before it (`~/.kimi`) named no model and is not read.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::json::{self, Raw};
use super::line::Line;
use super::record::{Log, LogParser, Place, content, count, input};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root, Want};
use crate::model::{
    AgentKind, Batch, EventKind, FactKey, ProblemKind, Relation, SessionKey, Timestamp, TitleKind,
    Usage, stamp,
};
use crate::session::{Ask, Signal};

/// The session folders of Kimi Code.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kimi;

impl FileFormat for Kimi {
    fn agent(&self) -> AgentKind {
        AgentKind::Kimi
    }

    fn name(&self) -> &'static str {
        "kimi"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let named = env.var("KIMI_CODE_HOME").map(|home| Root {
            path: env.expand(home),
            origin: "KIMI_CODE_HOME",
        });
        let default = Root {
            path: env.home.join(".kimi-code"),
            origin: "default",
        };
        named.into_iter().chain([default]).collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        let parts: Vec<_> = relative.iter().collect();
        parts.first().is_some_and(|part| *part == "sessions")
            && parts.get(3).is_none_or(|part| *part == "agents")
            && parts.len() <= 5
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let relative = relative.to_string_lossy().replace('\\', "/");
        place(&relative).map(|(_, agent)| match agent {
            Some(_) => FileRole::Lines,
            None => FileRole::Snapshot,
        })
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match place(&file.relative()) {
            Some((session, None)) => Box::new(State(main(session))),
            _ => LogParser::start(file, Wire::default()),
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        match place(&file.relative()) {
            Some((_, None)) => Some(self.start(file)),
            _ => LogParser::<Wire>::resume(file, state),
        }
    }
}

/// The session a file belongs to, and the agent whose log it is; `None` for the session's own state.
fn place(relative: &str) -> Option<(&str, Option<&str>)> {
    let parts: Vec<_> = relative.split('/').collect();
    match parts[..] {
        ["sessions", _, session, "state.json"] => Some((session, None)),
        ["sessions", _, session, "agents", agent, "wire.jsonl"] => Some((session, Some(agent))),
        _ => None,
    }
}

fn main(session: &str) -> SessionKey {
    SessionKey::new(AgentKind::Kimi, session)
}

/// What is remembered of an agent's log.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Wire {
    /// The alias and the model of the last request.
    model: Option<(Box<str>, Box<str>)>,
    /// Time of the last record.
    last: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    time: Raw<'a>,
    #[serde(borrow, rename = "created_at")]
    created_at: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    model_alias: Raw<'a>,
    #[serde(borrow)]
    usage: Raw<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    origin: Raw<'a>,
    #[serde(borrow)]
    event: Raw<'a>,
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
    #[serde(borrow)]
    subagent_id: Raw<'a>,
    #[serde(borrow)]
    subagent_name: Raw<'a>,
    #[serde(borrow)]
    tool_call_id: Raw<'a>,
    #[serde(borrow)]
    tool_name: Raw<'a>,
    #[serde(borrow)]
    summary: Raw<'a>,
}

/// A step of the agent's loop.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Step<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    uuid: Raw<'a>,
    #[serde(borrow)]
    part: Raw<'a>,
    #[serde(borrow)]
    tool_call_id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    args: Raw<'a>,
    #[serde(borrow)]
    result: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(borrow)]
    input_other: Raw<'a>,
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    input_cache_read: Raw<'a>,
    #[serde(borrow)]
    input_cache_creation: Raw<'a>,
}

/// Fields of the small objects inside of records.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inner<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, rename = "kind")]
    origin: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    think: Raw<'a>,
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    is_error: Raw<'a>,
    #[serde(borrow)]
    code: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    details: Raw<'a>,
    #[serde(borrow)]
    status_code: Raw<'a>,
}

impl Log for Wire {
    fn line(&mut self, file: &FileInfo, line: &[u8], out: &mut Place<'_>) -> Option<()> {
        let record: Record<'_> = serde_json::from_slice(line).ok()?;
        let kind = json::text(record.kind)?;
        let relative = file.relative();
        let (session, agent) = place(&relative).unwrap_or((file.stem(), None));
        let agent = agent.unwrap_or("main");
        let parent = main(session);
        let child = (agent != "main")
            .then(|| SessionKey::new(AgentKind::Kimi, format!("{session}/{agent}")));
        let at = json::time(record.time).or_else(|| json::time(record.created_at));
        let when = at.or(self.last).unwrap_or(file.born);
        self.last = Some(when);
        let id = out.offset.to_string();
        let mut line = out.record(child.as_ref().unwrap_or(&parent), &id, when);
        if at.is_none() {
            line.bad_field("time");
        }
        if child.is_some() {
            line.child_of(parent.clone(), Relation::Within);
        }
        if kind == "subagent.spawned" {
            spawned(&record, &parent, &mut line);
        } else {
            self.record(&kind, &record, agent, file, &mut line);
        }
        Some(())
    }
}

impl Wire {
    fn record(
        &mut self,
        kind: &str,
        record: &Record<'_>,
        agent: &str,
        file: &FileInfo,
        line: &mut Line<'_>,
    ) {
        match kind {
            "metadata" => {
                line.sign(Signal::SessionStarted { how: "new".into() });
                line.event("start", EventKind::SessionStart, "");
                if line.want.accounting {
                    let at = line.at;
                    stamp(
                        &mut line.patch().transcript,
                        at,
                        &file.path.to_string_lossy(),
                    );
                }
            }
            "llm.request" => {
                let alias = json::text(record.model_alias);
                if let (Some(alias), Some(model)) = (alias, json::text(record.model)) {
                    self.model = Some((alias.into(), model.into()));
                }
                line.sign(Signal::ModelActive);
            }
            "usage.record" => self.call(record, agent, file, line),
            "turn.prompt" | "turn.steer" => {
                let origin: Inner<'_> = json::object(record.origin).unwrap_or_default();
                let text = content(record.input);
                match json::text(origin.origin).as_deref() {
                    // Reminders and results of background work: they wake the session all the same.
                    Some(origin) if origin != "user" && agent == "main" => {
                        line.sign(Signal::PromptSubmitted);
                        line.event("prompt", EventKind::Notice, &text);
                    }
                    _ => line.prompt(&text),
                }
            }
            "context.append_loop_event" => step(record, line),
            "turn.ended" => ended(record, line),
            "turn.cancel" => {
                line.sign(Signal::Interrupted);
                line.event("end", EventKind::Notice, "cancelled");
            }
            "permission.approval.requested" => line.sign(Signal::NeedsInput {
                ask: Ask::Permission {
                    tool: json::text(record.tool_name).map(Box::from),
                },
                detail: None,
                request: json::text(record.tool_call_id).map(Box::from),
            }),
            "permission.approval.resolved" | "permission.record_approval_result" => {
                line.sign(Signal::InputGiven {
                    request: json::text(record.tool_call_id).map(Box::from),
                });
            }
            "compaction.started" => line.sign(Signal::Compacting),
            "context.apply_compaction" | "compaction.completed" => {
                line.sign(Signal::Compacted);
                let summary = content(record.summary);
                line.event("compaction", EventKind::Compaction, &summary);
            }
            _ if is_known(kind) => {}
            _ => line.unknown("record", kind),
        }
    }

    fn call(&self, record: &Record<'_>, agent: &str, file: &FileInfo, line: &mut Line<'_>) {
        let Some(counts) = json::object::<Counts<'_>>(record.usage) else {
            return line.bad_field("usage");
        };
        let usage = Usage {
            input: count(counts.input_other),
            cache_read: count(counts.input_cache_read),
            cache_creation_5m: count(counts.input_cache_creation),
            cache_creation_1h: 0,
            output: count(counts.output),
            reasoning: 0,
        };
        let alias = json::text(record.model);
        let model = match (&self.model, &alias) {
            (Some((known, model)), Some(alias)) if **known == **alias => Some(&**model),
            _ => alias.as_deref(),
        };
        let numbers = [
            line.at.0 as u64,
            usage.input,
            usage.cache_read,
            usage.cache_creation_5m,
            usage.output,
        ]
        .map(u64::to_le_bytes);
        let fact = FactKey::new("kimi.usage", &[agent.as_bytes(), numbers.as_flattened()]);
        line.call(fact, model, usage, file.born);
    }
}

/// Records that tell nothing for this purpose, by their families.
fn is_known(kind: &str) -> bool {
    const FAMILIES: [&str; 22] = [
        "agent.",
        "background.",
        "compaction.",
        "config.",
        "context.",
        "cron.",
        "forked",
        "full_compaction.",
        "goal.",
        "interaction.",
        "llm.",
        "mcp.",
        "permission.",
        "plan",
        "plugin.",
        "profile.",
        "prompt.",
        "runtime.",
        "subagent.",
        "token_counting.",
        "tools.",
        "turn.",
    ];
    FAMILIES.iter().any(|family| kind.starts_with(family))
}

/// The parent says what a subagent is for.
fn spawned(record: &Record<'_>, parent: &SessionKey, line: &mut Line<'_>) {
    let Some(id) = json::text(record.subagent_id).filter(|_| line.want.accounting) else {
        return;
    };
    let child = SessionKey::new(AgentKind::Kimi, format!("{}/{id}", parent.native_id));
    let index = line.out.session(&child);
    let at = line.at;
    let patch = line.out.patch(index);
    patch.parent = Some((parent.clone(), Relation::Within));
    if let Some(name) = json::text(record.subagent_name) {
        stamp(&mut patch.role, at, &name);
    }
}

fn step(record: &Record<'_>, line: &mut Line<'_>) {
    let step: Step<'_> = json::object(record.event).unwrap_or_default();
    let inner = |raw| json::object::<Inner<'_>>(raw).unwrap_or_default();
    let call = json::text(step.tool_call_id).unwrap_or_default();
    match json::text(step.kind).as_deref() {
        Some("step.begin") => line.sign(Signal::ModelActive),
        Some("content.part") => {
            let part = inner(step.part);
            let (kind, text) = match json::text(part.kind).as_deref() {
                Some("think") => (EventKind::Thinking, part.think),
                _ => (EventKind::Response, part.text),
            };
            let id = json::text(step.uuid).unwrap_or(Cow::Borrowed("part"));
            line.says(id, kind, &json::text(text).unwrap_or_default());
        }
        Some("tool.call") => {
            let tool = json::text(step.name).unwrap_or_default();
            line.tool_starts("tool", &call, &tool, &input(step.args));
        }
        Some("tool.result") => {
            let result = inner(step.result);
            let failed = json::flag(result.is_error) == Some(true);
            line.tool_ends("result", &call, None, &content(result.output), failed);
        }
        _ => {}
    }
}

fn ended(record: &Record<'_>, line: &mut Line<'_>) {
    match json::text(record.reason).as_deref() {
        Some("cancelled") => {
            line.sign(Signal::Interrupted);
            line.event("end", EventKind::Notice, "cancelled");
        }
        Some("failed") => {
            let error: Inner<'_> = json::object(record.error).unwrap_or_default();
            let details: Inner<'_> = json::object(error.details).unwrap_or_default();
            let class = json::text(error.code).unwrap_or_default();
            let message = json::text(error.message).unwrap_or_default();
            line.fails(json::count(details.status_code), &class, &message);
        }
        _ => line.turn_ends(),
    }
}

/// Parser of `state.json`: the folder, the title and the origin of a session.
#[derive(Debug)]
struct State(SessionKey);

impl Parser for State {
    fn feed(&mut self, _: u64, bytes: &[u8], want: Want, _: Timestamp, out: &mut Batch) {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Facts<'a> {
            #[serde(borrow)]
            cwd: Raw<'a>,
            #[serde(borrow)]
            title: Raw<'a>,
            #[serde(borrow)]
            is_custom_title: Raw<'a>,
            #[serde(borrow)]
            forked_from: Raw<'a>,
            #[serde(borrow)]
            created_at: Raw<'a>,
            #[serde(borrow)]
            updated_at: Raw<'a>,
        }
        let facts = bytes.trim_ascii().starts_with(b"{");
        let facts: Option<Facts<'_>> = facts.then(|| serde_json::from_slice(bytes).ok()).flatten();
        let Some(facts) = facts else {
            return out.problem(ProblemKind::Malformed, 0, "state.json");
        };
        let Some(at) = json::time(facts.created_at) else {
            return out.problem(ProblemKind::BadField, 0, "createdAt");
        };
        let place = &mut Place {
            out,
            want,
            offset: 0,
        };
        let mut line = place.record(&self.0, "state", at);
        line.cwd(&json::text(facts.cwd).unwrap_or_default());
        let is_custom = json::flag(facts.is_custom_title) == Some(true);
        let kind = if is_custom {
            TitleKind::Custom
        } else {
            TitleKind::Agent
        };
        line.title(kind, &json::text(facts.title).unwrap_or_default());
        if let Some(origin) = json::text(facts.forked_from) {
            line.child_of(main(&origin), Relation::Fork);
        }
        // A fork keeps its parent's last change, which lies before its own birth.
        if let Some(updated) = json::time(facts.updated_at).filter(|updated| *updated > at) {
            line.patch().touch(updated);
        }
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
