//! The shape of sessions, messages and parts, as files and as columns. Every field is raw until it is asked for (see
//! [`crate::source::json`]).

use serde::Deserialize;

use crate::model::{NanoUsd, Timestamp, Usage};
use crate::source::json::{self, Raw};

/// What both stores tell of a session.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) directory: Option<String>,
    pub(super) title: Option<String>,
    pub(super) version: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) archived: Option<Timestamp>,
}

/// A session's file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SessionFile<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow, rename = "parentID")]
    pub(super) parent: Raw<'a>,
    #[serde(borrow)]
    pub(super) directory: Raw<'a>,
    #[serde(borrow)]
    pub(super) title: Raw<'a>,
    #[serde(borrow)]
    pub(super) version: Raw<'a>,
    #[serde(borrow)]
    pub(super) time: Raw<'a>,
}

/// Times of a session, a message, a part or a tool.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawTimes<'a> {
    #[serde(borrow)]
    created: Raw<'a>,
    #[serde(borrow)]
    updated: Raw<'a>,
    #[serde(borrow)]
    completed: Raw<'a>,
    #[serde(borrow)]
    archived: Raw<'a>,
    #[serde(borrow)]
    start: Raw<'a>,
    #[serde(borrow)]
    end: Raw<'a>,
}

/// Times as far as they are there.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    pub(super) created: Option<Timestamp>,
    pub(super) updated: Option<Timestamp>,
    pub(super) completed: Option<Timestamp>,
    pub(super) archived: Option<Timestamp>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
}

pub(super) fn times(raw: Raw<'_>) -> Times {
    let times: RawTimes<'_> = json::object(raw).unwrap_or_default();
    Times {
        created: json::time(times.created),
        updated: json::time(times.updated),
        completed: json::time(times.completed),
        archived: json::time(times.archived),
        start: json::time(times.start),
        end: json::time(times.end),
    }
}

/// A message; in the database without the ids.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow, rename = "sessionID")]
    pub(super) session: Raw<'a>,
    /// `user` or `assistant`.
    #[serde(borrow)]
    pub(super) role: Raw<'a>,
    #[serde(borrow)]
    pub(super) time: Raw<'a>,
    /// `build`, `plan`, `compaction`, the name of a subagent.
    #[serde(borrow)]
    pub(super) mode: Raw<'a>,
    #[serde(borrow, rename = "modelID")]
    pub(super) model: Raw<'a>,
    #[serde(borrow)]
    pub(super) cost: Raw<'a>,
    #[serde(borrow)]
    pub(super) tokens: Raw<'a>,
    /// `stop`, `tool-calls`, `length`, ...
    #[serde(borrow)]
    pub(super) finish: Raw<'a>,
    #[serde(borrow)]
    pub(super) error: Raw<'a>,
}

/// Why an answer broke off.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Failure<'a> {
    /// `MessageAbortedError`, `APIError`, ...
    #[serde(borrow)]
    pub(super) name: Raw<'a>,
    #[serde(borrow)]
    pub(super) data: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FailureData<'a> {
    #[serde(borrow)]
    pub(super) message: Raw<'a>,
    #[serde(borrow)]
    pub(super) status_code: Raw<'a>,
}

/// A part of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Part<'a> {
    /// Its id: a column in the database, and there alone.
    #[serde(skip)]
    pub(super) key: Option<String>,
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    /// `text`, `reasoning`, `tool`, `compaction`, `patch`, ...
    #[serde(borrow, rename = "type")]
    pub(super) kind: Raw<'a>,
    #[serde(borrow)]
    pub(super) text: Raw<'a>,
    /// Written by the client in the user's name.
    #[serde(borrow)]
    pub(super) synthetic: Raw<'a>,
    #[serde(borrow)]
    pub(super) time: Raw<'a>,
    #[serde(borrow)]
    pub(super) tool: Raw<'a>,
    #[serde(borrow, rename = "callID")]
    pub(super) call: Raw<'a>,
    #[serde(borrow)]
    pub(super) state: Raw<'a>,
    /// Of `patch`: the files that the step changed.
    #[serde(borrow)]
    pub(super) files: Raw<'a>,
}

/// How a tool stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolState<'a> {
    /// `pending`, `running`, `completed` or `error`.
    #[serde(borrow)]
    pub(super) status: Raw<'a>,
    #[serde(borrow)]
    pub(super) input: Raw<'a>,
    #[serde(borrow)]
    pub(super) output: Raw<'a>,
    #[serde(borrow)]
    pub(super) error: Raw<'a>,
    #[serde(borrow)]
    pub(super) time: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Input<'a> {
    #[serde(borrow)]
    pub(super) command: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens<'a> {
    #[serde(borrow)]
    total: Raw<'a>,
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    reasoning: Raw<'a>,
    #[serde(borrow)]
    cache: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cache<'a> {
    #[serde(borrow)]
    read: Raw<'a>,
    #[serde(borrow)]
    write: Raw<'a>,
}

/// Tokens and stated cost of an answer; `None` when a count is wrong.
///
/// Versions that write a `total` count reasoning apart from output, those before within it. A cost of zero beside real
/// tokens means that the client has no price for the model.
pub(super) fn usage(message: &Message<'_>) -> Option<(Usage, Option<NanoUsd>)> {
    let tokens: Tokens<'_> = json::object(message.tokens)?;
    let cache: Cache<'_> = json::object(tokens.cache).unwrap_or_default();
    let count = |field: Raw<'_>| match field {
        None => Some(0),
        present => json::count(present),
    };
    let reasoning = count(tokens.reasoning)?;
    let output = count(tokens.output)?;
    let output = match tokens.total {
        Some(_) => output.saturating_add(reasoning),
        None => output,
    };
    let usage = Usage {
        input: count(tokens.input)?,
        cache_read: count(cache.read)?,
        cache_creation_5m: count(cache.write)?,
        cache_creation_1h: 0,
        output,
        reasoning: reasoning.min(output),
    };
    let cost = json::float(message.cost)
        .filter(|&cost| cost > 0.0)
        .and_then(NanoUsd::from_dollars);
    Some((usage, cost))
}
