//! `/api/agents`: agents that people keep by hand, and their logs.

use std::sync::Arc;

use agentmon_core::ingest::events_api::FieldError;
use agentmon_core::ingest::manual::{read_change, read_log};
use agentmon_core::monitor::ManualCreated;
use agentmon_core::query::ManualAgent;
use agentmon_core::wire::dashboard_api as wire;
use http::StatusCode;
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use crate::access::random;
use crate::app::App;
use crate::error::ApiError;
use crate::http::call::{Call, call, no_route};
use crate::http::{Route, answer, reply};

/// The most lines of a log in an answer.
const MAX_LINES: u64 = 1000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path("api")
        .and(warp::path("agents"))
        .and(call(app))
        .then(|call: Call| async move { answer(dispatch(call).await) })
        .boxed()
}

async fn dispatch(call: Call) -> Result<Response, ApiError> {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    match (path.as_slice(), call.method.as_str()) {
        ([], "GET") => list(&call).await,
        ([], "POST") => create(&call).await,
        ([], _) => Err(ApiError::method_not_allowed("GET, HEAD, POST")),
        ([id], "GET") => one(&call, id).await,
        ([id], "PATCH" | "PUT") => change(&call, id).await,
        ([id], "DELETE") => delete(&call, id).await,
        ([_], _) => Err(ApiError::method_not_allowed(
            "GET, HEAD, PUT, PATCH, DELETE",
        )),
        ([id, "update-status"], "POST") => change(&call, id).await,
        ([_, "update-status"], _) => Err(ApiError::method_not_allowed("POST")),
        ([id, "logs"], "GET") => logs(&call, id).await,
        ([id, "logs"], "POST") => add_log(&call, id).await,
        ([id, "logs"], "DELETE") => clear_logs(&call, id).await,
        ([_, "logs"], _) => Err(ApiError::method_not_allowed("GET, HEAD, POST, DELETE")),
        _ => Err(no_route()),
    }
}

fn invalid(errors: &[FieldError]) -> ApiError {
    let body = json!({ "error": "Invalid agent", "details": errors });
    ApiError::with_body(StatusCode::BAD_REQUEST, &body)
}

fn not_found() -> ApiError {
    ApiError::not_found("Agent not found")
}

fn told(status: StatusCode, agent: &ManualAgent) -> Response {
    reply::json(status, &wire::agent(agent))
}

async fn list(call: &Call) -> Result<Response, ApiError> {
    let agents = call.app.ask(agentmon_core::Monitor::manual_agents).await?;
    let agents: Vec<_> = agents.iter().map(wire::agent).collect();
    Ok(reply::json(StatusCode::OK, &agents))
}

async fn one(call: &Call, id: &str) -> Result<Response, ApiError> {
    let id = id.to_owned();
    let agent = call
        .app
        .ask(move |monitor| monitor.manual_agent(&id))
        .await?;
    Ok(told(StatusCode::OK, &agent.ok_or_else(not_found)?))
}

async fn create(call: &Call) -> Result<Response, ApiError> {
    let change = read_change(call.body()?, true).map_err(|errors| invalid(&errors))?;
    let id = random(16).map_err(|error| ApiError::internal(&error))?;
    let asked = call
        .app
        .ask(move |monitor| monitor.create_manual(&id, change));
    match asked.await? {
        ManualCreated::Created(agent) => Ok(told(StatusCode::CREATED, &agent)),
        ManualCreated::Exists => {
            let message = "There is an agent of that id already";
            Err(ApiError::new(StatusCode::CONFLICT, message))
        }
        ManualCreated::TooMany => {
            let message = "There are too many agents: delete some first";
            Err(ApiError::new(StatusCode::CONFLICT, message))
        }
    }
}

async fn change(call: &Call, id: &str) -> Result<Response, ApiError> {
    let change = read_change(call.body()?, false).map_err(|errors| invalid(&errors))?;
    if change.id.as_deref().is_some_and(|given| given != id) {
        let error = json!({ "field": "id", "message": "cannot be changed" });
        let body = json!({ "error": "Invalid agent", "details": [error] });
        return Err(ApiError::with_body(StatusCode::BAD_REQUEST, &body));
    }
    let id = id.to_owned();
    let asked = call
        .app
        .ask(move |monitor| monitor.change_manual(&id, change));
    Ok(told(StatusCode::OK, &asked.await?.ok_or_else(not_found)?))
}

async fn delete(call: &Call, id: &str) -> Result<Response, ApiError> {
    let id = id.to_owned();
    let asked = call.app.ask(move |monitor| monitor.delete_manual(&id));
    asked.await?.ok_or_else(not_found)?;
    Ok(reply::json(StatusCode::OK, &json!({ "success": true })))
}

async fn logs(call: &Call, id: &str) -> Result<Response, ApiError> {
    let limit = call.query.number("limit", MAX_LINES, 1..=MAX_LINES) as usize;
    let id = id.to_owned();
    let asked = call.app.ask(move |monitor| {
        let agent = monitor.manual_agent(&id)?;
        let logs = monitor.manual_log(&id, limit)?;
        Ok(agent.map(|_| logs))
    });
    let logs = asked.await?.ok_or_else(not_found)?;
    let logs: Vec<_> = logs.iter().map(wire::agent_log).collect();
    Ok(reply::json(StatusCode::OK, &logs))
}

async fn add_log(call: &Call, id: &str) -> Result<Response, ApiError> {
    let (message, level) = read_log(call.body()?).map_err(|errors| invalid(&errors))?;
    let id = id.to_owned();
    let asked = call
        .app
        .ask(move |monitor| monitor.add_manual_log(&id, &message, level));
    let line = asked.await?.ok_or_else(not_found)?;
    Ok(reply::json(StatusCode::CREATED, &wire::agent_log(&line)))
}

async fn clear_logs(call: &Call, id: &str) -> Result<Response, ApiError> {
    let id = id.to_owned();
    let asked = call.app.ask(move |monitor| monitor.clear_manual_log(&id));
    let deleted = asked.await?.ok_or_else(not_found)?;
    let body = json!({ "success": true, "deleted": deleted });
    Ok(reply::json(StatusCode::OK, &body))
}
