//! Reads the messages of a chat: prompts, answers with their tools, and what the client says itself.

use std::borrow::Cow;

use super::record::{
    self, Arguments, InlineData, Message, Output, Part, Response, Thought, ToolCall,
};
use super::session_key;
use crate::model::{
    CallSource, EventKind, EventStatus, FactKey, ModelCall, PriceMode, ProblemKind, Relation,
    SessionKey, Stamped, Title, TitleKind, latest, stamp,
};
use crate::session::Signal;
use crate::source::image::marked;
use crate::source::json::{self, Raw};
use crate::source::line::{Line, detail};
use crate::source::otlp::gemini_usage_key;

/// How the context begins that the client puts before the user's first prompt.
const CONTEXT: &str = "<session_context>";

/// What the client says when the user pressed Esc.
const CANCELLED: &str = "Request cancelled.";

/// The tool with which a subagent ends.
const COMPLETE_TASK: &str = "complete_task";

/// Reports one message.
pub(super) fn read(
    line: &mut Line<'_>,
    message: &Message<'_>,
    is_subagent: bool,
    titled: &mut bool,
) {
    let kind = json::text(message.kind).unwrap_or_default();
    match &*kind {
        "user" => user(line, message, titled),
        "gemini" => answer(line, message, is_subagent),
        "info" | "warning" => {
            let text = content(message.content);
            let signal = match text.trim() {
                CANCELLED => Signal::Interrupted,
                _ => Signal::Activity,
            };
            line.sign(signal);
            if !text.is_empty() {
                line.event(0, EventKind::Notice, &text);
            }
        }
        "error" => {
            let text = content(message.content);
            line.sign(Signal::TurnFailed {
                class: "error".into(),
                message: detail(&text),
            });
            if let Some(event) = line.event(0, EventKind::Error, &text) {
                event.status = EventStatus::Error;
            }
        }
        kind => {
            let kind: String = kind.chars().take(40).collect();
            let what = format!("message type {kind:?}");
            line.out
                .problem(ProblemKind::UnknownType, line.offset, what);
        }
    }
}

fn user(line: &mut Line<'_>, message: &Message<'_>, titled: &mut bool) {
    let parts: Vec<Part<'_>> = json::list(message.content);
    if parts.iter().any(|part| part.function_response.is_some()) {
        // The results of tools on their way to the model.
        return line.sign(Signal::ModelActive);
    }
    let prompt = content(message.content);
    if prompt.starts_with(CONTEXT) {
        return;
    }
    line.sign(Signal::PromptSubmitted);
    if line.want.accounting && !*titled {
        let title = Title::new(TitleKind::FirstPrompt, line.at, &prompt);
        *titled = title.is_some();
        line.patch().propose_title(title);
    }
    let prompt = marked(prompt.into_owned(), images(&parts));
    line.event(0, EventKind::UserPrompt, &prompt);
}

fn answer(line: &mut Line<'_>, message: &Message<'_>, is_subagent: bool) {
    let call = call(line, message);
    if line.want.content {
        for (part, thought) in json::list::<Thought<'_>>(message.thoughts)
            .iter()
            .enumerate()
        {
            let subject = json::text(thought.subject).unwrap_or_default();
            let text = json::text(thought.description).unwrap_or_default();
            let text = format!("{subject}\n{text}");
            if let Some(event) = line.event(
                format_args!("thought{part}"),
                EventKind::Thinking,
                text.trim(),
            ) {
                event.model_call = call;
            }
        }
    }
    let text = content(message.content);
    if !text.is_empty()
        && let Some(event) = line.event(0, EventKind::Response, &text)
    {
        event.model_call = call;
    }
    let tools: Vec<ToolCall<'_>> = json::list(message.tool_calls);
    for tool in &tools {
        self::tool(line, tool, call);
    }
    let status = |wanted: &str| {
        let mut statuses = tools.iter().map(|tool| json::text(tool.status));
        !tools.is_empty() && statuses.all(|status| status.as_deref() == Some(wanted))
    };
    let completes = |tool: &ToolCall<'_>| json::text(tool.name).as_deref() == Some(COMPLETE_TASK);
    if is_subagent && tools.iter().any(completes) {
        line.sign(Signal::SessionEnded {
            reason: COMPLETE_TASK.into(),
        });
    } else if status("cancelled") {
        line.sign(Signal::Interrupted);
    } else if tools.is_empty() && !text.is_empty() {
        // Tools are written when they have finished. An answer with a text and a tool looks like the last one until
        // then.
        line.sign(Signal::TurnEnded {
            background: 0,
            scheduled: None,
        });
    } else {
        line.sign(Signal::ModelActive);
    }
}

