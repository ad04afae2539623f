//! The shape of chats. Every field is raw until it is asked for (see [`crate::source::json`]).

use serde::Deserialize;

use crate::model::Usage;
use crate::source::json::{self, Raw};

/// A line of a chat, or the whole of an old one: a header, a message, or a change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record<'a> {
    /// Of a header.
    #[serde(borrow)]
    pub(super) session_id: Raw<'a>,
    /// Of a header.
    #[serde(borrow)]
    pub(super) start_time: Raw<'a>,
    /// Of a header and of changes.
    #[serde(borrow)]
    pub(super) last_updated: Raw<'a>,
    /// Of a header: `main` or `subagent`.
    #[serde(borrow)]
    pub(super) kind: Raw<'a>,
    /// Of a header, not always: the folders that the session works in.
    #[serde(borrow)]
    pub(super) directories: Raw<'a>,
    /// Of an old chat, and of changes that replace the history.
    #[serde(borrow)]
    pub(super) messages: Raw<'a>,
    /// Of an old chat, and of changes: what the session was about.
    #[serde(borrow)]
    pub(super) summary: Raw<'a>,
    /// A change: fields of a header to be replaced.
    #[serde(borrow, rename = "$set")]
    pub(super) set: Raw<'a>,
    /// A change: the message that the history is cut back to.
    #[serde(borrow, rename = "$rewindTo")]
    pub(super) rewind_to: Raw<'a>,
    /// Of a message.
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
}

/// A message.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Message<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow)]
    pub(super) timestamp: Raw<'a>,
    /// `user`, `gemini`, `info`, `warning` or `error`.
    #[serde(borrow, rename = "type")]
    pub(super) kind: Raw<'a>,
    /// Text, or a list of [`Part`]s.
    #[serde(borrow)]
    pub(super) content: Raw<'a>,
    #[serde(borrow)]
    pub(super) thoughts: Raw<'a>,
    #[serde(borrow)]
    pub(super) tokens: Raw<'a>,
    #[serde(borrow)]
    pub(super) model: Raw<'a>,
    /// Written when they have finished.
    #[serde(borrow)]
    pub(super) tool_calls: Raw<'a>,
}

/// A piece of a message's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Raw<'a>,
    #[serde(borrow)]
    pub(super) thought: Raw<'a>,
    #[serde(borrow)]
    pub(super) function_response: Raw<'a>,
    #[serde(borrow)]
    pub(super) inline_data: Raw<'a>,
}

/// What a part holds itself. The data are left where they are.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct InlineData<'a> {
    #[serde(borrow)]
    pub(super) mime_type: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Thought<'a> {
    #[serde(borrow)]
    pub(super) subject: Raw<'a>,
    #[serde(borrow)]
    pub(super) description: Raw<'a>,
}

/// A tool call that has finished.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(super) id: Raw<'a>,
    #[serde(borrow)]
    pub(super) name: Raw<'a>,
    #[serde(borrow)]
    pub(super) args: Raw<'a>,
    /// `success`, `error` or `cancelled`.
    #[serde(borrow)]
    pub(super) status: Raw<'a>,
    /// When it finished.
    #[serde(borrow)]
    pub(super) timestamp: Raw<'a>,
    #[serde(borrow)]
    pub(super) result: Raw<'a>,
    #[serde(borrow)]
    pub(super) result_display: Raw<'a>,
    /// The session of the subagent that it ran.
    #[serde(borrow)]
    pub(super) agent_id: Raw<'a>,
}

/// The arguments that say something to people.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Arguments<'a> {
    #[serde(borrow)]
    pub(super) command: Raw<'a>,
    #[serde(borrow)]
    pub(super) agent_name: Raw<'a>,
    #[serde(borrow)]
    pub(super) prompt: Raw<'a>,
}

/// What a tool returned to the model.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    #[serde(borrow)]
    pub(super) response: Raw<'a>,
    /// Further [`Part`]s.
    #[serde(borrow)]
    pub(super) parts: Raw<'a>,
}

/// The text of what a tool returned.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Output<'a> {
    #[serde(borrow)]
    pub(super) output: Raw<'a>,
    #[serde(borrow)]
    pub(super) error: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tokens<'a> {
    #[serde(borrow)]
    input: Raw<'a>,
    #[serde(borrow)]
    output: Raw<'a>,
    #[serde(borrow)]
    cached: Raw<'a>,
    #[serde(borrow)]
    thoughts: Raw<'a>,
    #[serde(borrow)]
    tool: Raw<'a>,
}

/// The tokens of an answer; `None` when there is nothing that could be counted.
///
/// `cached` is a part of `input`; `thoughts` and `tool` (what built-in tools put into the prompt) are apart from both
/// `input` and `output`, so that `total` is the sum of `input`, `output`, `thoughts` and `tool`.
pub(super) fn usage(raw: Raw<'_>) -> Option<Usage> {
    let tokens: Tokens<'_> = json::object(raw)?;
    if tokens.input.is_none() && tokens.output.is_none() {
        return None;
    }
    let count = |field: Raw<'_>| match field {
        None => Some(0),
        present => json::count(present),
    };
    let (input, thoughts) = (count(tokens.input)?, count(tokens.thoughts)?);
    let cached = count(tokens.cached)?.min(input);
    Some(Usage {
        input: (input - cached).saturating_add(count(tokens.tool)?),
        cache_read: cached,
        output: count(tokens.output)?.saturating_add(thoughts),
        reasoning: thoughts,
        ..Usage::default()
    })
}
