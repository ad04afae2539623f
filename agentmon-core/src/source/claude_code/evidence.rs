//! What transcript lines say about the state of a session.
//!
//! A transcript shows what happened, not what is awaited: a tool call without a result is either running or waiting
//! for permission, and only the live file and hooks can tell. Questions and plans are the exception: the tools that
//! ask for them say so by their names.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::line::{Line, Message, SYNTHETIC};
use crate::model::{Batch, Event, SessionIndex, Timestamp};
use crate::session::{Ask, Evidence, EvidenceSource, Signal};
use crate::source::about::about;

/// How the last assistant line of a file ended: enough for the state of sessions that ended long ago.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending {
    at: Timestamp,
    turn_over: bool,
    failed: Option<Box<str>>,
}

impl Ending {
    pub(super) fn of(line: &Line<'_>, at: Timestamp) -> Self {
        let stop = line
            .message
            .as_ref()
            .and_then(|message| message.stop_reason.as_deref());
        let failed = line.is_api_error_message.then(|| {
            line.error_class()
                .unwrap_or_else(|| "unknown".into())
                .into()
        });
        Self {
            at,
            turn_over: ends_turn(stop),
            failed,
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        let signal = match &self.failed {
            Some(class) => Signal::TurnFailed {
                class: class.clone(),
                message: None,
            },
            None if self.turn_over => Signal::TurnEnded {
                background: 0,
                scheduled: None,
            },
            None => Signal::ModelActive,
        };
        Evidence {
            at: self.at,
            source: EvidenceSource::Transcript,
            signal,
        }
    }
}

/// The client exited. It writes `cost-state` at its exit and at no other time: not at the end of a turn, not while it
/// waits for the user, not when it is killed (recordings of client 2.1).
pub(super) fn exit(at: Timestamp) -> Evidence {
    let reason = "exit".into();
    Evidence {
        at,
        source: EvidenceSource::Transcript,
        signal: Signal::SessionEnded { reason },
    }
}

/// Whether an answer with this stop reason is the last of its turn. Old clients write none at all.
fn ends_turn(stop_reason: Option<&str>) -> bool {
    matches!(
        stop_reason,
        Some("end_turn" | "stop_sequence" | "max_tokens" | "refusal")
    )
}

/// Reports the evidence in one line.
pub(super) fn report(
    line: &Line<'_>,
    at: Timestamp,
    session: SessionIndex,
    is_subagent: bool,
    out: &mut Batch,
) {
    // What a fork copied happened to the original.
    if line.original().is_some() {
        return;
    }
    let mut say = |signal| {
        out.evidence(
            session,
            Evidence {
                at,
                source: EvidenceSource::Transcript,
                signal,
            },
        )
    };
    match &*line.kind {
        "user" => user(line, &mut say),
        "assistant" => assistant(line, is_subagent, &mut say),
        "system" => match line.subtype.as_deref() {
            Some("api_error") => {
                say(Signal::Retrying {
                    attempt: line.retry_attempt.unwrap_or(1),
                    max: line.max_retries,
                });
            }
            Some("turn_duration") => say(Signal::TurnEnded {
                background: 0,
                scheduled: None,
            }),
            Some("compact_boundary") => say(Signal::Compacted),
            _ => {}
        },
        "progress" => say(Signal::Activity),
        _ => {}
    }
}

fn user(line: &Line<'_>, say: &mut impl FnMut(Signal)) {
    let blocks = line
        .message
        .as_ref()
        .map(Message::blocks)
        .and_then(Result::ok)
        .unwrap_or_default();
    for block in blocks.iter().filter(|block| block.kind == "tool_result") {
        let call: Box<str> = block.tool_use_id.as_deref().unwrap_or_default().into();
        if line.tool_denial_kind.is_some() {
            say(Signal::InputGiven {
                request: Some(call.clone()),
            });
        }
        say(Signal::ToolFinished { call });
    }
    let text = blocks
        .iter()
        .find_map(|block| block.text.as_deref())
        .unwrap_or_default();
    if text.starts_with("[Request interrupted by user") {
        say(Signal::Interrupted);
    } else if human_prompt(line).is_some() || text.starts_with("<task-notification>") {
        say(Signal::PromptSubmitted);
    }
}

fn assistant(line: &Line<'_>, is_subagent: bool, say: &mut impl FnMut(Signal)) {
    let Some(message) = &line.message else { return };
    if line.is_api_error_message || message.model.as_deref() == Some(SYNTHETIC) {
        if line.is_api_error_message {
            failed(line, message, say);
        }
        return;
    }
    say(Signal::ModelActive);
    for block in message
        .blocks()
        .unwrap_or_default()
        .iter()
        .filter(|block| block.kind == "tool_use")
    {
        let call: Box<str> = block.id.as_deref().unwrap_or_default().into();
        let tool = block.name.as_deref().unwrap_or_default();
        let about = block.input.and_then(|input| about(input.get()));
        let ask = match tool {
            "AskUserQuestion" => Some(Ask::Question),
            "ExitPlanMode" => Some(Ask::Plan),
            _ => None,
        };
        say(Signal::ToolStarted {
            call: call.clone(),
            tool: tool.into(),
            about: about.clone(),
        });
        // The call itself is the question to the user.
        if let Some(ask) = ask {
            say(Signal::NeedsInput {
                ask,
                detail: about,
                request: Some(call),
            });
        }
    }
    if ends_turn(message.stop_reason.as_deref()) {
        say(if is_subagent {
            // A subagent's turn is its whole life; a later message to it reopens it.
            Signal::SessionEnded {
                reason: "finished".into(),
            }
        } else {
            Signal::TurnEnded {
                background: 0,
                scheduled: None,
            }
        });
    }
}

fn failed(line: &Line<'_>, message: &Message<'_>, say: &mut impl FnMut(Signal)) {
    let class = line.error_class().unwrap_or_else(|| "unknown".into());
    let text = message
        .blocks()
        .unwrap_or_default()
        .into_iter()
        .find_map(|block| block.text);
    if class == "rate_limit" {
        let resets_at = text.as_deref().and_then(reset_time);
        say(Signal::Limited {
            reason: "rate_limit".into(),
            resets_at,
        });
    } else {
        let message = text.map(|text| Event::clip(&text).0);
        say(Signal::TurnFailed {
            class: class.into(),
            message,
        });
    }
}

/// The end of a limit in `... limit reached|1759264800` (seconds), as 1.x clients wrote it. Newer ones write a clock
/// time without a date or zone, which is not read.
fn reset_time(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.rsplit_once('|')?.1.trim().parse().ok()?;
    (seconds > 1_000_000_000).then_some(Timestamp(seconds.checked_mul(1000)?))
}

/// The text of a line if a person typed it as a prompt.
///
/// Machine text comes as user lines too: tool results, task notifications, compact summaries, command echoes.
pub(super) fn human_prompt<'a>(line: &Line<'a>) -> Option<Cow<'a, str>> {
    if line.kind != "user"
        || line.is_meta
        || line.is_compact_summary
        || line.is_visible_in_transcript_only
        || line.turn_companion
    {
        return None;
    }
    let blocks = line.message.as_ref()?.blocks().ok()?;
    if blocks.iter().any(|block| block.kind == "tool_result") {
        return None;
    }
    let text = blocks.into_iter().find_map(|block| block.text)?;
    const MACHINE: [&str; 8] = [
        "[Request interrupted by user",
        "<task-notification>",
        "<local-command-caveat>",
        "<local-command-stdout>",
        "<command-name>",
        "<command-message>",
        "<bash-input>",
        "<bash-stdout>",
    ];
    let start = text.trim_start();
    (!start.is_empty() && !MACHINE.iter().any(|prefix| start.starts_with(prefix))).then_some(text)
}
