//! The states in the words of other systems: one table, read in both directions.
//!
//! Four documented contracts have words of their own. They are views: nothing here decides anything, and what a
//! contract does not know is shown as the nearest of its words.

use super::State;
use crate::model::{AgentKind, Span, Timestamp};

/// How one state is called elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// The state.
    pub state: State,
    /// Dashboard API: `running` or `completed`.
    pub dashboard: &'static str,
    /// Dashboard API: the `aborted` flag beside it.
    pub aborted: bool,
    /// Events API: `active`, `idle` or `ended`.
    pub events: &'static str,
    /// Queue: `queued`, `active`, `completed` or `failed`.
    pub queue: &'static str,
    /// Queue: the `needs_input` flag beside it.
    pub needs_input: bool,
    /// Sessions API: `spawning`, `working`, `stalled`, `completed` or `failed`.
    pub sessions: &'static str,
}

const fn words(
    state: State,
    dashboard: &'static str,
    events: &'static str,
    queue: &'static str,
    sessions: &'static str,
) -> Words {
    Words {
        state,
        dashboard,
        aborted: matches!(state, State::Terminated),
        events,
        queue,
        needs_input: matches!(state, State::NeedsInput),
        sessions,
    }
}

/// The table, in the order of [`State::ALL`].
pub const TABLE: [Words; 12] = [
    words(State::Queued, "running", "active", "queued", "spawning"),
    words(State::Spawning, "running", "active", "active", "spawning"),
    words(State::Working, "running", "active", "active", "working"),
    words(State::NeedsInput, "running", "active", "active", "working"),
    words(State::Idle, "running", "idle", "active", "working"),
    words(State::WaitingSelf, "running", "active", "active", "working"),
    words(State::Limited, "running", "active", "active", "working"),
    words(State::Stalled, "running", "idle", "active", "stalled"),
    words(
        State::Completed,
        "completed",
        "ended",
        "completed",
        "completed",
    ),
    words(State::Failed, "completed", "ended", "failed", "failed"),
    words(State::Terminated, "completed", "ended", "failed", "failed"),
    words(State::Unobserved, "running", "idle", "active", "stalled"),
];

/// A contract with words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// The dashboard API.
    Dashboard,
    /// The events API.
    Events,
    /// The queue.
    Queue,
    /// The sessions API.
    Sessions,
}

impl Contract {
    /// The word for a state.
    #[must_use]
    pub fn word(self, state: State) -> &'static str {
        let row = row(state);
        match self {
            Self::Dashboard => row.dashboard,
            Self::Events => row.events,
            Self::Queue => row.queue,
            Self::Sessions => row.sessions,
        }
    }

    /// The states that a word stands for; none for a word that the contract does not know. For filters.
    pub fn states(self, word: &str) -> impl Iterator<Item = State> {
        State::ALL
            .into_iter()
            .filter(move |&state| self.word(state) == word)
    }

    /// The state that best stands for a word of the contract, for reading what such a system says.
    #[must_use]
    pub fn state(self, word: &str) -> Option<State> {
        match (self, word) {
            (Self::Dashboard, "running")
            | (Self::Events | Self::Queue, "active")
            | (Self::Sessions, "working") => Some(State::Working),
            (Self::Events, "idle") => Some(State::Idle),
            (Self::Queue, "queued") => Some(State::Queued),
            (Self::Sessions, "spawning") => Some(State::Spawning),
            (Self::Sessions, "stalled") => Some(State::Stalled),
            (Self::Dashboard | Self::Queue | Self::Sessions, "completed")
            | (Self::Events, "ended") => Some(State::Completed),
            (Self::Queue | Self::Sessions, "failed") => Some(State::Failed),
            _ => None,
        }
    }
}

/// How a state is called elsewhere.
#[must_use]
pub fn row(state: State) -> Words {
    // The table has a row for every state, in the order of their declaration.
    TABLE[state as usize]
}

/// A session that rests counts as stalled in the sessions API after this long without activity.
const SESSIONS_STALLED_AFTER: Span = Span::from_mins(5);

/// The word of the sessions API for a session whose last activity was at `last_activity`: its clients compute
/// `stalled` from the time alone, so a session at rest is `working` for five minutes and `stalled` after.
#[must_use]
pub fn sessions_word(state: State, last_activity: Timestamp, now: Timestamp) -> &'static str {
    let word = Contract::Sessions.word(state);
    if state == State::Idle && now - last_activity > SESSIONS_STALLED_AFTER {
        Contract::Sessions.word(State::Stalled)
    } else {
        word
    }
}

/// The word of the events API for a session that is known only by the events sent to it, by that contract's own
/// clock: `idle` after `timeout` (documented: five minutes) without an event, `ended` after twice that; and after a
/// `session_end` event without another one, `idle` for Claude Code, which may resume, `ended` for all others.
#[must_use]
pub fn events_word(
    agent: &AgentKind,
    last_event: Timestamp,
    ended_by_event: bool,
    timeout: Span,
    now: Timestamp,
) -> &'static str {
    let silent = now - last_event;
    let over = ended_by_event && *agent != AgentKind::ClaudeCode;
    if over || silent > Span(timeout.0.saturating_mul(2)) {
        "ended"
    } else if ended_by_event || silent > timeout {
        "idle"
    } else {
        "active"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACTS: [Contract; 4] = [
        Contract::Dashboard,
        Contract::Events,
        Contract::Queue,
        Contract::Sessions,
    ];

    #[test]
    fn every_state_has_its_row_and_every_word_leads_back() {
        for (state, row) in State::ALL.into_iter().zip(TABLE) {
            assert_eq!((row.state, super::row(state)), (state, row));
            for contract in CONTRACTS {
                let word = contract.word(state);
                assert!(contract.states(word).any(|known| known == state));
                let back = contract.state(word).unwrap();
                assert_eq!(contract.word(back), word, "{contract:?} {word}");
            }
        }
        for contract in CONTRACTS {
            assert_eq!(contract.states("unheard of").count(), 0);
            assert_eq!(contract.state("unheard of"), None);
        }
        assert!(row(State::Terminated).aborted && row(State::NeedsInput).needs_input);
    }

    #[test]
    fn the_contracts_keep_their_own_clocks() {
        let at = |minutes| Timestamp::default() + Span::from_mins(minutes);
        let sessions = |state, minutes| sessions_word(state, at(0), at(minutes));
        assert_eq!(sessions(State::Idle, 5), "working");
        assert_eq!(sessions(State::Idle, 6), "stalled");
        assert_eq!(sessions(State::NeedsInput, 60), "working");

        let five = Span::from_mins(5);
        let events = |agent: &str, minutes, ended| {
            events_word(&agent.into(), at(0), ended, five, at(minutes))
        };
        for (agent, minutes, ended, word) in [
            ("codex", 5, false, "active"),
            ("codex", 6, false, "idle"),
            ("codex", 11, false, "ended"),
            ("codex", 0, true, "ended"),
            ("claude_code", 0, true, "idle"),
            ("claude_code", 11, true, "ended"),
        ] {
            assert_eq!(
                events(agent, minutes, ended),
                word,
                "{agent} {minutes} {ended}"
            );
        }
    }
}
