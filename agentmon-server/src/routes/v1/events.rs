//! `/api/v1/events`: what happened, page by page, and search in it.

use std::sync::Arc;

use agentmon_core::model::EventKind;
use agentmon_core::query::{EventFilter, SearchFilter, SearchOrder, SearchText};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::{self, agents, known, range, words};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let list = warp::path!("api" / "v1" / "events")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) });
    let search = warp::path!("api" / "v1" / "search")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(search(app, query).await) });
    list.or(search).unify().boxed()
}

/// Lists what happened: prompts, answers, tool calls, errors.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events",
    params(
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
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
    let after = query.get("after").map(|text| {
        wire::parse_cursor(text)
            .ok_or_else(|| ApiError::query("after", "is not the `next` of a page"))
    });
    let filter = EventFilter {
        after: after.transpose()?,
        ..filter::events(&query, app.monitor.config(), app.monitor.now())?
    };
    let page = app.ask(move |monitor| monitor.events(&filter)).await?;
    Ok(reply::json(StatusCode::OK, &wire::events(&page)))
}

/// Finds prompts, answers and tool calls by their words.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "events",
    params(
        ("q" = String, Query, description = "Words that must all occur, `\"phrases\"`, beginnings (`pars*`)"),
        ("order" = Option<String>, Query, description = "newest or best; newest if not given"),
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("kind" = Option<String>, Query, description = "Kinds of events"),
        ("since" = Option<String>, Query, description = "From then on"),
        ("until" = Option<String>, Query, description = "Until then"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 500; 20 if not given"),
    ),
    responses((status = 200, description = "`agentmon.search.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn search(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (since, until) = range(&query, app.monitor.config(), app.monitor.now())?;
    let text = SearchText::parse(query.get("q").unwrap_or_default());
    if text.terms.is_empty() {
        return Err(ApiError::query(
            "q",
            "has no letter and no digit to look for",
        ));
    }
    let filter = SearchFilter {
        text,
        sessions: words(&query, "session"),
        agents: agents(&query),
        projects: words(&query, "project"),
        kinds: known(&query, "kind", EventKind::parse)?,
        since,
        until,
        order: match query.get("order") {
            None | Some("newest") => SearchOrder::Newest,
            Some("best") => SearchOrder::Best,
            Some(_) => return Err(ApiError::query("order", "must be newest or best")),
        },
        limit: query.number("limit", 20, 1..=500) as usize,
    };
    let (filter, results) = app
        .ask(move |monitor| {
            let results = monitor.search(&filter)?;
            Ok((filter, results))
        })
        .await?;
    Ok(reply::json(
        StatusCode::OK,
        &wire::search(&filter, &results),
    ))
}
