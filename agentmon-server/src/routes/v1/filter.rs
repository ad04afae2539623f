//! Filters as queries give them: the words of the command line's flags.

use agentmon_core::config::Config;
use agentmon_core::model::{AgentKind, EventKind, EventStatus, Timestamp};
use agentmon_core::query::{
    Board, BoardQuery, Edge, EventFilter, Order, SearchText, SessionFilter, UsageFilter, Zone,
    parse_when,
};
use agentmon_core::session::State;
use http::StatusCode;

use crate::error::ApiError;
use crate::http::query::Query;

/// Words of a filter; they can be repeated or joined by commas.
pub(crate) fn words(query: &Query, name: &str) -> Vec<Box<str>> {
    query.all(name).map(Into::into).collect()
}

/// Agents.
pub(crate) fn agents(query: &Query) -> Vec<AgentKind> {
    query.all("agent").map(AgentKind::from).collect()
}

/// Words of a closed list.
pub(crate) fn known<T>(
    query: &Query,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ApiError> {
    query
        .all(name)
        .map(|word| parse(word).ok_or_else(|| ApiError::query(name, "is not known")))
        .collect()
}

/// Whether a flag is set.
pub(crate) fn flag(query: &Query, name: &str) -> bool {
    matches!(query.get(name), Some("true" | "1" | "yes"))
}

/// The direction of rows.
pub(crate) fn order(query: &Query) -> Result<Option<Order>, ApiError> {
    match query.get("order") {
        None => Ok(None),
        Some("asc") => Ok(Some(Order::Ascending)),
        Some("desc") => Ok(Some(Order::Descending)),
        Some(_) => Err(ApiError::query("order", "must be asc or desc")),
    }
}

/// `since` and `until`: dates, times, `today`, `7d`, as on the command line.
pub(crate) fn range(
    query: &Query,
    config: &Config,
    now: Timestamp,
) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let zone = &config.time_zone.value;
    let read = |name: &'static str, edge| {
        let text = query.get(name);
        text.map(|text| {
            // A plus sign that was not encoded reads as a space.
            parse_when(text, edge, now, zone)
                .or_else(|_| parse_when(&text.replace(' ', "+"), edge, now, zone))
                .map_err(|error| ApiError::query(name, &error.to_string()))
        })
        .transpose()
    };
    let (since, until) = (read("since", Edge::Since)?, read("until", Edge::Until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "`since` is not before `until`",
        ));
    }
    Ok((since, until))
}

/// Where days begin: as asked for, else as configured.
pub(crate) fn zone(query: &Query, config: &Config) -> Result<Zone, ApiError> {
    match query.get("zone") {
        None => Ok(config.time_zone.value.clone()),
        Some(name) => Zone::get(name).map_err(|error| ApiError::query("zone", &error.to_string())),
    }
}

/// Which calls count.
pub(crate) fn calls(query: &Query) -> UsageFilter {
    UsageFilter {
        agents: agents(query),
        models: words(query, "model"),
        projects: words(query, "project"),
        hosts: words(query, "host"),
        sessions: words(query, "session"),
    }
}

/// What the strip of a board counts.
pub(crate) fn strip(query: &Query, config: &Config) -> BoardQuery {
    BoardQuery {
        agents: agents(query),
        models: words(query, "model"),
        projects: words(query, "project"),
        hosts: words(query, "host"),
        zone: config.time_zone.value.clone(),
    }
}

/// The sessions of a board, and what its strip counts.
pub(crate) fn board(
    query: &Query,
    config: &Config,
    now: Timestamp,
) -> Result<(SessionFilter, BoardQuery), ApiError> {
    let strip = strip(query, config);
    let (since, _) = range(query, config, now)?;
    let sessions = SessionFilter {
        states: known(query, "state", State::parse)?,
        agents: strip.agents.clone(),
        models: strip.models.clone(),
        projects: strip.projects.clone(),
        hosts: strip.hosts.clone(),
        since: since.or(Some(now - Board::RECENT)),
        or_open: true,
        limit: Some(query.number("limit", 2000, 1..=20_000) as usize),
        ..SessionFilter::default()
    };
    Ok((sessions, strip))
}

/// Events.
pub(crate) fn events(
    query: &Query,
    config: &Config,
    now: Timestamp,
) -> Result<EventFilter, ApiError> {
    let (since, until) = range(query, config, now)?;
    Ok(EventFilter {
        session: None,
        sessions: words(query, "session"),
        agents: agents(query),
        projects: words(query, "project"),
        hosts: words(query, "host"),
        kinds: known(query, "kind", EventKind::parse)?,
        statuses: known(query, "status", EventStatus::parse)?,
        levels: Vec::new(),
        tools: words(query, "tool"),
        text: query.get("search").map(SearchText::parse),
        contains: None,
        since,
        until,
        order: order(query)?.unwrap_or(Order::Descending),
        after: None,
        limit: query.number("limit", 100, 1..=1000) as usize,
    })
}
