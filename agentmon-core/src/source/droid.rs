//! Factory's Droid: `~/.factory/sessions/<project>/<session id>.jsonl`, and beside it `<session id>.settings.json` with
//! what the session used.
//!
//! **Usage**: only the session's sum is written, in disjoint counts (thinking is a part of the output), and without the
//! tokens of its subagents, which are sessions of their own. It counts as one call of the model in use, at the time of
//! the last change: the days of a session that went on for several cannot be told apart. The sum only grows, so the
//! greatest that was seen stands.

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
use crate::session::Signal;

/// The session files of Factory's Droid.
#[derive(Debug, Clone, Copy, Default)]
pub struct Droid;

const SETTINGS: &str = ".settings.json";

impl FileFormat for Droid {
    fn agent(&self) -> AgentKind {
        AgentKind::Droid
    }

    fn name(&self) -> &'static str {
        "droid"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let named = env.var("FACTORY_HOME_OVERRIDE").map(|home| Root {
            path: env.expand(home).join(".factory"),
            origin: "FACTORY_HOME_OVERRIDE",
        });
        let default = Root {
            path: env.home.join(".factory"),
            origin: "default",
        };
        named.into_iter().chain([default]).collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        relative.starts_with("sessions") && relative.components().count() <= 2
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let name = relative
            .strip_prefix("sessions")
            .ok()?
            .file_name()?
            .to_str()?;
        if name.ends_with(".jsonl") {
            Some(FileRole::Lines)
        } else {
            name.ends_with(SETTINGS).then_some(FileRole::Snapshot)
        }
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match file.role {
            FileRole::Snapshot => Box::new(Settings { file: file.clone() }),
            _ => LogParser::start(file, Messages::default()),
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        match file.role {
            FileRole::Snapshot => Some(self.start(file)),
            _ => LogParser::<Messages>::resume(file, state),
        }
    }
}

/// What is remembered of a session's messages.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Messages {
    /// Time of the last message: other records have none.
    last: Option<Timestamp>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    timestamp: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    title: Raw<'a>,
    #[serde(borrow)]
    is_session_title_manually_set: Raw<'a>,
    #[serde(borrow)]
    cwd: Raw<'a>,
    #[serde(borrow)]
    calling_session_id: Raw<'a>,
    #[serde(borrow)]
    turn_id: Raw<'a>,
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    summary_text: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    role: Raw<'a>,
    #[serde(borrow)]
    content: Raw<'a>,
    #[serde(borrow)]
    model_id: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    thinking: Raw<'a>,
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    tool_use_id: Raw<'a>,
    #[serde(borrow)]
    is_error: Raw<'a>,
    #[serde(borrow)]
    content: Raw<'a>,
}

impl Log for Messages {
    fn line(&mut self, file: &FileInfo, line: &[u8], place: &mut Place<'_>) -> Option<()> {
        let record: Record<'_> = serde_json::from_slice(line).ok()?;
        let kind = json::text(record.kind)?;
        let key = SessionKey::new(AgentKind::Droid, file.stem());
        let at = json::time(record.timestamp);
        let when = at.or(self.last).unwrap_or(file.born);
        self.last = Some(when);
        let id = json::text(record.id.or(record.turn_id));
        let id = id.unwrap_or_else(|| Cow::Owned(place.offset.to_string()));
        // The first record has no time, and the file's own is no sign of the session: a copied tree is born anew.
        if kind == "session_start" {
            self.last = None;
            begin(&record, file, &mut place.aside(&key, &id, when));
            return Some(());
        }
        let mut line = place.record(&key, &id, when);
        match &*kind {
            "message" => {
                if at.is_none() {
                    line.bad_field("timestamp");
                }
                message(&record, &mut line);
            }
            "agent_turn_outcome" => outcome(&record, &mut line),
            "compaction_state" => {
                line.sign(Signal::Compacted);
                let summary = json::text(record.summary_text).unwrap_or_default();
                line.event("compaction", EventKind::Compaction, &summary);
            }
            "todo_state" | "session_end" => {}
            _ => line.unknown("record", &kind),
        }
        Some(())
    }
}

fn begin(record: &Record<'_>, file: &FileInfo, line: &mut Line<'_>) {
    line.cwd(&json::text(record.cwd).unwrap_or_default());
    let is_manual = json::flag(record.is_session_title_manually_set) == Some(true);
    let kind = match is_manual {
        true => TitleKind::Custom,
        false => TitleKind::Summary,
    };
    line.title(kind, &json::text(record.title).unwrap_or_default());
    if let Some(parent) = json::text(record.calling_session_id) {
        let parent = SessionKey::new(AgentKind::Droid, parent);
        line.child_of(parent, Relation::Spawned);
    }
    if line.want.accounting {
        let at = line.at;
        let path = file.path.to_string_lossy();
        stamp(&mut line.patch().transcript, at, &path);
    }
}

