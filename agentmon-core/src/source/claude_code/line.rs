//! The shape of transcript lines, borrowed from the bytes read.
//!
//! Source: recordings of 2.1.329 and public transcripts since 1.0. Unknown fields are ignored; a field of the wrong
//! type makes the whole line a [`Problem`](crate::model::Problem), so only what is used is declared.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::model::{PriceMode, Timestamp, Usage};

/// The model name of lines that the client made up (errors); never a call.
pub(super) const SYNTHETIC: &str = "<synthetic>";

/// A line with its content, to be read on demand.
pub(super) type FullLine<'a> = Line<'a, &'a RawValue>;

/// A line without its content: for counting, which must not even look at it.
pub(super) type SlimLine<'a> = Line<'a, IgnoredAny>;

/// One line of a transcript. `C` is what is kept of content.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Line<'a, C> {
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub subtype: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub uuid: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub session_id: Option<Cow<'a, str>>,
    /// Set on lines that a fork copied: the session that made the request.
    #[serde(borrow)]
    request_session_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub cwd: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub git_branch: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub version: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub entrypoint: Option<Cow<'a, str>>,
    #[serde(default)]
    pub is_meta: bool,
    #[serde(default)]
    pub is_compact_summary: bool,
    #[serde(default)]
    pub is_visible_in_transcript_only: bool,
    #[serde(default)]
    pub turn_companion: bool,
    #[serde(default)]
    pub is_api_error_message: bool,
    /// The class of an API error on synthetic lines; an object on `system` `api_error` lines.
    #[serde(borrow)]
    pub error: Option<&'a RawValue>,
    pub retry_attempt: Option<u32>,
    pub max_retries: Option<u32>,
    #[serde(borrow)]
    pub tool_denial_kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub message: Option<Message<'a, C>>,
    /// The text of `system` lines.
    pub content: Option<C>,
}

impl<C> Line<'_, C> {
    pub fn at(&self) -> Option<Timestamp> {
        self.timestamp.as_deref().and_then(Timestamp::parse)
    }

    /// The session that a line was copied from.
    pub fn original(&self) -> Option<&str> {
        self.request_session_id
            .as_deref()
            .filter(|id| !id.is_empty() && self.session_id.as_deref() != Some(id))
    }

    /// The error class of a synthetic line, which is a plain string there.
    pub fn error_class(&self) -> Option<String> {
        serde_json::from_str(self.error?.get()).ok()
    }
}

/// The API message inside a `user` or `assistant` line.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
pub(super) struct Message<'a, C> {
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub model: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub stop_reason: Option<Cow<'a, str>>,
    pub usage: Option<RawUsage<'a>>,
    /// A string or an array of blocks; read on demand by [`Message::blocks`].
    content: Option<C>,
}

/// Anthropic's `usage`. `input_tokens` excludes cached tokens, `output_tokens` includes thinking.
#[derive(Debug, Deserialize)]
pub(super) struct RawUsage<'a> {
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
    #[serde(default)]
    cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    cache_creation_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens_details: Option<OutputDetails>,
    server_tool_use: Option<ServerToolUse>,
    #[serde(borrow)]
    service_tier: Option<Cow<'a, str>>,
    #[serde(borrow)]
    speed: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct CacheCreation {
    ephemeral_1h_input_tokens: Option<u64>,
    ephemeral_5m_input_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct ServerToolUse {
    web_search_requests: Option<u32>,
}

impl RawUsage<'_> {
    pub fn usage(&self) -> Usage {
        let hour = self
            .cache_creation
            .as_ref()
            .and_then(|c| c.ephemeral_1h_input_tokens)
            .unwrap_or(0);
        let split = hour
            + self
                .cache_creation
                .as_ref()
                .and_then(|c| c.ephemeral_5m_input_tokens)
                .unwrap_or(0);
        // Old clients state only the sum; the rest of the sum beyond the hour cache was written for five minutes.
        let written = self.cache_creation_input_tokens.unwrap_or(split);
        let output = self.output_tokens.unwrap_or(0);
        let thinking = self
            .output_tokens_details
            .as_ref()
            .and_then(|d| d.thinking_tokens)
            .unwrap_or(0);
        Usage {
            input: self.input_tokens.unwrap_or(0),
            cache_read: self.cache_read_input_tokens.unwrap_or(0),
            cache_creation_5m: written.saturating_sub(hour),
            cache_creation_1h: hour.min(written),
            output,
            reasoning: thinking.min(output),
        }
    }

    pub fn web_searches(&self) -> u32 {
        self.server_tool_use
            .as_ref()
            .and_then(|tools| tools.web_search_requests)
            .unwrap_or(0)
    }

    pub fn mode(&self) -> PriceMode {
        match (self.speed.as_deref(), self.service_tier.as_deref()) {
            (Some("fast"), _) => PriceMode::Fast,
            (_, Some("batch")) => PriceMode::Batch,
            (_, Some("priority")) => PriceMode::Priority,
            _ => PriceMode::Standard,
        }
    }
}

/// One block of a message's content.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type", default)]
    pub kind: Cow<'a, str>,
    #[serde(borrow)]
    pub text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub thinking: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub content: Option<&'a RawValue>,
    pub is_error: Option<bool>,
}

impl<'a> Message<'a, &'a RawValue> {
    /// The content as blocks; a plain string is one text block.
    pub fn blocks(&self) -> serde_json::Result<Vec<Block<'a>>> {
        blocks(self.content)
    }
}

/// The blocks of a `content` value: of a message, or of a tool result.
pub(super) fn blocks(content: Option<&RawValue>) -> serde_json::Result<Vec<Block<'_>>> {
    let Some(raw) = content else {
        return Ok(Vec::new());
    };
    match raw.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(raw.get()),
        Some(b'"') => {
            let text: Cow<'_, str> = borrowed_str(raw.get())?;
            Ok(vec![Block {
                kind: "text".into(),
                text: Some(text),
                ..Block::default()
            }])
        }
        _ => Ok(Vec::new()),
    }
}

/// A JSON string, borrowed when it holds no escapes.
pub(super) fn borrowed_str(json: &str) -> serde_json::Result<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(serde_json::from_str::<Text<'_>>(json)?.0)
}
