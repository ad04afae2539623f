//! A conversation as people see it: who said what, how a run's answer grows, and what became of a run that nobody heard
//! the end of. Thinking is taken out of what agents say.

use std::borrow::Cow;

use serde::Deserialize;

use super::frame::Payload;
use super::observe::{Stamp, Stamped};
use super::thinking::{Thinking, strip};
use crate::model::Timestamp;
use crate::source::json::{self, Raw};
use crate::source::openclaw::files::entry::Message;
use crate::source::openclaw::files::text;

/// Who said something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A person, or a machine in a person's place.
    User,
    /// The agent.
    Assistant,
}

impl Role {
    /// The name used in JSON and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One message of a conversation, as the gateway keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What tells it from the others: the entry's id, or role and time where there is none (protocol 3).
    pub record: Box<str>,
    /// When it was written.
    pub at: Timestamp,
    /// Who.
    pub role: Role,
    /// What, without thinking; may be empty where the agent only called tools.
    pub text: String,
    /// The run that it belongs to, where that is told.
    pub run: Option<Box<str>>,
    /// How the model stopped: `stop`, `toolUse`, `error`, `aborted`.
    pub stop: Box<str>,
    /// What went wrong.
    pub error: Option<Box<str>>,
}

/// A part of a conversation, as `chat.history` answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conversation {
    /// The messages, the oldest first.
    pub said: Vec<Said>,
    /// A run that goes on, and what it has said so far.
    pub in_flight: Option<(Box<str>, String)>,
    /// Whether any run goes on, where that is told (protocol 4).
    pub is_active: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawHistory<'a> {
    #[serde(borrow)]
    messages: Raw<'a>,
    #[serde(borrow)]
    in_flight_run: Raw<'a>,
    #[serde(borrow)]
    session_info: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Extra<'a> {
    #[serde(borrow)]
    run_id: Raw<'a>,
    #[serde(borrow)]
    text: Raw<'a>,
    #[serde(borrow)]
    has_active_run: Raw<'a>,
    #[serde(borrow)]
    idempotency_key: Raw<'a>,
    #[serde(borrow)]
    openclaw_abort: Raw<'a>,
}

impl Conversation {
    /// Reads the answer of `chat.history`.
    #[must_use]
    pub fn read(payload: Payload<'_>) -> Self {
        let history: RawHistory<'_> = json::object(payload.0).unwrap_or_default();
        let flight: Extra<'_> = json::object(history.in_flight_run).unwrap_or_default();
        let info: Extra<'_> = json::object(history.session_info).unwrap_or_default();
        Self {
            said: json::elements(history.messages)
                .into_iter()
                .filter_map(|raw| said(Some(raw)))
                .collect(),
            in_flight: json::text(flight.run_id).map(|run| {
                (
                    Box::from(&*run),
                    json::text(flight.text).unwrap_or_default().into_owned(),
                )
            }),
            is_active: json::flag(info.has_active_run),
        }
    }

