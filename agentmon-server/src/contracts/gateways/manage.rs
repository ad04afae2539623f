//! `/api/gateways`: the list, adding, changing, removing, and what each offers.

use std::sync::Arc;

use agentmon_core::config::Secret;
use agentmon_core::gateways::{GatewayChange, NewGateway};
use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::query::{Query, decoded, query};
use crate::http::{Route, answer, method, reply, with};

/// Largest body, in bytes.
const MAX_BODY: usize = 64 * 1024;

pub(super) fn routes(app: &Arc<App>) -> Route {
    let all = warp::path!("api" / "gateways");
    let one = warp::path!("api" / "gateways" / String);
    let body = || capped(MAX_BODY, app.limits.body_timeout);
    let list = all
        .and(method::get())
        .and(with(app))
        .then(|app: Arc<App>| async move { reply::json(StatusCode::OK, &app.gateways.list()) });
    let add = all
        .and(method::post())
        .and(with(app))
        .and(body())
        .then(|app, body| async { answer(add(app, body).await) });
    let show = one
        .and(method::get())
        .and(with(app))
        .then(|id: String, app: Arc<App>| async move {
            let found = app.gateways.get(&decoded(&id));
            answer(
                found
                    .map(|view| reply::json(StatusCode::OK, &view))
                    .map_err(ApiError::from),
            )
        });
    let change =
        one.and(method::patch()).and(with(app)).and(body()).then(
            |id: String, app, body| async move { answer(change(app, decoded(&id), body).await) },
        );
    let remove = one
        .and(method::delete())
        .and(with(app))
        .then(|id: String, app| async move { answer(remove(app, decoded(&id)).await) });
    let offers = warp::path!("api" / "gateways" / String / String)
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|id: String, what: String, app, query| async move {
            answer(offers(app, decoded(&id), &what, query).await)
        });
    list.or(add)
        .unify()
        .or(show)
        .unify()
        .or(change)
        .unify()
        .or(remove)
        .unify()
        .or(offers)
        .unify()
        .boxed()
}

/// What a client sends. Unknown fields are refused: a misspelt `token` must not be lost in silence.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    name: Option<String>,
    url: Option<String>,
    token: Option<String>,
    password: Option<String>,
    enabled: Option<bool>,
}

impl Given {
    fn read(body: &Bytes) -> Result<Self, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            // Its words could quote a secret: only the place is told.
            let message = format!(
                "Invalid body at line {}, column {}: an object with name, url, token, password, enabled is expected",
                error.line(),
                error.column()
            );
            ApiError::new(StatusCode::BAD_REQUEST, message)
        })
    }
}

async fn add(app: Arc<App>, body: Result<Bytes, ApiError>) -> Result<Response, ApiError> {
    let given = Given::read(&body?)?;
    let url = given
        .url
        .ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "url is needed"))?;
    let new = NewGateway {
        name: given.name.unwrap_or_default(),
        url,
        token: given.token.map(Secret::new),
        password: given.password.map(Secret::new),
        enabled: given.enabled.unwrap_or(true),
    };
    let view = blocking(&app, move |app| app.gateways.add(new)).await?;
    Ok(reply::json(StatusCode::CREATED, &view))
}

async fn change(
    app: Arc<App>,
    id: String,
    body: Result<Bytes, ApiError>,
) -> Result<Response, ApiError> {
    let given = Given::read(&body?)?;
    let change = GatewayChange {
        name: given.name,
        url: given.url,
        token: given.token.map(Secret::new),
        password: given.password.map(Secret::new),
        enabled: given.enabled,
    };
    let view = blocking(&app, move |app| app.gateways.change(&id, change)).await?;
    Ok(reply::json(StatusCode::OK, &view))
}

async fn remove(app: Arc<App>, id: String) -> Result<Response, ApiError> {
    let removed = id.clone();
    blocking(&app, move |app| app.gateways.remove(&id)).await?;
    Ok(reply::json(StatusCode::OK, &json!({"removed": removed})))
}

/// Does what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, agentmon_core::gateways::GatewayError> + Send + 'static,
) -> Result<T, ApiError> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    Ok(done.map_err(|error| ApiError::internal(&error))??)
}

async fn offers(app: Arc<App>, id: String, what: &str, query: Query) -> Result<Response, ApiError> {
    let gateways = &app.gateways;
    let body = match what {
        "agents" => gateways.agents(&id).await?,
        "models" => gateways.models(&id).await?,
        "sessions" => {
            gateways
                .sessions(&id, query.number("limit", 100, 1..=1000))
                .await?
        }
        "status" => {
            let view = gateways.get(&id)?;
            json!({"id": view.id, "connected": view.connected, "note": gateways.note(&id)?})
        }
        _ => return Err(ApiError::not_found("Not found")),
    };
    Ok(reply::json(StatusCode::OK, &body))
}
