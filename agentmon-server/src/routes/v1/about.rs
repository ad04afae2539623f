//! `/api/v1/about`, `/settings` and `/prices`: the server itself, what it was told, what it calculates with.

use std::sync::Arc;

use agentmon_core::wire;
use http::StatusCode;
use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::http::query::{Query, query};
use crate::http::{Route, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let about = warp::path!("api" / "v1" / "about")
        .and(method::get())
        .and(with(app))
        .map(|app: Arc<App>| about(&app));
    let settings = warp::path!("api" / "v1" / "settings")
        .and(method::get())
        .and(with(app))
        .map(|app: Arc<App>| settings(&app));
    let prices = warp::path!("api" / "v1" / "prices")
        .and(method::get())
        .and(with(app))
        .and(query())
        .map(|app: Arc<App>, query| prices(&app, &query));
    about.or(settings).unify().or(prices).unify().boxed()
}

/// Tells which server this is.
#[utoipa::path(
    get, path = "/api/v1/about", tag = "operations",
    responses((status = 200, description = "`agentmon.about.v1`", content_type = "application/json", body = Object)),
)]
pub(super) fn about(app: &App) -> Response {
    #[derive(Serialize)]
    struct About<'a> {
        schema: &'static str,
        version: &'static str,
        epoch: &'a str,
        started_at: String,
        now: String,
        time_zone: String,
        writes: bool,
    }
    let about = About {
        schema: "agentmon.about.v1",
        version: env!("CARGO_PKG_VERSION"),
        epoch: &app.live.epoch,
        started_at: app.live.started.to_string(),
        now: app.monitor.now().to_string(),
        time_zone: app.monitor.config().time_zone.value.to_string(),
        writes: app.monitor.other_writer().is_none(),
    };
    reply::json(StatusCode::OK, &about)
}

/// Lists every setting with its origin. Secrets are not told.
#[utoipa::path(
    get, path = "/api/v1/settings", tag = "operations",
    responses((status = 200, description = "`agentmon.config.v1`", content_type = "application/json", body = Object)),
)]
pub(super) fn settings(app: &App) -> Response {
    reply::json(StatusCode::OK, &wire::config(app.monitor.config()))
}

/// Lists prices.
#[utoipa::path(
    get, path = "/api/v1/prices", tag = "usage",
    params(("model" = Option<String>, Query, description = "A model; all of them if not given")),
    responses((status = 200, description = "`agentmon.prices.v1`", content_type = "application/json", body = Object)),
)]
pub(super) fn prices(app: &App, query: &Query) -> Response {
    let book = app.monitor.prices();
    let models: Vec<_> = match query.get("model") {
        Some(model) => book.lookup(model).into_iter().collect(),
        None => book.models().collect(),
    };
    let prices = wire::prices(book, &models, app.monitor.now());
    reply::json(StatusCode::OK, &prices)
}
