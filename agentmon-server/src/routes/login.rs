//! `/login`: a browser on this machine takes the link that the server printed, and gets a cookie for it.

use std::sync::Arc;

use http::{HeaderValue, StatusCode, header};
use warp::Filter;
use warp::reply::Response;

use crate::access::COOKIE;
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

/// Where it is.
pub(crate) const PATH: &str = "/login";

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("login")
        .and(method::get())
        .and(with(app))
        .and(query())
        .map(|app: Arc<App>, query: Query| answer(log_in(&app, &query)))
        .boxed()
}

fn log_in(app: &App, query: &Query) -> Result<Response, ApiError> {
    let cookie = query.get("code").and_then(|code| app.access.log_in(code));
    let cookie = cookie.ok_or_else(|| {
        ApiError::new(
            StatusCode::UNAUTHORIZED,
            "This link was used already or is too old: start the server again for a new one",
        )
    })?;
    let cookie = format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Strict");
    let cookie = HeaderValue::from_str(&cookie).map_err(|error| ApiError::internal(&error))?;
    let mut response = reply::with_type(StatusCode::SEE_OTHER, "text/plain", "");
    let headers = response.headers_mut();
    headers.insert(header::SET_COOKIE, cookie);
    headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    Ok(response)
}
