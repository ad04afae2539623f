//! Why a session is in its state, in a word: a closed set with a stable text form (`tool(Bash)`, `exit(1)`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Ask;
use crate::model::Timestamp;

/// Why a session is in its state. The text form is what JSON, the store and the command line show; it never changes
/// for a given reason and carries no running durations (those follow from `since`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum Reason {
    /// Queued: no free slot.
    Slot,
    /// Queued: a usage limit holds the queue.
    LimitUntil,
    /// Queued: the budget is used up.
    Budget,
    /// Queued: the worker is not there.
    WorkerDown,
    /// Queued: the queue is paused.
    Paused,
    /// Spawning: its process was started.
    Started,
    /// Working: the model is at it.
    Model,
    /// Working: this tool runs.
    Tool(Box<str>),
    /// Working: the context is being compacted.
    Compacting,
    /// Working: a request failed and is tried again.
    Retrying {
        /// The try that failed last.
        attempt: u32,
        /// How many there will be at most, if known.
        max: Option<u32>,
    },
    /// Working: this many subagents are.
    Subagents(u32),
    /// Needs input: may this tool run?
    Permission(Option<Box<str>>),
    /// Needs input: a question.
    Question,
    /// Needs input: approve a plan.
    Plan,
    /// Needs input: a tool server asks.
    Elicitation,
    /// Needs input: trust this folder?
    Trust,
    /// Needs input: log in or confirm a key.
    Auth,
    /// Needs input: a dialog of the client is open.
    Dialog,
    /// Idle: the turn is over.
    TurnDone {
        /// Whether the user has looked at the result.
        seen: bool,
    },
    /// Idle: the user stopped the turn.
    Interrupted,
    /// Idle: nothing was asked yet.
    Fresh,
    /// Waiting for itself: work goes on in the background.
    BackgroundTask,
    /// Waiting for itself: a wake-up is due, then if known.
    Scheduled(Option<Timestamp>),
    /// Limited: too many requests.
    RateLimit(Option<Timestamp>),
    /// Limited: a plan's quota is used up, until then if known.
    Quota(Option<Timestamp>),
    /// Stalled: no sign for longer than the policy's `stall_after`. Completed: none for so long that a turn whose end
    /// nobody saw was given up (`abandon_after`).
    Silent,
    /// Stalled or failed: the context window or the token budget is used up.
    TokenLimit,
    /// Completed or failed: the process ended with this code.
    Exit(i32),
    /// Completed: the session said that it ended.
    SessionEnd,
    /// Completed: the process is gone, and nothing was going on.
    ProcessGone,
    /// Completed: nothing happened for longer than the policy's `complete_after`.
    IdleTimeout,
    /// Failed: the turn ended in an error of this class.
    ApiError(Option<Box<str>>),
    /// Failed: the process is gone in mid-turn, while this tool ran if one did.
    Crashed(Option<Box<str>>),
    /// Failed: the connection to the agent was lost for good.
    Disconnected,
    /// Terminated: somebody ended it, for this reason.
    User(Option<Box<str>>),
    /// Terminated: the run was aborted.
    Aborted,
    /// Unobserved: hooks are not installed.
    HooksMissing,
    /// Unobserved: hooks are installed and not trusted.
    HooksUntrusted,
    /// Unobserved: the host cannot be reached.
    HostUnreachable,
    /// Unobserved: the source of evidence is gone.
    SourceGone,
    /// Unobserved: there is no evidence yet.
    NoEvidence,
    /// A word that this version does not know.
    Other(Box<str>),
}

impl Reason {
    /// The reason of a request for input.
    #[must_use]
    pub fn asked(ask: &Ask) -> Self {
        match ask {
            Ask::Permission { tool } => Self::Permission(tool.clone()),
            Ask::Question => Self::Question,
            Ask::Plan => Self::Plan,
            Ask::Elicitation => Self::Elicitation,
            Ask::Trust => Self::Trust,
            Ask::Auth => Self::Auth,
            Ask::Dialog => Self::Dialog,
        }
    }

