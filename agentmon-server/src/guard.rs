//! Around every route: who may ask, what is counted, what is logged.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderValue, Request, StatusCode, header};
use hyper::body::Incoming;
use tower::util::{BoxCloneSyncService, ServiceExt};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};
use warp::Filter;
use warp::reply::Response;

use crate::access::required;
use crate::app::App;
use crate::contracts::{sessions_api, webhooks};
use crate::error::ApiError;
use crate::http::method::{allow, allowed};
use crate::http::query::Query;
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
                let mut request = request;
                take_token(&mut request);
                if let Err(error) = check(&app, &request) {
                    let error = match sessions_api::owns(request.uri().path()) {
                        true => sessions_api::shaped(error, app.monitor.now()),
                        false => error,
                    };
                    return Ok::<_, Infallible>(error.into_response());
                }
                let uri = request.uri().clone();
                let mut response = routes.call(request).await?;
                let is_said = response.headers().contains_key(header::ALLOW);
                if response.status() == StatusCode::METHOD_NOT_ALLOWED && !is_said {
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
    if method.is_safe() && routes::is_public(uri.path()) {
        // The dashboard itself knows nothing; what it asks is checked.
        return Ok(());
    }
    let peer = request.extensions().get::<Peer>();
    let peer = peer.ok_or_else(|| ApiError::internal(&"a request without a client"))?;
    if uri.path() == webhooks::PATH {
        // So has this, which its route looks at.
        return app.access.check_rate(peer.0.ip());
    }
    let needed = required(method, uri.path());
    if sessions_api::owns(uri.path()) {
        return app.access.check_scope(headers, needed);
    }
    app.access.check(headers, peer.0.ip(), needed)
}

/// Browsers cannot send a token with a WebSocket but in its query (RFC 6750, 2.3): there it counts as if it was sent in
/// the header.
fn take_token(request: &mut Request<Incoming>) {
    let headers = request.headers();
    if !headers.contains_key(header::UPGRADE) || headers.contains_key(header::AUTHORIZATION) {
        return;
    }
    let query = Query::parse(request.uri().query().unwrap_or_default());
    let token = query.get("access_token").or_else(|| query.get("token"));
    let value = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
    if let Some(value) = value {
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
}

/// The client's address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);
