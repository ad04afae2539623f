//! `/api/v1/openapi.json`: the native API, described by its own code.

use http::StatusCode;
use utoipa::OpenApi;
use warp::Filter;
use warp::reply::Response;

use super::{
    about, activity, alerts, board, doctor, events, hooks, live, quotas, results, sessions,
    sources, usage,
};
use crate::http::{Route, method, reply};

/// Bodies carry a `schema` such as `agentmon.sessions.v1`, documented with the command line's `--json`.
#[derive(OpenApi)]
#[openapi(
    info(title = "agentmon", license(name = "MIT OR Apache-2.0")),
    paths(
        sessions::list,
        sessions::one,
        sessions::explain,
        sessions::transcript,
        sessions::image,
        results::artifacts,
        results::log,
        board::board,
        board::status,
        events::list,
        events::search,
        usage::report,
        activity::hours,
        activity::blocked,
        activity::tools,
        activity::filters,
        about::about,
        about::settings,
        about::prices,
        alerts::list,
        alerts::acknowledge,
        live::stream,
        openapi,
        quotas::list,
        sources::list,
        doctor::doctor,
        hooks::list,
    ),
    tags(
        (name = "sessions", description = "What every session is doing, and why"),
        (name = "events", description = "What happened, and search"),
        (name = "usage", description = "Tokens, cost, plan limits"),
        (name = "alerts", description = "What the user was told"),
        (name = "live", description = "All of it as it changes"),
        (name = "operations", description = "agentmon itself"),
    )
)]
struct Api;

pub(super) fn routes() -> Route {
    warp::path!("api" / "v1" / "openapi.json")
        .and(method::get())
        .map(openapi)
        .boxed()
}

/// Describes the native API.
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "operations",
    responses((status = 200, description = "This document", content_type = "application/json", body = Object)),
)]
pub(super) fn openapi() -> Response {
    reply::json(StatusCode::OK, &Api::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path whose parameters have no names.
    fn shape<'a>(parts: impl Iterator<Item = &'a str>) -> String {
        let parts = parts.map(|part| if part.starts_with('{') { "{}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The paths of the routes, as the sources write them.
    fn routes() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/routes/v1");
        let mut paths = Vec::new();
        for file in std::fs::read_dir(folder).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for route in text.split("warp::path!(").skip(1) {
                let parts = route.split_once(')').unwrap().0.split('/');
                let parts = parts.map(|part| match part.trim() {
                    part if part.starts_with('"') => part.trim_matches('"'),
                    _ => "{}",
                });
                paths.push(format!("/{}", shape(parts)));
            }
        }
        paths.retain(|path| path.starts_with("/api/v1/"));
        paths
    }

    #[test]
    fn every_route_is_described() {
        let described = Api::openapi().paths.paths;
        let described: Vec<String> = described
            .keys()
            .map(|path| shape(path.split('/')))
            .collect();
        let routes = routes();
        assert!(routes.len() >= 20, "{routes:?}");
        for route in &routes {
            assert!(described.contains(route), "{route} is not described");
        }
        for path in &described {
            assert!(routes.contains(path), "{path} is described but not there");
        }
    }
}
