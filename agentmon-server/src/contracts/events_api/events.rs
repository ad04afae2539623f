//! `/api/events`: posting events, one or many, and reading them.

use std::sync::Arc;

use agentmon_core::ingest::events_api::{read_batch, read_event};
use agentmon_core::ingest::{Delivery, Receipt};
use agentmon_core::model::{EventKind, Span, Timestamp};
use agentmon_core::query::{FeedFilter, FeedPage};
use agentmon_core::wire::events_api as wire;
use bytes::Bytes;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

/// This contract's times are whole seconds.
const SECOND: i64 = 1000;

pub(super) fn routes(app: &Arc<App>) -> Route {
    let body = || capped(app.limits.body, app.limits.body_timeout);
    let one = warp::path!("api" / "events")
        .and(method::post())
        .and(with(app))
        .and(body())
        .then(|app, body| async { answer(post(app, body).await) });
    let many = warp::path!("api" / "events" / "batch")
        .and(method::post())
        .and(with(app))
        .and(body())
        .then(|app, body| async { answer(post_batch(app, body).await) });
    let list = warp::path!("api" / "events")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(list(app, query).await) });
    one.or(many).unify().or(list).unify().boxed()
}

async fn post(app: Arc<App>, body: Result<Bytes, ApiError>) -> Result<Response, ApiError> {
    let event = read_event(&body?, app.settings.max_metadata).map_err(|errors| {
        app.metrics.rejected.add(1);
        ApiError::with_body(StatusCode::BAD_REQUEST, &wire::invalid(&errors))
    })?;
    let receipt = app.monitor.ingest(Delivery::Posted(vec![event])).await?;
    count(&app, &receipt);
    let status = if receipt.ids.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    Ok(reply::json(status, &wire::receipt(&receipt)))
}

async fn post_batch(app: Arc<App>, body: Result<Bytes, ApiError>) -> Result<Response, ApiError> {
    let batch = read_batch(&body?, app.settings.max_metadata)
        .map_err(|error| ApiError::new(StatusCode::BAD_REQUEST, error.to_string()))?;
    app.metrics.rejected.add(batch.rejected.len() as u64);
    let receipt = if batch.events.is_empty() {
        Receipt::default()
    } else {
        app.monitor.ingest(Delivery::Posted(batch.events)).await?
    };
    count(&app, &receipt);
    let answer = wire::batch_receipt(&receipt, &batch.rejected);
    Ok(reply::json(StatusCode::CREATED, &answer))
}

fn count(app: &App, receipt: &Receipt) {
    app.metrics.events.add(receipt.ids.len() as u64);
    app.metrics.duplicates.add(receipt.duplicates);
}

async fn list(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let second = |at: Timestamp| Timestamp(at.0.div_euclid(SECOND) * SECOND);
    let kind = query.get("event_type").map(EventKind::parse);
    let filter = FeedFilter {
        agent: query.word("agent_type"),
        kind: kind.flatten(),
        tool: query.word("tool_name"),
        session: query.word("session_id"),
        branch: query.word("branch"),
        model: query.word("model"),
        source: query.word("source"),
        since: query.time("since")?.map(second),
        until: query.time("until")?.map(|at| second(at) + Span(SECOND)),
        offset: query.number("offset", 0, 0..=u64::MAX),
        limit: query.number("limit", 50, 1..=1000) as usize,
        oldest_first: false,
    };
    if kind == Some(None) {
        // A kind that nobody knows matches nothing.
        return Ok(reply::json(
            StatusCode::OK,
            &wire::feed(&FeedPage::default()),
        ));
    }
    let page = app.ask(move |monitor| monitor.feed(&filter)).await?;
    Ok(reply::json(StatusCode::OK, &wire::feed(&page)))
}
