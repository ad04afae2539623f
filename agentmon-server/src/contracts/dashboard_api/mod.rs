//! The dashboard API: sessions as a dashboard for Clawdbot reads them (`/api/clawdbot`), agents that people keep by hand
//! (`/api/agents`), and what changes (`/ws`).

mod agents;
mod sessions;
mod ws;

use std::sync::Arc;

use warp::Filter;

use crate::app::App;
use crate::http::Route;

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    sessions::routes(app)
        .or(agents::routes(app))
        .unify()
        .or(ws::routes(app))
        .unify()
        .boxed()
}