/// The model call that an answer stands for. Written again, it is the same.
fn call(line: &mut Line<'_>, message: &Message<'_>) -> Option<FactKey> {
    let Some(usage) = record::usage(message.tokens) else {
        if message.tokens.is_some() {
            line.bad_field("tokens");
        }
        return None;
    };
    let session = line.key.native_id.as_bytes();
    let fact = FactKey::new("gemini.message", &[session, line.id.as_bytes()]);
    if line.want.accounting {
        let name = json::text(message.model).unwrap_or(Cow::Borrowed("unknown"));
        let model = line.out.model(&name);
        line.out.calls.push(ModelCall {
            fact,
            at: line.at,
            session: line.session,
            model,
            usage,
            mode: PriceMode::Standard,
            web_searches: 0,
            reported: None,
            credit: 0,
            source: CallSource::Transcript,
        });
        // Telemetry comes within seconds: older calls need no second name.
        if line.want.evidence {
            let parent = line.patch().parent.clone();
            let root = parent.as_ref().map_or(line.key, |(parent, _)| parent);
            let name = gemini_usage_key(&root.native_id, &name, &usage);
            line.out.aliases.push((name, fact));
        }
        let at = line.at;
        let patch = line.patch();
        stamp(&mut patch.model, at, &name);
        let context = Stamped {
            at,
            value: (usage.prompt(), None),
        };
        latest(&mut patch.context, Some(context));
    }
    Some(fact)
}

/// What joins a tool's use with its result.
pub(super) fn tool_fact(session: &SessionKey, call: &str) -> FactKey {
    FactKey::new(
        "gemini.tool",
        &[session.native_id.as_bytes(), call.as_bytes()],
    )
}

/// How many parts of a list are images.
fn images<'p, 'a: 'p>(parts: impl IntoIterator<Item = &'p Part<'a>>) -> usize {
    let data = parts
        .into_iter()
        .filter_map(|part| json::object::<InlineData<'_>>(part.inline_data));
    data.filter(|data| json::text(data.mime_type).is_some_and(|kind| kind.starts_with("image/")))
        .count()
}

/// A tool that has finished.
fn tool(line: &mut Line<'_>, tool: &ToolCall<'_>, model_call: Option<FactKey>) {
    let id = json::text(tool.id).unwrap_or_default();
    let name = json::text(tool.name).unwrap_or_default();
    let arguments: Arguments<'_> = json::object(tool.args).unwrap_or_default();
    line.sign(Signal::ToolStarted {
        call: (&*id).into(),
        tool: (&*name).into(),
        about: None,
    });
    let begun = line.at;
    line.at = json::time(tool.timestamp).unwrap_or(begun);
    line.out.touch(line.session, line.at);
    line.sign(Signal::ToolFinished {
        call: (&*id).into(),
    });
    let ended = std::mem::replace(&mut line.at, begun);
    subagent(line, tool, &arguments);
    if !line.want.content {
        return;
    }
    let call = tool_fact(line.key, &id);
    let text = json::text(arguments.command)
        .unwrap_or_else(|| Cow::Borrowed(tool.args.map_or("", |raw| raw.get())));
    if let Some(event) = line.event(format_args!("use:{id}"), EventKind::ToolUse, &text) {
        event.tool = Some((&*name).into());
        event.call = Some(call);
        event.model_call = model_call;
    }
    line.at = ended;
    let failed = json::text(tool.status).is_some_and(|status| status != "success");
    let returned: Vec<Part<'_>> = json::list(tool.result);
    let inside = returned
        .iter()
        .filter_map(|part| json::object::<Response<'_>>(part.function_response));
    let inside: Vec<Part<'_>> = inside
        .flat_map(|response| json::list(response.parts))
        .collect();
    let count = images(returned.iter().chain(&inside));
    let result = marked(result(tool).into_owned(), count);
    if let Some(event) = line.event(format_args!("result:{id}"), EventKind::ToolResult, &result) {
        event.tool = Some((&*name).into());
        event.call = Some(call);
        event.duration_ms = u64::try_from((ended - begun).0).ok();
        if failed {
            event.status = EventStatus::Error;
        }
    }
    line.at = begun;
}

/// What the parent knows of a subagent that it ran: its name and its task.
fn subagent(line: &mut Line<'_>, tool: &ToolCall<'_>, arguments: &Arguments<'_>) {
    let (true, Some(id)) = (line.want.accounting, json::text(tool.agent_id)) else {
        return;
    };
    let child = session_key(&id);
    if child == *line.key {
        return;
    }
    let parent = line.key.clone();
    let index = line.out.session(&child);
    let patch = line.out.patch(index);
    patch.propose_parent(Some((parent, Relation::Spawned)));
    if let Some(name) = json::text(arguments.agent_name) {
        stamp(&mut patch.role, line.at, &name);
    }
    let task = json::text(arguments.prompt).unwrap_or_default();
    patch.propose_title(Title::new(TitleKind::Agent, line.at, &task));
}

/// What a tool returned, as the user saw it or else as the model did.
fn result<'a>(tool: &ToolCall<'a>) -> Cow<'a, str> {
    let shown = json::text(tool.result_display).filter(|text| !text.is_empty());
    let returned = || {
        let parts: Vec<Part<'_>> = json::list(tool.result);
        let response: Response<'_> = json::object(parts.first()?.function_response)?;
        let output: Output<'_> = json::object(response.response)?;
        json::text(output.output.or(output.error))
    };
    shown.or_else(returned).unwrap_or_default()
}

/// The text of a message's content without thoughts, which stand apart.
fn content<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    if let Some(text) = json::text(raw) {
        return text;
    }
    let mut joined = Cow::Borrowed("");
    for part in json::list::<Part<'_>>(raw) {
        let Some(text) = json::text(part.text).filter(|_| json::flag(part.thought) != Some(true))
        else {
            continue;
        };
        if joined.is_empty() {
            joined = text;
        } else {
            joined.to_mut().push('\n');
            joined.to_mut().push_str(&text);
        }
    }
    joined
}
