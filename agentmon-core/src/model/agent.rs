//! Which agent a session belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of agent, by its wire name (`claude_code`, `codex`, ...). Kinds that agentmon does not know keep their name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum AgentKind {
    /// Anthropic's Claude Code.
    ClaudeCode,
    /// OpenAI's Codex CLI.
    Codex,
    /// Google's Gemini CLI.
    Gemini,
    /// opencode.
    OpenCode,
    /// OpenClaw, and Clawdbot and Moltbot as it was called before.
    OpenClaw,
    /// GitHub Copilot CLI.
    Copilot,
    /// Qwen Code.
    Qwen,
    /// Moonshot's Kimi Code.
    Kimi,
    /// Factory's Droid.
    Droid,
    /// Cline, in a terminal or an editor.
    Cline,
    /// Roo Code, the fork of Cline.
    RooCode,
    /// Any other agent, by the name it reports.
    Other(Box<str>),
}

impl AgentKind {
    /// The name used in JSON, on the command line and in the store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::ClaudeCode => "claude_code",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
            Self::OpenCode => "opencode",
            Self::OpenClaw => "openclaw",
            Self::Copilot => "copilot",
            Self::Qwen => "qwen",
            Self::Kimi => "kimi",
            Self::Droid => "droid",
            Self::Cline => "cline",
            Self::RooCode => "roo_code",
            Self::Other(name) => name,
        }
    }
}

impl From<&str> for AgentKind {
    fn from(name: &str) -> Self {
        match name {
            "claude_code" => Self::ClaudeCode,
            "codex" => Self::Codex,
            "gemini" => Self::Gemini,
            "opencode" => Self::OpenCode,
            "openclaw" => Self::OpenClaw,
            "copilot" => Self::Copilot,
            "qwen" => Self::Qwen,
            "kimi" => Self::Kimi,
            "droid" => Self::Droid,
            "cline" => Self::Cline,
            "roo_code" => Self::RooCode,
            other => Self::Other(other.into()),
        }
    }
}

impl From<String> for AgentKind {
    fn from(name: String) -> Self {
        name.as_str().into()
    }
}

impl From<AgentKind> for String {
    fn from(agent: AgentKind) -> Self {
        agent.as_str().to_owned()
    }
}

impl fmt::Display for AgentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
