//! `/api/v1/hooks`: which agents have agentmon's hooks.

use std::sync::Arc;

use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "hooks")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(list(app).await) })
        .boxed()
}

/// Lists the user's settings files in which agents look for hooks, and whether agentmon's stand there.
#[utoipa::path(
    get, path = "/api/v1/hooks", tag = "operations",
    responses((status = 200, description = "`agentmon.hooks.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn list(app: Arc<App>) -> Result<Response, ApiError> {
    let files = app.ask(|monitor| Ok(monitor.hook_files())).await?;
    Ok(reply::json(StatusCode::OK, &wire::hooks(&files)))
}