fn message(record: &Record<'_>, line: &mut Line<'_>) {
    let message: Message<'_> = json::object(record.message).unwrap_or_default();
    let role = json::text(message.role).unwrap_or_default();
    if let Some(model) = json::text(message.model_id).filter(|_| line.want.accounting) {
        let at = line.at;
        stamp(&mut line.patch().model, at, &model);
    }
    let is_user = role == "user";
    if let Some(text) = json::text(message.content) {
        return match is_user {
            true => line.prompt(&text),
            false => line.says(0, EventKind::Response, &text),
        };
    }
    let mut prompt = String::new();
    for (at, block) in json::list::<Block<'_>>(message.content).iter().enumerate() {
        let text = || json::text(block.text).unwrap_or_default();
        match json::text(block.kind).as_deref() {
            Some("text") if !is_user => line.says(at, EventKind::Response, &text()),
            // What Droid adds for the model and no person wrote.
            Some("text") if text().starts_with("<system-reminder>") => {}
            Some("text") => {
                if !prompt.is_empty() {
                    prompt.push('\n');
                }
                prompt.push_str(&text());
            }
            Some("thinking") => {
                let thought = json::text(block.thinking).unwrap_or_default();
                line.says(at, EventKind::Thinking, &thought);
            }
            Some("tool_use") => {
                let call = json::text(block.id).unwrap_or_default();
                let tool = json::text(block.name).unwrap_or_default();
                line.tool_starts(at, &call, &tool, &input(block.input));
            }
            Some("tool_result") => {
                let call = json::text(block.tool_use_id).unwrap_or_default();
                let failed = json::flag(block.is_error) == Some(true);
                line.tool_ends(at, &call, None, &content(block.content), failed);
            }
            _ => {}
        }
    }
    if !prompt.trim().is_empty() {
        line.prompt(&prompt);
    }
    if !is_user {
        line.sign(Signal::Activity);
    }
}

/// How a turn ended, in Droid's word for it.
fn outcome(record: &Record<'_>, line: &mut Line<'_>) {
    let reason = json::text(record.reason).unwrap_or_default();
    match &*reason {
        "completed" | "spec_handoff" => line.turn_ends(),
        "cancelled" | "permission_rejected" => {
            line.sign(Signal::Interrupted);
            line.event("end", EventKind::Notice, &reason);
        }
        "process_exit" => line.sign(Signal::SessionEnded {
            reason: reason.as_ref().into(),
        }),
        "model_rate_limited" => line.fails(None, "rate_limit", &reason),
        "model_usage_exhausted" => line.fails(None, "quota", &reason),
        _ => line.fails(None, &reason, &reason),
    }
}

/// Parser of a session's settings, for the sums in them.
#[derive(Debug)]
struct Settings {
    file: FileInfo,
}

impl Parser for Settings {
    fn feed(&mut self, _: u64, bytes: &[u8], want: Want, _: Timestamp, out: &mut Batch) {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Facts<'a> {
            #[serde(borrow)]
            model: Raw<'a>,
            #[serde(borrow)]
            token_usage: Raw<'a>,
        }
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Counts<'a> {
            #[serde(borrow)]
            input_tokens: Raw<'a>,
            #[serde(borrow)]
            output_tokens: Raw<'a>,
            #[serde(borrow)]
            cache_creation_tokens: Raw<'a>,
            #[serde(borrow)]
            cache_read_tokens: Raw<'a>,
            #[serde(borrow)]
            thinking_tokens: Raw<'a>,
        }
        let object = bytes.trim_ascii().starts_with(b"{");
        let facts: Option<Facts<'_>> = object.then(|| serde_json::from_slice(bytes).ok()).flatten();
        let Some(facts) = facts else {
            return out.problem(ProblemKind::Malformed, 0, "settings");
        };
        // Written before the first answer as well.
        let Some(counts) = json::object::<Counts<'_>>(facts.token_usage) else {
            return;
        };
        let output = count(counts.output_tokens);
        let usage = Usage {
            input: count(counts.input_tokens),
            cache_read: count(counts.cache_read_tokens),
            cache_creation_5m: count(counts.cache_creation_tokens),
            cache_creation_1h: 0,
            output,
            reasoning: count(counts.thinking_tokens).min(output),
        };
        if usage.is_zero() {
            return;
        }
        let session = self.file.path.file_name().and_then(|name| name.to_str());
        let session = session.and_then(|name| name.strip_suffix(SETTINGS));
        let key = SessionKey::new(AgentKind::Droid, session.unwrap_or(self.file.stem()));
        let place = &mut Place {
            out,
            want,
            offset: 0,
        };
        let mut line = place.aside(&key, "settings", self.file.modified);
        let fact = FactKey::new("droid.session", &[key.native_id.as_bytes()]);
        let model = json::text(facts.model);
        line.call(fact, model.as_deref(), usage, Timestamp(0));
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
