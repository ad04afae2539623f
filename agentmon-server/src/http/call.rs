//! A request as a whole, for contracts that match paths and methods themselves: ids in their paths may hold slashes, and a
//! method that makes no sense is told which do.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use warp::{Filter, Rejection};

use super::body::capped;
use super::query::{Query, decoded, query};
use crate::access::Client;
use crate::app::App;
use crate::error::ApiError;
use crate::guard::Peer;

/// A request below the path of a contract.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    /// `HEAD` is told as `GET`: the server leaves the body out by itself.
    pub(crate) method: Method,
    /// The rest of the path, its parts percent-decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Query,
    pub(crate) client: Client,
    body: Result<Bytes, ApiError>,
}

impl Call {
    /// The body, which must be there as it should.
    pub(crate) fn body(&self) -> Result<&[u8], ApiError> {
        match &self.body {
            Ok(body) => Ok(body),
            Err(error) => Err(error.clone()),
        }
    }
}

/// Every request that gets here, whose path goes on with anything.
pub(crate) fn call(
    app: &Arc<App>,
) -> impl Filter<Extract = (Call,), Error = Rejection> + Clone + use<> {
    let held = app.clone();
    warp::path::tail()
        .and(warp::method())
        .and(query())
        .and(client(app))
        .and(capped(app.limits.body, app.limits.body_timeout))
        .map(move |tail: warp::path::Tail, method, query, client, body| {
            let tail = tail.as_str().trim_end_matches('/');
            let parts = tail.split('/').filter(|_| !tail.is_empty());
            Call {
                app: held.clone(),
                method: if method == Method::HEAD {
                    Method::GET
                } else {
                    method
                },
                path: parts.map(decoded).collect(),
                query,
                client,
                body,
            }
        })
}

/// Who asks.
pub(crate) fn client(
    app: &Arc<App>,
) -> impl Filter<Extract = (Client,), Error = Infallible> + Clone + use<> {
    let app = app.clone();
    warp::header::headers_cloned()
        .and(warp::ext::optional::<Peer>())
        .map(move |headers: HeaderMap, peer: Option<Peer>| {
            let peer = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
            app.access.client(&headers, peer)
        })
}

/// There is no such route.
pub(crate) fn no_route() -> ApiError {
    ApiError::not_found("Not found")
}

/// A WebSocket is to be asked for as one.
pub(crate) fn upgrade_required() -> ApiError {
    ApiError::new(StatusCode::UPGRADE_REQUIRED, "This is a WebSocket")
}
