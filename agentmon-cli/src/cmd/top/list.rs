//! Which sessions are listed, in which groups and order. Pure.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use agentmon_core::query::SessionView;

use super::app::{App, Group, Sort};
use crate::cmd::sessions::{project, title, why};
use crate::output::style::Style;

/// A line of the list.
#[derive(Debug, Clone)]
pub(super) enum Entry<'a> {
    /// The name of a group and how many are in it.
    Heading {
        name: String,
        count: usize,
        style: Style,
    },
    /// A session.
    Session(&'a SessionView),
}

/// A group of sessions.
type Section<'a> = (String, Style, Vec<&'a SessionView>);

/// The lines of the list.
pub(super) fn entries(app: &App) -> Vec<Entry<'_>> {
    let sections = match app.group {
        Group::State => by_state(app),
        Group::Project => by_project(app),
    };
    let mut entries = Vec::new();
    for (name, style, mut sessions) in sections {
        sessions.retain(|session| matches(app, session));
        sort(&mut sessions, app.sort);
        if sessions.is_empty() {
            continue;
        }
        entries.push(Entry::Heading {
            name,
            count: sessions.len(),
            style,
        });
        entries.extend(sessions.into_iter().map(Entry::Session));
    }
    entries
}

fn by_state<'a>(app: &'a App) -> Vec<Section<'a>> {
    let board = &app.board;
    let mut sections = vec![
        ("Needs you", Style::Alert, &board.needs_you),
        ("Failed", Style::Bad, &board.failed),
        ("Stalled", Style::Bad, &board.stalled),
        ("Limited", Style::Held, &board.limited),
        ("Working", Style::Good, &board.working),
        ("Done, not looked at", Style::Strong, &board.done),
    ];
    if app.all {
        sections.push(("At rest or over", Style::Faint, &board.rest));
    }
    let section = |(name, style, sessions): (&str, _, &'a Vec<SessionView>)| {
        (name.to_owned(), style, sessions.iter().collect())
    };
    sections.into_iter().map(section).collect()
}

/// Projects by name. Within one, the most urgent first.
fn by_project(app: &App) -> Vec<Section<'_>> {
    let mut projects: BTreeMap<&str, Vec<&SessionView>> = BTreeMap::new();
    for (_, _, sessions) in by_state(app) {
        for session in sessions {
            let name = session
                .project
                .as_ref()
                .map_or("-", |project| &*project.name);
            projects.entry(name).or_default().push(session);
        }
    }
    let section = |(name, sessions): (&str, _)| (name.to_owned(), Style::Strong, sessions);
    projects.into_iter().map(section).collect()
}

/// Whether every word of the filter stands somewhere in what is known of a session.
fn matches(app: &App, session: &SessionView) -> bool {
    let text = [
        session.key.agent.as_str(),
        &session.key.native_id,
        session.state.as_str(),
        session.model.as_deref().unwrap_or_default(),
        &project(session),
        title(session),
        &why(session, app.now, &app.zone),
    ]
    .join("\n")
    .to_lowercase();
    app.filter
        .to_lowercase()
        .split_whitespace()
        .all(|word| text.contains(word))
}

fn sort(sessions: &mut [&SessionView], by: Sort) {
    match by {
        Sort::Urgency => {}
        Sort::Age => sessions.sort_by_key(|session| session.since),
        Sort::Cost => sessions.sort_by_key(|session| Reverse(session.sums.cost)),
        Sort::Title => sessions.sort_by_key(|session| title(session).to_lowercase()),
    }
}
