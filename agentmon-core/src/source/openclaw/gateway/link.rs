//! A connection that is kept up: when to dial, what to say first, which requests wait, when silence means that it is
//! lost, when to try again. A state machine on a clock that is handed in: bytes and times go in, [`Effect`]s come out.
//!
//! ```text
//!  Resting ──wake──> Dialing ──opened──> Challenged ──challenge──> Greeting ──hello-ok──> Up
//!     ^                 │                    │                        │ refused            │ silence, close
//!     └─────────────────┴────────────────────┴────────────────────────┴────────────────────┘
//! ```

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::device::Identity;
use super::frame::{self, Incoming, Payload};
use super::handshake::{Challenge, Credentials, Hello, Refusal, connect};
use super::pace::Pace;
use super::requests::{RequestError, Requests};
use crate::model::{Span, Timestamp};

/// How long dialing and the handshake may take, each.
const HANDSHAKE: Span = Span::from_secs(15);
/// A connection that lasted so long was a success.
const LASTING: Span = Span::from_secs(10);
/// The id of the connect request; all others are numbers.
const CONNECT: &str = "connect";

/// What is used to connect.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Token and password.
    pub credentials: Credentials,
    /// The device identity.
    pub identity: Option<Identity>,
    /// Whether it is sent from the first attempt on: gateways that are not on this machine ask for it. On loopback it is
    /// sent once the gateway asks, since every device that is sent is entered there.
    pub sends_identity: bool,
}

/// What the machine wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open a connection, then tell [`Link::opened`] or [`Link::closed`].
    Dial,
    /// Send this text.
    Send(String),
    /// Close the connection with this code and reason, then tell [`Link::closed`].
    HangUp(u16, &'static str),
    /// What is known of the connection has changed: [`Link::status`].
    Changed,
}

/// What a frame means for whoever uses the connection.
#[derive(Debug)]
pub enum Message<'a, T> {
    /// Something happened.
    Event {
        /// What.
        name: Cow<'a, str>,
        /// All about it.
        payload: Payload<'a>,
        /// Whether events before it were lost.
        missed: bool,
    },
    /// A request was answered.
    Answer {
        /// Whoever asked.
        ticket: T,
        /// The answer.
        outcome: Result<Payload<'a>, RequestError>,
    },
    /// The gateway let agentmon in.
    Up(Arc<Hello>),
}

/// How it stands, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// An attempt is being made.
    Connecting,
    /// Connected.
    Up(Arc<Hello>),
    /// Not connected; there will be another attempt.
    Down(Down),
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// The gateway cannot be reached, or the connection was lost.
    Unreachable(Box<str>),
    /// It did not let agentmon in.
    Refused(Refusal),
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "not reachable: {why}"),
            Self::Refused(refusal) => match refusal {
                Refusal::Credentials(words) => write!(f, "token or password refused: {words}"),
                Refusal::DeviceRequired => {
                    f.write_str("it asks for a device identity, and none could be made")
                }
                Refusal::Pairing { request: Some(id) } => {
                    write!(
                        f,
                        "approve this device on the gateway: openclaw devices approve {id}"
                    )
                }
                Refusal::Pairing { request: None } => {
                    f.write_str("approve this device on the gateway: openclaw devices list")
                }
                Refusal::Protocol {
                    expected: Some(protocol),
                } => {
                    write!(f, "it speaks protocol {protocol}, agentmon 3 and 4")
                }
                Refusal::Protocol { expected: None } => {
                    f.write_str("it speaks none of the protocols 3 and 4")
                }
                Refusal::Busy { .. } => f.write_str("it is starting or stopping"),
                Refusal::Other(words) => write!(f, "refused: {words}"),
            },
        }
    }
}

#[derive(Debug)]
enum State {
    /// Until the next attempt.
    Resting {
        until: Timestamp,
    },
    Dialing {
        until: Timestamp,
    },
    Challenged {
        until: Timestamp,
    },
    Greeting {
        until: Timestamp,
    },
    Up {
        hello: Arc<Hello>,
        since: Timestamp,
    },
}

/// The machine. `T` is whatever tells who made a request.
#[derive(Debug)]
pub struct Link<T> {
    settings: Settings,
    state: State,
    requests: Requests<T>,
    pace: Pace,
    /// When anything was heard last.
    heard: Timestamp,
    /// The number of the event that was heard last (protocol 4).
    seq: Option<u64>,
    refusal: Option<Refusal>,
    down: Option<Down>,
}

impl<T> Link<T> {
    /// A connection that is dialed at the first [`Link::wake`]. The seed decides the chance in the waits between attempts.
    #[must_use]
    pub fn new(settings: Settings, seed: u64, now: Timestamp) -> Self {
        Self {
            settings,
            state: State::Resting { until: now },
            requests: Requests::default(),
            pace: Pace::new(seed),
            heard: now,
            seq: None,
            refusal: None,
            down: None,
        }
    }

