//! `/api/v1/sessions`: the list, one in detail, and why it is believed to be in its state.

use std::sync::Arc;

use agentmon_core::query::{SessionFilter, TranscriptPlace};
use agentmon_core::session::State;
use agentmon_core::wire;
use http::{HeaderValue, StatusCode, header};
use warp::Filter;
use warp::reply::Response;

use super::filter::{agents, flag, known, range, words};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, decoded, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let list = warp::path!("api" / "v1" / "sessions")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) });
    let one = warp::path!("api" / "v1" / "sessions" / String)
        .and(method::get())
        .and(with(app))
        .then(|id: String, app| async move { answer(one(app, decoded(&id)).await) });
    let explain = warp::path!("api" / "v1" / "sessions" / String / "explain")
        .and(method::get())
        .and(with(app))
        .then(|id: String, app| async move { answer(explain(app, decoded(&id)).await) });
    let transcript = warp::path!("api" / "v1" / "sessions" / String / "transcript")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|id: String, app, query| async move {
            answer(transcript(app, decoded(&id), query).await)
        });
    let image = warp::path!("api" / "v1" / "sessions" / String / "images" / i64)
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|id: String, event, app, query| async move {
            answer(image(app, decoded(&id), event, query).await)
        });
    list.or(one)
        .unify()
        .or(explain)
        .unify()
        .or(transcript)
        .unify()
        .or(image)
        .unify()
        .boxed()
}

/// Lists sessions, the one active most lately first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "sessions",
    params(
        ("state" = Option<String>, Query, description = "States, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents, joined by commas"),
        ("model" = Option<String>, Query, description = "Models, by name or the beginning of one"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them"),
        ("parent" = Option<String>, Query, description = "Only children of this session"),
        ("subagents" = Option<bool>, Query, description = "Also subagents that are a part of another session"),
        ("since" = Option<String>, Query, description = "Active from then on: a date, a time, `today`, `7d`"),
        ("until" = Option<String>, Query, description = "Started before then"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 1000; 100 if not given"),
    ),
    responses((status = 200, description = "`agentmon.sessions.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn list(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (since, until) = range(&query, app.monitor.config(), app.monitor.now())?;
    let filter = SessionFilter {
        sessions: words(&query, "session"),
        states: known(&query, "state", State::parse)?,
        agents: agents(&query),
        models: words(&query, "model"),
        projects: words(&query, "project"),
        hosts: words(&query, "host"),
        since,
        until,
        parent: query.word("parent"),
        within: flag(&query, "subagents"),
        limit: Some(query.number("limit", 100, 1..=1000) as usize),
        ..SessionFilter::default()
    };
    let list = app.ask(move |monitor| monitor.sessions(&filter)).await?;
    Ok(reply::json(StatusCode::OK, &wire::sessions(&list)))
}

/// Shows one session: its timeline, tools, cost and children.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}", tag = "sessions",
    params(("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it")),
    responses((status = 200, description = "`agentmon.session.v1`", content_type = "application/json", body = Object),
              (status = 404, description = "No such session"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn one(app: Arc<App>, id: String) -> Result<Response, ApiError> {
    let detail = app.ask(move |monitor| monitor.session(&id)).await?;
    Ok(reply::json(StatusCode::OK, &wire::session(&detail)))
}

/// Tells why a session is believed to be in its state, with the evidence.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/explain", tag = "sessions",
    params(("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it")),
    responses((status = 200, description = "`agentmon.explain.v1`", content_type = "application/json", body = Object),
              (status = 404, description = "No such session"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn explain(app: Arc<App>, id: String) -> Result<Response, ApiError> {
    let explanation = app.ask(move |monitor| monitor.explain(&id)).await?;
    Ok(reply::json(
        StatusCode::OK,
        &wire::explanation(&explanation),
    ))
}

/// Reads a session's transcript in blocks, a page at a time.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/transcript", tag = "sessions",
    params(
        ("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it"),
        ("before" = Option<String>, Query, description = "The `before` of a page: the blocks before it"),
        ("after" = Option<String>, Query, description = "The `after` of a page: the blocks after it"),
        ("around" = Option<i64>, Query, description = "An event's id: the blocks around it"),
        ("first" = Option<bool>, Query, description = "The first blocks; the last ones if no place is given"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 500; 100 if not given"),
    ),
    responses((status = 200, description = "`agentmon.blocks.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense"),
              (status = 404, description = "No such session"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn transcript(
    app: Arc<App>,
    id: String,
    query: Query,
) -> Result<Response, ApiError> {
    let place = place(&query)?;
    let limit = query.number("limit", 100, 1..=500) as usize;
    let page = app
        .ask(move |monitor| {
            let session = monitor.resolve_key(&id)?;
            monitor.blocks(&session, place, limit)
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::blocks(&page)))
}

/// Shows an image of a session's transcript, from the agent's own file.
#[utoipa::path(
    get, path = "/api/v1/sessions/{id}/images/{event}", tag = "sessions",
    params(
        ("id" = String, Path, description = "The session's id, percent-encoded, or a beginning of it"),
        ("event" = i64, Path, description = "The event's id: of a tool's result, or of a prompt"),
        ("index" = Option<u64>, Query, description = "Which of its images, counted from 0, which is meant if it is not given"),
    ),
    responses((status = 200, description = "A PNG, JPEG, GIF or WebP image", content_type = "image/png", body = Vec<u8>),
              (status = 404, description = "No such session or image, or the agent's file is gone"),
              (status = 409, description = "Several sessions have an id that begins so")),
)]
pub(super) async fn image(
    app: Arc<App>,
    id: String,
    event: i64,
    query: Query,
) -> Result<Response, ApiError> {
    let index = query.number("index", 0, 0..=1000) as usize;
    let image = app
        .ask(move |monitor| monitor.image(&id, event, index))
        .await?;
    let Some(image) = image else {
        return Err(ApiError::not_found("Image not found"));
    };
    let kind = image.kind.media_type();
    let mut response = reply::with_type(StatusCode::OK, kind, image.bytes);
    let headers = response.headers_mut();
    // What was written stays as it is. Opened by itself it is a picture and nothing else.
    let kept = HeaderValue::from_static("private, max-age=3600");
    headers.insert(header::CACHE_CONTROL, kept);
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn place(query: &Query) -> Result<TranscriptPlace, ApiError> {
    let cursor = |name: &'static str| {
        let given = query.get(name).map(|text| {
            wire::parse_cursor(text)
                .ok_or_else(|| ApiError::query(name, "is not the place of a page"))
        });
        given.transpose()
    };
    if let Some(before) = cursor("before")? {
        return Ok(TranscriptPlace::Before(before));
    }
    if let Some(after) = cursor("after")? {
        return Ok(TranscriptPlace::After(after));
    }
    if let Some(event) = query.get("around") {
        let event = event
            .parse()
            .map_err(|_| ApiError::query("around", "is not the id of an event"))?;
        return Ok(TranscriptPlace::Around(event));
    }
    Ok(match flag(query, "first") {
        true => TranscriptPlace::First,
        false => TranscriptPlace::Last,
    })
}
