//! `/api/v1/usage/hours`, `/usage/blocked`, `/tools` and `/filters`: when agents work, with which tools, and how long they
//! wait for the user.

use std::sync::Arc;

use agentmon_core::Monitor;
use agentmon_core::model::Span;
use agentmon_core::query::{ReportKind, SessionFilter, ToolFilter, UsageQuery};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::{agents, calls, range, words, zone};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

/// How far back waiting is counted unless asked otherwise.
const WEEK: Span = Span::from_mins(7 * 24 * 60);

pub(super) fn routes(app: &Arc<App>) -> Route {
    let hours = warp::path!("api" / "v1" / "usage" / "hours")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(hours(app, query).await) });
    let blocked = warp::path!("api" / "v1" / "usage" / "blocked")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(blocked(app, query).await) });
    let tools = warp::path!("api" / "v1" / "tools")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(tools(app, query).await) });
    let filters = warp::path!("api" / "v1" / "filters")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(filters(app).await) });
    hours
        .or(blocked)
        .unify()
        .or(tools)
        .unify()
        .or(filters)
        .unify()
        .boxed()
}

/// Reports tokens and cost by weekday and hour.
#[utoipa::path(
    get, path = "/api/v1/usage/hours", tag = "usage",
    params(
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents"),
        ("model" = Option<String>, Query, description = "Models, by name or the beginning of one"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
        ("since" = Option<String>, Query, description = "From then on"),
        ("until" = Option<String>, Query, description = "Until then; a date is included"),
        ("zone" = Option<String>, Query, description = "Where days begin; the configured one if not given"),
    ),
    responses((status = 200, description = "`agentmon.hours.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn hours(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let config = app.monitor.config();
    let (since, until) = range(&query, config, app.monitor.now())?;
    let question = UsageQuery {
        since,
        until,
        zone: zone(&query, config)?,
        filter: calls(&query),
        ..UsageQuery::new(ReportKind::Daily)
    };
    let (question, cells) = app
        .ask(move |monitor| {
            let cells = monitor.hours(&question)?;
            Ok((question, cells))
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::hours(&question, &cells)))
}

/// Reports how long sessions waited for the user.
#[utoipa::path(
    get, path = "/api/v1/usage/blocked", tag = "usage",
    params(
        ("agent" = Option<String>, Query, description = "Agents, joined by commas"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("since" = Option<String>, Query, description = "From then on; 7 days if not given"),
        ("until" = Option<String>, Query, description = "Until then"),
        ("zone" = Option<String>, Query, description = "Where days begin; the configured one if not given"),
        ("limit" = Option<u64>, Query, description = "At most so many sessions, 0 to 1000; 50 if not given"),
    ),
    responses((status = 200, description = "`agentmon.blocked.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn blocked(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (config, now) = (app.monitor.config(), app.monitor.now());
    let (since, until) = range(&query, config, now)?;
    let range = (since.unwrap_or(now - WEEK), until);
    let zone = zone(&query, config)?;
    let limit = query.number("limit", 50, 0..=1000) as usize;
    let filter = SessionFilter {
        agents: agents(&query),
        projects: words(&query, "project"),
        ..SessionFilter::default()
    };
    let report = app
        .ask(move |monitor| monitor.blocked(&filter, &zone, range, limit))
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::blocked(&report)))
}

/// Reports how often tools are used, how often they fail and how long they take.
#[utoipa::path(
    get, path = "/api/v1/tools", tag = "usage",
    params(
        ("agent" = Option<String>, Query, description = "Agents, joined by commas"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them"),
        ("since" = Option<String>, Query, description = "From then on"),
        ("until" = Option<String>, Query, description = "Until then"),
    ),
    responses((status = 200, description = "`agentmon.tools.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn tools(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (since, until) = range(&query, app.monitor.config(), app.monitor.now())?;
    let filter = ToolFilter {
        agents: agents(&query),
        projects: words(&query, "project"),
        sessions: words(&query, "session"),
        since,
        until,
    };
    let (filter, tools) = app
        .ask(move |monitor| {
            let tools = monitor.tool_usage(&filter)?;
            Ok((filter, tools))
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::tools(&filter, &tools)))
}

/// Lists the words that filters can take.
#[utoipa::path(
    get, path = "/api/v1/filters", tag = "operations",
    responses((status = 200, description = "`agentmon.filters.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn filters(app: Arc<App>) -> Result<Response, ApiError> {
    let options = app.ask(Monitor::filter_options).await?;
    Ok(reply::json(StatusCode::OK, &wire::filters(&options)))
}
