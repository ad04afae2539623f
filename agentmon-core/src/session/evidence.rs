//! Signs of what a session is doing, as sources report them. Sources only report; [`super::classify()`] decides.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Reason;
use crate::model::Timestamp;

/// Who says so. Authority and time-to-live per agent are tables in `policy.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceSource {
    /// agentmon's own control: it started, stopped or queued the session.
    Control,
    /// The client's own live file (`~/.claude/sessions/<pid>.json`).
    LiveFile,
    /// A gateway connection.
    Gateway,
    /// Another monitor that watches the session, asked over the network: its own verdict.
    Remote,
    /// A hook.
    Hook,
    /// The transcript or rollout.
    Transcript,
    /// A row or file of the agent that describes a session or job (OpenClaw `sessions.json`, Claude `jobs/`).
    Row,
    /// OpenTelemetry.
    Otlp,
    /// Statusline input.
    Statusline,
    /// A screen rule on a terminal that agentmon holds.
    Screen,
    /// The operating system: pid, start time, exit status.
    Process,
    /// agentmon's own check of what it can see.
    Coverage,
    /// A child session, as its parent's verdict quotes it. No source reports under this name.
    Child,
}

impl EvidenceSource {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::LiveFile => "live_file",
            Self::Gateway => "gateway",
            Self::Remote => "remote",
            Self::Hook => "hook",
            Self::Transcript => "transcript",
            Self::Row => "row",
            Self::Otlp => "otlp",
            Self::Statusline => "statusline",
            Self::Screen => "screen",
            Self::Process => "process",
            Self::Coverage => "coverage",
            Self::Child => "child",
        }
    }
}

/// One sign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it was true, by the source's own clock.
    pub at: Timestamp,
    /// Who says so.
    pub source: EvidenceSource,
    /// What it says.
    pub signal: Signal,
}

/// What the user is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// May this tool run?
    Permission {
        /// The tool, if known.
        tool: Option<Box<str>>,
    },
    /// A question with options.
    Question,
    /// Approve a plan.
    Plan,
    /// A tool server asks.
    Elicitation,
    /// Trust this folder?
    Trust,
    /// Log in or confirm a key.
    Auth,
    /// A dialog of the client is open.
    Dialog,
}

/// What the client's own live file says, complete in itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveStatus {
    /// The process runs but has not said what it does.
    Starting,
    /// Nothing to do.
    Idle,
    /// Working (also while background agents run after a turn).
    Busy,
    /// The turn is over and a shell command runs on in the background.
    Shell,
    /// It waits for the user.
    Waiting(Ask),
}

/// What a piece of evidence says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "signal")]
pub enum Signal {
    /// The session, or a new process of it, began (`startup`, `resume`, `clear`, `compact`, `fork`, ...).
    SessionStarted {
        /// How it began, in the agent's word.
        how: Box<str>,
    },
    /// A turn began: the user or a machine asked something.
    PromptSubmitted,
    /// The model is producing an answer.
    ModelActive,
    /// A tool call began (or was asked for, where only the transcript is seen).
    ToolStarted {
        /// The agent's id of the call.
        call: Box<str>,
        /// The tool's name.
        tool: Box<str>,
        /// What it is to do, in the words that a user is shown (the command, the file), clipped: who is asked for
        /// permission by a source without words is shown these.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        about: Option<Box<str>>,
    },
    /// A tool call ended.
    ToolFinished {
        /// The agent's id of the call.
        call: Box<str>,
    },
    /// The context is being compacted.
    Compacting,
    /// Compaction is over.
    Compacted,
    /// A request to the model failed and will be tried again.
    Retrying {
        /// The try that failed.
        attempt: u32,
        /// How many there will be at most, if known.
        max: Option<u32>,
    },
    /// The user is asked for something and the session cannot go on.
    NeedsInput {
        /// What for.
        ask: Ask,
        /// The exact question or command, clipped.
        detail: Option<Box<str>>,
        /// The request's id or the tool call's id, where there is one.
        request: Option<Box<str>>,
    },
    /// What the user was asked for was given or refused.
    InputGiven {
        /// The request's id or the tool call's id, where there is one.
        request: Option<Box<str>>,
    },
    /// The turn is over.
    TurnEnded {
        /// Background work that goes on.
        background: u32,
        /// When a scheduled wake-up is due, if there is one.
        scheduled: Option<Timestamp>,
    },
    /// The turn that just ended left a timer that will wake the session, at a time that is not stated.
    WakeSet,
    /// The user stopped the turn.
    Interrupted,
    /// A limit was hit.
    Limited {
        /// A short reason in the agent's word (`rate_limit`, `quota`).
        reason: Box<str>,
        /// When it ends, if known.
        resets_at: Option<Timestamp>,
    },
    /// The turn ended in an error.
    TurnFailed {
        /// The agent's class of the error.
        class: Box<str>,
        /// Its message, clipped.
        message: Option<Box<str>>,
    },
    /// The session ended in order (`prompt_input_exit`, `clear`, ...).
    SessionEnded {
        /// The agent's word for why.
        reason: Box<str>,
    },
    /// An operator or the agent itself aborted the run.
    Aborted,
    /// The client's own complete statement.
    Live {
        /// What it says.
        status: LiveStatus,
        /// The question or dialog, if stated.
        detail: Option<Box<str>>,
    },
    /// The process is there (pid and start time checked).
    ProcessAlive,
    /// The process is gone, without an exit status that anybody saw.
    ProcessGone,
    /// The process ended.
    ProcessExited {
        /// Exit code; 128 + signal where it was killed.
        code: i32,
    },
    /// A child of this session started.
    SubagentStarted {
        /// The child's id.
        id: Box<str>,
    },
    /// A child of this session ended.
    SubagentFinished {
        /// The child's id.
        id: Box<str>,
    },
    /// The context window is used up to this fraction (0 to 1).
    ContextUsed {
        /// The fraction.
        fraction: f64,
    },
    /// Something happened that has no meaning of its own: progress.
    Activity,
    /// It waits for a slot (`slot`, `limit_until`, `budget`, `worker_down`, `paused`).
    Queued {
        /// Why.
        reason: Box<str>,
    },
    /// Its process was started and has given no sign of life yet.
    Spawned,
    /// An operator ended it.
    Terminated {
        /// Why.
        reason: Box<str>,
    },
    /// agentmon cannot see what it does (`hooks_missing`, `hooks_untrusted`, `host_unreachable`, `source_gone`).
    Uncovered {
        /// Why.
        reason: Box<str>,
    },
    /// agentmon can see it again.
    Covered,
    /// The user has looked at the result of the last turn.
    Seen,
}

