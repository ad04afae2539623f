//! The records of a rollout, as far as they are read. Strings are borrowed; what is not named here is skipped unread.
//!
//! Vendors change fields monthly, so only what a count depends on is strict: an unexpected type elsewhere reads as
//! absent ([`Text`]), and parts that only some passes need stay raw.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::counter::Tokens;
use super::text::{Text, part};

/// A line's payload, or the line itself where it is bare.
pub(super) fn read<'a, P: Deserialize<'a>>(line: &'a [u8], bare: bool) -> serde_json::Result<P> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "P: Deserialize<'de>"))]
    struct Line<P> {
        payload: P,
    }
    // Text that is known to be UTF-8 as a whole is not checked string by string.
    match (std::str::from_utf8(line), bare) {
        (Ok(line), true) => serde_json::from_str(line),
        (Ok(line), false) => Ok(serde_json::from_str::<Line<P>>(line)?.payload),
        (Err(_), true) => serde_json::from_slice(line),
        (Err(_), false) => Ok(serde_json::from_slice::<Line<P>>(line)?.payload),
    }
}

#[derive(Deserialize)]
pub(super) struct SessionMeta<'a> {
    #[serde(default, borrow)]
    pub(super) id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) timestamp: Text<'a>,
    #[serde(default, borrow)]
    pub(super) forked_from_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) parent_thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) cwd: Text<'a>,
    #[serde(default, borrow)]
    pub(super) originator: Text<'a>,
    #[serde(default, borrow)]
    pub(super) cli_version: Text<'a>,
    #[serde(default, borrow)]
    pub(super) agent_role: Text<'a>,
    #[serde(default, borrow)]
    pub(super) agent_path: Text<'a>,
    #[serde(default, borrow)]
    pub(super) agent_nickname: Text<'a>,
    #[serde(default, borrow)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) git: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Git {
    pub(super) branch: Option<String>,
}

/// Who started a thread.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Source {
    /// `exec`, `cli`, `vscode`, `mcp`.
    Client(String),
    Subagent {
        subagent: Subagent,
    },
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Subagent {
    /// `review`, `compact`.
    Task(String),
    Spawned {
        thread_spawn: ThreadSpawn,
    },
    Other {
        other: String,
    },
}

#[derive(Deserialize)]
pub(super) struct ThreadSpawn {
    pub(super) parent_thread_id: Option<String>,
    pub(super) agent_path: Option<String>,
    pub(super) agent_nickname: Option<String>,
    pub(super) agent_role: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TurnContext<'a> {
    #[serde(default, borrow)]
    pub(super) turn_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) model: Text<'a>,
    #[serde(default, borrow)]
    pub(super) approval_policy: Text<'a>,
    #[serde(default, borrow)]
    pub(super) approvals_reviewer: Text<'a>,
    #[serde(default, borrow)]
    pub(super) service_tier: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct UsageRecord<'a> {
    #[serde(default, borrow)]
    pub(super) thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) response_id: Text<'a>,
    pub(super) usage: Tokens,
    #[serde(default)]
    pub(super) thread_token_usage: Option<Tokens>,
}

/// The last response; right after a compaction all zero except for `total_tokens`, an estimate of the new context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) struct LastUsage {
    #[serde(default)]
    pub(super) input_tokens: Option<u64>,
    #[serde(default)]
    pub(super) cached_input_tokens: Option<u64>,
    #[serde(default)]
    pub(super) cache_write_input_tokens: Option<u64>,
    #[serde(default)]
    pub(super) output_tokens: Option<u64>,
    #[serde(default)]
    pub(super) reasoning_output_tokens: Option<u64>,
    #[serde(default)]
    pub(super) total_tokens: Option<u64>,
}

impl LastUsage {
    pub(super) fn tokens(self) -> Tokens {
        Tokens {
            input: self.input_tokens.unwrap_or_default(),
            cached: self.cached_input_tokens.unwrap_or_default(),
            cache_write: self.cache_write_input_tokens.unwrap_or_default(),
            output: self.output_tokens.unwrap_or_default(),
            reasoning: self.reasoning_output_tokens.unwrap_or_default(),
        }
    }

    /// Tokens in the context window.
    pub(super) fn context(self) -> u64 {
        match self.input_tokens.unwrap_or_default() {
            0 => self.total_tokens.unwrap_or_default(),
            prompt => prompt,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct TaskStarted<'a> {
    #[serde(default, borrow)]
    pub(super) turn_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) root_turn_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) collaboration_mode_kind: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct TaskComplete<'a> {
    #[serde(default, borrow)]
    pub(super) turn_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) last_agent_message: Text<'a>,
    #[serde(default, borrow)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct TurnAborted<'a> {
    #[serde(default, borrow)]
    pub(super) turn_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) reason: Text<'a>,
}

/// An error, alone or inside `task_complete`.
#[derive(Default, Deserialize)]
pub(super) struct Failure<'a> {
    #[serde(default, borrow)]
    pub(super) message: Text<'a>,
    #[serde(default, borrow)]
    codex_error_info: Option<&'a RawValue>,
}

