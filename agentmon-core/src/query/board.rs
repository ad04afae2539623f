//! The board: who needs the user first, then who is working, then what is wrong.

use std::collections::BTreeMap;

use crate::model::{AgentKind, Span, Timestamp};
use crate::session::{Liveness, Reason, State};

use super::budget::BudgetState;
use super::session::{QuotaView, SessionFilter, SessionView};
use super::usage::Sums;
use super::zone::Zone;

/// Which board. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardQuery {
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Models used last, by name or a beginning of it.
    pub models: Vec<Box<str>>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Machines that sessions run on, by name.
    pub hosts: Vec<Box<str>>,
    /// Where today begins.
    pub zone: Zone,
}

impl BoardQuery {
    /// The whole board.
    #[must_use]
    pub fn new(zone: Zone) -> Self {
        Self {
            agents: Vec::new(),
            models: Vec::new(),
            projects: Vec::new(),
            hosts: Vec::new(),
            zone,
        }
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.agents.is_empty()
            && self.models.is_empty()
            && self.projects.is_empty()
            && self.hosts.is_empty()
    }
}

/// Sessions by what they want from the user. A session is in one list, and in `counts`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Board {
    /// When this was so.
    pub at: Timestamp,
    /// They cannot go on before the user answers; who waits longest comes first.
    pub needs_you: Vec<SessionView>,
    /// They failed within [`Board::RECENT`] and are not taken up again, the latest first.
    pub failed: Vec<SessionView>,
    /// They should be working and give no sign, who is silent longest first.
    pub stalled: Vec<SessionView>,
    /// A usage limit holds them.
    pub limited: Vec<SessionView>,
    /// At work, on their way to it, or woken by something later; the latest first.
    pub working: Vec<SessionView>,
    /// Their process lives, their turn is over and the result was not looked at, the latest first.
    pub done: Vec<SessionView>,
    /// All others: at rest, over or not seen, the latest first.
    pub rest: Vec<SessionView>,
    /// How many sessions are in each state.
    pub counts: BTreeMap<State, u64>,
    /// Usage of today.
    pub today: Sums,
    /// Plan limits.
    pub quotas: Vec<QuotaView>,
    /// Budgets, to be filled in by who knows them.
    pub budgets: Vec<BudgetState>,
}

impl Board {
    /// How long the board shows what is over.
    pub const RECENT: Span = Span::from_mins(24 * 60);

    /// The sessions that a board is made of.
    #[must_use]
    pub fn filter(now: Timestamp) -> SessionFilter {
        SessionFilter {
            since: Some(now - Self::RECENT),
            or_open: true,
            ..SessionFilter::default()
        }
    }
}

/// Where on the board a session is, the most urgent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// It cannot go on before the user answers.
    NeedsYou,
    /// It failed lately.
    Failed,
    /// It should be working and gives no sign.
    Stalled,
    /// A usage limit holds it.
    Limited,
    /// At work, on its way to it, or woken by something later.
    Working,
    /// Its turn is over, its process lives, and nobody has looked.
    Done,
    /// At rest, over or not seen.
    Rest,
}

impl Group {
    /// All groups, the most urgent first.
    pub const ALL: [Self; 7] = [
        Self::NeedsYou,
        Self::Failed,
        Self::Stalled,
        Self::Limited,
        Self::Working,
        Self::Done,
        Self::Rest,
    ];

    /// The name used in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NeedsYou => "needs_you",
            Self::Failed => "failed",
            Self::Stalled => "stalled",
            Self::Limited => "limited",
            Self::Working => "working",
            Self::Done => "done",
            Self::Rest => "rest",
        }
    }

    /// The group of a session at `now`.
    #[must_use]
    pub fn of(session: &SessionView, now: Timestamp) -> Self {
        let unseen = Reason::TurnDone { seen: false };
        match session.state {
            State::NeedsInput => Self::NeedsYou,
            State::Stalled => Self::Stalled,
            State::Limited => Self::Limited,
            State::Queued | State::Spawning | State::Working | State::WaitingSelf => Self::Working,
            State::Failed if session.since >= now - Board::RECENT => Self::Failed,
            State::Idle if session.liveness == Liveness::Alive && session.reason == unseen => {
                Self::Done
            }
            State::Idle
            | State::Failed
            | State::Completed
            | State::Terminated
            | State::Unobserved => Self::Rest,
        }
    }
}

