//! The shape of a transcript line: an entry of the tree that the agent library underneath OpenClaw ("pi") writes.
//!
//! Versions 1 to 4 of the format differ in ways that do not matter here: 1 has no entry ids, 4 is the one kept in
//! SQLite. Every field is raw until it is asked for (see [`crate::source::json`]).

use serde::Deserialize;

use crate::model::{NanoUsd, Usage};
use crate::source::json::{self, Raw};

/// One line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Raw<'a>,
    /// Unique in its tree; kept when the entry is copied.
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    /// When the line was written.
    #[serde(borrow)]
    pub(super) timestamp: Raw<'a>,
    /// Of `message`.
    #[serde(borrow)]
    pub(super) message: Raw<'a>,
    /// Of `session`: the format's version.
    #[serde(borrow)]
    pub(super) version: Raw<'a>,
    /// Of `session`.
    #[serde(borrow)]
    pub(super) cwd: Raw<'a>,
    /// Of `session`: path of the transcript that this one began as a copy of.
    #[serde(borrow)]
    pub(super) parent_session: Raw<'a>,
    /// Of `model_change`.
    #[serde(borrow)]
    pub(super) model_id: Raw<'a>,
    /// Of `custom` and `custom_message`.
    #[serde(borrow)]
    pub(super) custom_type: Raw<'a>,
    /// Of `custom`.
    #[serde(borrow)]
    pub(super) data: Raw<'a>,
    /// Of `custom_message`.
    #[serde(borrow)]
    pub(super) content: Raw<'a>,
    /// Of `compaction`.
    #[serde(borrow)]
    pub(super) summary: Raw<'a>,
    /// Of `session_info`: the name that the user gave.
    #[serde(borrow)]
    pub(super) name: Raw<'a>,
}

/// The `message` of a line: of the user, the assistant or a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::source::openclaw) struct Message<'a> {
    #[serde(borrow)]
    pub(in crate::source::openclaw) role: Raw<'a>,
    /// Text, or a list of [`Block`]s.
    #[serde(borrow)]
    pub(in crate::source::openclaw) content: Raw<'a>,
    /// When it was sent; for the assistant, when the request was made.
    #[serde(borrow)]
    pub(in crate::source::openclaw) timestamp: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) provider: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) model: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) usage: Raw<'a>,
    /// `stop`, `toolUse`, `length`, `error` or `aborted`.
    #[serde(borrow)]
    pub(in crate::source::openclaw) stop_reason: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) error_message: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) error_type: Raw<'a>,
    /// Of a tool's result.
    #[serde(borrow)]
    pub(in crate::source::openclaw) tool_call_id: Raw<'a>,
    /// Of a tool's result.
    #[serde(borrow)]
    pub(in crate::source::openclaw) tool_name: Raw<'a>,
    /// Of a tool's result.
    #[serde(borrow)]
    pub(in crate::source::openclaw) details: Raw<'a>,
    /// Of a tool's result.
    #[serde(borrow)]
    pub(in crate::source::openclaw) is_error: Raw<'a>,
    /// Of a message that the gateway wrote itself: the run was aborted.
    #[serde(borrow)]
    pub(in crate::source::openclaw) openclaw_abort: Raw<'a>,
}

/// A piece of a message: `text`, `thinking`, `toolCall`, `image`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::source::openclaw) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(in crate::source::openclaw) kind: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) text: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) thinking: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) id: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) name: Raw<'a>,
    #[serde(borrow)]
    pub(in crate::source::openclaw) arguments: Raw<'a>,
}

/// What a tool adds to its result.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Details<'a> {
    /// `completed`, `error`, `approval-pending`, ...
    #[serde(borrow)]
    pub(super) status: Raw<'a>,
    #[serde(borrow)]
    pub(super) approval_id: Raw<'a>,
    #[serde(borrow)]
    pub(super) command: Raw<'a>,
    #[serde(borrow)]
    pub(super) duration_ms: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawUsage<'a> {
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    cache_read: Raw<'a>,
    #[serde(borrow)]
    cache_write: Raw<'a>,
    #[serde(borrow)]
    cache_write_1h: Raw<'a>,
    #[serde(borrow)]
    reasoning: Raw<'a>,
    #[serde(borrow)]
    reasoning_tokens: Raw<'a>,
    #[serde(borrow)]
    cost: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawCost<'a> {
    #[serde(borrow)]
    total: Raw<'a>,
}

/// Tokens and stated cost of an answer; `None` when there is nothing that could be counted.
///
/// The four counts are disjoint as OpenClaw writes them; `cacheWrite1h` is a part of `cacheWrite`, reasoning a part of
/// `output`. A cost of zero beside real tokens means that OpenClaw has no price for the model, not that it was free.
pub(super) fn usage(raw: Raw<'_>) -> Option<(Usage, Option<NanoUsd>)> {
    let fields: RawUsage<'_> = json::object(raw)?;
    let counts = [
        fields.input,
        fields.output,
        fields.cache_read,
        fields.cache_write,
    ];
    if counts.iter().all(Option::is_none) {
        return None;
    }
    let count = |field: Raw<'_>| match field {
        None => Some(0),
        present => json::count(present),
    };
    let cache_write = count(fields.cache_write)?;
    let output = count(fields.output)?;
    let hour = json::count(fields.cache_write_1h)
        .unwrap_or(0)
        .min(cache_write);
    let reasoning = json::count(fields.reasoning.or(fields.reasoning_tokens)).unwrap_or(0);
    let usage = Usage {
        input: count(fields.input)?,
        cache_read: count(fields.cache_read)?,
        cache_creation_5m: cache_write - hour,
        cache_creation_1h: hour,
        output,
        reasoning: reasoning.min(output),
    };
    let cost = json::object::<RawCost<'_>>(fields.cost)
        .and_then(|cost| json::float(cost.total))
        .filter(|&total| total > 0.0 || (total == 0.0 && usage.is_zero()))
        .and_then(NanoUsd::from_dollars);
    Some((usage, cost))
}
