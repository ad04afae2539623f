//! `/api/clawdbot`: sessions, statistics, health.

use std::sync::Arc;

use agentmon_core::query::{SessionFilter, SessionView};
use agentmon_core::wire::dashboard_api as wire;
use http::{Method, StatusCode};
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::contracts::news::totals;
use crate::error::ApiError;
use crate::http::call::{Call, call, no_route};
use crate::http::{Route, answer, reply};

/// The most sessions in an answer.
const MAX_SESSIONS: u64 = 10_000;
/// The most lines of a session's log.
const MAX_LINES: u64 = 1000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path("api")
        .and(warp::path("clawdbot"))
        .and(call(app))
        .then(|call: Call| async move { answer(dispatch(call).await.map_err(shaped)) })
        .boxed()
}

/// Errors of these routes say so twice.
fn shaped(mut error: ApiError) -> ApiError {
    let (_, body) = error.parts();
    body["success"] = false.into();
    error
}

async fn dispatch(call: Call) -> Result<Response, ApiError> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let is_post = matches!(
        path.as_slice(),
        ["refresh"] | ["sessions", _, .., "kill" | "restart"]
    );
    let allowed = if is_post { "POST" } else { "GET, HEAD" };
    let method = if is_post { Method::POST } else { Method::GET };
    let is_allowed = || match call.method == method {
        true => Ok(()),
        false => Err(ApiError::method_not_allowed(allowed)),
    };
    // Ids may hold slashes, and clients of this contract do not encode them.
    match path.as_slice() {
        ["sessions"] => {
            is_allowed()?;
            list(&call, call.query.word("status")).await
        }
        ["sessions", "active"] => {
            is_allowed()?;
            list(&call, Some("active".into())).await
        }
        ["sessions", id @ .., "logs"] if !id.is_empty() => {
            is_allowed()?;
            logs(&call, id.join("/")).await
        }
        ["sessions", id @ .., "kill" | "restart"] if !id.is_empty() => {
            is_allowed()?;
            find(&call.app, id.join("/")).await?;
            let message = "This agentmon did not start the session and cannot steer it";
            Err(ApiError::new(StatusCode::NOT_IMPLEMENTED, message))
        }
        ["sessions", id @ ..] if !id.is_empty() => {
            is_allowed()?;
            let view = find(&call.app, id.join("/")).await?;
            let body = json!({ "success": true, "session": wire::Session::from(&view) });
            Ok(reply::json(StatusCode::OK, &body))
        }
        ["stats"] => {
            is_allowed()?;
            let (totals, now) = call.app.ask(totals).await?;
            let body = json!({ "success": true, "stats": wire::stats(&totals, now) });
            Ok(reply::json(StatusCode::OK, &body))
        }
        ["refresh"] => {
            is_allowed()?;
            // Files are watched: all there is to do is to let time pass.
            let asked = call.app.ask(|monitor| {
                monitor.tick()?;
                totals(monitor)
            });
            let (totals, _) = asked.await?;
            let body =
                json!({ "success": true, "message": "Up to date", "count": totals.sessions });
            Ok(reply::json(StatusCode::OK, &body))
        }
        ["health"] => {
            is_allowed()?;
            let (totals, now) = call.app.ask(totals).await?;
            let body = json!({
                "success": true,
                "status": "connected",
                "sessions": totals.sessions,
                "active": totals.running,
                "timestamp": now.0,
            });
            Ok(reply::json(StatusCode::OK, &body))
        }
        _ => Err(no_route()),
    }
}

/// The session of exactly that id.
async fn find(app: &App, id: String) -> Result<SessionView, ApiError> {
    let found = app.ask(move |monitor| monitor.find_session(&id)).await?;
    found.ok_or_else(|| ApiError::not_found("Session not found"))
}

async fn list(call: &Call, status: Option<Box<str>>) -> Result<Response, ApiError> {
    let query = &call.query;
    let models: Vec<Box<str>> = query.word("model").into_iter().collect();
    let kind = query.word("kind");
    let field = query.word("sortBy").unwrap_or_else(|| "updatedAt".into());
    let is_ascending = query.get("sortOrder") == Some("asc");
    let limit = query.number("limit", MAX_SESSIONS, 1..=MAX_SESSIONS) as usize;
    let filter = SessionFilter {
        models,
        since: query.time("startDate")?,
        until: query.time("endDate")?,
        limit: Some(MAX_SESSIONS as usize),
        ..SessionFilter::default()
    };
    let found = call
        .app
        .ask(move |monitor| monitor.sessions(&filter))
        .await?;
    let mut sessions: Vec<wire::Session> = found.sessions.iter().map(wire::Session::from).collect();
    sessions.retain(|session| {
        let has_status = match status.as_deref() {
            None => true,
            Some("active" | "running") => session.is_running(),
            Some("completed") => !session.is_running(),
            Some(_) => false,
        };
        has_status && kind.as_deref().is_none_or(|kind| session.kind() == kind)
    });
    sessions.sort_by(|a, b| {
        let order = a.compare(b, &field);
        if is_ascending { order } else { order.reverse() }
    });
    sessions.truncate(limit);
    let body = json!({ "success": true, "count": sessions.len(), "sessions": sessions });
    Ok(reply::json(StatusCode::OK, &body))
}

async fn logs(call: &Call, id: String) -> Result<Response, ApiError> {
    let limit = call.query.number("limit", MAX_LINES, 1..=MAX_LINES) as usize;
    let view = find(&call.app, id).await?;
    let (key, id) = (view.key.clone(), view.key.to_string());
    let asked = call
        .app
        .ask(move |monitor| monitor.session_log(&key, None, 0, limit));
    let page = asked.await?;
    let logs = wire::session_logs(&id, &page);
    let body = json!({ "success": true, "count": logs.len(), "logs": logs });
    Ok(reply::json(StatusCode::OK, &body))
}