impl Signal {
    /// The signal in short, as a verdict quotes it: `tool_started(Bash)`, `live(waiting)`.
    #[must_use]
    pub fn short(&self) -> Cow<'static, str> {
        match self {
            Self::SessionStarted { how } => format!("session_started({how})").into(),
            Self::PromptSubmitted => "prompt_submitted".into(),
            Self::ModelActive => "model_active".into(),
            Self::ToolStarted { tool, .. } => format!("tool_started({tool})").into(),
            Self::ToolFinished { .. } => "tool_finished".into(),
            Self::Compacting => "compacting".into(),
            Self::Compacted => "compacted".into(),
            Self::Retrying { attempt, .. } => format!("retrying({attempt})").into(),
            Self::NeedsInput { ask, .. } => format!("needs_input({})", Reason::asked(ask)).into(),
            Self::InputGiven { .. } => "input_given".into(),
            Self::TurnEnded { background: 0, .. } => "turn_ended".into(),
            Self::TurnEnded { background, .. } => {
                format!("turn_ended({background} in background)").into()
            }
            Self::WakeSet => "wake_set".into(),
            Self::Interrupted => "interrupted".into(),
            Self::Limited { reason, .. } => format!("limited({reason})").into(),
            Self::TurnFailed { class, .. } => format!("turn_failed({class})").into(),
            Self::SessionEnded { reason } => format!("session_ended({reason})").into(),
            Self::Aborted => "aborted".into(),
            Self::Live { status, .. } => format!("live({})", status.as_str()).into(),
            Self::ProcessAlive => "process_alive".into(),
            Self::ProcessGone => "process_gone".into(),
            Self::ProcessExited { code } => format!("process_exited({code})").into(),
            Self::SubagentStarted { id } => format!("subagent_started({id})").into(),
            Self::SubagentFinished { id } => format!("subagent_finished({id})").into(),
            Self::ContextUsed { fraction } => {
                format!("context_used({:.0} %)", fraction * 100.0).into()
            }
            Self::Activity => "activity".into(),
            Self::Queued { reason } => format!("queued({reason})").into(),
            Self::Spawned => "spawned".into(),
            Self::Terminated { reason } => format!("terminated({reason})").into(),
            Self::Uncovered { reason } => format!("uncovered({reason})").into(),
            Self::Covered => "covered".into(),
            Self::Seen => "seen".into(),
        }
    }

    /// Whether only a living session gives it: work, or the client's own statement.
    pub(super) const fn shows_life(&self) -> bool {
        matches!(
            self,
            Self::PromptSubmitted
                | Self::ModelActive
                | Self::ToolStarted { .. }
                | Self::Live { .. }
        )
    }
}

impl LiveStatus {
    /// The name used in texts.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Shell => "shell",
            Self::Waiting(_) => "waiting",
        }
    }
}

/// [`Signal::short`].
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}
