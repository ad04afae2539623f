//! The shape of transcript lines, borrowed from the bytes read.
//!
//! Source: recordings of 2.1.329 and public transcripts since 1.0. Only what is used is looked at; a field of another
//! type than ever seen makes the whole line a [`Problem`](crate::model::Problem).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::model::{PriceMode, ProblemKind, Timestamp, Usage};
use crate::source::fields::{Broken, Scanner, is_null, number, string, whole};

/// The model name of lines that the client made up (errors); never a call.
pub(super) const SYNTHETIC: &str = "<synthetic>";

/// Why a line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    /// It is not a JSON object.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A field has another type than ever seen.
    #[error("field {0:?} has an unexpected type")]
    Field(&'static str),
}

impl LineError {
    pub fn kind(&self) -> ProblemKind {
        match self {
            Self::Broken(_) => ProblemKind::Malformed,
            Self::Field(_) => ProblemKind::BadField,
        }
    }
}

/// One line of a transcript.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    pub kind: Cow<'a, str>,
    pub subtype: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    pub uuid: Option<Cow<'a, str>>,
    /// The provider's id of the request, by which telemetry knows the call.
    pub request_id: Option<Cow<'a, str>>,
    pub session_id: Option<Cow<'a, str>>,
    /// The turn that a prompt began or went into.
    pub prompt_id: Option<Cow<'a, str>>,
    /// Set on lines that a fork copied: the session that made the request.
    request_session_id: Option<Cow<'a, str>>,
    pub cwd: Option<Cow<'a, str>>,
    pub git_branch: Option<Cow<'a, str>>,
    pub version: Option<Cow<'a, str>>,
    pub entrypoint: Option<Cow<'a, str>>,
    pub is_meta: bool,
    pub is_compact_summary: bool,
    pub is_visible_in_transcript_only: bool,
    pub turn_companion: bool,
    pub is_api_error_message: bool,
    /// The class of an API error on synthetic lines; an object on `system` `api_error` lines.
    error: Option<&'a [u8]>,
    pub retry_attempt: Option<u32>,
    pub max_retries: Option<u32>,
    pub tool_denial_kind: Option<Cow<'a, str>>,
    pub message: Option<Message<'a>>,
    /// The text of `system` lines.
    pub content: Option<&'a [u8]>,
}

/// Notes the first field that has an unexpected type, and reads optional values.
#[derive(Default)]
struct Reader(Option<&'static str>);

impl Reader {
    fn optional<'a, T>(
        &mut self,
        name: &'static str,
        value: &'a [u8],
        read: impl FnOnce(&'a [u8]) -> Option<T>,
    ) -> Option<T> {
        if is_null(value) {
            return None;
        }
        let read = read(value);
        if read.is_none() {
            self.0.get_or_insert(name);
        }
        read
    }

    fn text<'a>(&mut self, name: &'static str, value: &'a [u8]) -> Option<Cow<'a, str>> {
        self.optional(name, value, string)
    }

    fn count(&mut self, name: &'static str, value: &[u8]) -> u64 {
        self.optional(name, value, number).unwrap_or(0)
    }

    fn message<'a>(&mut self, scanner: &mut Scanner<'a>) -> Result<Option<Message<'a>>, Broken> {
        if scanner.peek() == Some(b'n') {
            scanner.value()?;
            return Ok(None);
        }
        Message::parse(scanner, self).map(Some)
    }

    fn usage(&mut self, scanner: &mut Scanner<'_>) -> Result<Option<RawUsage>, Broken> {
        if scanner.peek() == Some(b'n') {
            scanner.value()?;
            return Ok(None);
        }
        RawUsage::parse(scanner, self).map(Some)
    }

    fn small(&mut self, name: &'static str, value: &[u8]) -> Option<u32> {
        self.optional(name, value, number)
            .and_then(|count| u32::try_from(count).ok())
    }
}

impl<'a> Line<'a> {
    /// Reads one line.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LineError> {
        let mut line = Self::default();
        let mut reader = Reader::default();
        let fields = |key: &'a [u8], scanner: &mut Scanner<'a>| {
            // The message is most of the line: it is entered here and not stepped over first.
            if key == b"message" {
                line.message = reader.message(scanner)?;
                return Ok(());
            }
            let value = scanner.value()?;
            let flag = || value == b"true";
            match key {
                b"type" => line.kind = reader.text("type", value).unwrap_or_default(),
                b"subtype" => line.subtype = reader.text("subtype", value),
                b"timestamp" => line.timestamp = reader.text("timestamp", value),
                b"uuid" => line.uuid = reader.text("uuid", value),
                b"requestId" => line.request_id = reader.text("requestId", value),
                b"sessionId" => line.session_id = reader.text("sessionId", value),
                b"promptId" => line.prompt_id = reader.text("promptId", value),
                b"requestSessionId" => {
                    line.request_session_id = reader.text("requestSessionId", value)
                }
                b"cwd" => line.cwd = reader.text("cwd", value),
                b"gitBranch" => line.git_branch = reader.text("gitBranch", value),
                b"version" => line.version = reader.text("version", value),
                b"entrypoint" => line.entrypoint = reader.text("entrypoint", value),
                b"isMeta" => line.is_meta = flag(),
                b"isCompactSummary" => line.is_compact_summary = flag(),
                b"isVisibleInTranscriptOnly" => line.is_visible_in_transcript_only = flag(),
                b"turnCompanion" => line.turn_companion = flag(),
                b"isApiErrorMessage" => line.is_api_error_message = flag(),
                b"error" => line.error = Some(value),
                b"retryAttempt" => line.retry_attempt = reader.small("retryAttempt", value),
                b"maxRetries" => line.max_retries = reader.small("maxRetries", value),
                b"toolDenialKind" => line.tool_denial_kind = reader.text("toolDenialKind", value),
                b"content" => line.content = Some(value),
                _ => {}
            }
            Ok(())
        };
        whole(bytes, |scanner| scanner.object(fields))?;
        reader
            .0
            .map_or(Ok(line), |name| Err(LineError::Field(name)))
    }

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
    pub fn error_class(&self) -> Option<Cow<'a, str>> {
        self.error.and_then(string)
    }
}

