//! `/api/v1/events`: what happened, page by page, and search in it.

use std::sync::Arc;

use agentmon_core::model::{EventKind, EventStatus};
use agentmon_core::query::{EventFilter, Order, SearchText};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::{agents, known, order, range, words};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "events")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) })
        .boxed()
}

/// Lists what happened: prompts, answers, tool calls, errors.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events",
    params(
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("kind" = Option<String>, Query, description = "Kinds of events"),
        ("status" = Option<String>, Query, description = "How they went: success, error, timeout"),
        ("tool" = Option<String>, Query, description = "Tools"),
        ("search" = Option<String>, Query, description = "Words that the text must contain"),
        ("since" = Option<String>, Query, description = "From then on: a date, a time, `today`, `7d`"),
        ("until" = Option<String>, Query, description = "Until then"),
        ("order" = Option<String>, Query, description = "asc or desc; desc if not given"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 1000; 100 if not given"),
    ),
    responses((status = 200, description = "`agentmon.events.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn list(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (since, until) = range(&query, app.monitor.config(), app.monitor.now())?;
    let after = query.get("after").map(|text| {
        wire::parse_cursor(text)
            .ok_or_else(|| ApiError::query("after", "is not the `next` of a page"))
    });
    let filter = EventFilter {
        session: None,
        sessions: words(&query, "session"),
        agents: agents(&query),
        projects: words(&query, "project"),
        kinds: known(&query, "kind", EventKind::parse)?,
        statuses: known(&query, "status", EventStatus::parse)?,
        tools: words(&query, "tool"),
        text: query.get("search").map(SearchText::parse),
        since,
        until,
        order: order(&query)?.unwrap_or(Order::Descending),
        after: after.transpose()?,
        limit: query.number("limit", 100, 1..=1000) as usize,
    };
    let page = app.ask(move |monitor| monitor.events(&filter)).await?;
    Ok(reply::json(StatusCode::OK, &wire::events(&page)))
}
