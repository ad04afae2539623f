//! `/api/v1/doctor`: whether database, sources and prices are as they should be, and what to do where not.

use std::sync::Arc;

use agentmon_core::query::{
    Dimensions, ReportKind, UsageQuery, judge_database, judge_prices, judge_sources,
};
use agentmon_core::wire;
use http::StatusCode;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::{Route, answer, method, reply, with};

pub(super) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "v1" / "doctor")
        .and(method::get())
        .and(with(app))
        .then(|app| async { answer(doctor(app).await) })
        .boxed()
}

/// Checks the installation. Reads the whole database: nothing to ask every second.
#[utoipa::path(
    get, path = "/api/v1/doctor", tag = "operations",
    responses((status = 200, description = "`agentmon.doctor.v1`", content_type = "application/json", body = Object)),
)]
pub(super) async fn doctor(app: Arc<App>) -> Result<Response, ApiError> {
    let findings = app
        .ask(|monitor| {
            let models = UsageQuery {
                by: Dimensions {
                    model: true,
                    ..Dimensions::default()
                },
                ..UsageQuery::new(ReportKind::Models)
            };
            let mut findings = judge_database(
                &monitor.db_check()?,
                monitor.moved_aside(),
                monitor.other_writer(),
            );
            findings.extend(judge_sources(&monitor.sources()?));
            let report = monitor.usage(&models)?;
            findings.extend(judge_prices(monitor.prices(), &report, monitor.now()));
            Ok(findings)
        })
        .await?;
    Ok(reply::json(StatusCode::OK, &wire::doctor(&findings)))
}
