//! Methods of routes. A route that is asked with another method than its own is answered 405 with the ones it has: for
//! that the routes are walked once more with a request that no route takes, and each whose path fits says its method.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Empty;
use tower::Service;
use warp::reply::Response;
use warp::{Filter, Rejection};

/// Gathers the methods of a path.
#[derive(Debug, Clone, Default)]
struct Probe(Arc<Mutex<Vec<Method>>>);

impl Probe {
    fn note(&self, method: Method) {
        let mut methods = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
}

/// A route's method. Stands behind its path and before its handler.
fn method(
    method: Method,
    filter: impl Filter<Extract = (), Error = Rejection> + Copy + Send + Sync + 'static,
) -> impl Filter<Extract = (), Error = Rejection> + Clone {
    warp::ext::optional::<Probe>()
        .map(move |probe: Option<Probe>| {
            if let Some(probe) = probe {
                probe.note(method.clone());
            }
        })
        .untuple_one()
        .and(filter)
}

/// Reading.
pub(crate) fn get() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    method(Method::GET, warp::get())
}

/// Writing what is new, or having something done.
pub(crate) fn post() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    method(Method::POST, warp::post())
}

/// Changing a part.
pub(crate) fn patch() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    method(Method::PATCH, warp::patch())
}

/// Taking away.
pub(crate) fn delete() -> impl Filter<Extract = (), Error = Rejection> + Clone {
    method(Method::DELETE, warp::delete())
}

/// The value of `Allow` for a path.
pub(crate) async fn allowed<S>(mut routes: S, uri: &Uri) -> Option<HeaderValue>
where
    S: Service<Request<Empty<Bytes>>, Response = Response, Error = Infallible>,
{
    let probe = Probe::default();
    let mut request = Request::new(Empty::new());
    // No route takes it: nothing runs.
    *request.method_mut() = Method::TRACE;
    *request.uri_mut() = uri.clone();
    request.extensions_mut().insert(probe.clone());
    let Ok(_) = routes.call(request).await;
    let methods = probe.0.lock().unwrap_or_else(PoisonError::into_inner);
    let names: Vec<&str> = methods.iter().map(Method::as_str).collect();
    HeaderValue::from_str(&names.join(", ")).ok()
}

/// Says which methods there are.
pub(crate) fn allow(response: &mut Response, methods: Option<HeaderValue>) {
    if let Some(methods) = methods.filter(|methods| !methods.is_empty()) {
        response.headers_mut().insert(header::ALLOW, methods);
    }
}
