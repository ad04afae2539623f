//! `/api/v1/alerts`: what the user was told, and that they know.

use std::sync::Arc;

use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::flag;
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let list = warp::path!("api" / "v1" / "alerts")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) });
    let acknowledge = warp::path!("api" / "v1" / "alerts" / String / "acknowledge")
        .and(method::post())
        .and(with(app))
        .then(|id: String, app| async move { answer(acknowledge(app, &id).await) });
    list.or(acknowledge).unify().boxed()
}

/// Lists alerts, the newest first, and the rules that raise them.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts",
    params(
        ("open" = Option<bool>, Query, description = "Only those that are still so"),
        ("limit" = Option<u64>, Query, description = "At most so many that are over, 0 to 1000; 100 if not given"),
    ),
    responses((status = 200, description = "`agentmon.alerts.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn list(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let limit = match flag(&query, "open") {
        true => 0,
        false => query.number("limit", 100, 0..=1000) as usize,
    };
    let alerts = app.ask(move |monitor| monitor.alerts(limit)).await?;
    let alerts = wire::alerts(&alerts, app.monitor.config());
    Ok(reply::json(StatusCode::OK, &alerts))
}

/// Notes that the user knows of an alert.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", tag = "alerts",
    params(("id" = i64, Path, description = "The alert's number")),
    responses((status = 200, description = "`agentmon.alert.v1`", content_type = "application/json", body = Object),
              (status = 404, description = "No such alert")),
)]
pub(super) async fn acknowledge(app: Arc<App>, id: &str) -> Result<Response, ApiError> {
    let none = || ApiError::not_found("Alert not found");
    let id: i64 = id.parse().map_err(|_| none())?;
    let alert = app
        .ask(move |monitor| monitor.acknowledge_alert(id))
        .await?;
    let alert = alert.ok_or_else(none)?;
    Ok(reply::json(StatusCode::OK, &wire::alert(&alert)))
}
