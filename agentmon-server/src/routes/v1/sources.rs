//! `/api/v1/sources`: where agents' files were looked for, what was found and what was skipped.

use std::sync::Arc;

use agentmon_core::Monitor;
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "sources")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(list(app).await) })
        .boxed()
}

/// Lists sources and their health.
#[utoipa::path(
    get, path = "/api/v1/sources", tag = "operations",
    responses((status = 200, description = "`agentmon.sources.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn list(app: Arc<App>) -> Result<Response, ApiError> {
    let sources = app.ask(Monitor::sources).await?;
    Ok(reply::json(StatusCode::OK, &wire::sources(&sources)))
}
