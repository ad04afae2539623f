//! `/api/v1/ws`: the live stream.

use std::sync::Arc;

use warp::{Filter, Reply};

use crate::app::App;
use crate::http::{Route, with};
use crate::stream::live;

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "ws")
        .and(warp::ws())
        .and(with(app))
        .map(|upgrade, app| stream(app, upgrade))
        .boxed()
}

/// Opens the live stream: a WebSocket with topics, snapshots and patches, as `docs/api.md` describes it.
#[utoipa::path(
    get, path = "/api/v1/ws", tag = "live",
    responses((status = 101, description = "The connection is a WebSocket"),
              (status = 400, description = "The request asks for no WebSocket"),
              (status = 403, description = "The page that asks is from elsewhere")),
)]
pub(super) fn stream(app: Arc<App>, upgrade: warp::ws::Ws) -> warp::reply::Response {
    live::serve(app, upgrade).into_response()
}
