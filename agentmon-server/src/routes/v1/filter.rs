//! Filters as queries give them: the words of the command line's flags.

use agentmon_core::config::Config;
use agentmon_core::model::{AgentKind, Timestamp};
use agentmon_core::query::{Edge, Order, parse_when};
use http::StatusCode;

use crate::error::ApiError;
use crate::http::query::Query;

/// Words of a filter; they can be repeated or joined by commas.
pub(super) fn words(query: &Query, name: &str) -> Vec<Box<str>> {
    query.all(name).map(Into::into).collect()
}

/// Agents.
pub(super) fn agents(query: &Query) -> Vec<AgentKind> {
    query.all("agent").map(AgentKind::from).collect()
}

/// Words of a closed list.
pub(super) fn known<T>(
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
pub(super) fn flag(query: &Query, name: &str) -> bool {
    matches!(query.get(name), Some("true" | "1" | "yes"))
}

/// The direction of rows.
pub(super) fn order(query: &Query) -> Result<Option<Order>, ApiError> {
    match query.get("order") {
        None => Ok(None),
        Some("asc") => Ok(Some(Order::Ascending)),
        Some("desc") => Ok(Some(Order::Descending)),
        Some(_) => Err(ApiError::query("order", "must be asc or desc")),
    }
}

/// `since` and `until`: dates, times, `today`, `7d`, as on the command line.
pub(super) fn range(
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