    /// What became of a run, as far as this tells. `message` is what the user said to begin it, `since` when.
    #[must_use]
    pub fn fate(&self, run: &str, message: Option<(&str, Timestamp)>, restarted: bool) -> Fate {
        if let Some((_, text)) = self.in_flight.as_ref().filter(|(known, _)| **known == *run) {
            return Fate::Running(Some(text.clone()));
        }
        let of_run = |said: &&Said| said.run.as_deref() == Some(run);
        let mut answers: Vec<&Said> = self
            .said
            .iter()
            .filter(|said| said.role == Role::Assistant)
            .filter(of_run)
            .collect();
        let asked = self.said.iter().position(|said| {
            said.role == Role::User
                && (of_run(&said)
                    || message.is_some_and(|(text, since)| {
                        said.text.trim() == text.trim() && said.at >= since - CLOCKS
                    }))
        });
        if answers.is_empty()
            && let Some(asked) = asked
        {
            // Older gateways do not say which run an answer belongs to: it follows the question. A gateway that was started
            // again takes a run up under another name.
            let after = self.said[asked + 1..].iter();
            answers = after
                .take_while(|said| said.role != Role::User)
                .filter(|said| restarted || said.run.is_none())
                .collect();
        }
        match answers.last() {
            Some(last) if &*last.stop == "error" => {
                return Fate::Failed(
                    last.error
                        .clone()
                        .unwrap_or_else(|| "the run failed".into()),
                );
            }
            Some(last) if &*last.stop == "aborted" => return Fate::Aborted(last.text.clone()),
            Some(last) if &*last.stop != "toolUse" => return Fate::Done(last.text.clone()),
            _ => {}
        }
        match (self.is_active, asked) {
            (Some(true), _) => Fate::Running(None),
            _ if restarted => Fate::Failed("the gateway stopped during the run".into()),
            (Some(false), None) => Fate::Failed("the message did not reach the gateway".into()),
            (Some(false), Some(_)) => Fate::Failed("the run ended without an answer".into()),
            (None, _) => Fate::Unknown,
        }
    }
}

/// Two machines' clocks may differ by as much.
const CLOCKS: crate::model::Span = crate::model::Span::from_mins(10);

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It goes on, and has said this so far where that is told.
    Running(Option<String>),
    /// It has answered.
    Done(String),
    /// It was aborted, after it had said this.
    Aborted(String),
    /// It failed.
    Failed(Box<str>),
    /// Nothing tells.
    Unknown,
}

impl Said {
    /// Reads the message of a `session.message` event.
    #[must_use]
    pub fn told(payload: Payload<'_>) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Told<'a> {
            #[serde(borrow)]
            message: Raw<'a>,
        }
        said(json::object::<Told<'_>>(payload.0)?.message)
    }
}

fn said(raw: Raw<'_>) -> Option<Said> {
    let message: Message<'_> = json::object(raw)?;
    let stamped: Stamped<'_> = json::object(raw).unwrap_or_default();
    let stamp: Stamp<'_> = json::object(stamped.stamp).unwrap_or_default();
    let extra: Extra<'_> = json::object(raw).unwrap_or_default();
    let role = match &*json::text(message.role)? {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => return None,
    };
    let at = json::time(message.timestamp).or_else(|| json::time(stamp.record_timestamp_ms))?;
    let record = match json::text(stamp.id) {
        Some(id) => (*id).into(),
        None => format!("{}@{}", role.as_str(), at.0).into(),
    };
    let abort: Extra<'_> = json::object(extra.openclaw_abort).unwrap_or_default();
    // `<run>:user` or `<run>:assistant`.
    let key = json::text(extra.idempotency_key);
    let keyed = key
        .as_deref()
        .and_then(|key| key.rsplit_once(':'))
        .map(|(run, _)| run);
    let run = json::text(stamp.run_id).or_else(|| json::text(abort.run_id));
    let content = text::content(message.content);
    Some(Said {
        record,
        at,
        role,
        text: match role {
            Role::User => text::prompt(&content).to_owned(),
            Role::Assistant => strip(&content),
        },
        run: run.as_deref().or(keyed).map(Into::into),
        stop: match extra.openclaw_abort {
            Some(_) => "aborted".into(),
            None => json::text(message.stop_reason).unwrap_or_default().into(),
        },
        error: json::text(message.error_message)
            .and_then(|error| crate::source::line::detail(&error)),
    })
}

/// How a `chat` event moves a run on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// This is to be shown behind, or instead of, what was shown.
    Said {
        /// The text.
        text: String,
        /// Whether it replaces what was shown.
        replaces: bool,
    },
    /// It is over; this is all that it said.
    Final(String),
    /// It was aborted.
    Aborted(String),
    /// It failed.
    Error(Box<str>),
}

