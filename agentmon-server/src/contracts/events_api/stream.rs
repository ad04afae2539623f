//! `/api/stream`: events, statistics and changes as they come.

use std::sync::Arc;

use warp::Filter;

use crate::app::App;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, with};
use crate::stream::{Interest, open};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "stream")
        .and(method::get())
        .and(with(app))
        .and(query())
        .and(warp::header::optional::<String>("last-event-id"))
        .then(|app, query: Query, last: Option<String>| async move {
            let interest = Interest {
                agent: query.word("agent_type"),
                kind: query.word("event_type"),
            };
            let after = last.and_then(|id| id.trim().parse().ok());
            answer(open(app, interest, after).await)
        })
        .boxed()
}
