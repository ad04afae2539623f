//! `agentmon sessions`, and how a session looks in any list.

use std::collections::HashMap;

use agentmon_core::model::{SessionKey, Timestamp};
use agentmon_core::query::{RefreshOptions, SessionFilter, SessionList, SessionView, Zone};
use agentmon_core::session::{Liveness, Reason, State};
use agentmon_core::wire;

use super::{empty, words};
use crate::args::SessionsArgs;
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, human};

/// Sessions in a table unless the user wants more.
const PAGE: usize = 40;

pub(super) fn run(args: &SessionsArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let (since, until) = cx.range(&args.range)?;
    let filter = SessionFilter {
        keys: Vec::new(),
        sessions: Vec::new(),
        states: args.state.clone(),
        agents: args.filter.agent.clone(),
        models: words(&args.filter.model),
        projects: cx.projects(&args.filter.project),
        hosts: words(&args.filter.host),
        since,
        until,
        or_open: false,
        parent: args.parent.as_deref().map(Into::into),
        within: args.subagents || args.parent.is_some(),
        limit: match args.limit {
            None if out.format == Format::Table => Some(PAGE),
            limit => limit.filter(|limit| *limit > 0),
        },
    };
    let monitor = cx.fresh_monitor(RefreshOptions {
        since,
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let list = monitor.sessions(&filter)?;
    match out.format {
        Format::Json => out.json(&wire::sessions(&list))?,
        Format::Csv => csv(&list, out)?,
        Format::Table if list.sessions.is_empty() => {
            let all = SessionFilter {
                limit: filter.limit,
                ..SessionFilter::default()
            };
            empty::nothing("sessions", filter != all, &monitor, cx, out)?;
        }
        Format::Table => show(&list, cx, out)?,
    }
    Ok(Exit::Done)
}

fn show(list: &SessionList, cx: &Context, out: &mut Output) -> Result<(), Error> {
    let ids = ShortIds::new(list.sessions.iter().map(|session| &session.key));
    let by_host = has_hosts(&list.sessions);
    let columns = [
        ("", Layout::Left),
        ("ID", Layout::Left),
        ("AGENT", Layout::Left),
        ("HOST", Layout::Flexible),
        ("STATE", Layout::Left),
        ("FOR", Layout::Right),
        ("WHY", Layout::Flexible),
        ("PROJECT", Layout::Flexible),
        ("TITLE", Layout::Flexible),
        ("COST", Layout::Right),
    ];
    let mut table = Table::new(&chosen(columns.to_vec(), by_host));
    for session in &list.sessions {
        let row = vec![
            sign(session),
            ids.of(&session.key).into(),
            session.key.agent.as_str().into(),
            host(session),
            Cell::styled(session.state.as_str(), style(session.state)),
            human::span(cx.now - session.since).into(),
            why(session, cx.now, cx.zone()).into(),
            project(session).into(),
            title(session).into(),
            cost(session).into(),
        ];
        table.row(chosen(row, by_host));
    }
    out.table(&table, 0)?;
    let more = list.matching.saturating_sub(list.sessions.len() as u64);
    if more > 0 {
        let line = format!("{} more: --limit 0 shows all.", human::count(more));
        empty::hint(out, &line)?;
    }
    Ok(())
}

fn csv(list: &SessionList, out: &mut Output) -> Result<(), Error> {
    let headings = [
        "id",
        "agent",
        "native_id",
        "parent_id",
        "state",
        "reason",
        "liveness",
        "since",
        "title",
        "project",
        "branch",
        "cwd",
        "model",
        "started_at",
        "last_activity_at",
        "requests",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        "reasoning_tokens",
        "cost_usd",
        "unpriced_requests",
        "host",
    ];
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let rows = list.sessions.iter().map(|session| {
        let (sums, usage) = (&session.sums, &session.sums.usage);
        let cost = sums.known_cost();
        vec![
            session.key.to_string(),
            session.key.agent.to_string(),
            session.key.native_id.to_string(),
            session
                .parent
                .as_ref()
                .map_or_else(String::new, |(key, _)| key.to_string()),
            session.state.to_string(),
            session.reason.to_string(),
            session.liveness.to_string(),
            session.since.to_string(),
            text(&session.title),
            session
                .project
                .as_ref()
                .map_or_else(String::new, |project| project.name.to_string()),
            text(&session.branch),
            text(&session.cwd),
            text(&session.model),
            time(session.started_at),
            time(session.last_activity_at),
            sums.requests.to_string(),
            usage.input.to_string(),
            usage.output.to_string(),
            usage.cache_read.to_string(),
            usage.cache_creation().to_string(),
            usage.reasoning.to_string(),
            cost.map_or_else(String::new, |cost| cost.dollars().to_string()),
            sums.unpriced_requests.to_string(),
            text(&session.host),
        ]
    });
    Ok(out.csv(&headings, rows)?)
}

/// Beginnings of session ids that are long enough to tell the sessions of one list apart.
pub(super) struct ShortIds(HashMap<SessionKey, usize>);

impl ShortIds {
    const LEAST: usize = 8;
    const LONGEST_NAME: usize = 16;

    pub(super) fn new<'a>(keys: impl Iterator<Item = &'a SessionKey>) -> Self {
        let mut sorted: Vec<&SessionKey> = keys.collect();
        sorted.sort_by(|a, b| (&a.native_id, a).cmp(&(&b.native_id, b)));
        sorted.dedup();
        let shared = |a: &SessionKey, b: &SessionKey| {
            let pairs = a.native_id.chars().zip(b.native_id.chars());
            pairs.take_while(|(a, b)| a == b).count()
        };
        let mut lengths = HashMap::new();
        for (index, key) in sorted.iter().enumerate() {
            let before = index
                .checked_sub(1)
                .map_or(0, |before| shared(key, sorted[before]));
            let after = sorted.get(index + 1).map_or(0, |after| shared(key, after));
            lengths.insert((*key).clone(), Self::least(key).max(before.max(after) + 1));
        }
        Self(lengths)
    }

    /// What stands before a `/` is the name of an agent or the like: only what follows tells much.
    fn least(key: &SessionKey) -> usize {
        let name = key
            .native_id
            .find('/')
            .filter(|at| *at <= Self::LONGEST_NAME);
        name.map_or(0, |at| at + 1) + Self::LEAST
    }

    pub(super) fn of(&self, key: &SessionKey) -> String {
        let length = self.0.get(key).copied().unwrap_or(Self::LEAST);
        key.native_id.chars().take(length).collect()
    }
}

/// Whether sessions run on several machines, as far as that is known: else where they run is not worth a column.
pub(super) fn has_hosts<'a>(sessions: impl IntoIterator<Item = &'a SessionView>) -> bool {
    let mut hosts = sessions
        .into_iter()
        .filter_map(|session| session.host.as_deref());
    let first = hosts.next();
    hosts.any(|host| Some(host) != first)
}

