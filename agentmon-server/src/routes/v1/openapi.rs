//! `/api/v1/openapi.json`: the native API, described by its own code.

use http::StatusCode;
use utoipa::OpenApi;
use warp::Filter;

use super::{doctor, events, quotas, sessions, sources, usage};
use crate::http::{Route, method, reply};

/// Bodies carry a `schema` such as `agentmon.sessions.v1`, documented with the command line's `--json`.
#[derive(OpenApi)]
#[openapi(
    info(title = "agentmon", license(name = "MIT OR Apache-2.0")),
    paths(
        sessions::list,
        sessions::one,
        sessions::explain,
        events::list,
        usage::report,
        quotas::list,
        sources::list,
        doctor::doctor,
    ),
    tags(
        (name = "sessions", description = "What every session is doing, and why"),
        (name = "events", description = "What happened, and search"),
        (name = "usage", description = "Tokens, cost, plan limits"),
        (name = "operations", description = "agentmon itself"),
    )
)]
struct Api;

pub(super) fn routes() -> Route {
    warp::path!("api" / "v1" / "openapi.json")
        .and(method::get())
        .map(|| reply::json(StatusCode::OK, &Api::openapi()))
        .boxed()
}