    /// When [`Link::wake`] is due.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        match &self.state {
            State::Resting { until }
            | State::Dialing { until }
            | State::Challenged { until }
            | State::Greeting { until } => *until,
            State::Up { hello, .. } => {
                let silent = self.heard + silence(hello);
                self.requests
                    .deadline()
                    .map_or(silent, |late| late.min(silent))
            }
        }
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match (&self.state, &self.down) {
            (State::Up { hello, .. }, _) => Status::Up(hello.clone()),
            (_, Some(down)) => Status::Down(down.clone()),
            (_, None) => Status::Connecting,
        }
    }

    /// What is known of the gateway while it is connected.
    #[must_use]
    pub fn hello(&self) -> Option<&Arc<Hello>> {
        match &self.state {
            State::Up { hello, .. } => Some(hello),
            _ => None,
        }
    }

    /// How many requests wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.requests.len()
    }

    /// Time has passed. Returns those whose requests took too long.
    pub fn wake(&mut self, now: Timestamp, out: &mut Vec<Effect>) -> Vec<T> {
        match &self.state {
            State::Resting { until } if *until <= now => {
                let until = now + HANDSHAKE;
                self.state = State::Dialing { until };
                out.push(Effect::Dial);
            }
            State::Dialing { until } | State::Challenged { until } | State::Greeting { until }
                if *until <= now =>
            {
                out.push(Effect::HangUp(1000, "no answer"));
            }
            State::Up { hello, .. } => {
                if self.heard + silence(hello) <= now {
                    out.push(Effect::HangUp(4000, "tick timeout"));
                }
                return self.requests.expired(now);
            }
            _ => {}
        }
        Vec::new()
    }

    /// The connection is open.
    pub fn opened(&mut self, now: Timestamp) {
        self.heard = now;
        self.seq = None;
        self.refusal = None;
        let until = now + HANDSHAKE;
        self.state = State::Challenged { until };
    }

    /// The connection is closed, or could not be opened. Returns those whose requests nobody will answer.
    pub fn closed(&mut self, why: &str, now: Timestamp, out: &mut Vec<Effect>) -> Vec<T> {
        if let State::Up { since, .. } = self.state
            && now - since >= LASTING
        {
            self.pace.succeeded();
        }
        let wait = match &self.refusal {
            None => self.pace.failed(),
            Some(Refusal::DeviceRequired)
                if !self.settings.sends_identity && self.settings.identity.is_some() =>
            {
                self.settings.sends_identity = true;
                self.pace.failed()
            }
            Some(Refusal::Busy { retry_after }) => {
                let own = self.pace.failed();
                retry_after.map_or(own, |stated| stated.clamp(Span(100), super::pace::LONGEST))
            }
            Some(_) => self.pace.refused(),
        };
        let until = now + wait;
        self.state = State::Resting { until };
        let down = match self.refusal.take() {
            Some(refusal) => Down::Refused(refusal),
            None => Down::Unreachable(
                why.chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect::<String>()
                    .into(),
            ),
        };
        if self.down.as_ref() != Some(&down) {
            self.down = Some(down);
            out.push(Effect::Changed);
        }
        self.requests.give_up()
    }

    /// Makes a request.
    ///
    /// # Errors
    /// The ticket and the reason, when it cannot be sent.
    pub fn request(
        &mut self,
        ticket: T,
        method: &str,
        params: &Value,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Result<(), (T, RequestError)> {
        if self.hello().is_none() {
            return Err((ticket, RequestError::NotConnected));
        }
        let text = self
            .requests
            .ask(ticket, method, params, now)
            .map_err(|ticket| (ticket, RequestError::Busy))?;
        out.push(Effect::Send(text));
        Ok(())
    }

    /// A frame has come. `None` for what is for nobody: garbage, answers to nothing, signs of life.
    pub fn received<'a>(
        &mut self,
        text: &'a [u8],
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Option<Message<'a, T>> {
        self.heard = now;
        match frame::read(text)? {
            Incoming::Answer { id, outcome } if id == CONNECT => {
                let State::Greeting { .. } = self.state else {
                    return None;
                };
                let refusal = match outcome {
                    Err(error) => Refusal::of(&error),
                    Ok(payload) => match Hello::read(payload) {
                        Some(hello) => return Some(self.greeted(hello, now, out)),
                        None => Refusal::Protocol { expected: None },
                    },
                };
                self.refusal = Some(refusal);
                out.push(Effect::HangUp(1000, "refused"));
                None
            }
            Incoming::Answer { id, outcome } => {
                let ticket = self.requests.answered(&id, &outcome, now)?;
                let outcome = outcome.map_err(RequestError::Refused);
                Some(Message::Answer { ticket, outcome })
            }
            Incoming::Event { name, payload, .. } if name == "connect.challenge" => {
                let State::Challenged { until } = self.state else {
                    return None;
                };
                let challenge = Challenge::read(payload)?;
                let device = self
                    .settings
                    .identity
                    .as_ref()
                    .filter(|_| self.settings.sends_identity);
                let params = connect(&challenge, &self.settings.credentials, device);
                self.state = State::Greeting { until };
                out.push(Effect::Send(frame::request(CONNECT, "connect", &params)));
                None
            }
            Incoming::Event { name, payload, seq } => {
                let State::Up { hello, .. } = &self.state else {
                    return None;
                };
                // In protocol 3 the number is the gateway's, and leaves out what others may see.
                let numbered = seq.filter(|_| hello.protocol >= 4);
                let missed = numbered
                    .zip(self.seq)
                    .is_some_and(|(seq, last)| seq > last + 1);
                self.seq = numbered.or(self.seq);
                (name != "tick").then_some(Message::Event {
                    name,
                    payload,
                    missed,
                })
            }
        }
    }

    fn greeted<'a>(
        &mut self,
        hello: Hello,
        now: Timestamp,
        out: &mut Vec<Effect>,
    ) -> Message<'a, T> {
        let hello = Arc::new(hello);
        self.state = State::Up {
            hello: hello.clone(),
            since: now,
        };
        self.down = None;
        out.push(Effect::Changed);
        Message::Up(hello)
    }
}

/// A gateway that is silent for so long is gone: two of its ticks.
fn silence(hello: &Hello) -> Span {
    Span(hello.tick.0 * 2)
}

#[cfg(test)]
mod tests;