/// Where the machine of a session stands in its row.
const HOST: usize = 3;

/// What stands in a row, without the machine where that tells nothing.
pub(super) fn chosen<T>(mut row: Vec<T>, by_host: bool) -> Vec<T> {
    if !by_host {
        row.remove(HOST);
    }
    row
}

/// Where a session runs.
pub(super) fn host(session: &SessionView) -> Cell {
    Cell::styled(session.host.as_deref().unwrap_or("-"), Style::Faint)
}

/// State is colour, liveness is shape.
pub(super) fn shape(liveness: Liveness) -> &'static str {
    match liveness {
        Liveness::Alive => "●",
        Liveness::Dead => "○",
        Liveness::Unknown => "◌",
    }
}

/// The sign in front of a session.
pub(super) fn sign(session: &SessionView) -> Cell {
    Cell::styled(shape(session.liveness), style(session.state))
}

/// The colour of a state.
pub(super) fn style(state: State) -> Style {
    match state {
        State::NeedsInput => Style::Alert,
        State::Failed | State::Stalled => Style::Bad,
        State::Limited => Style::Held,
        State::Queued | State::Spawning | State::Working | State::WaitingSelf => Style::Good,
        State::Idle => Style::Plain,
        State::Completed | State::Terminated | State::Unobserved => Style::Faint,
    }
}

/// The reason, and the question or error behind it.
pub(super) fn why(session: &SessionView, now: Timestamp, zone: &Zone) -> String {
    let reason = human::reason(&session.reason, now, zone);
    match (&session.reason, &session.detail) {
        (Reason::NoEvidence, None) => String::new(),
        (_, None) => reason,
        (_, Some(detail)) => format!("{reason}: {detail}"),
    }
}

/// What to call a session: its title, a subagent's role, or nothing.
pub(super) fn title(session: &SessionView) -> &str {
    let title = session.title.as_deref().or(session.role.as_deref());
    title.unwrap_or_default()
}

/// Its project and branch.
pub(super) fn project(session: &SessionView) -> String {
    let project = session
        .project
        .as_ref()
        .map_or("-", |project| &project.name);
    match session.branch.as_deref() {
        None | Some("main" | "master" | "HEAD" | "") => project.to_owned(),
        Some(branch) => format!("{project}@{branch}"),
    }
}

/// What it cost so far.
pub(super) fn cost(session: &SessionView) -> String {
    if session.sums.requests == 0 {
        return "-".to_owned();
    }
    human::cost(session.sums.known_cost(), session.sums.unpriced_requests)
}

#[cfg(test)]
mod tests {
    use agentmon_core::model::AgentKind;

    use super::*;

    #[test]
    fn short_ids_tell_sessions_apart() {
        let keys: Vec<SessionKey> = [
            "01a1fd6f-e017-7002",
            "01a1fd6f-e3e0-7d02",
            "208c03df-1111",
            "main/418e610e-a2fb",
            "x",
            "x",
        ]
        .map(|id| SessionKey::new(AgentKind::Codex, id))
        .into();
        let ids = ShortIds::new(keys.iter());
        let shown: Vec<String> = keys.iter().map(|key| ids.of(key)).collect();
        assert_eq!(
            shown,
            [
                "01a1fd6f-e0",
                "01a1fd6f-e3",
                "208c03df",
                "main/418e610e",
                "x",
                "x"
            ]
        );
    }
}
