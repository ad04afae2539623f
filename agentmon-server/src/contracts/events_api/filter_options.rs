//! `/api/filter-options`: the values that filters can take.

use std::sync::Arc;

use agentmon_core::Monitor;
use agentmon_core::wire::events_api as wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "filter-options")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(list(app).await) })
        .boxed()
}

async fn list(app: Arc<App>) -> Result<Response, ApiError> {
    let options = app.ask(Monitor::filter_options).await?;
    Ok(reply::json(StatusCode::OK, &wire::filter_options(&options)))
}
