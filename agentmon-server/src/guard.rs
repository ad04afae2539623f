//! Around every route: who may ask, what is counted, what is logged.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{Request, StatusCode};
use hyper::body::Incoming;
use tower::util::{BoxCloneSyncService, ServiceExt};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};
use warp::Filter;
use warp::reply::Response;

use crate::access::required;
use crate::app::App;
use crate::error::ApiError;
use crate::http::method::{allow, allowed};
use crate::routes;

/// The service that answers all requests. A request carries its client's address as an extension.
pub(crate) type Guarded = BoxCloneSyncService<Request<Incoming>, Response, Infallible>;

/// All routes, guarded.
pub(crate) fn guarded(app: &Arc<App>) -> Guarded {
    let routes = warp::service(routes::all(app).recover(routes::rejected));
    let guard = {
        let app = app.clone();
        tower::service_fn(move |request: Request<Incoming>| {
            let (app, mut routes) = (app.clone(), routes.clone());
            async move {
                if let Err(error) = check(&app, &request) {
                    return Ok::<_, Infallible>(error.into_response());
                }
                let uri = request.uri().clone();
                let mut response = routes.call(request).await?;
                if response.status() == StatusCode::METHOD_NOT_ALLOWED {
                    allow(&mut response, allowed(routes, &uri).await);
                }
                Ok(response)
            }
        })
    };
    let origins = app.access.origins.allowed();
    let answered = if origins.is_empty() {
        BoxCloneSyncService::new(guard)
    } else {
        let cors = CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins.iter().cloned()))
            .allow_methods(tower_http::cors::AllowMethods::mirror_request())
            .allow_headers(tower_http::cors::AllowHeaders::mirror_request());
        BoxCloneSyncService::new(cors.layer(guard))
    };
    let app = app.clone();
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<Incoming>| {
        let (app, answered) = (app.clone(), answered.clone());
        async move {
            let begin = Instant::now();
            let (method, path) = (request.method().clone(), request.uri().path().to_owned());
            let response = answered.oneshot(request).await?;
            app.metrics.answered(response.status());
            // The query is left out: clients put secrets there.
            tracing::debug!(%method, path, status = response.status().as_u16(), took = ?begin.elapsed(), "answered");
            Ok(response)
        }
    }))
}

fn check(app: &App, request: &Request<Incoming>) -> Result<(), ApiError> {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    app.access
        .origins
        .check(method, uri, request.version(), headers)?;
    if uri.path() == routes::LOGIN {
        // Its word is its own key.
        return Ok(());
    }
    let peer = request.extensions().get::<Peer>();
    let peer = peer.ok_or_else(|| ApiError::internal(&"a request without a client"))?;
    app.access
        .check(headers, peer.0.ip(), required(method, uri.path()))
}

/// The client's address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);
