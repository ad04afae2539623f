//! `/api/v1/quotas`: plan limits as agents last reported them.

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
    warp::path!("api" / "v1" / "quotas")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(list(app).await) })
        .boxed()
}

/// Lists plan limits and how far they are used.
#[utoipa::path(
    get, path = "/api/v1/quotas", tag = "usage",
    responses((status = 200, description = "`agentmon.quotas.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn list(app: Arc<App>) -> Result<Response, ApiError> {
    let quotas = app.ask(Monitor::quotas).await?;
    Ok(reply::json(StatusCode::OK, &wire::quotas(&quotas)))
}