impl Failure<'_> {
    /// The class of the error: `usage_limit_exceeded`, `response_too_many_failed_attempts`, `other`, ...
    pub(super) fn class(&self) -> String {
        let class: Option<ErrorInfo> = part(self.codex_error_info);
        match class {
            Some(ErrorInfo::Name(name)) => name,
            Some(ErrorInfo::Details(details)) => details
                .into_keys()
                .next()
                .unwrap_or_else(|| "error".to_owned()),
            None => "error".to_owned(),
        }
    }

    /// Whether the provider refused because too much was asked.
    pub(super) fn is_limit(&self) -> bool {
        let status: Option<ErrorInfo> = part(self.codex_error_info);
        match status {
            Some(ErrorInfo::Name(name)) => {
                name == "usage_limit_exceeded" || name == "rate_limit_exceeded"
            }
            Some(ErrorInfo::Details(details)) => details
                .values()
                .any(|detail| detail.http_status_code == Some(429)),
            None => false,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorInfo {
    Name(String),
    Details(BTreeMap<String, ErrorDetail>),
}

#[derive(Deserialize)]
struct ErrorDetail {
    http_status_code: Option<u16>,
}

#[derive(Deserialize)]
pub(super) struct SettingsApplied<'a> {
    #[serde(borrow)]
    pub(super) thread_settings: ThreadSettings<'a>,
}

#[derive(Deserialize)]
pub(super) struct ThreadSettings<'a> {
    #[serde(default, borrow)]
    pub(super) service_tier: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct UserMessage<'a> {
    #[serde(default, borrow)]
    pub(super) message: Text<'a>,
    #[serde(default, borrow)]
    pub(super) images: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) local_images: Option<&'a RawValue>,
    /// `plain`, or what the client itself put in (clients of 2025).
    #[serde(default, borrow)]
    pub(super) kind: Text<'a>,
}

impl UserMessage<'_> {
    /// How many images are beside the words.
    pub(super) fn image_count(&self) -> usize {
        let lists = [self.images, self.local_images].into_iter();
        let counts = lists.filter_map(part::<Vec<serde::de::IgnoredAny>>);
        counts.map(|list| list.len()).sum()
    }
}

#[derive(Deserialize)]
pub(super) struct ThreadNamed<'a> {
    #[serde(default, borrow)]
    pub(super) thread_name: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct SubagentEvent<'a> {
    #[serde(default, borrow, rename = "type")]
    pub(super) event: Text<'a>,
    #[serde(default, borrow)]
    pub(super) kind: Text<'a>,
    #[serde(default, borrow)]
    pub(super) new_thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) receiver_thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) agent_thread_id: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Compacted<'a> {
    #[serde(default, borrow)]
    pub(super) message: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct ItemCompleted<'a> {
    #[serde(default, borrow)]
    pub(super) thread_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) turn_id: Text<'a>,
    #[serde(borrow)]
    pub(super) item: CompletedItem<'a>,
}

/// An item of any type; each has some of the fields.
#[derive(Deserialize)]
pub(super) struct CompletedItem<'a> {
    #[serde(default, borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(default, borrow)]
    pub(super) id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) command: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) aggregated_output: Text<'a>,
    #[serde(default, borrow)]
    pub(super) exit_code: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) duration: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) status: Text<'a>,
    #[serde(default, borrow)]
    pub(super) changes: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) tool: Text<'a>,
    #[serde(default, borrow)]
    pub(super) receiver_thread_ids: Option<&'a RawValue>,
    /// `started` or `completed`, of a child agent.
    #[serde(default, borrow, rename = "kind")]
    pub(super) activity: Text<'a>,
    #[serde(default, borrow)]
    pub(super) agent_thread_id: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct PatchApplied<'a> {
    #[serde(default, borrow)]
    pub(super) call_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) changes: Option<&'a RawValue>,
    /// Older clients write no `status`.
    #[serde(default, borrow)]
    pub(super) success: Option<&'a RawValue>,
    #[serde(default, borrow)]
    pub(super) status: Text<'a>,
}

/// How long something took, as Rust writes it.
#[derive(Deserialize)]
pub(super) struct RustDuration {
    secs: u64,
    nanos: u64,
}

impl RustDuration {
    pub(super) fn millis(&self) -> u64 {
        self.secs
            .saturating_mul(1000)
            .saturating_add(self.nanos / 1_000_000)
    }
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(default, borrow)]
    pub(super) role: Text<'a>,
    #[serde(default, borrow)]
    pub(super) content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Reasoning<'a> {
    #[serde(default, borrow)]
    pub(super) summary: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct ToolCall<'a> {
    #[serde(default, borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(default, borrow)]
    pub(super) name: Text<'a>,
    #[serde(default, borrow)]
    pub(super) id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) call_id: Text<'a>,
    /// JSON in a string.
    #[serde(default, borrow)]
    pub(super) arguments: Text<'a>,
    /// Free text: a patch, JavaScript.
    #[serde(default, borrow)]
    pub(super) input: Text<'a>,
    /// Of hosted and local shell calls.
    #[serde(default, borrow)]
    pub(super) action: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct ToolOutput<'a> {
    #[serde(default, borrow)]
    pub(super) call_id: Text<'a>,
    #[serde(default, borrow)]
    pub(super) output: Option<&'a RawValue>,
}

/// The arguments of `update_plan`.
#[derive(Deserialize)]
pub(super) struct Plan {
    pub(super) plan: Vec<PlanStep>,
}

#[derive(Deserialize)]
pub(super) struct PlanStep {
    #[serde(default)]
    pub(super) step: String,
    #[serde(default)]
    pub(super) status: String,
}
