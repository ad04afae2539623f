//! `/api/health`: whether the server and its database answer.

use std::sync::Arc;

use agentmon_core::Monitor;
use http::StatusCode;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "health")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(health(app).await) })
        .boxed()
}

async fn health(app: Arc<App>) -> Result<Response, ApiError> {
    let bytes = app.ask(Monitor::db_bytes).await?;
    let health = json!({
        "status": "ok",
        "uptime": app.started.elapsed().as_secs(),
        "db_size_bytes": bytes,
        "sse_clients": app.hub.clients(),
    });
    Ok(reply::json(StatusCode::OK, &health))
}
