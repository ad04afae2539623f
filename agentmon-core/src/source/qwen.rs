//! Qwen Code: `~/.qwen/projects/<project>/chats/<session id>.jsonl`, and `subagents/<session id>/agent-*.jsonl` for the
//! agents that a session started.
//!
//! **Usage**: every call leaves an `api_response` among the telemetry records of the chat, also those of subagents and
//! of background work (memory, titles) that have no other trace. The answer itself, and the subagent's own file, repeat
//! the counts; they are taken from an answer only where no telemetry went before it, as in the first versions. Input
//! includes cached tokens and output includes thoughts.

use std::borrow::Cow;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::json::{self, Raw};
use super::line::Line;
use super::record::{Log, LogParser, Place, content, count, input};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::{
    AgentKind, EventKind, FactKey, Relation, SessionKey, Timestamp, TitleKind, Usage, stamp,
};
use crate::session::Signal;

/// The chat records of Qwen Code.
#[derive(Debug, Clone, Copy, Default)]
pub struct Qwen;

impl FileFormat for Qwen {
    fn agent(&self) -> AgentKind {
        AgentKind::Qwen
    }

    fn name(&self) -> &'static str {
        "qwen"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let named = ["QWEN_RUNTIME_DIR", "QWEN_HOME"].into_iter();
        let named = named.filter_map(|name| {
            let path = env.expand(env.var(name)?);
            Some(Root { path, origin: name })
        });
        let default = Root {
            path: env.home.join(".qwen"),
            origin: "default",
        };
        named.chain([default]).collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        let parts: Vec<_> = relative.iter().collect();
        parts.first().is_some_and(|part| *part == "projects")
            && match parts.get(2).and_then(|part| part.to_str()) {
                None => parts.len() <= 2,
                Some("chats") => parts.len() == 3,
                Some("subagents") => parts.len() <= 4,
                Some(_) => false,
            }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let parts: Vec<_> = relative.iter().filter_map(|part| part.to_str()).collect();
        let is_log = match parts[..] {
            ["projects", _, "chats", name] => name.ends_with(".jsonl"),
            ["projects", _, "subagents", _, name] => {
                name.starts_with("agent-") && name.ends_with(".jsonl")
            }
            _ => false,
        };
        is_log.then_some(FileRole::Lines)
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        LogParser::start(file, Chat::default())
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        LogParser::<Chat>::resume(file, state)
    }
}

/// What is remembered of a chat.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Chat {
    /// Counts of the last call that telemetry told, until its answer is met.
    told: Option<[u64; 4]>,
    /// Time of the last record.
    last: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    subtype: Raw<'a>,
    #[serde(borrow)]
    uuid: Raw<'a>,
    #[serde(borrow)]
    session_id: Raw<'a>,
    #[serde(borrow)]
    agent_id: Raw<'a>,
    #[serde(borrow)]
    agent_name: Raw<'a>,
    #[serde(borrow)]
    timestamp: Raw<'a>,
    #[serde(borrow)]
    cwd: Raw<'a>,
    #[serde(borrow)]
    git_branch: Raw<'a>,
    #[serde(borrow)]
    version: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    usage_metadata: Raw<'a>,
    #[serde(borrow)]
    tool_call_result: Raw<'a>,
    #[serde(borrow)]
    system_payload: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    parts: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part<'a> {
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    thought: Raw<'a>,
    #[serde(borrow)]
    function_call: Raw<'a>,
    #[serde(borrow)]
    function_response: Raw<'a>,
}

/// A function that is called or answers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    args: Raw<'a>,
    #[serde(borrow)]
    response: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Answer<'a> {
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(borrow)]
    prompt_token_count: Raw<'a>,
    #[serde(borrow)]
    cached_content_token_count: Raw<'a>,
    #[serde(borrow)]
    candidates_token_count: Raw<'a>,
    #[serde(borrow)]
    thoughts_token_count: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload<'a> {
    #[serde(borrow)]
    ui_event: Raw<'a>,
    #[serde(borrow)]
    custom_title: Raw<'a>,
    #[serde(borrow)]
    title_source: Raw<'a>,
    #[serde(borrow)]
    parent_session_id: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Telemetry<'a> {
    #[serde(borrow, rename = "event.name")]
    name: Raw<'a>,
    #[serde(borrow, rename = "event.timestamp")]
    timestamp: Raw<'a>,
    #[serde(borrow)]
    response_id: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    input_token_count: Raw<'a>,
    #[serde(borrow)]
    output_token_count: Raw<'a>,
    #[serde(borrow)]
    cached_content_token_count: Raw<'a>,
    #[serde(borrow)]
    thoughts_token_count: Raw<'a>,
    #[serde(borrow)]
    subagent_id: Raw<'a>,
    #[serde(borrow)]
    error_message: Raw<'a>,
    #[serde(borrow)]
    error_type: Raw<'a>,
    #[serde(borrow)]
    status_code: Raw<'a>,
}

