//! The fields of hook payloads, and the words in them that a person reads.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The fields of all events that mean something here. What an event does not have is absent.
#[derive(Debug, Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    pub(super) session_id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) hook_event_name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) prompt_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) agent_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) agent_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) agent_transcript_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) to_model: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) source: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) session_title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) prompt: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) tool_input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_response: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Vec<BatchCall<'a>>,
    #[serde(default)]
    pub(super) duration_ms: Option<f64>,
    #[serde(borrow, default)]
    pub(super) error: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) error_details: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) is_interrupt: bool,
    #[serde(borrow, default)]
    pub(super) last_assistant_message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) message: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) notification_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) mcp_server_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) background_tasks: Vec<BackgroundTask<'a>>,
    #[serde(borrow, default)]
    pub(super) session_crons: Vec<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) compact_summary: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) file_path: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) task_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) task_subject: Option<Cow<'a, str>>,
}

/// One call of a `PostToolBatch`.
#[derive(Debug, Deserialize)]
pub(super) struct BatchCall<'a> {
    #[serde(borrow, default)]
    pub(super) tool_use_id: Option<Cow<'a, str>>,
}

/// Work that goes on after a turn.
#[derive(Debug, Deserialize)]
pub(super) struct BackgroundTask<'a> {
    #[serde(borrow, default)]
    status: Option<Cow<'a, str>>,
}

impl BackgroundTask<'_> {
    /// Finished tasks may be listed too.
    pub(super) fn runs(&self) -> bool {
        !matches!(
            self.status.as_deref(),
            Some("completed" | "failed" | "killed" | "stopped")
        )
    }
}

/// Whether a machine submitted this prompt: the note of a background task that wakes the session.
pub(super) fn is_machine_prompt(prompt: &str) -> bool {
    prompt.trim_start().starts_with("<task-notification>")
}

/// What a tool answered: text as it is, anything else as JSON.
pub(super) fn answer(response: &RawValue) -> Cow<'_, str> {
    let raw = response.get();
    if raw.starts_with('"')
        && let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw)
    {
        return text;
    }
    Cow::Borrowed(raw)
}
