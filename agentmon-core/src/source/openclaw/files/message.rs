//! Reads the messages of a transcript: prompts, answers and what tools returned.

use std::borrow::Cow;

use super::entry::{self, Block, Details, Message};
use super::text;
use crate::model::{
    CallSource, EventKind, EventStatus, FactKey, ModelCall, PriceMode, SessionKey, Timestamp,
    Title, TitleKind, stamp,
};
use crate::session::{Ask, Signal};
use crate::source::about::about;
use crate::source::json::{self, Raw};
use crate::source::line::{Line, detail};

/// How the text begins that the gateway writes in the agent's place when a run broke down before the model answered.
const FAILED_BEFORE_REPLY: &str = "⚠️ Agent failed before reply";

/// A prompt, of a person or of the machine (cron jobs, results of subagents).
pub(in crate::source::openclaw) fn user(
    line: &mut Line<'_>,
    message: &Message<'_>,
    titled: &mut bool,
) {
    line.sign(Signal::PromptSubmitted);
    let needs_title = line.want.accounting && !*titled;
    if !needs_title && !line.want.content {
        return;
    }
    let content = text::content(message.content);
    let prompt = text::prompt(&content);
    if needs_title {
        let title = Title::new(TitleKind::FirstPrompt, line.at, text::title(prompt));
        *titled = title.is_some();
        line.patch().propose_title(title);
    }
    line.event(0, EventKind::UserPrompt, prompt);
}

/// What the model answered, or what the gateway wrote in its place.
pub(in crate::source::openclaw) fn assistant(
    line: &mut Line<'_>,
    message: &Message<'_>,
    call: Option<FactKey>,
) {
    if is_injected(message) {
        return injected(line, message);
    }
    let model = json::text(message.model);
    if let Some(model) = model.filter(|_| line.want.accounting) {
        let at = line.at;
        stamp(&mut line.patch().model, at, &model);
    }
    let reason = json::text(message.stop_reason).unwrap_or_default();
    let broken = matches!(&*reason, "error" | "aborted");
    let mut tools = 0;
    if line.want.evidence || line.want.content {
        // Tools that an answer asked for before it broke off were never run.
        tools = blocks(line, message.content, call, !broken);
    }
    match &*reason {
        "error" => {
            let error = json::text(message.error_message).unwrap_or_default();
            line.sign(failure(&error, json::text(message.error_type)));
            failed_event(line, &error);
        }
        "aborted" => {
            line.sign(Signal::Aborted);
            line.event("end", EventKind::Notice, "aborted");
        }
        _ if tools > 0 => {}
        "stop" | "length" => line.sign(turn_ended()),
        _ => line.sign(Signal::Activity),
    }
}

/// Reports the blocks of an answer; returns how many tools it asks for.
fn blocks(line: &mut Line<'_>, content: Raw<'_>, model_call: Option<FactKey>, runs: bool) -> usize {
    let mut tools = 0;
    let blocks: Vec<Block<'_>> = match json::text(content) {
        Some(_) => {
            line.event(0, EventKind::Response, &text::content(content));
            return 0;
        }
        None => json::list(content),
    };
    for (part, block) in blocks.iter().enumerate() {
        let (kind, text) = match json::text(block.kind).as_deref() {
            Some("text") => (EventKind::Response, json::text(block.text)),
            Some("thinking") => (EventKind::Thinking, json::text(block.thinking)),
            Some("toolCall") => (EventKind::ToolUse, Some(arguments(block.arguments))),
            _ => continue,
        };
        let text = text.unwrap_or_default();
        let tool = (kind == EventKind::ToolUse).then(|| {
            let id = json::text(block.id).unwrap_or_default();
            let name = json::text(block.name).unwrap_or_default();
            (id, name)
        });
        if tool.is_none() && text.is_empty() {
            continue;
        }
        let call = tool.as_ref().map(|(id, _)| tool_fact(line, id));
        if let Some(event) = line.event(part, kind, &text) {
            event.tool = tool.as_ref().map(|(_, name)| (&**name).into());
            event.call = call;
            event.model_call = model_call;
        }
        if let Some((id, name)) = tool.filter(|_| runs) {
            tools += 1;
            line.sign(Signal::ToolStarted {
                call: id.into(),
                tool: name.into(),
                about: block.arguments.and_then(|input| about(input.get())),
            });
        }
    }
    tools
}

