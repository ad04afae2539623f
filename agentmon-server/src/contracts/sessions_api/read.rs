//! Reading sessions, their logs and figures.

use agentmon_core::model::Span;
use agentmon_core::query::{LogLevel, SessionFilter};
use agentmon_core::session::vocabulary::Contract;
use agentmon_core::wire::sessions_api as wire;
use http::StatusCode;
use warp::reply::Response;

use super::error::{invalid, session_not_found};
use super::find;
use crate::error::ApiError;
use crate::http::call::Call;
use crate::http::reply;

/// A session that is over is recent for so long.
const RECENT: Span = Span::from_mins(24 * 60);
/// The most sessions in an answer.
const MAX_SESSIONS: u64 = 1000;
/// The most log lines in an answer.
const MAX_LINES: u64 = 1000;
/// Pages of a log end here: nobody turns so many.
const MAX_OFFSET: u64 = 10_000_000;

/// All sessions that are active or were lately. `peer=1` is asked by another agentmon that watches this one: it wants to know
/// what was used when, and not hear of what it may have told itself.
pub(super) async fn list(call: &Call) -> Result<Response, ApiError> {
    let limit = call.query.number("limit", MAX_SESSIONS, 1..=MAX_SESSIONS) as usize;
    let status = call.query.word("status");
    let known = |word: &str| Contract::Sessions.states(word).next().is_some();
    if status.as_deref().is_some_and(|word| !known(word)) {
        let message = "must be one of: spawning, working, stalled, completed, failed";
        return Err(invalid("status", message));
    }
    let is_peer = call.query.get("peer") == Some("1");
    let since = call.query.time("usage_since")?.unwrap_or_default();
    let asked = call.app.ask(move |monitor| {
        let now = monitor.now();
        let filter = SessionFilter {
            since: Some(now - RECENT),
            or_open: true,
            within: is_peer,
            limit: Some(MAX_SESSIONS as usize),
            ..SessionFilter::default()
        };
        let mut views = monitor.sessions(&filter)?.sessions;
        views.retain(|view| {
            let has_status = |word: &str| wire::Figures::of(view, now).status == word;
            status.as_deref().is_none_or(has_status) && !(is_peer && monitor.is_remote(&view.key))
        });
        let total = views.len() as u64;
        views.truncate(limit);
        let mut usage = Vec::new();
        if is_peer {
            for view in &views {
                let is_news = view.last_activity_at.unwrap_or(view.since) >= since;
                usage.push(match is_news {
                    true => monitor.usage_cells(&view.key)?,
                    false => Vec::new(),
                });
            }
        }
        Ok((views, usage, total, now))
    });
    let (views, usage, total, now) = asked.await?;
    let usage = is_peer.then_some(usage.as_slice());
    let list = wire::sessions(&views, usage, total, now);
    Ok(reply::json(StatusCode::OK, &list))
}

/// One session in detail.
pub(super) async fn one(call: &Call, id: &str) -> Result<Response, ApiError> {
    let view = find(&call.app, id).await?;
    let asked = call.app.ask(move |monitor| {
        let detail = monitor.session(&view.key.to_string())?;
        Ok((detail, monitor.now()))
    });
    let (detail, now) = asked.await?;
    Ok(reply::json(StatusCode::OK, &wire::session(&detail, now)))
}

/// A page of a session's log.
pub(super) async fn logs(call: &Call, id: &str) -> Result<Response, ApiError> {
    let limit = call.query.number("limit", 100, 1..=MAX_LINES) as usize;
    let offset = call.query.number("offset", 0, 0..=MAX_OFFSET);
    let level = match call.query.get("level") {
        None => None,
        Some(name) => {
            let level = LogLevel::parse(name);
            let wrong = || invalid("level", "must be one of: debug, info, warn, error");
            Some(level.ok_or_else(wrong)?)
        }
    };
    let wanted = id.to_owned();
    let asked = call.app.ask(move |monitor| {
        let Some(view) = monitor.find_session(&wanted)? else {
            return Ok(None);
        };
        monitor
            .session_log(&view.key, level, offset, limit)
            .map(Some)
    });
    let page = asked.await?.ok_or_else(|| session_not_found(id))?;
    Ok(reply::json(StatusCode::OK, &wire::logs(&page, offset)))
}

/// A session's figures.
pub(super) async fn metrics(call: &Call, id: &str) -> Result<Response, ApiError> {
    let view = find(&call.app, id).await?;
    let metrics = wire::metrics(&view, call.app.monitor.now());
    Ok(reply::json(StatusCode::OK, &metrics))
}
