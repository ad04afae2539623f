//! `/api/webhooks/clawdbot`: sessions that are pushed instead of polled, by whoever knows the shared secret.
//!
//! The secret is proved by a signature of the body (HMAC-SHA256, in hex) or given as a bearer token. Tokens of agentmon
//! do not count here: a sender of webhooks can do nothing else with its secret.

use std::sync::Arc;

use agentmon_core::ingest::Delivery;
use agentmon_core::model::Batch;
use agentmon_core::source::openclaw::webhook;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use warp::Filter;
use warp::reply::Response;

use crate::app::App;
use crate::error::ApiError;
use crate::http::body::capped;
use crate::http::{Route, answer, method, reply, with};

/// The path, which has a secret of its own.
pub(crate) const PATH: &str = "/api/webhooks/clawdbot";

/// Headers in which senders put a signature.
const SIGNATURES: [&str; 4] = [
    "x-signature-256",
    "x-hub-signature-256",
    "x-clawdbot-signature",
    "x-openclaw-signature",
];

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    warp::path!("api" / "webhooks" / "clawdbot")
        .and(method::post())
        .and(with(app))
        .and(warp::header::headers_cloned())
        .and(capped(app.limits.body, app.limits.body_timeout))
        .then(|app, headers, body| async { answer(take(app, headers, body).await) })
        .boxed()
}

async fn take(
    app: Arc<App>,
    headers: HeaderMap,
    body: Result<Bytes, ApiError>,
) -> Result<Response, ApiError> {
    let body = body?;
    let Some(secret) = &app.monitor.config().webhook_secret else {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Webhooks are off: set webhook_secret in agentmon.toml, or AGENTMON_WEBHOOK_SECRET",
        ));
    };
    if !knows(secret.value.expose(), &headers, &body) {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "The webhook's secret or signature is not valid",
        ));
    }
    let mut batch = Batch::default();
    let sessions = webhook::parse(&body, app.monitor.now(), &mut batch).map_err(|problem| {
        let message = format!("Invalid webhook payload: {}", problem.detail);
        ApiError::new(StatusCode::BAD_REQUEST, message)
    })?;
    app.monitor
        .ingest(Delivery::Observed(Box::new(batch)))
        .await?;
    Ok(reply::json(
        StatusCode::ACCEPTED,
        &json!({ "accepted": true, "sessions": sessions }),
    ))
}

/// Whether a sender has the secret. Takes as long whatever is wrong with it.
fn knows(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let signature = SIGNATURES.iter().find_map(|name| headers.get(*name));
    if let Some(given) = signature {
        let given = given.to_str().unwrap_or_default();
        let given = unhex(given.strip_prefix("sha256=").unwrap_or(given));
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return false;
        };
        mac.update(body);
        return mac.verify_slice(&given.unwrap_or_default()).is_ok();
    }
    let given = headers.get(header::AUTHORIZATION);
    let given = given.and_then(|given| given.to_str().ok()?.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let given = given.map_or("", |(_, word)| word.trim());
    // Hashes: so the length of the secret cannot be measured either.
    let [known, given] = [secret, given].map(|word| Sha256::digest(word.as_bytes()));
    known.ct_eq(&given).into()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect()
}
