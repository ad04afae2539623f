//! Hooks of agents over HTTP: an agent tells what it does as it does it. The answer decides nothing and says nothing, so
//! that the agent goes on as if nobody listened.

use std::sync::Arc;

use agentmon_core::hooks::{AT_HEADER, HookAgent};
use agentmon_core::ingest::Delivery;
use agentmon_core::model::{Batch, SessionKey, Span, Timestamp};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::{Route, answer, method, reply, with};

/// How long ago a hook may say that it was run, and how far ahead.
const MAX_AGE: Span = Span::from_mins(5);

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    let [claude_code, codex, gemini] = HookAgent::ALL.map(|agent| hook(app, agent));
    claude_code.or(codex).unify().or(gemini).unify().boxed()
}

fn hook(app: &Arc<App>, agent: HookAgent) -> Route {
    warp::path("api")
        .and(warp::path("hooks"))
        .and(warp::path(agent.as_str()))
        .and(warp::path::end())
        .and(method::post())
        .and(with(app))
        .and(warp::header::headers_cloned())
        .and(capped(app.limits.otlp_body, app.limits.body_timeout))
        .then(
            move |app, headers, body| async move { answer(take(app, agent, headers, body).await) },
        )
        .boxed()
}

async fn take(
    app: Arc<App>,
    agent: HookAgent,
    headers: HeaderMap,
    body: Result<Bytes, ApiError>,
) -> Result<Response, ApiError> {
    let body = body?;
    // Only a notice needs a look into the database.
    let is_notice = agent.is_notice(&body);
    let at = told_at(&headers, app.monitor.now());
    let read = move |known: &dyn Fn(&SessionKey) -> bool| {
        let mut batch = Batch::default();
        agent.read(&body, at, known, &mut batch).map(|_| batch)
    };
    let read = if is_notice {
        app.ask(move |monitor| Ok(read(&|key| monitor.knows(key))))
            .await?
    } else {
        read(&|_| false)
    };
    let batch = read.map_err(|problem| {
        let message = format!("Invalid hook payload: {}", problem.detail);
        ApiError::new(StatusCode::BAD_REQUEST, message)
    })?;
    app.monitor
        .ingest(Delivery::Observed(Box::new(batch)))
        .await?;
    Ok(reply::json(StatusCode::OK, &json!({})))
}

/// When the hook was run, by `agentmon hook`; else now.
fn told_at(headers: &HeaderMap, now: Timestamp) -> Timestamp {
    let told = headers.get(AT_HEADER).and_then(|at| at.to_str().ok());
    told.and_then(|at| at.parse().ok())
        .map(Timestamp)
        .filter(|at| (now - MAX_AGE..=now + MAX_AGE).contains(at))
        .unwrap_or(now)
}