    /// The reason of a limit.
    pub(super) fn limited(word: &str, resets_at: Option<Timestamp>) -> Self {
        if word.starts_with("rate_limit") {
            Self::RateLimit(resets_at)
        } else {
            Self::Quota(resets_at)
        }
    }

    /// The reason of a turn that ended in an error of `class`.
    pub(super) fn failed(class: &str) -> Self {
        match class {
            "max_output_tokens"
            | "context_length_exceeded"
            | "context_window_exceeded"
            | "model_context_window_exceeded"
            | "prompt_too_long"
            | "token_limit" => Self::TokenLimit,
            "disconnected" | "connection_lost" => Self::Disconnected,
            "" => Self::ApiError(None),
            class => Self::ApiError(Some(class.into())),
        }
    }

    /// The word before the parenthesis: `tool` of `tool(Bash)`.
    #[must_use]
    pub fn word(&self) -> &str {
        match self {
            Self::Slot => "slot",
            Self::LimitUntil => "limit_until",
            Self::Budget => "budget",
            Self::WorkerDown => "worker_down",
            Self::Paused => "paused",
            Self::Started => "started",
            Self::Model => "model",
            Self::Tool(_) => "tool",
            Self::Compacting => "compacting",
            Self::Retrying { .. } => "retrying",
            Self::Subagents(_) => "subagents",
            Self::Permission(_) => "permission",
            Self::Question => "question",
            Self::Plan => "plan",
            Self::Elicitation => "elicitation",
            Self::Trust => "trust",
            Self::Auth => "auth",
            Self::Dialog => "dialog",
            Self::TurnDone { .. } => "turn_done",
            Self::Interrupted => "interrupted",
            Self::Fresh => "fresh",
            Self::BackgroundTask => "background_task",
            Self::Scheduled(_) => "scheduled",
            Self::RateLimit(_) => "rate_limit",
            Self::Quota(_) => "quota",
            Self::Silent => "silent",
            Self::TokenLimit => "token_limit",
            Self::Exit(_) => "exit",
            Self::SessionEnd => "session_end",
            Self::ProcessGone => "process_gone",
            Self::IdleTimeout => "idle_timeout",
            Self::ApiError(_) => "api_error",
            Self::Crashed(_) => "crashed",
            Self::Disconnected => "disconnected",
            Self::User(_) => "user",
            Self::Aborted => "aborted",
            Self::HooksMissing => "hooks_missing",
            Self::HooksUntrusted => "hooks_untrusted",
            Self::HostUnreachable => "host_unreachable",
            Self::SourceGone => "source_gone",
            Self::NoEvidence => "no_evidence",
            Self::Other(word) => word,
        }
    }

