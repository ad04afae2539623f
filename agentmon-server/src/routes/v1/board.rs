//! `/api/v1/board` and `/api/v1/status`: what every session is doing, as a whole.

use std::sync::Arc;

use agentmon_core::query::Group;
use agentmon_core::wire::{self, BoardStatus};
use http::StatusCode;
use serde::Serialize;
use warp::Filter;
use warp::reply::Response;

use super::filter;
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    let board = warp::path!("api" / "v1" / "board")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(board(app, query).await) });
    let status = warp::path!("api" / "v1" / "status")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(status(app, query).await) });
    board.or(status).unify().boxed()
}

/// Shows the board: sessions by what they want from the user, and the strip above them.
#[utoipa::path(
    get, path = "/api/v1/board", tag = "sessions",
    params(
        ("agent" = Option<String>, Query, description = "Agents, joined by commas"),
        ("model" = Option<String>, Query, description = "Models, by name or the beginning of one"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
        ("state" = Option<String>, Query, description = "States"),
        ("since" = Option<String>, Query, description = "Active from then on, or still open; 24 hours if not given"),
        ("limit" = Option<u64>, Query, description = "At most so many, 1 to 20000; 2000 if not given"),
    ),
    responses((status = 200, description = "`agentmon.board.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn board(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let (filter, strip) = filter::board(&query, app.monitor.config(), app.monitor.now())?;
    let (list, mut status) = app
        .ask(move |monitor| {
            let status = BoardStatus {
                at: monitor.now(),
                today: monitor.today(&strip)?,
                quotas: monitor.quotas()?,
                budgets: monitor.budgets(&strip.zone, monitor.config().week_start.value)?,
                ..BoardStatus::default()
            };
            Ok((monitor.sessions(&filter)?, status))
        })
        .await?;
    status.matching = list.matching;
    let rows = list.sessions.iter().map(|session| {
        let group = Group::of(session, status.at);
        *status.counts.entry(session.state).or_default() += 1;
        *status.groups.entry(group).or_default() += 1;
        wire::board_row(session, group)
    });
    let sessions: Vec<_> = rows.collect();
    #[derive(Serialize)]
    struct Board<S, R> {
        schema: &'static str,
        status: S,
        sessions: Vec<R>,
    }
    let board = Board {
        schema: "agentmon.board.v1",
        status: wire::board_status(&status),
        sessions,
    };
    Ok(reply::json(StatusCode::OK, &board))
}

/// Shows the board in short: who needs the user, who works, what is wrong, what today cost.
#[utoipa::path(
    get, path = "/api/v1/status", tag = "sessions",
    params(
        ("agent" = Option<String>, Query, description = "Agents, joined by commas"),
        ("model" = Option<String>, Query, description = "Models, by name or the beginning of one"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
    ),
    responses((status = 200, description = "`agentmon.status.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn status(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let strip = filter::strip(&query, app.monitor.config());
    let board = app.ask(move |monitor| monitor.board(&strip)).await?;
    Ok(reply::json(StatusCode::OK, &wire::status(&board)))
}