/// Input, cached, output and thoughts as Qwen Code counts them.
fn usage([input, cached, output, thoughts]: [u64; 4]) -> Usage {
    Usage {
        input: input.saturating_sub(cached),
        cache_read: cached,
        output,
        reasoning: thoughts.min(output),
        ..Usage::default()
    }
}

impl Log for Chat {
    fn line(&mut self, file: &FileInfo, line: &[u8], place: &mut Place<'_>) -> Option<()> {
        let record: Record<'_> = serde_json::from_slice(line).ok()?;
        let kind = json::text(record.kind)?;
        let session = json::text(record.session_id).unwrap_or(Cow::Borrowed(file.stem()));
        let parent = SessionKey::new(AgentKind::Qwen, &*session);
        let child = json::text(record.agent_id).map(|agent| child(&parent, &agent));
        let at = json::time(record.timestamp);
        let when = at.or(self.last).unwrap_or(file.born);
        self.last = Some(when);
        let id = json::text(record.uuid).unwrap_or_else(|| Cow::Owned(place.offset.to_string()));
        let mut line = place.record(child.as_ref().unwrap_or(&parent), &id, when);
        if at.is_none() {
            line.bad_field("timestamp");
        }
        if child.is_some() {
            line.child_of(parent.clone(), Relation::Within);
        }
        facts(&record, file, &mut line);
        if line.offset == 0 {
            line.sign(Signal::SessionStarted { how: "new".into() });
            line.event("start", EventKind::SessionStart, "");
        }
        match &*kind {
            "user" => line.prompt(&text(&record)),
            "assistant" => self.answer(&record, child.is_some(), file, &mut line),
            "tool_result" => result(&record, &mut line),
            "system" => self.system(&record, &parent, file, &mut line),
            _ => line.unknown("record", &kind),
        }
        Some(())
    }
}

fn child(parent: &SessionKey, agent: &str) -> SessionKey {
    SessionKey::new(AgentKind::Qwen, format!("{}/{agent}", parent.native_id))
}

/// What any record says about its session.
fn facts(record: &Record<'_>, file: &FileInfo, line: &mut Line<'_>) {
    if !line.want.accounting {
        return;
    }
    line.cwd(&json::text(record.cwd).unwrap_or_default());
    let at = line.at;
    let patch = line.patch();
    stamp(&mut patch.transcript, at, &file.path.to_string_lossy());
    for (field, value) in [
        (&mut patch.branch, record.git_branch),
        (&mut patch.version, record.version),
        (&mut patch.role, record.agent_name),
        (&mut patch.model, record.model),
    ] {
        if let Some(value) = json::text(value) {
            stamp(field, at, &value);
        }
    }
}

fn parts<'a>(record: &Record<'a>) -> Vec<Part<'a>> {
    let message: Message<'_> = json::object(record.message).unwrap_or_default();
    json::list(message.parts)
}

fn text(record: &Record<'_>) -> String {
    let texts: Vec<_> = parts(record)
        .iter()
        .filter_map(|part| json::text(part.text))
        .map(Cow::into_owned)
        .collect();
    texts.join("\n")
}

fn result(record: &Record<'_>, line: &mut Line<'_>) {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Outcome<'a> {
        #[serde(borrow)]
        status: Raw<'a>,
    }
    let outcome: Outcome<'_> = json::object(record.tool_call_result).unwrap_or_default();
    let failed = json::text(outcome.status).is_some_and(|status| status != "success");
    for (at, part) in parts(record).iter().enumerate() {
        let Some(function) = json::object::<Function<'_>>(part.function_response) else {
            continue;
        };
        let answer: Answer<'_> = json::object(function.response).unwrap_or_default();
        let call = json::text(function.id).unwrap_or_default();
        let tool = json::text(function.name);
        let failed = failed || answer.error.is_some();
        let output = content(answer.output.or(answer.error));
        line.tool_ends(at, &call, tool.as_deref(), &output, failed);
    }
}

