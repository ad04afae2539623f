//! `/metrics`: figures for Prometheus.

use std::collections::BTreeMap;
use std::sync::Arc;

use agentmon_core::query::SessionFilter;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};
use crate::metrics::Present;

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("metrics")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(metrics(app).await) })
        .boxed()
}

async fn metrics(app: Arc<App>) -> Result<Response, ApiError> {
    let (sessions, database) = app
        .ask(|monitor| {
            let list = monitor.sessions(&SessionFilter::default())?;
            let mut states = BTreeMap::<&str, u64>::new();
            for session in &list.sessions {
                *states.entry(session.state.as_str()).or_default() += 1;
            }
            Ok((states, monitor.db_bytes()?))
        })
        .await?;
    let sessions: Vec<(&str, u64)> = sessions.into_iter().collect();
    let text = app.metrics.render(&Present {
        sessions: &sessions,
        database,
        ingest: &app.monitor.ingest_figures(),
        streams: app.hub.clients(),
        uptime: app.started.elapsed().as_secs_f64(),
    });
    let text_type = "text/plain; version=0.0.4; charset=utf-8";
    Ok(reply::with_type(StatusCode::OK, text_type, text))
}
