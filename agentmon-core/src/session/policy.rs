//! The numbers and tables that the state machine goes by: whom to believe for each agent, and how long.
//!
//! Data, not code: a new agent is a row here. `docs/state.md` explains every number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Confidence, EvidenceSource};
use crate::model::{AgentKind, Span};

/// How far one source of evidence is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The source.
    pub source: EvidenceSource,
    /// How long its word that the user is asked for something, or that a limit without an end holds, counts without
    /// being repeated.
    pub ttl: Span,
    /// How far a verdict on its word alone may be relied upon.
    pub confidence: Confidence,
    /// Whether it states the whole truth at any time, so that its last word, confirmed later, beats what lower sources
    /// said in between.
    pub standing: bool,
}

/// What is particular to one kind of agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentPolicy {
    /// Sources, the most authoritative first. Sources that are not listed come last.
    pub authority: Vec<Authority>,
    /// A session at rest, of which nobody knows whether its process lives, is over after this long without a sign.
    pub complete_after: Span,
    /// A session in mid-turn, of which nobody knows whether its process lives, is given up after this long.
    pub abandon_after: Span,
    /// Tools that run subagents.
    pub agent_tools: Vec<Box<str>>,
    /// Whether the hook at the end of a turn lists what goes on in the background, subagents included.
    pub lists_background: bool,
}

impl AgentPolicy {
    /// The row of a source, if it has one.
    #[must_use]
    pub fn authority(&self, source: EvidenceSource) -> Option<&Authority> {
        self.authority.iter().find(|row| row.source == source)
    }

    /// Whether a source states the whole truth at any time.
    #[must_use]
    pub fn is_standing(&self, source: EvidenceSource) -> bool {
        self.authority(source).is_some_and(|row| row.standing)
    }

    /// The place of a source in the table: 0 is believed most.
    #[must_use]
    pub fn rank(&self, source: EvidenceSource) -> usize {
        self.authority
            .iter()
            .position(|row| row.source == source)
            .unwrap_or(self.authority.len())
    }
}

/// Everything that [`super::classify()`] goes by besides evidence and time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatePolicy {
    /// A session that should be working is stalled after this long without a sign.
    pub stall_after: Span,
    /// A silent session is stalled for want of room when its context is used up to this fraction.
    pub token_limit: f64,
    /// A notification waits this long, and is then checked again.
    pub notify_after: Span,
    /// Signs of work from a source that is believed no more than the one which said that work had ended count only
    /// when they are at least this much later: hooks and lines are stamped when they arrive, not when it happened.
    pub straggle: Span,
    /// What a lower source says may contradict a standing one this long before the standing one, confirmed
    /// unchanged, wins.
    pub settle: Span,
    /// A process counts as alive this long after it was seen.
    pub alive_for: Span,
    /// Evidence dated further ahead than this is dated now: its clock is wrong.
    pub clock_skew: Span,
    /// Agents with a row of their own.
    pub agents: BTreeMap<AgentKind, AgentPolicy>,
    /// All other agents.
    pub other: AgentPolicy,
}

impl StatePolicy {
    /// What applies to an agent.
    #[must_use]
    pub fn agent(&self, agent: &AgentKind) -> &AgentPolicy {
        self.agents.get(agent).unwrap_or(&self.other)
    }
}

impl Default for StatePolicy {
    fn default() -> Self {
        Self {
            stall_after: Span::from_mins(5),
            token_limit: 0.95,
            notify_after: Span::from_secs(2),
            straggle: Span::from_secs(1),
            settle: Span::from_secs(5),
            alive_for: Span::from_secs(60),
            clock_skew: Span::from_secs(5),
            agents: BTreeMap::from([
                (AgentKind::ClaudeCode, claude_code()),
                (AgentKind::OpenClaw, openclaw()),
            ]),
            other: any(),
        }
    }
}

const DAY: Span = Span::from_mins(24 * 60);

const fn row(source: EvidenceSource, ttl: Span, confidence: Confidence) -> Authority {
    Authority {
        source,
        ttl,
        confidence,
        standing: false,
    }
}

const fn standing(mut row: Authority) -> Authority {
    row.standing = true;
    row
}

/// The client's own live file sees every transition; hooks miss Esc; transcripts lag and miss prompts for permission.
fn claude_code() -> AgentPolicy {
    use Confidence::{High, Low, Medium};
    use EvidenceSource as S;
    AgentPolicy {
        authority: vec![
            row(S::Control, DAY, High),
            row(S::Process, DAY, High),
            standing(row(S::LiveFile, DAY, High)),
            row(S::Row, DAY, High),
            standing(row(S::Remote, DAY, Medium)),
            row(S::Hook, DAY, Medium),
            row(S::Transcript, DAY, Medium),
            row(S::Otlp, Span::from_mins(60), Medium),
            row(S::Statusline, Span::from_mins(60), Medium),
            row(S::Screen, Span::from_secs(10), Low),
            row(S::Coverage, DAY, Medium),
        ],
        complete_after: Span::from_mins(30),
        abandon_after: Span::from_mins(6 * 60),
        agent_tools: vec!["Agent".into(), "Task".into()],
        lists_background: true,
    }
}

/// The gateway runs the sessions itself; its rows are written late and stay `running` after a crash.
fn openclaw() -> AgentPolicy {
    use Confidence::{High, Low, Medium};
    use EvidenceSource as S;
    AgentPolicy {
        authority: vec![
            row(S::Control, DAY, High),
            row(S::Gateway, Span::from_mins(30), High),
            row(S::Process, DAY, High),
            standing(row(S::Remote, DAY, Medium)),
            row(S::Hook, DAY, Medium),
            row(S::Row, DAY, Medium),
            row(S::Transcript, DAY, Medium),
            row(S::Otlp, Span::from_mins(60), Medium),
            row(S::Screen, Span::from_secs(10), Low),
            row(S::Coverage, DAY, Medium),
        ],
        complete_after: Span::from_mins(5),
        abandon_after: Span::from_mins(60),
        agent_tools: vec!["sessions_spawn".into()],
        lists_background: false,
    }
}

/// Codex, Gemini, opencode and whatever else comes: hooks are fastest, the transcript knows the turns.
fn any() -> AgentPolicy {
    use Confidence::{High, Low, Medium};
    use EvidenceSource as S;
    AgentPolicy {
        authority: vec![
            row(S::Control, DAY, High),
            row(S::Gateway, DAY, High),
            row(S::Process, DAY, High),
            standing(row(S::LiveFile, DAY, High)),
            standing(row(S::Remote, DAY, Medium)),
            row(S::Hook, DAY, Medium),
            row(S::Transcript, DAY, Medium),
            row(S::Row, DAY, Medium),
            row(S::Otlp, Span::from_mins(60), Medium),
            row(S::Statusline, Span::from_mins(60), Medium),
            row(S::Screen, Span::from_secs(10), Low),
            row(S::Coverage, DAY, Medium),
        ],
        complete_after: Span::from_mins(30),
        abandon_after: Span::from_mins(6 * 60),
        agent_tools: vec!["spawn_agent".into(), "task".into()],
        lists_background: false,
    }
}
