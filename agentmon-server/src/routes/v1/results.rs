//! `/api/v1/sessions/ID/artifacts` and `/log`: what came out of a session, and what happened in it as lines with levels.

use std::sync::Arc;

use agentmon_core::model::EventKind;
use agentmon_core::query::{EventFilter, LogLevel, Order};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::{known, order, words};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, decoded, query};
use crate::http::{Route, answer, method, reply, with};

/// Longest text that is looked for in a log, in characters.
const MAX_CONTAINS: usize = 200;

pub(super) fn routes(app: &Arc<App>) -> Route {
    let artifacts =
        warp::path!("api" / "v1" / "sessions" / String / "artifacts")
            .and(method::get())
            .and(with(app))
            .and(query())
            .then(|id: String, app, query| async move {
                answer(artifacts(app, decoded(&id), query).await)
            });
    let log = warp::path!("api" / "v1" / "sessions" / String / "log")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|id: String, app, query| async move { answer(log(app, decoded(&id), query).await) });
    artifacts.or(log).unify().boxed()
}

/// Lists what came out of a session: files, commits, pull requests, pictures.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/artifacts", tag = "sessions",
    params(
        ("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it"),
        ("limit" = Option<u64>, Query, description = "At most so many files, and as many other results, 1 to 10000; 1000 if not given"),
    ),
    responses((status = 200, description = "`agentmon.artifacts.v1`", content_type = "application/json", body = Object),
              (status = 404, description = "No such session"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn artifacts(
    app: Arc<App>,
    id: String,
    query: Query,
) -> Result<Response, ApiError> {
    let limit = query.number("limit", 1000, 1..=10_000) as usize;
    let artifacts = app
        .ask(move |monitor| monitor.artifacts(&id, limit))
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::artifacts(&artifacts)))
}

/// Reads what happened in a session as lines with levels, a page at a time.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/log", tag = "sessions",
    params(
        ("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it"),
        ("level" = Option<String>, Query, description = "Levels: debug, info, warn, error, joined by commas"),
        ("kind" = Option<String>, Query, description = "Kinds of events"),
        ("tool" = Option<String>, Query, description = "Tools"),
        ("contains" = Option<String>, Query, description = "What the text or the tool's name must contain"),
        ("order" = Option<String>, Query, description = "asc or desc; desc if not given"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 1000; 200 if not given"),
    ),
    responses((status = 200, description = "`agentmon.log.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense"),
              (status = 404, description = "No such session"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn log(app: Arc<App>, id: String, query: Query) -> Result<Response, ApiError> {
    let contains = query.get("contains").filter(|text| !text.is_empty());
    if contains.is_some_and(|text| text.chars().count() > MAX_CONTAINS) {
        return Err(ApiError::query("contains", "is too long"));
    }
    let after = query.get("after").map(|text| {
        wire::parse_cursor(text)
            .ok_or_else(|| ApiError::query("after", "is not the `next` of a page"))
    });
    let filter = EventFilter {
        levels: known(&query, "level", LogLevel::parse)?,
        kinds: known(&query, "kind", EventKind::parse)?,
        tools: words(&query, "tool"),
        contains: contains.map(Into::into),
        order: order(&query)?.unwrap_or(Order::Descending),
        after: after.transpose()?,
        limit: query.number("limit", 200, 1..=1000) as usize,
        ..EventFilter::default()
    };
    let (session, page) = app
        .ask(move |monitor| {
            let session = monitor.resolve_key(&id)?;
            let filter = EventFilter {
                session: Some(session.clone()),
                ..filter
            };
            let page = monitor.events(&filter)?;
            Ok((session, page))
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::log(&session, &page)))
}