    /// When what holds the session is over: a limit is reset, a wake-up is due.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::RateLimit(until) | Self::Quota(until) | Self::Scheduled(until) => *until,
            _ => None,
        }
    }

    /// Reads the text form. Never fails: what is not known is [`Reason::Other`].
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (word, argument) = match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((word, argument)) => (word, Some(argument)),
            None => (text, None),
        };
        Self::known(word, argument).unwrap_or_else(|| Self::Other(text.into()))
    }

    fn known(word: &str, argument: Option<&str>) -> Option<Self> {
        let text = || argument.map(Box::from);
        let time = || match argument {
            None => Some(None),
            Some(text) => Timestamp::parse(text).map(Some),
        };
        let plain = match word {
            "tool" => return text().map(Self::Tool),
            "permission" => return Some(Self::Permission(text())),
            "retrying" => {
                let argument = argument?;
                let (attempt, max) = match argument.split_once('/') {
                    Some((attempt, max)) => (attempt, Some(max.parse().ok()?)),
                    None => (argument, None),
                };
                let attempt = attempt.parse().ok()?;
                return Some(Self::Retrying { attempt, max });
            }
            "subagents" => return argument?.parse().ok().map(Self::Subagents),
            "turn_done" => {
                let seen = match argument? {
                    "seen" => true,
                    "unseen" => false,
                    _ => return None,
                };
                return Some(Self::TurnDone { seen });
            }
            "scheduled" => return time().map(Self::Scheduled),
            "rate_limit" => return time().map(Self::RateLimit),
            "quota" => return time().map(Self::Quota),
            "exit" => return argument?.parse().ok().map(Self::Exit),
            "api_error" => return Some(Self::ApiError(text())),
            "crashed" => return Some(Self::Crashed(text())),
            "user" => return Some(Self::User(text())),
            "slot" => Self::Slot,
            "limit_until" => Self::LimitUntil,
            "budget" => Self::Budget,
            "worker_down" => Self::WorkerDown,
            "paused" => Self::Paused,
            "started" => Self::Started,
            "model" => Self::Model,
            "compacting" => Self::Compacting,
            "question" => Self::Question,
            "plan" => Self::Plan,
            "elicitation" => Self::Elicitation,
            "trust" => Self::Trust,
            "auth" => Self::Auth,
            "dialog" => Self::Dialog,
            "interrupted" => Self::Interrupted,
            "fresh" => Self::Fresh,
            "background_task" => Self::BackgroundTask,
            "silent" => Self::Silent,
            "token_limit" => Self::TokenLimit,
            "session_end" => Self::SessionEnd,
            "process_gone" => Self::ProcessGone,
            "idle_timeout" => Self::IdleTimeout,
            "disconnected" => Self::Disconnected,
            "aborted" => Self::Aborted,
            "hooks_missing" => Self::HooksMissing,
            "hooks_untrusted" => Self::HooksUntrusted,
            "host_unreachable" => Self::HostUnreachable,
            "source_gone" => Self::SourceGone,
            "no_evidence" => Self::NoEvidence,
            _ => return None,
        };
        argument.is_none().then_some(plain)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Tool(text)
            | Self::Permission(Some(text))
            | Self::ApiError(Some(text))
            | Self::Crashed(Some(text))
            | Self::User(Some(text)) => write!(f, "({text})"),
            Self::Retrying { attempt, max } => match max {
                Some(max) => write!(f, "({attempt}/{max})"),
                None => write!(f, "({attempt})"),
            },
            Self::Subagents(count) => write!(f, "({count})"),
            Self::TurnDone { seen } => f.write_str(if *seen { "(seen)" } else { "(unseen)" }),
            Self::Scheduled(Some(at)) | Self::RateLimit(Some(at)) | Self::Quota(Some(at)) => {
                write!(f, "({at})")
            }
            Self::Exit(code) => write!(f, "({code})"),
            _ => Ok(()),
        }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_stable_and_reads_back() {
        let at = Timestamp::parse("2026-11-21T10:00:00.000Z").unwrap();
        for (reason, text) in [
            (Reason::Slot, "slot"),
            (Reason::Model, "model"),
            (Reason::Tool("Bash".into()), "tool(Bash)"),
            (Reason::Tool("odd)(one)".into()), "tool(odd)(one))"),
            (Reason::Permission(None), "permission"),
            (Reason::Permission(Some("Bash".into())), "permission(Bash)"),
            (
                Reason::Retrying {
                    attempt: 2,
                    max: Some(10),
                },
                "retrying(2/10)",
            ),
            (Reason::Subagents(3), "subagents(3)"),
            (Reason::TurnDone { seen: false }, "turn_done(unseen)"),
            (Reason::Quota(Some(at)), "quota(2026-11-21T10:00:00.000Z)"),
            (Reason::RateLimit(None), "rate_limit"),
            (Reason::Exit(-1), "exit(-1)"),
            (Reason::Crashed(None), "crashed"),
            (Reason::Other("slot(9)".into()), "slot(9)"),
        ] {
            assert_eq!(reason.to_string(), text);
            assert_eq!(Reason::parse(text), reason, "{text}");
        }
    }
}
