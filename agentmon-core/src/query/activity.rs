//! How long agents waited for the user, from the changes of their states.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::zone::Zone;
use crate::model::{SessionKey, Span, Timestamp};
use crate::session::{Reason, State, Transition};

/// Time during which agents waited for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockedTime {
    /// They could not go on before the user answered.
    pub needs_input: Span,
    /// Their turn was over, and nobody looked.
    pub idle_unseen: Span,
}

/// One day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedDay {
    /// The day.
    pub day: Date,
    /// How long sessions waited, all together.
    pub time: BlockedTime,
}

/// One session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockedSession {
    /// The session.
    pub key: SessionKey,
    /// Its title. Hostile input.
    pub title: Option<Box<str>>,
    /// The name of its project.
    pub project: Option<Box<str>>,
    /// How long it waited.
    pub time: BlockedTime,
}

/// How long sessions waited for the user.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockedReport {
    /// Where days begin.
    pub zone: Zone,
    /// Start of the time looked at.
    pub since: Timestamp,
    /// End of the time looked at.
    pub until: Timestamp,
    /// All together.
    pub total: BlockedTime,
    /// By day, those in which somebody waited, the earliest first.
    pub days: Vec<BlockedDay>,
    /// By session, who waited longest first.
    pub sessions: Vec<BlockedSession>,
}

impl BlockedTime {
    fn total(self) -> i64 {
        self.needs_input.0.saturating_add(self.idle_unseen.0)
    }

    fn add(&mut self, state: State, lasted: Span) {
        let sum = if state == State::NeedsInput {
            &mut self.needs_input
        } else {
            &mut self.idle_unseen
        };
        sum.0 = sum.0.saturating_add(lasted.0);
    }
}

/// Adds up how long sessions waited between `since` and `until`. Their transitions are in order.
#[must_use]
pub fn blocked(
    sessions: impl IntoIterator<Item = (BlockedSession, Vec<Transition>)>,
    zone: &Zone,
    (since, until): (Timestamp, Timestamp),
    limit: usize,
) -> BlockedReport {
    let mut report = BlockedReport {
        zone: zone.clone(),
        since,
        until,
        total: BlockedTime::default(),
        days: Vec::new(),
        sessions: Vec::new(),
    };
    let mut days: BTreeMap<Date, BlockedTime> = BTreeMap::new();
    for (mut session, transitions) in sessions {
        for (index, transition) in transitions.iter().enumerate() {
            let waits = match transition.to {
                State::NeedsInput => true,
                State::Idle => transition.reason == Reason::TurnDone { seen: false },
                _ => false,
            };
            let end = transitions.get(index + 1).map_or(until, |next| next.since);
            let (mut begin, end) = (transition.since.max(since), end.min(until));
            while waits && begin < end {
                let day = zone.date(begin);
                let next = zone.start_of(day.tomorrow().unwrap_or(day));
                let stop = if next > begin { next.min(end) } else { end };
                let lasted = stop - begin;
                days.entry(day).or_default().add(transition.to, lasted);
                session.time.add(transition.to, lasted);
                report.total.add(transition.to, lasted);
                begin = stop;
            }
        }
        if session.time.total() > 0 {
            report.sessions.push(session);
        }
    }
    let day = |(day, time)| BlockedDay { day, time };
    report.days = days.into_iter().map(day).collect();
    report
        .sessions
        .sort_by_key(|session| std::cmp::Reverse(session.time.total()));
    report.sessions.truncate(limit);
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AgentKind;

    #[test]
    fn waiting_is_counted_by_day_and_kind() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let step = |since: &str, to: State, reason: Reason| Transition {
            from: State::Working,
            to,
            reason,
            at: at(since),
            since: at(since),
            detail: None,
            evidence: Vec::new(),
        };
        let session = |id: &str| BlockedSession {
            key: SessionKey::new(AgentKind::Codex, id),
            title: None,
            project: None,
            time: BlockedTime::default(),
        };
        let sessions = vec![
            (
                session("a"),
                vec![
                    step("2026-11-18T00:00:00Z", State::NeedsInput, Reason::Question),
                    step("2026-11-20T01:00:00Z", State::Working, Reason::Model),
                    step(
                        "2026-11-20T02:00:00Z",
                        State::Idle,
                        Reason::TurnDone { seen: false },
                    ),
                    step(
                        "2026-11-20T02:30:00Z",
                        State::Idle,
                        Reason::TurnDone { seen: true },
                    ),
                ],
            ),
            (
                session("b"),
                vec![step(
                    "2026-11-20T22:00:00Z",
                    State::NeedsInput,
                    Reason::Question,
                )],
            ),
            (
                session("c"),
                vec![step("2026-11-20T22:00:00Z", State::Working, Reason::Model)],
            ),
        ];
        let range = (at("2026-11-20T00:00:00Z"), at("2026-11-21T03:00:00Z"));
        let report = blocked(sessions, &Zone::utc(), range, 10);
        let hours = |time: BlockedTime| (time.needs_input.0 / 60_000, time.idle_unseen.0 / 60_000);
        assert_eq!(hours(report.total), (60 + 300, 30));
        let days: Vec<_> = report
            .days
            .iter()
            .map(|day| (day.day.to_string(), hours(day.time)))
            .collect();
        assert_eq!(
            days,
            [
                ("2026-11-20".to_owned(), (180, 30)),
                ("2026-11-21".to_owned(), (180, 0))
            ]
        );
        let ids: Vec<_> = report
            .sessions
            .iter()
            .map(|session| &*session.key.native_id)
            .collect();
        assert_eq!(ids, ["b", "a"]);
    }
}
