//! `/api/stats`: counts, tools, costs.

use std::sync::Arc;

use agentmon_core::wire::events_api as wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::stats_filter;
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let all = warp::path!("api" / "stats")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(all(app, query).await) });
    let tools = warp::path!("api" / "stats" / "tools")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(tools(app, query).await) });
    let cost = warp::path!("api" / "stats" / "cost")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(cost(app, query).await) });
    all.or(tools).unify().or(cost).unify().boxed()
}

async fn all(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let filter = stats_filter(&query)?;
    let timeout = app.settings.session_timeout;
    let (stats, quotas) = app
        .ask(move |monitor| Ok((monitor.feed_stats(&filter, timeout)?, monitor.quotas()?)))
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::stats(&stats, &quotas)))
}

async fn tools(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let filter = stats_filter(&query)?;
    let tools = app.ask(move |monitor| monitor.tool_totals(&filter)).await?;
    Ok(reply::json(StatusCode::OK, &wire::tools(&tools)))
}

async fn cost(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let filter = stats_filter(&query)?;
    let limit = query.number("limit", 10, 1..=1000) as usize;
    let report = app
        .ask(move |monitor| monitor.cost_report(&filter, limit))
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::cost(&report)))
}