/// What a tool returned.
pub(in crate::source::openclaw) fn tool_result(line: &mut Line<'_>, message: &Message<'_>) {
    let call = json::text(message.tool_call_id).unwrap_or_default();
    let tool = json::text(message.tool_name).unwrap_or_default();
    let details: Details<'_> = json::object(message.details).unwrap_or_default();
    let status = json::text(details.status).unwrap_or_default();
    line.sign(Signal::ToolFinished {
        call: (&*call).into(),
    });
    if status == "approval-pending" {
        // The tool returned at once; the command itself waits for an operator.
        let command = json::text(details.command).unwrap_or_default();
        line.sign(Signal::NeedsInput {
            ask: Ask::Permission {
                tool: Some((&*tool).into()),
            },
            detail: detail(&command),
            request: json::text(details.approval_id).map(Box::from),
        });
    }
    if line.want.content {
        let call = Some(tool_fact(line, &call));
        let failed = json::flag(message.is_error) == Some(true) || status == "error";
        if let Some(event) = line.event(0, EventKind::ToolResult, &text::content(message.content)) {
            event.tool = Some(tool.into());
            event.call = call;
            event.duration_ms = json::count(details.duration_ms);
            if failed {
                event.status = EventStatus::Error;
            }
        }
    }
}

/// The model call that an assistant message stands for; `None` where no model answered.
pub(in crate::source::openclaw) fn call(
    line: &mut Line<'_>,
    message: &Message<'_>,
    credit: Timestamp,
) -> Option<FactKey> {
    let Some((usage, reported)) = entry::usage(message.usage) else {
        if message.usage.is_some() {
            line.bad_field("usage");
        }
        return None;
    };
    let reason = json::text(message.stop_reason);
    let unanswered = usage.is_zero() && matches!(reason.as_deref(), Some("error" | "aborted"));
    if unanswered || is_injected(message) {
        return None;
    }
    let asked_at = json::time(message.timestamp)
        .unwrap_or(line.at)
        .0
        .to_le_bytes();
    let fact = FactKey::new("openclaw.message", &[line.id.as_bytes(), &asked_at]);
    if line.want.accounting {
        let model = json::text(message.model).unwrap_or(Cow::Borrowed("unknown"));
        let model = line.out.model(&model);
        line.out.calls.push(ModelCall {
            fact,
            at: line.at,
            session: line.session,
            model,
            usage,
            mode: PriceMode::Standard,
            web_searches: 0,
            reported,
            credit: credit.0,
            source: CallSource::Transcript,
        });
    }
    Some(fact)
}

/// Whether the gateway wrote this itself: what was said before an abort, a notice, a copy of what it delivered.
fn is_injected(message: &Message<'_>) -> bool {
    json::text(message.model).as_deref() == Some("gateway-injected")
        || (json::text(message.provider).as_deref() == Some("openclaw")
            && entry::usage(message.usage).is_none_or(|(usage, _)| usage.is_zero()))
}

fn injected(line: &mut Line<'_>, message: &Message<'_>) {
    let content = text::content(message.content);
    if message.openclaw_abort.is_some() {
        line.sign(Signal::Aborted);
    } else if content.starts_with(FAILED_BEFORE_REPLY) {
        line.sign(failure(&content, None));
        return failed_event(line, &content);
    } else {
        line.sign(Signal::Activity);
    }
    line.event(0, EventKind::Notice, &content);
}

/// A run that ended in an error.
pub(super) fn failed_event(line: &mut Line<'_>, error: &str) {
    if let Some(event) = line.event("end", EventKind::Error, error) {
        event.status = EventStatus::Error;
    }
}

/// What an error says about the session. Providers' messages begin with the HTTP status.
pub(in crate::source::openclaw) fn failure(error: &str, class: Option<Cow<'_, str>>) -> Signal {
    let status = error
        .get(..3)
        .filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()));
    let is_limit = |class: &str| class.contains("rate_limit") || class.contains("quota");
    if status == Some("429") || class.as_deref().is_some_and(is_limit) {
        return Signal::Limited {
            reason: class.map_or_else(|| "rate_limit".into(), Box::from),
            resets_at: None,
        };
    }
    let class = class.map(Box::from);
    Signal::TurnFailed {
        class: class
            .or_else(|| status.map(|code| format!("http_{code}").into()))
            .unwrap_or_else(|| "error".into()),
        message: detail(error),
    }
}

/// The end of a turn. What goes on in the background stands in no transcript.
pub(in crate::source::openclaw) fn turn_ended() -> Signal {
    Signal::TurnEnded {
        background: 0,
        scheduled: None,
    }
}

fn tool_fact(line: &Line<'_>, call: &str) -> FactKey {
    tool_key(line.key, call)
}

/// What joins a tool's use with its result. Providers number tool calls within a conversation, some of them from one.
pub(super) fn tool_key(session: &SessionKey, call: &str) -> FactKey {
    FactKey::new(
        "openclaw.tool",
        &[session.native_id.as_bytes(), call.as_bytes()],
    )
}

/// The command of a shell tool, the arguments as JSON of any other.
fn arguments<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    #[derive(serde::Deserialize)]
    struct Shell<'a> {
        #[serde(borrow, default)]
        command: Raw<'a>,
    }
    let command = json::object::<Shell<'_>>(raw).and_then(|shell| json::text(shell.command));
    command.unwrap_or_else(|| Cow::Borrowed(raw.map_or("", |raw| raw.get())))
}
