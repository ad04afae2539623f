//! Hooks: how agents are made to tell what they do ([`install`]), and how what they tell gets here.
//!
//! An agent runs `agentmon hook NAME` at every turn of events and waits for it. So that command does the least that can
//! be done ([`hand_over`]): it passes its input on to the server that runs here ([`running`]) and leaves it in a folder
//! ([`spool`]) where none answers. What the payloads mean is known to the agents' own adapters in [`source`](crate::source).

pub mod hand_over;
pub mod install;
pub mod running;
pub mod spool;

use crate::model::{Batch, Problem, SessionKey, Timestamp};
use crate::source::{claude_code, codex, gemini};

/// Header of a hook's time, in milliseconds since 1970: the same hook handed over twice has the same.
pub const AT_HEADER: &str = "x-agentmon-at";

/// An agent that has hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookAgent {
    /// Claude Code.
    ClaudeCode,
    /// Codex: hooks, and the program of its `notify` setting.
    Codex,
    /// Gemini CLI.
    Gemini,
}

impl HookAgent {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClaudeCode, Self::Codex, Self::Gemini];

    /// The name on the command line and in paths.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// The agent of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|agent| agent.as_str() == name)
    }

    /// Reads what this agent told at `at`, and returns the session that it speaks of. `known` says which sessions are:
    /// Codex notifies of threads that nobody else ever sees.
    ///
    /// # Errors
    /// It is nothing that this agent tells.
    pub fn read(
        self,
        payload: &[u8],
        at: Timestamp,
        known: &dyn Fn(&SessionKey) -> bool,
        out: &mut Batch,
    ) -> Result<SessionKey, Problem> {
        match self {
            Self::ClaudeCode => claude_code::hook::parse(payload, at, out),
            Self::Codex if self.is_notice(payload) => codex::hook::notify(payload, at, known, out),
            Self::Codex => codex::hook::parse(payload, at, out),
            Self::Gemini => gemini::hook::parse(payload, at, out),
        }
    }

    /// Whether this is what Codex gives to the program of its `notify` setting, and not to a hook.
    #[must_use]
    pub fn is_notice(self, payload: &[u8]) -> bool {
        #[derive(serde::Deserialize)]
        struct Notice {
            #[serde(rename = "thread-id")]
            _thread: serde::de::IgnoredAny,
        }
        self == Self::Codex && serde_json::from_slice::<Notice>(payload).is_ok()
    }
}
