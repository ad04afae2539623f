//! `ui_messages.json`: the timeline of a task as the extension's panel shows it.
//!
//! A message is something said (`say`) or asked (`ask`). **Usage** stands in the JSON text of `api_req_started`, which
//! is filled in when the answer is complete. `tokensIn` leaves cached tokens out, except where Roo Code says that the
//! provider speaks OpenAI's protocol. `cost` is the extension's own figure in dollars. Calls of messages that the user
//! deleted are summed up in `deleted_api_reqs`. Only newer versions of Cline say the model.

use serde::Deserialize;

use crate::model::{
    AgentKind, Batch, EventKind, FactKey, NanoUsd, ProblemKind, SessionKey, Timestamp, Usage,
};
use crate::session::{Ask, Signal};
use crate::source::json::{self, Raw};
use crate::source::line::{Line, detail};
use crate::source::record::{Place, count};
use crate::source::{FileInfo, Parser, Want};

/// Parser of a task's timeline.
#[derive(Debug)]
pub(super) struct Task {
    key: SessionKey,
    born: Timestamp,
}

impl Task {
    pub(super) fn new(file: &FileInfo, agent: AgentKind) -> Self {
        let folder = file.path.parent().and_then(|folder| folder.file_name());
        let id = folder.and_then(|name| name.to_str());
        Self {
            key: SessionKey::new(agent, id.unwrap_or_default()),
            born: file.born,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    ts: Raw<'a>,
    #[serde(borrow)]
    ask: Raw<'a>,
    #[serde(borrow)]
    say: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    reasoning: Raw<'a>,
    #[serde(borrow)]
    partial: Raw<'a>,
    #[serde(borrow)]
    model_info: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Model<'a> {
    #[serde(borrow)]
    model_id: Raw<'a>,
}

/// The JSON text of a request.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    tokens_in: Raw<'a>,
    #[serde(borrow)]
    tokens_out: Raw<'a>,
    #[serde(borrow)]
    cache_writes: Raw<'a>,
    #[serde(borrow)]
    cache_reads: Raw<'a>,
    #[serde(borrow)]
    cost: Raw<'a>,
    #[serde(borrow)]
    api_protocol: Raw<'a>,
    #[serde(borrow)]
    cancel_reason: Raw<'a>,
    #[serde(borrow)]
    streaming_failed_message: Raw<'a>,
}

impl Parser for Task {
    fn feed(&mut self, _: u64, bytes: &[u8], want: Want, _: Timestamp, out: &mut Batch) {
        let messages: Option<Vec<Message<'_>>> = serde_json::from_slice(bytes)
            .ok()
            .map(|raw| json::list(Some(raw)));
        let Some(messages) = messages else {
            return out.problem(ProblemKind::Malformed, 0, "ui_messages.json");
        };
        let place = &mut Place {
            out,
            want,
            offset: 0,
        };
        let mut open = None;
        for (index, message) in messages.iter().enumerate() {
            let Some(at) = json::time(message.ts) else {
                place.out.problem(ProblemKind::BadField, 0, "ts");
                continue;
            };
            // Half of a message that is still coming in.
            if json::flag(message.partial) == Some(true) {
                continue;
            }
            let id = format!("{}.{index}", at.0);
            let mut line = place.record(&self.key, &id, at);
            let text = json::text(message.text).unwrap_or_default();
            // An answer is not written down; that it goes on is one.
            if let Some(request) = open.take() {
                let request = Some(request);
                line.sign(Signal::InputGiven { request });
            }
            if index == 0 {
                line.sign(Signal::SessionStarted { how: "new".into() });
                line.event("start", EventKind::SessionStart, "");
                line.prompt(&text);
            } else if let Some(kind) = json::text(message.say) {
                self.said(&kind, message, &text, &mut line);
            } else if let Some(kind) = json::text(message.ask) {
                open = asked(&kind, &text, &mut line);
            }
        }
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl Task {
    fn said(&self, kind: &str, message: &Message<'_>, text: &str, line: &mut Line<'_>) {
        let thought = json::text(message.reasoning).unwrap_or_default();
        line.says("reasoning", EventKind::Thinking, &thought);
        match kind {
            "api_req_started" | "deleted_api_reqs" => self.request(kind, message, text, line),
            "user_feedback" | "user_feedback_diff" => line.prompt(text),
            "text" => line.says("text", EventKind::Response, text),
            "completion_result" => {
                line.says("text", EventKind::Response, text);
                line.turn_ends();
            }
            "reasoning" => line.says("text", EventKind::Thinking, text),
            "error" | "diff_error" | "rooignore_error" | "clineignore_error" => {
                line.says("text", EventKind::Error, text);
                line.sign(Signal::Activity);
            }
            "command_output" => {
                line.says("text", EventKind::ToolResult, text);
                line.sign(Signal::Activity);
            }
            "command" | "tool" | "use_mcp_server" | "browser_action" => {
                line.says("text", EventKind::ToolUse, text);
                line.sign(Signal::Activity);
            }
            "api_req_retried" | "api_req_retry_delayed" | "error_retry" => {
                line.sign(Signal::Retrying {
                    attempt: 1,
                    max: None,
                });
            }
            "condense_context" => {
                line.sign(Signal::Compacted);
                line.event("compaction", EventKind::Compaction, "");
            }
            _ => line.sign(Signal::Activity),
        }
    }

    fn request(&self, kind: &str, message: &Message<'_>, text: &str, line: &mut Line<'_>) {
        let Ok(request) = serde_json::from_str::<Request<'_>>(text) else {
            return line.bad_field(kind);
        };
        let is_live = kind == "api_req_started";
        if is_live {
            line.sign(Signal::ModelActive);
        }
        if request.tokens_in.is_some() || request.tokens_out.is_some() {
            self.call(message, &request, line);
        }
        match json::text(request.cancel_reason).as_deref() {
            Some("user_cancelled") => line.sign(Signal::Interrupted),
            Some(class) => {
                let why = json::text(request.streaming_failed_message).unwrap_or_default();
                line.fails(None, class, &why);
            }
            None => {}
        }
    }

    fn call(&self, message: &Message<'_>, request: &Request<'_>, line: &mut Line<'_>) {
        let (read, written) = (count(request.cache_reads), count(request.cache_writes));
        let sent = count(request.tokens_in);
        let includes = json::text(request.api_protocol).is_some_and(|name| name == "openai");
        let input = match includes {
            true => sent.saturating_sub(read).saturating_sub(written),
            false => sent,
        };
        let usage = Usage {
            input,
            cache_read: read,
            cache_creation_5m: written,
            output: count(request.tokens_out),
            ..Usage::default()
        };
        let info: Model<'_> = json::object(message.model_info).unwrap_or_default();
        let model = json::text(info.model_id);
        let fact = FactKey::new(
            "cline.request",
            &[
                line.key.agent.as_str().as_bytes(),
                line.key.native_id.as_bytes(),
                line.id.as_bytes(),
            ],
        );
        let cost = json::float(request.cost).filter(|&cost| cost > 0.0);
        if let Some(call) = line.call(fact, model.as_deref(), usage, self.born) {
            call.reported = cost.and_then(NanoUsd::from_dollars);
        }
    }
}

/// The extension asks: for a decision of the user, whose request it returns, or just what to do next.
fn asked(kind: &str, text: &str, line: &mut Line<'_>) -> Option<Box<str>> {
    let ask = match kind {
        "completion_result" | "resume_task" | "resume_completed_task" | "plan_mode_respond" => {
            line.says("text", EventKind::Response, text);
            line.turn_ends();
            return None;
        }
        "command_output" => {
            line.sign(Signal::Activity);
            return None;
        }
        "api_req_failed" => {
            line.fails(None, "api_req_failed", text);
            return None;
        }
        "followup" | "act_mode_respond" => Ask::Question,
        "command" | "tool" | "use_mcp_server" | "browser_action_launch" => Ask::Permission {
            tool: Some(kind.into()),
        },
        _ => Ask::Dialog,
    };
    let kind = match ask {
        Ask::Permission { .. } => EventKind::ToolUse,
        _ => EventKind::Response,
    };
    line.says("text", kind, text);
    let request: Box<str> = line.id.into();
    line.sign(Signal::NeedsInput {
        ask,
        detail: detail(text),
        request: Some(request.clone()),
    });
    Some(request)
}
