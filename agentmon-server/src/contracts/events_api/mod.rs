//! The events API, base `/api`: agents post what they do, dashboards read it. One file for each resource.

mod events;
mod filter_options;
mod health;
mod quotas;
mod sessions;
mod stats;
mod stream;

use std::sync::Arc;

use warp::Filter;

use crate::app::App;
use crate::http::Route;
use crate::http::query::Query;

/// All routes of this contract, the busy ones first.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    events::routes(app)
        .or(sessions::routes(app))
        .unify()
        .or(stats::routes(app))
        .unify()
        .or(stream::routes(app))
        .unify()
        .or(quotas::routes(app))
        .unify()
        .or(filter_options::routes(app))
        .unify()
        .or(health::routes(app))
        .unify()
        .boxed()
}

/// What statistics are over, by a request.
fn stats_filter(
    query: &Query,
) -> Result<agentmon_core::query::StatsFilter, crate::error::ApiError> {
    Ok(agentmon_core::query::StatsFilter {
        agent: query.word("agent_type"),
        since: query.time("since")?,
    })
}
