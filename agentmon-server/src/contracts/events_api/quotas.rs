//! `/api/provider-quotas`: plan limits, read and told.

use std::sync::Arc;

use agentmon_core::Monitor;
use agentmon_core::ingest::{Delivery, statusline};
use agentmon_core::wire::events_api as wire;
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let list = warp::path!("api" / "provider-quotas")
        .or(warp::path!("api" / "stats" / "usage-monitor"))
        .unify()
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(list(app).await) });
    let statusline = warp::path!("api" / "provider-quotas" / "claude" / "statusline")
        .and(method::post())
        .and(with(app))
        .and(capped(app.limits.body, app.limits.body_timeout))
        .then(|app, body| async { answer(claude(app, body).await) });
    list.or(statusline).unify().boxed()
}

async fn list(app: Arc<App>) -> Result<Response, ApiError> {
    let quotas = app.ask(Monitor::quotas).await?;
    Ok(reply::json(StatusCode::OK, &wire::quotas(&quotas)))
}

/// Claude Code's input to its status line, handed on.
async fn claude(app: Arc<App>, body: Result<Bytes, ApiError>) -> Result<Response, ApiError> {
    let answer = match statusline::read(&body?, app.monitor.now()) {
        Some(batch) => {
            app.monitor
                .ingest(Delivery::Observed(Box::new(batch)))
                .await?;
            json!({ "accepted": true })
        }
        None => json!({ "accepted": false, "reason": "missing rate_limits payload" }),
    };
    Ok(reply::json(StatusCode::ACCEPTED, &answer))
}
