//! GitHub Copilot CLI: `~/.copilot/session-state/<session id>/events.jsonl`, one event a line.
//!
//! The session events are documented by the Copilot SDK (`session-events.schema.json`). A subagent writes into its
//! parent's log under an `agentId`; it becomes a session within it.
//!
//! **Usage**: since 2026 every call leaves a `session.usage_record`, whose `inputTokens` hold what was read from and
//! written to the cache. Before, only `session.shutdown` told sums by model, which grow over the life of the session:
//! each such sum counts as one call, and a session that was killed has none. `cost` is in premium requests, not money.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{self, Raw};
use super::line::{Line, detail};
use super::record::{Log, LogParser, Place, content, count, input};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::{AgentKind, EventKind, FactKey, Relation, SessionKey, Timestamp, Usage, stamp};
use crate::session::{Ask, Signal};

/// The session logs of GitHub Copilot CLI.
#[derive(Debug, Clone, Copy, Default)]
pub struct Copilot;

impl FileFormat for Copilot {
    fn agent(&self) -> AgentKind {
        AgentKind::Copilot
    }

    fn name(&self) -> &'static str {
        "copilot"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let named = env.var("COPILOT_HOME").map(|home| Root {
            path: env.expand(home),
            origin: "COPILOT_HOME",
        });
        let default = Root {
            path: env.home.join(".copilot"),
            origin: "default",
        };
        named.into_iter().chain([default]).collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        relative.starts_with("session-state") && relative.components().count() <= 2
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        session(relative).map(|_| FileRole::Lines)
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        LogParser::start(file, Events::default())
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        LogParser::<Events>::resume(file, state)
    }
}

/// The session whose log a file is: a folder's name, or in the first versions the file's own.
fn session(relative: &Path) -> Option<&str> {
    let inside = relative.strip_prefix("session-state").ok()?.to_str()?;
    match inside.split_once(['/', '\\']) {
        Some((id, "events.jsonl")) => Some(id),
        Some(_) => None,
        None => inside.strip_suffix(".jsonl"),
    }
}

/// What is remembered of a log.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Events {
    /// Whether calls are recorded one by one.
    counted: bool,
    /// Time of the last event.
    last: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow, default)]
    id: Raw<'a>,
    #[serde(borrow, default)]
    timestamp: Raw<'a>,
    #[serde(borrow, default, rename = "agentId")]
    agent: Raw<'a>,
    #[serde(borrow, default)]
    data: Raw<'a>,
}

/// Fields of any event that matter.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    content: Raw<'a>,
    #[serde(borrow)]
    context: Raw<'a>,
    #[serde(borrow)]
    copilot_version: Raw<'a>,
    #[serde(borrow)]
    selected_model: Raw<'a>,
    #[serde(borrow)]
    new_model: Raw<'a>,
    #[serde(borrow)]
    usage: Raw<'a>,
    #[serde(borrow)]
    reasoning_text: Raw<'a>,
    #[serde(borrow)]
    tool_requests: Raw<'a>,
    #[serde(borrow)]
    tool_call_id: Raw<'a>,
    #[serde(borrow)]
    tool_name: Raw<'a>,
    #[serde(borrow)]
    arguments: Raw<'a>,
    #[serde(borrow)]
    success: Raw<'a>,
    #[serde(borrow)]
    result: Raw<'a>,
    #[serde(borrow)]
    error: Raw<'a>,
    #[serde(borrow)]
    agent_display_name: Raw<'a>,
    #[serde(borrow)]
    error_type: Raw<'a>,
    #[serde(borrow)]
    status_code: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    shutdown_type: Raw<'a>,
    #[serde(borrow)]
    model_metrics: Raw<'a>,
    #[serde(borrow)]
    request_id: Raw<'a>,
    #[serde(borrow)]
    permission_request: Raw<'a>,
    #[serde(borrow)]
    summary_content: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Context<'a> {
    #[serde(borrow)]
    cwd: Raw<'a>,
    #[serde(borrow)]
    branch: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Counts<'a> {
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_read_tokens: Raw<'a>,
    #[serde(borrow)]
    cache_write_tokens: Raw<'a>,
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
    #[serde(borrow)]
    accounting: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Accounting<'a> {
    #[serde(borrow)]
    source_session_id: Raw<'a>,
    #[serde(borrow)]
    sequence: Raw<'a>,
    #[serde(borrow)]
    usage_id: Raw<'a>,
}

impl Counts<'_> {
    fn usage(&self) -> Usage {
        let (read, written) = (
            count(self.cache_read_tokens),
            count(self.cache_write_tokens),
        );
        let output = count(self.output_tokens);
        Usage {
            input: count(self.input_tokens)
                .saturating_sub(read)
                .saturating_sub(written),
            cache_read: read,
            cache_creation_5m: written,
            cache_creation_1h: 0,
            output,
            reasoning: count(self.reasoning_tokens).min(output),
        }
    }
}

