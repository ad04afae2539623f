//! The sessions API, base `/api/openclaw`: dashboards for OpenClaw sessions read and steer through it, and another agentmon
//! watches this one. A client sets `OPENCLAW_API_URL=http://HOST:PORT/api/openclaw`.

mod control;
mod error;
mod limit;
mod read;
mod ws;

use std::sync::Arc;

use agentmon_core::query::SessionView;
use http::Method;
use warp::Filter;
use warp::reply::Response;

use error::session_not_found;
pub(crate) use error::shaped;
use limit::{Limits, Use};

use crate::app::App;
use crate::error::ApiError;
use crate::http::call::{Call, call, no_route, upgrade_required};
use crate::http::{Route, answer};

/// Whether a path belongs to this contract, which has limits and errors of its own.
pub(crate) fn owns(path: &str) -> bool {
    path.strip_prefix("/api/openclaw")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    let limits = Arc::new(Limits::default());
    let rest = warp::path("api")
        .and(warp::path("openclaw"))
        .and(call(app))
        .then(move |call: Call| {
            let limits = limits.clone();
            async move {
                let now = call.app.monitor.now();
                answer(
                    dispatch(call, &limits)
                        .await
                        .map_err(|error| shaped(error, now)),
                )
            }
        });
    ws::routes(app).or(rest).unify().boxed()
}

async fn dispatch(call: Call, limits: &Limits) -> Result<Response, ApiError> {
    limits.count(call.client, Use::Any)?;
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let get = |allow| match call.method {
        Method::GET => Ok(()),
        _ => Err(ApiError::method_not_allowed(allow)),
    };
    let post = || match call.method {
        Method::POST => Ok(()),
        _ => Err(ApiError::method_not_allowed("POST")),
    };
    // Ids may hold slashes, and clients of this contract do not encode them.
    match path.as_slice() {
        ["sessions"] if call.method == Method::POST => {
            limits.count(call.client, Use::Create)?;
            control::create(&call).await
        }
        ["sessions"] => {
            get("GET, HEAD, POST")?;
            read::list(&call).await
        }
        ["sessions", "ws"] => {
            get("GET")?;
            Err(upgrade_required())
        }
        ["sessions", id @ .., "logs"] if !id.is_empty() => {
            get("GET, HEAD")?;
            read::logs(&call, &id.join("/")).await
        }
        ["sessions", id @ .., "metrics"] if !id.is_empty() => {
            get("GET, HEAD")?;
            read::metrics(&call, &id.join("/")).await
        }
        ["sessions", id @ .., "kill"] if !id.is_empty() => {
            post()?;
            limits.count(call.client, Use::Manage)?;
            control::kill(&call, &id.join("/")).await
        }
        ["sessions", id @ .., "respawn"] if !id.is_empty() => {
            post()?;
            limits.count(call.client, Use::Manage)?;
            control::respawn(&call, &id.join("/")).await
        }
        ["sessions", id @ ..] if !id.is_empty() => {
            get("GET, HEAD")?;
            read::one(&call, &id.join("/")).await
        }
        _ => Err(no_route()),
    }
}

/// The session of exactly that id.
async fn find(app: &App, id: &str) -> Result<SessionView, ApiError> {
    let wanted = id.to_owned();
    let found = app
        .ask(move |monitor| monitor.find_session(&wanted))
        .await?;
    found.ok_or_else(|| session_not_found(id))
}
