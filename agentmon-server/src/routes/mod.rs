//! All routes: one file for each resource of the native API, the contracts of others, and what every server has.

mod login;
mod metrics;
mod plain;
mod ui;
mod v1;

use std::convert::Infallible;
use std::sync::Arc;

use http::StatusCode;
use warp::reject::{MethodNotAllowed, Rejection};
use warp::reply::Response;
use warp::{Filter, Reply};

pub(crate) use login::PATH as LOGIN;
pub(crate) use ui::is_public;
pub(crate) use v1::filter as filters;

use crate::app::App;
use crate::contracts::{dashboard_api, events_api, gateways, hooks, otlp, sessions_api, webhooks};
use crate::error::ApiError;
use crate::http::Route;

/// All routes.
pub(crate) fn all(app: &Arc<App>) -> Route {
    events_api::routes(app)
        .or(otlp::routes(app))
        .unify()
        .or(hooks::routes(app))
        .unify()
        .or(dashboard_api::routes(app))
        .unify()
        .or(sessions_api::routes(app))
        .unify()
        .or(webhooks::routes(app))
        .unify()
        .or(gateways::routes(app))
        .unify()
        .or(v1::routes(app))
        .unify()
        .or(plain::routes(app))
        .unify()
        .or(metrics::routes(app))
        .unify()
        .or(login::routes(app))
        .unify()
        .or(ui::routes())
        .unify()
        .boxed()
}

/// The answer where no route is.
pub(crate) async fn rejected(rejection: Rejection) -> Result<Response, Infallible> {
    let error = if rejection.is_not_found() {
        ApiError::not_found("Not found")
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    } else {
        tracing::debug!(?rejection, "a request makes no sense");
        ApiError::new(StatusCode::BAD_REQUEST, "Bad request")
    };
    Ok(error.into_response().into_response())
}
