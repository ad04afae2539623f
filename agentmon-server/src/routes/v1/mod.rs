//! The native API, base `/api/v1`: the JSON of the command line's `--json`, over HTTP. One file for each resource.

mod about;
mod activity;
mod alerts;
mod board;
mod doctor;
mod events;
pub(crate) mod filter;
mod hooks;
mod live;
mod openapi;
mod quotas;
mod results;
mod sessions;
mod sources;
mod usage;

use std::sync::Arc;

use warp::Filter;

use crate::app::App;
use crate::http::Route;

/// All routes of the native API.
pub(super) fn routes(app: &Arc<App>) -> Route {
    sessions::routes(app)
        .or(results::routes(app))
        .unify()
        .or(events::routes(app))
        .unify()
        .or(usage::routes(app))
        .unify()
        .or(quotas::routes(app))
        .unify()
        .or(sources::routes(app))
        .unify()
        .or(doctor::routes(app))
        .unify()
        .or(hooks::routes(app))
        .unify()
        .or(board::routes(app))
        .unify()
        .or(activity::routes(app))
        .unify()
        .or(about::routes(app))
        .unify()
        .or(alerts::routes(app))
        .unify()
        .or(live::routes(app))
        .unify()
        .or(openapi::routes())
        .unify()
        .boxed()
}