impl Chat {
    fn answer(
        &mut self,
        record: &Record<'_>,
        is_child: bool,
        file: &FileInfo,
        line: &mut Line<'_>,
    ) {
        let counts = json::object::<Counts<'_>>(record.usage_metadata);
        let counts = counts.map(|counts| {
            [
                counts.prompt_token_count,
                counts.cached_content_token_count,
                counts.candidates_token_count,
                counts.thoughts_token_count,
            ]
            .map(count)
        });
        if let Some(counts) = counts.filter(|_| !is_child)
            && self.told.take() != Some(counts)
        {
            let fact = FactKey::new("qwen.answer", &[line.id.as_bytes()]);
            let model = json::text(record.model);
            line.call(fact, model.as_deref(), usage(counts), file.born);
        }
        let parts = parts(record);
        let mut calls = false;
        for (at, part) in parts.iter().enumerate() {
            if let Some(function) = json::object::<Function<'_>>(part.function_call) {
                let call = json::text(function.id).unwrap_or_default();
                let tool = json::text(function.name).unwrap_or_default();
                line.tool_starts(at, &call, &tool, &input(function.args));
                calls = true;
                continue;
            }
            let kind = match json::flag(part.thought) {
                Some(true) => EventKind::Thinking,
                _ => EventKind::Response,
            };
            line.says(at, kind, &json::text(part.text).unwrap_or_default());
        }
        match (calls, parts.is_empty()) {
            (true, _) => {}
            // A subagent's file tells the counts of an answer first and its words after.
            (false, true) => line.sign(Signal::ModelActive),
            (false, false) => line.turn_ends(),
        }
    }

    fn system(
        &mut self,
        record: &Record<'_>,
        parent: &SessionKey,
        file: &FileInfo,
        line: &mut Line<'_>,
    ) {
        let payload: Payload<'_> = json::object(record.system_payload).unwrap_or_default();
        match json::text(record.subtype).as_deref() {
            Some("ui_telemetry") => {
                let event: Telemetry<'_> = json::object(payload.ui_event).unwrap_or_default();
                match json::text(event.name).as_deref() {
                    Some("qwen-code.api_response") => self.told(&event, parent, file, line),
                    Some("qwen-code.api_error") if event.subagent_id.is_none() => line.fails(
                        json::count(event.status_code),
                        &json::text(event.error_type).unwrap_or_default(),
                        &json::text(event.error_message).unwrap_or_default(),
                    ),
                    _ => {}
                }
            }
            Some("custom_title") => {
                let kind = match json::text(payload.title_source).as_deref() {
                    Some("auto") => TitleKind::Agent,
                    _ => TitleKind::Custom,
                };
                line.title(kind, &json::text(payload.custom_title).unwrap_or_default());
            }
            Some("parent_session") => {
                if let Some(id) = json::text(payload.parent_session_id) {
                    line.child_of(SessionKey::new(AgentKind::Qwen, id), Relation::Fork);
                }
            }
            Some("chat_compression") => {
                line.sign(Signal::Compacted);
                line.event("compaction", EventKind::Compaction, "");
            }
            // Others are added with every version and are the client's own bookkeeping.
            _ => {}
        }
    }

    /// A call that telemetry tells, which is a subagent's where it says so.
    fn told(
        &mut self,
        event: &Telemetry<'_>,
        parent: &SessionKey,
        file: &FileInfo,
        line: &mut Line<'_>,
    ) {
        let counts = [
            event.input_token_count,
            event.cached_content_token_count,
            event.output_token_count,
            event.thoughts_token_count,
        ]
        .map(count);
        // A copy of the chat keeps both; local servers number their answers from one.
        let response = json::text(event.response_id).unwrap_or_default();
        let at = json::text(event.timestamp).unwrap_or_default();
        let fact = FactKey::new("qwen.response", &[response.as_bytes(), at.as_bytes()]);
        let model = json::text(event.model);
        // The client's own background work has no transcript: the session is credited with it.
        let agent = json::text(event.subagent_id);
        let is_managed = |agent: &Cow<'_, str>| agent.starts_with("managed-");
        if agent.as_ref().is_some_and(is_managed) {
            line.call(fact, model.as_deref(), usage(counts), file.born);
            return;
        }
        match agent {
            None => {
                self.told = Some(counts);
                line.call(fact, model.as_deref(), usage(counts), file.born);
            }
            Some(agent) => {
                let key = child(parent, &agent);
                let place = &mut Place {
                    out: &mut *line.out,
                    want: line.want,
                    offset: line.offset,
                };
                let mut line = place.record(&key, line.id, line.at);
                line.child_of(parent.clone(), Relation::Within);
                line.call(fact, model.as_deref(), usage(counts), file.born);
            }
        }
    }
}
