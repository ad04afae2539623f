//! `/api/openclaw/sessions/ws`: sessions as they change.

use std::sync::Arc;

use warp::reply::Response;
use warp::ws::Ws;
use warp::{Filter, Reply};

use super::shaped;
use crate::access::Client;
use crate::app::App;
use crate::contracts::socket::{self, MAX_MESSAGE, Protocol, Seat};
use crate::error::ApiError;
use crate::http::call::client;
use crate::http::{Route, answer, method, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "openclaw" / "sessions" / "ws")
        .and(method::get())
        .and(warp::ws())
        .and(with(app))
        .and(client(app))
        .then(|upgrade, app: Arc<App>, client| async move {
            let now = app.monitor.now();
            let opened = open(app, upgrade, client).await;
            answer(opened.map_err(|error| shaped(error, now)))
        })
        .boxed()
}

async fn open(app: Arc<App>, upgrade: Ws, client: Client) -> Result<Response, ApiError> {
    let seat = Seat::take(&app, client)?;
    let frames = app.news.sessions.subscribe();
    app.news.prepare(&app).await?;
    let upgrade = upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    let serve = |socket| socket::serve(seat, socket, frames, Everything);
    Ok(upgrade.on_upgrade(serve).into_response())
}

/// Clients of this contract hear everything and say nothing.
struct Everything;

impl Protocol for Everything {
    fn greeting(&self, _: &App) -> Option<String> {
        None
    }

    fn hear(&mut self, _: &str) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn wants(&self, _: &str) -> bool {
        true
    }
}
