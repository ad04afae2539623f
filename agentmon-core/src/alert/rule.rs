//! What the rules want told of the present.

use super::{AlertRule, AlertWhen, Episode, SpendPer};
use crate::model::{NanoUsd, Span, Timestamp};
use crate::query::{Project, QuotaView, SessionView, project_matches};
use crate::session::State;

/// A failure that was not seen to begin is news for so long.
const NEWS: Span = Span::from_mins(10);

/// The present, as far as rules ask for it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Sessions that wait, are stalled, or failed lately, and those that were at work today.
    pub sessions: Vec<SessionView>,
    /// What was spent today.
    pub today: SpendFact,
    /// What was spent today by project.
    pub projects: Vec<(Project, NanoUsd)>,
    /// Plan limits.
    pub quotas: Vec<QuotaView>,
}

/// What was spent in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendFact {
    /// When the day began.
    pub since: Timestamp,
    /// What calls with a known price cost since then.
    pub spent: NanoUsd,
}

/// Everything that is so at `now` and that a rule wants told.
#[must_use]
pub fn due(rules: &[AlertRule], facts: &Facts, now: Timestamp) -> Vec<Episode> {
    let mut episodes = Vec::new();
    for rule in rules {
        match &rule.when {
            AlertWhen::NeedsInput(after) => {
                sessions(
                    rule,
                    facts,
                    State::NeedsInput,
                    now - *after,
                    now,
                    &mut episodes,
                );
            }
            AlertWhen::Stalled(after) => {
                sessions(
                    rule,
                    facts,
                    State::Stalled,
                    now - *after,
                    now,
                    &mut episodes,
                );
            }
            AlertWhen::Failed => sessions(rule, facts, State::Failed, now, now, &mut episodes),
            AlertWhen::Spend(per, limit) => spend(rule, facts, *per, *limit, &mut episodes),
            AlertWhen::Quota(percent) => quotas(rule, facts, *percent, &mut episodes),
        }
    }
    episodes
}

fn concerns(rule: &AlertRule, session: &SessionView) -> bool {
    let wanted = rule.project.as_deref();
    rule.agent
        .as_ref()
        .is_none_or(|agent| *agent == session.key.agent)
        && wanted.is_none_or(|wanted| project_matches(session.project.as_ref(), wanted))
}

/// What to call a session.
fn name(session: &SessionView) -> String {
    let title = session.title.as_deref().unwrap_or(&session.key.native_id);
    let project = session.project.as_ref().map(|project| &*project.name);
    match project {
        Some(project) => format!("{title} ({project})"),
        None => title.to_owned(),
    }
}

fn about(rule: &AlertRule, session: &SessionView) -> Episode {
    Episode {
        rule: rule.name.clone(),
        kind: rule.when.as_str(),
        subject: session.key.to_string(),
        session: Some(session.key.clone()),
        project: session.project.as_ref().map(|project| project.name.clone()),
        title: String::new(),
        message: String::new(),
        detail: session.detail.clone(),
        since: session.since,
        is_news: true,
    }
}

fn sessions(
    rule: &AlertRule,
    facts: &Facts,
    state: State,
    since: Timestamp,
    now: Timestamp,
    episodes: &mut Vec<Episode>,
) {
    let said = match state {
        State::NeedsInput => "Needs you",
        State::Stalled => "Stalled",
        _ => "Failed",
    };
    let due = facts.sessions.iter().filter(|session| {
        session.state == state && session.since <= since && concerns(rule, session)
    });
    episodes.extend(due.map(|session| Episode {
        title: format!("{said}: {}", name(session)),
        message: format!(
            "{} {said}: {}, since {}",
            session.key.agent, session.reason, session.since
        ),
        is_news: state != State::Failed || now - session.since <= NEWS,
        ..about(rule, session)
    }));
}

fn spend(
    rule: &AlertRule,
    facts: &Facts,
    per: SpendPer,
    limit: NanoUsd,
    episodes: &mut Vec<Episode>,
) {
    let day = facts.today.since;
    let of = |subject: String, title: String, spent: NanoUsd| Episode {
        rule: rule.name.clone(),
        kind: rule.when.as_str(),
        subject,
        session: None,
        project: None,
        title,
        message: format!("Spent {spent}, more than {limit}"),
        detail: None,
        since: day,
        is_news: true,
    };
    match per {
        SpendPer::Day => {
            let spent = facts.today.spent;
            if spent > limit {
                episodes.push(of("day".to_owned(), format!("Spent {spent} today"), spent));
            }
        }
        SpendPer::Project => {
            let wanted = |project: &Project| {
                let only = rule.project.as_deref();
                only.is_none_or(|only| project_matches(Some(project), only))
            };
            let over = facts.projects.iter();
            let over = over.filter(|(project, spent)| *spent > limit && wanted(project));
            episodes.extend(over.map(|(project, spent)| Episode {
                project: Some(project.name.clone()),
                ..of(
                    format!("project:{}", project.root),
                    format!("Spent {spent} today on {}", project.name),
                    *spent,
                )
            }));
        }
        SpendPer::Session => {
            let over = facts.sessions.iter();
            let over = over.filter(|session| session.sums.cost > limit && concerns(rule, session));
            episodes.extend(over.map(|session| Episode {
                title: format!("Spent {}: {}", session.sums.cost, name(session)),
                message: format!("Spent {}, more than {limit}", session.sums.cost),
                since: session.started_at.unwrap_or(day),
                ..about(rule, session)
            }));
        }
    }
}

