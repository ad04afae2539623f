//! `/api/v1/usage`: tokens and cost.

use std::sync::Arc;

use agentmon_core::query::{Dimensions, ReportKind, UsageQuery};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use super::filter::{calls, flag, known, order, range, zone};
use crate::app::App;
use crate::error::ApiError;
use crate::http::query::{Query, query};
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "usage")
        .and(method::get())
        .and(with(app))
        .and(query())
        .then(|app, query| async { answer(report(app, query).await) })
        .boxed()
}

/// Reports tokens and cost by day, week, month, session, model, project or five-hour window.
#[utoipa::path(
    get, path = "/api/v1/usage", tag = "usage",
    params(
        ("report" = Option<String>, Query,
            description = "daily, weekly, monthly, session, models, projects or blocks; daily if not given"),
        ("by" = Option<String>, Query, description = "Dimensions of the rows: agent, model, project, host, session, or none"),
        ("session" = Option<String>, Query, description = "Ids, or beginnings of them, joined by commas"),
        ("agent" = Option<String>, Query, description = "Agents"),
        ("model" = Option<String>, Query, description = "Models, by name or the beginning of one"),
        ("project" = Option<String>, Query, description = "Projects, by name or folder"),
        ("host" = Option<String>, Query, description = "Machines that sessions run on, by name"),
        ("since" = Option<String>, Query, description = "From then on: a date, a time, `today`, `7d`"),
        ("until" = Option<String>, Query, description = "Until then; a date is included"),
        ("zone" = Option<String>, Query, description = "Where days begin (`Europe/Berlin`); the configured one if not given"),
        ("order" = Option<String>, Query, description = "asc or desc"),
        ("limit" = Option<u64>, Query, description = "At most so many periods, sessions, models or projects"),
        ("cache" = Option<bool>, Query, description = "Also what caches saved"),
    ),
    responses((status = 200, description = "`agentmon.usage.v1`", content_type = "application/json", body = Object),
              (status = 400, description = "A parameter makes no sense")),
)]
pub(super) async fn report(app: Arc<App>, query: Query) -> Result<Response, ApiError> {
    let config = app.monitor.config();
    let (since, until) = range(&query, config, app.monitor.now())?;
    let kind = match query.get("report") {
        None => ReportKind::Daily,
        Some(name) => kind(name).ok_or_else(|| ApiError::query("report", "is not known"))?,
    };
    let question = UsageQuery {
        by: dimensions(&query)?.unwrap_or(kind.default_dimensions()),
        since,
        until,
        zone: zone(&query, config)?,
        week_start: config.week_start.value,
        filter: calls(&query),
        order: order(&query)?,
        limit: Some(query.number("limit", 0, 0..=100_000) as usize).filter(|limit| *limit > 0),
        cache_savings: flag(&query, "cache"),
        ..UsageQuery::new(kind)
    };
    let (report, quotas, budgets) = app
        .ask(move |monitor| {
            let budgets = monitor.budgets(&question.zone, question.week_start)?;
            Ok((monitor.usage(&question)?, monitor.quotas()?, budgets))
        })
        .await?;
    let usage = wire::usage(&report, &quotas, &budgets);
    Ok(reply::json(StatusCode::OK, &usage))
}

fn kind(name: &str) -> Option<ReportKind> {
    Some(match name {
        "daily" => ReportKind::Daily,
        "weekly" => ReportKind::Weekly,
        "monthly" => ReportKind::Monthly,
        "session" => ReportKind::Session,
        "models" => ReportKind::Models,
        "projects" => ReportKind::Projects,
        "blocks" => ReportKind::Blocks,
        _ => return None,
    })
}

/// The dimensions that were chosen; `None` when none were named.
fn dimensions(query: &Query) -> Result<Option<Dimensions>, ApiError> {
    const NAMES: [&str; 6] = ["agent", "model", "project", "host", "session", "none"];
    let by = known(query, "by", |word| {
        NAMES.into_iter().find(|name| *name == word)
    })?;
    Ok((!by.is_empty()).then(|| Dimensions {
        agent: by.contains(&"agent"),
        model: by.contains(&"model"),
        project: by.contains(&"project"),
        host: by.contains(&"host"),
        session: by.contains(&"session"),
    }))
}
