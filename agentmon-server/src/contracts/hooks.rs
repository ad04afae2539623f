//! Hooks of agents over HTTP: an agent tells what it does as it does it. The answer decides nothing and says nothing, so
//! that the agent goes on as if nobody listened.

use std::sync::Arc;

use agentmon_core::ingest::Delivery;
use agentmon_core::model::{Batch, Problem, SessionKey, Timestamp};
use agentmon_core::source::{claude_code, codex};
use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::{Route, answer, method, reply, with};

/// Reads the payload of one agent's hooks.
type Parse = fn(&[u8], Timestamp, &mut Batch) -> Result<SessionKey, Problem>;

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    hook(app, "claude-code", claude_code::hook::parse)
        .or(hook(app, "codex", codex::hook::parse))
        .unify()
        .boxed()
}

fn hook(app: &Arc<App>, agent: &'static str, parse: Parse) -> Route {
    warp::path("api")
        .and(warp::path("hooks"))
        .and(warp::path(agent))
        .and(warp::path::end())
        .and(method::post())
        .and(with(app))
        .and(capped(app.limits.otlp_body, app.limits.body_timeout))
        .then(move |app, body| async move { answer(take(app, parse, body).await) })
        .boxed()
}

async fn take(
    app: Arc<App>,
    parse: Parse,
    body: Result<Bytes, ApiError>,
) -> Result<Response, ApiError> {
    let mut batch = Batch::default();
    parse(&body?, app.monitor.now(), &mut batch).map_err(|problem| {
        let message = format!("Invalid hook payload: {}", problem.detail);
        ApiError::new(StatusCode::BAD_REQUEST, message)
    })?;
    app.monitor
        .ingest(Delivery::Observed(Box::new(batch)))
        .await?;
    Ok(reply::json(StatusCode::OK, &json!({})))
}
