//! Errors as this contract tells them: `{"error":{"code","message","details","timestamp"}}`.

use agentmon_core::model::Timestamp;
use http::StatusCode;
use serde_json::{Value, json};

use crate::error::ApiError;

/// Longest part of a client's own words that is told back to it, in characters.
const MAX_ECHO: usize = 200;

/// An error with a code of this contract.
pub(super) fn refused(
    status: StatusCode,
    code: &'static str,
    message: impl Into<String>,
    details: Value,
) -> ApiError {
    let error = json!({ "code": code, "message": message.into(), "details": details });
    ApiError::with_body(status, &json!({ "error": error }))
}

/// There is no session of that id.
pub(super) fn session_not_found(id: &str) -> ApiError {
    let id: String = id.chars().take(MAX_ECHO).collect();
    let message = format!("Session with ID {id} not found");
    refused(
        StatusCode::NOT_FOUND,
        "SESSION_NOT_FOUND",
        message,
        json!({}),
    )
}

/// The body or query makes no sense.
pub(super) fn invalid(field: &str, message: &str) -> ApiError {
    let text = format!("{field} {message}");
    let details = json!({ "field": field, "message": message });
    refused(StatusCode::BAD_REQUEST, "INVALID_REQUEST", text, details)
}

/// The same error in this contract's shape, dated.
pub(crate) fn shaped(mut error: ApiError, now: Timestamp) -> ApiError {
    let (status, body) = error.parts();
    if !body["error"].is_object() {
        let message = body["error"].take();
        let details = match body.get("details") {
            Some(details) => json!({ "fields": details }),
            None => json!({}),
        };
        *body =
            json!({ "error": { "code": code(status), "message": message, "details": details } });
    }
    body["error"]["timestamp"] = now.to_string().into();
    error
}

/// What an error that is not of this contract is called in it.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::REQUEST_TIMEOUT => "REQUEST_TIMEOUT",
        StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
        StatusCode::UPGRADE_REQUIRED => "UPGRADE_REQUIRED",
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMIT_EXCEEDED",
        status if status.is_client_error() => "INVALID_REQUEST",
        StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
        _ => "INTERNAL_ERROR",
    }
}
