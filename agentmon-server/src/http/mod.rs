//! What routes are made of: bodies with a limit, queries, answers.

pub(crate) mod body;
pub(crate) mod call;
pub(crate) mod method;
pub(crate) mod query;
pub(crate) mod reply;

use std::convert::Infallible;
use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Reply as _};

use crate::app::App;
use crate::error::ApiError;

/// A route or a group of them. All have this type: long chains of filters would make the compiler slow.
pub(crate) type Route = BoxedFilter<(Response,)>;

/// Hands the server's state to a route.
pub(crate) fn with(
    app: &Arc<App>,
) -> impl Filter<Extract = (Arc<App>,), Error = Infallible> + Clone + use<> {
    let app = app.clone();
    warp::any().map(move || app.clone())
}

/// The answer of a route, be it an error or not. Routes never reject: errors are values.
pub(crate) fn answer(result: Result<Response, ApiError>) -> Response {
    result
        .unwrap_or_else(ApiError::into_response)
        .into_response()
}
