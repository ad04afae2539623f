//! What happens in a session, whatever agent it is of: the words in which the demo is written.

use std::io;

use super::files::Home;
use super::random::Random;
use crate::model::{Timestamp, Usage};

/// Whose session it is, and what only this agent has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agent {
    /// Claude Code at a terminal.
    Claude,
    /// A Claude Code session in the background.
    ClaudeJob,
    /// A subagent of the Claude Code session in the scene of this name, in this role.
    ClaudeSubagent {
        of: &'static str,
        role: &'static str,
    },
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// opencode.
    OpenCode,
    /// GitHub Copilot CLI.
    Copilot,
    /// OpenClaw: one of its agents, and the session key after `agent:<agent>:`.
    OpenClaw {
        agent: &'static str,
        key: &'static str,
        /// The session key of the session that started this one.
        spawned_by: Option<&'static str>,
    },
}

/// What a tool is for; every agent has its own name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    /// Runs a command.
    Run,
    /// Reads a file.
    Read,
    /// Changes a file.
    Edit,
    /// Hands a task to a subagent.
    Delegate,
}

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// The user says something; a turn begins.
    Prompt(&'static str),
    /// The model calls a tool.
    Use(Tool, &'static str),
    /// The model calls a command for which the user must be asked, and why it wants it.
    Escalate(&'static str, &'static str),
    /// The user allows it.
    Allow,
    /// The tool answers.
    Got(&'static str),
    /// The tool fails.
    Broke(&'static str),
    /// The model asks the user.
    Ask(&'static str),
    /// The model asks the user to approve a plan.
    Plan(&'static str),
    /// The model answers; the turn ends.
    Answer(&'static str),
    /// The same, and a command of the turn runs on in the background.
    AnswerAndRun(&'static str),
    /// The context is compacted.
    Compact,
    /// The turn ends in an error: its class and message.
    Fail(&'static str, &'static str),
    /// The plan's limit is reached; it starts afresh after so many minutes.
    Limit(i64),
    /// The user stops the turn.
    Interrupt,
    /// The client exits.
    Quit,
    /// The client is killed.
    Die,
}

/// A session and what happens in it.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    /// A name of its own: identities follow from it.
    pub(super) name: String,
    pub(super) agent: Agent,
    pub(super) model: &'static str,
    pub(super) project: &'static str,
    pub(super) branch: &'static str,
    pub(super) title: &'static str,
    /// How large the context is when it begins, in tokens.
    pub(super) context: u64,
    /// What happens: seconds from the beginning of the demo, before it where negative.
    pub(super) acts: Vec<(i64, Act)>,
    /// What happens afterwards, again and again, while the demo is live: seconds after the act before.
    pub(super) again: Vec<(i64, Act)>,
}

/// Writes what happens in one session as its agent would.
pub(super) trait Pen: std::fmt::Debug + Send {
    /// Writes one act down.
    ///
    /// # Errors
    /// When a file cannot be written.
    fn write(&mut self, at: Timestamp, act: Act, home: &mut Home) -> io::Result<()>;
}

/// Counts the tokens of a session's calls: a context that grows and is read from the cache at every call.
#[derive(Debug, Clone)]
pub(super) struct Meter {
    random: Random,
    /// Tokens in the context.
    context: u64,
    /// Of them, those that the provider has cached.
    cached: u64,
}

impl Meter {
    pub(super) fn new(random: Random, context: u64) -> Self {
        Self {
            random,
            context,
            cached: 0,
        }
    }

    /// The next call's tokens.
    pub(super) fn call(&mut self) -> Usage {
        self.context += self.random.between(900, 5200);
        let output = self.random.between(120, 1400);
        let input = self.random.between(3, 60);
        let usage = Usage {
            input,
            cache_read: self.cached,
            cache_creation_5m: self.context - self.cached,
            output,
            reasoning: output / 3,
            ..Usage::default()
        };
        self.cached = self.context;
        self.context += output;
        usage
    }

    /// Tokens in the context.
    pub(super) fn context(&self) -> u64 {
        self.context
    }

    /// The context was compacted.
    pub(super) fn compact(&mut self) {
        self.context = 14_000;
        self.cached = 0;
    }
}