impl Log for Events {
    fn line(&mut self, file: &FileInfo, line: &[u8], place: &mut Place<'_>) -> Option<()> {
        let event: Envelope<'_> = serde_json::from_slice(line).ok()?;
        let kind = json::text(event.kind)?;
        let data: Data<'_> = json::object(event.data).unwrap_or_default();
        let at = json::time(event.timestamp);
        let id = json::text(event.id).unwrap_or_else(|| Cow::Owned(place.offset.to_string()));
        let relative = file.relative();
        let session = session(Path::new(&relative)).unwrap_or_else(|| file.stem());
        let parent = SessionKey::new(AgentKind::Copilot, session);
        let child = json::text(event.agent).map(|agent| {
            let native = format!("{}/{agent}", parent.native_id);
            SessionKey::new(AgentKind::Copilot, native)
        });
        let key = child.as_ref().unwrap_or(&parent);
        let when = at.or(self.last).unwrap_or(file.born);
        self.last = Some(when);
        let mut line = place.record(key, &id, when);
        if at.is_none() {
            line.bad_field("timestamp");
        }
        if child.is_some() {
            line.child_of(parent.clone(), Relation::Within);
        }
        self.event(&kind, &data, child.is_some(), file, &mut line);
        Some(())
    }
}

impl Events {
    fn event(
        &mut self,
        kind: &str,
        data: &Data<'_>,
        is_child: bool,
        file: &FileInfo,
        line: &mut Line<'_>,
    ) {
        match kind {
            "session.start" | "session.resume" => begin(kind, data, file, line),
            "session.context_changed" => context(line, data),
            "session.model_change" => model(line, data.new_model),
            "user.message" => line.prompt(&json::text(data.content).unwrap_or_default()),
            "assistant.turn_start" => line.sign(Signal::ModelActive),
            "assistant.message" => message(data, line),
            "session.usage_record" => {
                self.counted = true;
                call(data, line);
            }
            "session.shutdown" => {
                if !self.counted {
                    sums(data, line);
                }
                let reason = json::text(data.shutdown_type).unwrap_or_default();
                line.sign(Signal::SessionEnded {
                    reason: reason.as_ref().into(),
                });
                line.event("end", EventKind::SessionEnd, &reason);
            }
            "session.error" => {
                let class = json::text(data.error_type).unwrap_or_default();
                let message = json::text(data.message).unwrap_or_default();
                line.fails(json::count(data.status_code), &class, &message);
            }
            "abort" => {
                line.sign(Signal::Interrupted);
                line.event("end", EventKind::Notice, "aborted");
            }
            "tool.execution_start" => {
                let call = json::text(data.tool_call_id).unwrap_or_default();
                let tool = json::text(data.tool_name).unwrap_or_default();
                line.tool_starts("tool", &call, &tool, &input(data.arguments));
            }
            "tool.execution_complete" => tool_ends(data, line),
            "permission.requested" => asks(data, line),
            "permission.completed" => line.sign(Signal::InputGiven {
                request: json::text(data.request_id).map(Box::from),
            }),
            "session.compaction_start" => line.sign(Signal::Compacting),
            "session.compaction_complete" => {
                line.sign(Signal::Compacted);
                let summary = json::text(data.summary_content).unwrap_or_default();
                line.event("compaction", EventKind::Compaction, &summary);
            }
            "subagent.started" => {
                line.sign(Signal::SessionStarted {
                    how: "subagent".into(),
                });
                let name = json::text(data.agent_display_name);
                if let Some(name) = name.filter(|_| line.want.accounting && is_child) {
                    let at = line.at;
                    stamp(&mut line.patch().role, at, &name);
                }
            }
            "subagent.completed" if is_child => line.sign(Signal::SessionEnded {
                reason: "completed".into(),
            }),
            "subagent.failed" if is_child => {
                line.fails(
                    None,
                    "subagent",
                    &json::text(data.error).unwrap_or_default(),
                );
            }
            _ if is_known(kind) => {}
            _ => line.unknown("event", kind),
        }
    }
}

/// Events that tell nothing for this purpose, by their documented names and families.
fn is_known(kind: &str) -> bool {
    const FAMILIES: [&str; 11] = [
        "assistant.",
        "external_tool.",
        "factory.",
        "hook.",
        "mcp.",
        "permission.",
        "session.",
        "skill.",
        "subagent.",
        "system.",
        "tool",
    ];
    FAMILIES.iter().any(|family| kind.starts_with(family))
}