/// The API message inside a `user` or `assistant` line.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub id: Option<Cow<'a, str>>,
    pub model: Option<Cow<'a, str>>,
    pub stop_reason: Option<Cow<'a, str>>,
    pub usage: Option<RawUsage>,
    /// A string or an array of blocks; read on demand by [`Message::blocks`].
    content: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    fn parse(scanner: &mut Scanner<'a>, reader: &mut Reader) -> Result<Self, Broken> {
        let mut message = Self::default();
        // Some tools write a user's message as a bare string.
        if scanner.peek() == Some(b'"') {
            message.content = Some(scanner.value()?);
            return Ok(message);
        }
        scanner.object(|key, scanner| {
            if key == b"usage" {
                message.usage = reader.usage(scanner)?;
                return Ok(());
            }
            let value = scanner.value()?;
            match key {
                b"id" => message.id = reader.text("message.id", value),
                b"model" => message.model = reader.text("message.model", value),
                b"stop_reason" => message.stop_reason = reader.text("message.stop_reason", value),
                b"content" => message.content = Some(value),
                _ => {}
            }
            Ok(())
        })?;
        Ok(message)
    }

    /// The content as blocks; a plain string is one text block.
    pub fn blocks(&self) -> serde_json::Result<Vec<Block<'a>>> {
        self.content.map_or_else(|| Ok(Vec::new()), blocks)
    }
}

/// Anthropic's `usage`. `input_tokens` excludes cached tokens, `output_tokens` includes thinking.
#[derive(Debug, Default)]
pub(super) struct RawUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: u64,
    cache_creation_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: u64,
    ephemeral_5m_input_tokens: u64,
    thinking_tokens: u64,
    web_search_requests: u64,
    mode: PriceMode,
}

impl RawUsage {
    fn parse(scanner: &mut Scanner<'_>, reader: &mut Reader) -> Result<Self, Broken> {
        let mut usage = Self::default();
        let mut fast = false;
        scanner.object(|key, scanner| {
            if let b"cache_creation" | b"output_tokens_details" | b"server_tool_use" = key
                && scanner.peek() != Some(b'n')
            {
                return usage.details(scanner, reader);
            }
            let value = scanner.value()?;
            match key {
                b"input_tokens" => usage.input_tokens = reader.count("usage.input_tokens", value),
                b"output_tokens" => {
                    usage.output_tokens = reader.count("usage.output_tokens", value);
                }
                b"cache_read_input_tokens" => {
                    usage.cache_read_input_tokens =
                        reader.count("usage.cache_read_input_tokens", value);
                }
                b"cache_creation_input_tokens" => {
                    usage.cache_creation_input_tokens =
                        reader.optional("usage.cache_creation_input_tokens", value, number);
                }
                b"speed" => fast = value == b"\"fast\"",
                b"service_tier" => {
                    usage.mode = match value {
                        b"\"batch\"" => PriceMode::Batch,
                        b"\"priority\"" => PriceMode::Priority,
                        _ => PriceMode::Standard,
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        if fast {
            usage.mode = PriceMode::Fast;
        }
        Ok(usage)
    }

    /// The objects inside, whose fields have names of their own.
    fn details(&mut self, scanner: &mut Scanner<'_>, reader: &mut Reader) -> Result<(), Broken> {
        scanner.object(|key, scanner| {
            let value = scanner.value()?;
            match key {
                b"ephemeral_1h_input_tokens" => {
                    self.ephemeral_1h_input_tokens = reader.count("usage.cache_creation", value);
                }
                b"ephemeral_5m_input_tokens" => {
                    self.ephemeral_5m_input_tokens = reader.count("usage.cache_creation", value);
                }
                b"thinking_tokens" => {
                    self.thinking_tokens = reader.count("usage.output_tokens_details", value);
                }
                b"web_search_requests" => {
                    self.web_search_requests = reader.count("usage.server_tool_use", value);
                }
                _ => {}
            }
            Ok(())
        })
    }

    pub fn usage(&self) -> Usage {
        let hour = self.ephemeral_1h_input_tokens;
        // Old clients state only the sum; what of it is not in the hour cache was written for five minutes.
        let split = hour.saturating_add(self.ephemeral_5m_input_tokens);
        let written = self.cache_creation_input_tokens.unwrap_or(split);
        Usage {
            input: self.input_tokens,
            cache_read: self.cache_read_input_tokens,
            cache_creation_5m: written.saturating_sub(hour),
            cache_creation_1h: hour.min(written),
            output: self.output_tokens,
            reasoning: self.thinking_tokens.min(self.output_tokens),
        }
    }

    pub fn web_searches(&self) -> u32 {
        u32::try_from(self.web_search_requests).unwrap_or(u32::MAX)
    }

    pub fn mode(&self) -> PriceMode {
        self.mode
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

/// The blocks of a `content` value: of a message, or of a tool result.
pub(super) fn blocks(content: &[u8]) -> serde_json::Result<Vec<Block<'_>>> {
    match content.first() {
        Some(b'[') => serde_json::from_slice(content),
        Some(b'"') => Ok(vec![Block {
            kind: "text".into(),
            text: string(content),
            ..Block::default()
        }]),
        _ => Ok(Vec::new()),
    }
}
