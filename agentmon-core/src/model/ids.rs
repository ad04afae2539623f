//! Identities: of sessions, of facts, of deliveries.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::AgentKind;

/// Identity of a session: the agent and the id that the agent itself uses.
///
/// A Claude Code subagent, which shares its parent's session id, is `<session id>/<agent id>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// The agent.
    pub agent: AgentKind,
    /// The agent's own id of the session.
    pub native_id: Box<str>,
}

impl SessionKey {
    /// A key from its two parts.
    pub fn new(agent: AgentKind, native_id: impl Into<Box<str>>) -> Self {
        Self {
            agent,
            native_id: native_id.into(),
        }
    }

    /// Reads the form that [`fmt::Display`] writes: `claude_code:208c03df-...`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (agent, native_id) = text.split_once(':')?;
        (!agent.is_empty() && !native_id.is_empty()).then(|| Self::new(agent.into(), native_id))
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.agent, self.native_id)
    }
}

/// Identity of one real thing (a model call, a tool call, a message), whatever source saw it and however often.
///
/// A 63-bit hash (XXH3, a fixed algorithm: the value is stored) of a namespace and the provider's own ids. With ten
/// million facts the chance that any two collide is about 5 in a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FactKey(pub i64);

impl FactKey {
    /// The key of the thing that `parts` name inside `namespace` (such as `claude.message`).
    #[must_use]
    pub fn new(namespace: &str, parts: &[&[u8]]) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(namespace.as_bytes());
        for part in parts {
            // The length keeps ("ab","c") and ("a","bc") apart.
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Self((hasher.digest() >> 1) as i64)
    }

    /// The form in which exports write a key: 16 hexadecimal digits. As a number it would not fit into those of JSON.
    #[must_use]
    pub fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }

    /// Reads what [`FactKey::to_hex`] writes.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let whole = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = whole.then(|| u64::from_str_radix(text, 16).ok())?;
        number.map(|number| Self(number.cast_signed()))
    }

    /// The key of a thing without any identity, by a number that the store gave out. Negative, where no hash is, and
    /// rising, so that it is stored fast.
    #[must_use]
    pub fn serial(number: u64) -> Self {
        Self(i64::MIN.saturating_add_unsigned(number))
    }
}

/// Identity of one delivery, so that the same line or message delivered twice is stored once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DedupKey {
    /// A place in an append-only stream.
    Position {
        /// The stream (a file).
        stream: u64,
        /// Byte offset of the record.
        offset: u64,
    },
    /// An id that the sender chose.
    Id(Box<str>),
    /// An id that others tell of as well: a fork begins with copies of its parent's records, and a hook, telemetry and a
    /// transcript tell of the same tool call.
    Shared {
        /// The id.
        id: Box<str>,
        /// Another id of it, for sources that do not know the first.
        alias: Option<Box<str>>,
        /// Who tells with the lowest credit holds it: its session and its text. As with a call
        /// ([`ModelCall::credit`](super::ModelCall::credit)); sources that know less than a transcript use
        /// [`DedupKey::HOOK`] and [`DedupKey::TELEMETRY`].
        credit: i64,
    },
    /// The key under which another agentmon keeps the event, from its export.
    Known {
        /// The key.
        key: FactKey,
        /// As in [`DedupKey::Shared`].
        credit: i64,
    },
    /// A number that the store gave out, for deliveries without an identity of their own: never the same twice.
    Serial(u64),
}

impl DedupKey {
    /// The credit of what a hook tells: a transcript tells the same better.
    pub const HOOK: i64 = i64::MAX - 1;
    /// The credit of what telemetry tells, most of it without its text.
    pub const TELEMETRY: i64 = i64::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fact_keys_separate_parts_and_namespaces() {
        let key = |ns, parts: &[&[u8]]| FactKey::new(ns, parts);
        assert_ne!(key("a", &[b"ab", b"c"]), key("a", &[b"a", b"bc"]));
        assert_ne!(key("a", &[b"x"]), key("b", &[b"x"]));
        assert!(key("a", &[b"x"]).0 >= 0);
        // Stored values: a change of the algorithm would orphan every database.
        assert_eq!(
            key("claude.message", &[b"msg_1"]),
            key("claude.message", &[b"msg_1"])
        );
    }

    #[test]
    fn fact_keys_are_written_and_read() {
        for key in [FactKey(0), FactKey(i64::MAX), FactKey::serial(7)] {
            assert_eq!(FactKey::from_hex(&key.to_hex()), Some(key));
        }
        for text in ["", "12", "+123456789012345", "00000000000000000"] {
            assert_eq!(FactKey::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn session_keys_round_trip() {
        let key = SessionKey::new(AgentKind::OpenClaw, "main/agent:main:dm:x");
        assert_eq!(SessionKey::parse(&key.to_string()), Some(key));
        assert_eq!(SessionKey::parse("nothing"), None);
    }
}