fn begin(kind: &str, data: &Data<'_>, file: &FileInfo, line: &mut Line<'_>) {
    let how = kind.trim_start_matches("session.");
    line.sign(Signal::SessionStarted { how: how.into() });
    line.event("start", EventKind::SessionStart, how);
    context(line, data);
    model(line, data.selected_model);
    if line.want.accounting {
        let at = line.at;
        let patch = line.patch();
        stamp(&mut patch.transcript, at, &file.path.to_string_lossy());
        if let Some(version) = json::text(data.copilot_version) {
            stamp(&mut patch.version, at, &version);
        }
    }
}

fn context(line: &mut Line<'_>, data: &Data<'_>) {
    let context: Context<'_> = json::object(data.context).unwrap_or_default();
    line.cwd(&json::text(context.cwd).unwrap_or_default());
    if let Some(branch) = json::text(context.branch).filter(|_| line.want.accounting) {
        let at = line.at;
        stamp(&mut line.patch().branch, at, &branch);
    }
}

fn model(line: &mut Line<'_>, name: Raw<'_>) {
    if let Some(name) = json::text(name).filter(|_| line.want.accounting) {
        let at = line.at;
        stamp(&mut line.patch().model, at, &name);
    }
}

fn message(data: &Data<'_>, line: &mut Line<'_>) {
    let thought = json::text(data.reasoning_text).unwrap_or_default();
    line.says("thinking", EventKind::Thinking, &thought);
    let text = json::text(data.content).unwrap_or_default();
    line.says("text", EventKind::Response, &text);
    if json::elements(data.tool_requests).is_empty() {
        line.turn_ends();
    }
}

fn tool_ends(data: &Data<'_>, line: &mut Line<'_>) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Outcome<'a> {
        #[serde(borrow)]
        content: Raw<'a>,
        #[serde(borrow)]
        message: Raw<'a>,
    }
    let failed = json::flag(data.success) == Some(false);
    let outcome: Outcome<'_> = json::object(data.result.or(data.error)).unwrap_or_default();
    let output = content(outcome.content.or(outcome.message));
    let call = json::text(data.tool_call_id).unwrap_or_default();
    line.tool_ends("result", &call, None, &output, failed);
}

fn asks(data: &Data<'_>, line: &mut Line<'_>) {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Request<'a> {
        #[serde(borrow)]
        kind: Raw<'a>,
        #[serde(borrow)]
        tool_name: Raw<'a>,
        #[serde(borrow)]
        full_command_text: Raw<'a>,
        #[serde(borrow)]
        intention: Raw<'a>,
    }
    let request: Request<'_> = json::object(data.permission_request).unwrap_or_default();
    let text = json::text(request.full_command_text).or_else(|| json::text(request.intention));
    line.sign(Signal::NeedsInput {
        ask: Ask::Permission {
            tool: json::text(request.tool_name.or(request.kind)).map(Box::from),
        },
        detail: text.and_then(|text| detail(&text)),
        request: json::text(data.request_id).map(Box::from),
    });
}

fn call(data: &Data<'_>, line: &mut Line<'_>) {
    let Some(counts) = json::object::<Counts<'_>>(data.usage) else {
        return line.bad_field("usage");
    };
    let accounting: Accounting<'_> = json::object(counts.accounting).unwrap_or_default();
    let session = json::text(accounting.source_session_id);
    let usage_id = json::text(accounting.usage_id);
    // The record of a call that a fork copied names the session that made it.
    let fact = match (&session, &usage_id) {
        (Some(session), Some(usage)) => FactKey::new(
            "copilot.usage",
            &[
                session.as_bytes(),
                usage.as_bytes(),
                &count(accounting.sequence).to_le_bytes(),
            ],
        ),
        _ => FactKey::new(
            "copilot.event",
            &[line.key.native_id.as_bytes(), line.id.as_bytes()],
        ),
    };
    let model = json::text(counts.model);
    let is_own = session.is_some_and(|session| {
        let own = line.key.native_id.split('/').next();
        own == Some(&session)
    });
    let credit = Timestamp(if is_own { 0 } else { line.at.0 });
    line.call(fact, model.as_deref(), counts.usage(), credit);
}

/// What a session used altogether, by model, where its calls are not recorded.
fn sums(data: &Data<'_>, line: &mut Line<'_>) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Metrics<'a> {
        #[serde(borrow)]
        usage: Raw<'a>,
    }
    let models: BTreeMap<String, &RawValue> = data
        .model_metrics
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    for (model, metrics) in models {
        let metrics: Metrics<'_> = json::object(Some(metrics)).unwrap_or_default();
        let counts: Counts<'_> = json::object(metrics.usage).unwrap_or_default();
        let usage = counts.usage();
        if !usage.is_zero() {
            let session = line.key.native_id.as_bytes();
            let fact = FactKey::new("copilot.session", &[session, model.as_bytes()]);
            line.call(fact, Some(&model), usage, Timestamp(0));
        }
    }
}