/// Sorts sessions into a board.
#[must_use]
pub fn board(
    sessions: Vec<SessionView>,
    today: Sums,
    quotas: Vec<QuotaView>,
    now: Timestamp,
) -> Board {
    let mut board = Board {
        at: now,
        today,
        quotas,
        ..Board::default()
    };
    for session in sessions {
        *board.counts.entry(session.state).or_default() += 1;
        let list = match Group::of(&session, now) {
            Group::NeedsYou => &mut board.needs_you,
            Group::Failed => &mut board.failed,
            Group::Stalled => &mut board.stalled,
            Group::Limited => &mut board.limited,
            Group::Working => &mut board.working,
            Group::Done => &mut board.done,
            Group::Rest => &mut board.rest,
        };
        list.push(session);
    }
    let since = |session: &SessionView| session.since;
    for longest_first in [&mut board.needs_you, &mut board.stalled, &mut board.limited] {
        longest_first.sort_by_key(since);
    }
    for latest_first in [
        &mut board.failed,
        &mut board.working,
        &mut board.done,
        &mut board.rest,
    ] {
        latest_first.sort_by_key(|session| std::cmp::Reverse(since(session)));
    }
    board
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentKind, SessionKey};

    #[test]
    fn each_session_is_where_the_user_looks_for_it() {
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        let session = |id: &str, state: State, reason: Reason, minutes_ago: i64| SessionView {
            state,
            reason,
            since: now - Span::from_mins(minutes_ago),
            liveness: if id == "gone" {
                Liveness::Unknown
            } else {
                Liveness::Alive
            },
            ..SessionView::new(SessionKey::new(AgentKind::Codex, id))
        };
        let unseen = Reason::TurnDone { seen: false };
        let sessions = vec![
            session("new question", State::NeedsInput, Reason::Question, 1),
            session(
                "old question",
                State::NeedsInput,
                Reason::Permission(None),
                4000,
            ),
            session("tool", State::Working, Reason::Tool("Bash".into()), 3),
            session("wakes up", State::WaitingSelf, Reason::BackgroundTask, 2),
            session("broke", State::Failed, Reason::ApiError(None), 60),
            session(
                "broke long ago",
                State::Failed,
                Reason::ApiError(None),
                1500,
            ),
            session("silent", State::Stalled, Reason::Silent, 9),
            session("ready", State::Idle, unseen.clone(), 5),
            session("gone", State::Idle, unseen, 5),
            session("read", State::Idle, Reason::TurnDone { seen: true }, 5),
            session("full", State::Limited, Reason::Quota(None), 5),
            session("over", State::Completed, Reason::SessionEnd, 5),
        ];
        let board = board(sessions, Sums::default(), Vec::new(), now);
        let ids = |list: &[SessionView]| -> Vec<String> {
            list.iter()
                .map(|session| session.key.native_id.to_string())
                .collect()
        };
        assert_eq!(ids(&board.needs_you), ["old question", "new question"]);
        assert_eq!(ids(&board.working), ["wakes up", "tool"]);
        assert_eq!(ids(&board.failed), ["broke"]);
        assert_eq!(ids(&board.stalled), ["silent"]);
        assert_eq!(ids(&board.limited), ["full"]);
        assert_eq!(ids(&board.done), ["ready"]);
        assert_eq!(ids(&board.rest), ["gone", "read", "over", "broke long ago"]);
        assert_eq!(board.counts.values().sum::<u64>(), 12);
        assert_eq!(board.counts[&State::Idle], 3);
    }
}
