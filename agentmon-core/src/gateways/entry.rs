//! What is known of a gateway and of a conversation, as data.

use serde::Serialize;

use super::SecretsError;
use crate::Error;
use crate::config::Secret;
use crate::model::Timestamp;
use crate::source::openclaw::gateway::requests::RequestError;
use crate::source::openclaw::gateway::socket::AddressError;
use crate::source::openclaw::gateway::talk::Role;

/// A gateway, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayEntry {
    /// Unique among all gateways; from its name.
    pub id: Box<str>,
    /// What to call it.
    pub name: String,
    /// Where it is: `ws://HOST:PORT`.
    pub url: String,
    /// Whether agentmon connects to it.
    pub enabled: bool,
}

/// A gateway that is to be added.
#[derive(Debug, Clone, Default)]
pub struct NewGateway {
    /// What to call it; the address if empty.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its token.
    pub token: Option<Secret<String>>,
    /// Its password.
    pub password: Option<Secret<String>>,
    /// Whether to connect to it.
    pub enabled: bool,
}

/// What is to be changed of a gateway; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct GatewayChange {
    /// What to call it.
    pub name: Option<String>,
    /// Where it is.
    pub url: Option<String>,
    /// Its token; an empty one is none.
    pub token: Option<Secret<String>>,
    /// Its password; an empty one is none.
    pub password: Option<Secret<String>>,
    /// Whether to connect to it.
    pub enabled: Option<bool>,
}

/// A gateway as lists show it: all that may be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayView {
    /// Its id.
    pub id: Box<str>,
    /// What to call it.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Whether it is connected now.
    pub connected: bool,
}

/// How a gateway fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// Whether it is connected.
    pub connected: bool,
    /// Its version where it is connected, else why it is not and what to do.
    pub note: String,
    /// Since when.
    pub at: Timestamp,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// It was sent, or received.
    Sent = 0,
    /// It is on its way or being answered.
    Pending = 1,
    /// It was not sent, or what followed failed.
    Failed = 2,
    /// It was broken off.
    Aborted = 3,
}

impl MessageState {
    /// All; the position is the number under which the store keeps a state.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Pending, Self::Failed, Self::Aborted];
}

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// Its number, unique in the store.
    pub id: i64,
    /// When it was sent or received.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// Who said it.
    #[serde(serialize_with = "role")]
    pub role: Role,
    /// What, without thinking.
    pub text: String,
    /// The run that it began or ended.
    #[serde(rename = "runId", skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// What became of it.
    pub state: MessageState,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn as_text<S: serde::Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(at)
}

fn role<S: serde::Serializer>(role: &Role, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(role.as_str())
}

/// A message that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// When it was sent or received.
    pub at: Timestamp,
    /// Who said it.
    pub role: Role,
    /// What, without thinking.
    pub text: String,
    /// The run that it begins or ends.
    pub run: Option<String>,
    /// What is known of it.
    pub state: MessageState,
    /// What went wrong.
    pub error: Option<String>,
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The run that it begins.
    pub run: String,
    /// The session key in full.
    pub session_key: String,
    /// The message, as it is stored.
    pub message: ChatMessage,
}

/// Why something could not be done with a gateway.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// There is none with that id.
    #[error("there is no gateway {0:?}: `agentmon gateways list` lists them")]
    Unknown(String),
    /// It stands in the configuration file.
    #[error("the gateway {0:?} is set in the configuration file: change it there")]
    Configured(String),
    /// Its address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Something else that was given makes no sense.
    #[error("{0}")]
    Invalid(&'static str),
    /// There are too many.
    #[error("there are {0} gateways already, which is as many as there may be")]
    TooMany(usize),
    /// The gateway itself.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The file of secrets.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
    /// It is shutting down.
    #[error("agentmon is shutting down")]
    Stopped,
}
