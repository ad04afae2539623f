//! `/api/sessions`: sessions by this contract's clock, one of them, and what was said in it.

use std::sync::Arc;

use agentmon_core::query::{FeedFilter, FeedSession, FeedSessionFilter};
use agentmon_core::wire::events_api as wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, decoded, query};
use crate::http::{Route, answer, method, reply, with};

/// The most sessions in an answer. Clients of this contract ask for all of them with 0.
const MAX_SESSIONS: u64 = 10_000;
/// The most entries of a conversation.
const MAX_ENTRIES: usize = 5_000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    let list = warp::path!("api" / "sessions")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) });
    let one = warp::path!("api" / "sessions" / String)
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|id: String, app, query| async move { answer(one(app, decoded(&id), query).await) });
    let transcript = warp::path!("api" / "sessions" / String / "transcript")
        .and(method::get())
        .and(with(app))
        .then(|id: String, app| async move { answer(transcript(app, decoded(&id)).await) });
    list.or(one).unify().or(transcript).unify().boxed()
}

async fn list(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let limit = match query.number("limit", 50, 0..=MAX_SESSIONS) {
        0 => MAX_SESSIONS,
        limit => limit,
    };
    let filter = FeedSessionFilter {
        id: None,
        status: query.word("status"),
        exclude_status: query.word("exclude_status"),
        agent: query.word("agent_type"),
        since: query.time("since")?,
        limit: limit as usize,
    };
    let timeout = app.settings.session_timeout;
    let list = app
        .ask(move |monitor| monitor.feed_sessions(&filter, timeout))
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::sessions(&list)))
}

/// The session of that id; of several agents' sessions with the same id, the one active most lately.
async fn find(app: &App, id: String) -> Result<Option<FeedSession>, ApiError> {
    let filter = FeedSessionFilter {
        id: Some(id.into()),
        limit: 1,
        ..FeedSessionFilter::default()
    };
    let timeout = app.settings.session_timeout;
    let found = app
        .ask(move |monitor| monitor.feed_sessions(&filter, timeout))
        .await?;
    Ok(found.sessions.into_iter().next())
}

async fn one(app: Arc<App>, id: String, query: Query) -> Result<Response, ApiError> {
    let session = find(&app, id).await?;
    let session = session.ok_or_else(|| ApiError::not_found("Session not found"))?;
    let fallback = query.number("limit", 10, 1..=1000);
    let filter = FeedFilter {
        agent: Some(session.key.agent.as_str().into()),
        session: Some(session.key.native_id.clone()),
        limit: query.number("event_limit", fallback, 1..=1000) as usize,
        ..FeedFilter::default()
    };
    let page = app.ask(move |monitor| monitor.feed(&filter)).await?;
    Ok(reply::json(
        StatusCode::OK,
        &wire::session(&session, &page.events),
    ))
}

async fn transcript(app: Arc<App>, id: String) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("No transcript data for this session");
    let session = find(&app, id).await?.ok_or_else(none)?;
    let filter = FeedFilter {
        agent: Some(session.key.agent.as_str().into()),
        session: Some(session.key.native_id.clone()),
        limit: MAX_ENTRIES,
        oldest_first: true,
        ..FeedFilter::default()
    };
    let page = app.ask(move |monitor| monitor.feed(&filter)).await?;
    if page.events.is_empty() {
        return Err(none());
    }
    let transcript = wire::transcript(&session.key.native_id, &page.events);
    Ok(reply::json(StatusCode::OK, &transcript))
}