/// A `chat` event.
#[derive(Debug)]
pub struct ChatEvent<'a> {
    /// The session's key, as it is sent.
    pub session_key: Cow<'a, str>,
    /// The run.
    pub run: Cow<'a, str>,
    state: Cow<'a, str>,
    message: Raw<'a>,
    error: Raw<'a>,
}

impl<'a> ChatEvent<'a> {
    /// Reads the payload of a `chat` event.
    #[must_use]
    pub fn read(payload: Payload<'a>) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct RawEvent<'a> {
            #[serde(borrow)]
            session_key: Raw<'a>,
            #[serde(borrow)]
            run_id: Raw<'a>,
            #[serde(borrow)]
            state: Raw<'a>,
            #[serde(borrow)]
            message: Raw<'a>,
            #[serde(borrow)]
            error_message: Raw<'a>,
        }
        let event: RawEvent<'a> = json::object(payload.0)?;
        Some(Self {
            session_key: json::text(event.session_key)?,
            run: json::text(event.run_id)?,
            state: json::text(event.state)?,
            message: event.message,
            error: event.error_message,
        })
    }
}

/// What a run has said so far.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// As it was sent, with thinking.
    sent: String,
    thinking: Thinking,
    shown: String,
}

impl Answer {
    /// What is shown of it.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The whole of what was said so far, as every event repeats it: events may have been left out before it.
    pub fn grow(&mut self, whole: &str) -> Option<Move> {
        let (mut text, mut replaces) = (String::new(), false);
        match whole.strip_prefix(&*self.sent) {
            Some(more) => self.thinking.feed(more, &mut text),
            None => {
                self.thinking = Thinking::default();
                self.shown.clear();
                replaces = true;
                self.thinking.feed(whole, &mut text);
            }
        }
        self.sent.clear();
        self.sent.push_str(whole);
        self.shown.push_str(&text);
        (replaces || !text.is_empty()).then_some(Move::Said { text, replaces })
    }