fn quotas(rule: &AlertRule, facts: &Facts, percent: f64, episodes: &mut Vec<Episode>) {
    for QuotaView { window, expired } in &facts.quotas {
        let is_meant = rule
            .agent
            .as_ref()
            .is_none_or(|agent| *agent == window.agent);
        if *expired || !is_meant || window.used_percent <= percent {
            continue;
        }
        let used = window.used_percent.round();
        episodes.push(Episode {
            rule: rule.name.clone(),
            kind: rule.when.as_str(),
            subject: format!("quota:{}/{}/{}", window.agent, window.limit, window.window),
            session: None,
            project: None,
            title: format!("Used {used} % of {}'s {}", window.agent, window.window),
            message: match window.resets_at {
                Some(at) => format!("Used {used} %, more than {percent} %; starts afresh at {at}"),
                None => format!("Used {used} %, more than {percent} %"),
            },
            detail: None,
            since: window.at,
            is_news: true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AgentKind, QuotaWindow, SessionKey};
    use crate::session::Reason;

    fn rule(when: AlertWhen) -> AlertRule {
        AlertRule {
            name: "rule".into(),
            when,
            agent: None,
            project: None,
            channels: Vec::new(),
        }
    }

    #[test]
    fn rules_want_told_what_is_so() {
        let now = Timestamp(100 * 60_000);
        let session = |id: &str, state: State, minutes: i64, cost: i64| {
            let mut view = SessionView::new(SessionKey::new(AgentKind::Codex, id));
            (view.state, view.since) = (state, now - Span::from_mins(minutes));
            view.reason = Reason::Question;
            view.sums.cost = NanoUsd(cost);
            view
        };
        let facts = Facts {
            sessions: vec![
                session("asks", State::NeedsInput, 5, 0),
                session("asked just now", State::NeedsInput, 0, 0),
                session("silent", State::Stalled, 7, 10),
                session("broke", State::Failed, 1, 0),
                session("broke long ago", State::Failed, 90, 0),
            ],
            today: SpendFact {
                since: Timestamp(0),
                spent: NanoUsd(30),
            },
            projects: vec![(
                Project {
                    name: "app".into(),
                    root: "/app".into(),
                },
                NanoUsd(20),
            )],
            quotas: vec![QuotaView {
                window: QuotaWindow {
                    agent: AgentKind::Codex,
                    limit: "codex".into(),
                    window: "primary".into(),
                    used_percent: 91.4,
                    window_minutes: None,
                    resets_at: None,
                    plan: None,
                    at: now,
                },
                expired: false,
            }],
        };
        let told = |rule: AlertRule| {
            let episodes = due(&[rule], &facts, now);
            let told = episodes.iter().map(|episode| match episode.is_news {
                true => episode.subject.clone(),
                false => format!("({})", episode.subject),
            });
            told.collect::<Vec<_>>().join(" ")
        };
        let after = Span::from_mins(5);
        assert_eq!(told(rule(AlertWhen::NeedsInput(after))), "codex:asks");
        assert_eq!(told(rule(AlertWhen::Stalled(after))), "codex:silent");
        assert_eq!(
            told(rule(AlertWhen::Failed)),
            "codex:broke (codex:broke long ago)"
        );
        let spend = |per, limit| told(rule(AlertWhen::Spend(per, NanoUsd(limit))));
        assert_eq!(spend(SpendPer::Day, 29), "day");
        assert_eq!(spend(SpendPer::Day, 30), "");
        assert_eq!(spend(SpendPer::Project, 19), "project:/app");
        assert_eq!(spend(SpendPer::Session, 9), "codex:silent");
        assert_eq!(
            told(rule(AlertWhen::Quota(90.0))),
            "quota:codex/codex/primary"
        );
        assert_eq!(told(rule(AlertWhen::Quota(95.0))), "");
        let others = AlertRule {
            agent: Some(AgentKind::Gemini),
            ..rule(AlertWhen::Failed)
        };
        assert_eq!(told(others), "");
        let of_project = AlertRule {
            project: Some("app".into()),
            ..rule(AlertWhen::Failed)
        };
        assert_eq!(told(of_project), "");
    }
}