    /// An event of the run. `None` where nothing changes.
    pub fn take(&mut self, event: &ChatEvent<'_>) -> Option<Move> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Content<'a> {
            #[serde(borrow)]
            content: Raw<'a>,
        }
        let content: Content<'_> = json::object(event.message).unwrap_or_default();
        let whole = event.message.map(|_| text::content(content.content));
        let all = |answer: &Self| match &whole {
            Some(whole) => strip(whole),
            // A run that joined another ends without a message, and one that was aborted may, after it had said something.
            None => answer.shown.trim().to_owned(),
        };
        match &*event.state {
            "delta" => self.grow(&whole?),
            "final" => Some(Move::Final(all(self))),
            "aborted" => Some(Move::Aborted(all(self))),
            "error" => {
                let words =
                    json::text(event.error).and_then(|words| crate::source::line::detail(&words));
                Some(Move::Error(
                    words.unwrap_or_else(|| "the run failed".into()),
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::openclaw::gateway::frame::{Incoming, read};

    fn with<T>(payload: &str, then: impl FnOnce(Payload<'_>) -> T) -> T {
        let text = format!(r#"{{"type":"event","event":"chat","payload":{payload}}}"#);
        match read(text.as_bytes()) {
            Some(Incoming::Event { payload, .. }) => then(payload),
            other => panic!("{other:?}"),
        }
    }

    fn take(answer: &mut Answer, state: &str, rest: &str) -> Option<Move> {
        let payload =
            format!(r#"{{"sessionKey":"agent:main:main","runId":"r","state":"{state}"{rest}}}"#);
        with(&payload, |payload| {
            answer.take(&ChatEvent::read(payload).unwrap())
        })
    }

    fn message(text: &str) -> String {
        format!(r#","message":{{"content":[{{"type":"text","text":"{text}"}}]}}"#)
    }

    #[test]
    fn an_answer_grows_without_its_thinking_whatever_is_left_out() {
        let mut answer = Answer::default();
        let said = |text: &str, replaces| {
            Some(Move::Said {
                text: text.into(),
                replaces,
            })
        };
        assert_eq!(take(&mut answer, "delta", &message("<thi")), None);
        assert_eq!(
            take(&mut answer, "delta", &message("<think>a</think>Yes")),
            said("Yes", false)
        );
        assert_eq!(
            take(&mut answer, "delta", &message("<think>a</think>Yes, it is")),
            said(", it is", false)
        );
        assert_eq!(answer.shown(), "Yes, it is");
        assert_eq!(take(&mut answer, "status", ""), None);
        assert_eq!(
            take(&mut answer, "delta", &message("Anew")),
            said("Anew", true)
        );
        assert_eq!(
            take(&mut answer, "aborted", ""),
            Some(Move::Aborted("Anew".into()))
        );
        assert_eq!(
            take(&mut answer, "final", &message("<think>x")),
            Some(Move::Final(String::new()))
        );
        assert_eq!(
            take(&mut answer, "error", ""),
            Some(Move::Error("the run failed".into()))
        );
    }

    #[test]
    fn history_tells_what_became_of_a_run() {
        let user = |run: &str| {
            format!(
                r#"{{"role":"user","content":"Go","timestamp":1000,"idempotencyKey":"{run}:user"}}"#
            )
        };
        let plain = r#"{"role":"user","content":[{"type":"text","text":"Go"}],"timestamp":1000}"#
            .to_owned();
        let answer = |stop: &str, extra: &str| {
            format!(
                r#"{{"role":"assistant","content":"Done","stopReason":"{stop}","timestamp":2000{extra}}}"#
            )
        };
        let next = r#"{"role":"user","content":"Next","timestamp":3000}"#.to_owned();
        let fate = |messages: &[String], rest: &str, restarted| {
            let payload = format!(r#"{{"messages":[{}]{rest}}}"#, messages.join(","));
            with(&payload, |payload| {
                Conversation::read(payload).fate("r", Some(("Go", Timestamp(900))), restarted)
            })
        };
        let active = r#","sessionInfo":{"hasActiveRun":true}"#;
        let idle = r#","sessionInfo":{"hasActiveRun":false}"#;
        let flight = r#","inFlightRun":{"runId":"r","text":"Do"}"#;
        let stamped = r#","__openclaw":{"id":"x","runId":"r"}"#;
        let done = || Fate::Done("Done".into());
        assert_eq!(
            fate(&[user("r"), answer("stop", stamped)], idle, false),
            done()
        );
        assert_eq!(
            fate(&[user("r"), answer("stop", ""), next.clone()], idle, false),
            done()
        );
        assert_eq!(
            fate(&[plain.clone(), answer("stop", "")], "", false),
            done()
        );
        assert_eq!(
            fate(&[user("r"), answer("toolUse", stamped)], active, false),
            Fate::Running(None)
        );
        assert_eq!(
            fate(&[user("r")], flight, false),
            Fate::Running(Some("Do".into()))
        );
        let aborted = r#","openclawAbort":{"aborted":true,"runId":"r"}"#;
        assert_eq!(
            fate(&[answer("stop", aborted)], idle, false),
            Fate::Aborted("Done".into())
        );
        let error = r#","errorMessage":"400 no""#;
        assert_eq!(
            fate(&[plain.clone(), answer("error", error)], "", false),
            Fate::Failed("400 no".into())
        );
        for (messages, rest, restarted, words) in [
            (vec![user("r")], idle, true, "stopped"),
            (vec![user("r")], "", true, "stopped"),
            (vec![user("r")], idle, false, "without an answer"),
            (vec![next.clone()], idle, false, "did not reach"),
        ] {
            match fate(&messages, rest, restarted) {
                Fate::Failed(told) => assert!(told.contains(words), "{told}"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(fate(&[plain], "", false), Fate::Unknown);
        // The answer to another question is none to this one.
        assert_eq!(fate(&[next, answer("stop", "")], "", false), Fate::Unknown);
    }
}
