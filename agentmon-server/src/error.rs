//! Errors as answers. Whatever goes wrong, a client gets JSON with a sentence and nothing of the server's insides.

use std::time::Duration;

use agentmon_core::Error as CoreError;
use agentmon_core::ingest::IngestError;
use agentmon_core::store::StoreError;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use warp::reply::Response;

use crate::http::reply;

/// When to come back to a server that is busy.
const BUSY: Duration = Duration::from_secs(1);

/// An answer that is an error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    status: StatusCode,
    body: Value,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

impl ApiError {
    /// An error told in one sentence.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self::with_body(status, &serde_json::json!({ "error": message.into() }))
    }

    /// An error with a body of its own.
    pub(crate) fn with_body(status: StatusCode, body: &impl Serialize) -> Self {
        Self {
            status,
            // What is serialised here are texts and numbers: it cannot fail.
            body: serde_json::to_value(body).unwrap_or_default(),
            retry_after: None,
            allow: None,
        }
    }

    /// The method makes no sense here; these do.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        }
    }

    /// The status and the body, for contracts that tell errors in their own way.
    pub(crate) fn parts(&mut self) -> (StatusCode, &mut Value) {
        (self.status, &mut self.body)
    }

    /// The same, saying when to try again.
    pub(crate) fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// A wrong value in the query.
    pub(crate) fn query(field: &'static str, message: &str) -> Self {
        let body = serde_json::json!({
            "error": "Invalid query",
            "details": [{ "field": field, "message": message }],
        });
        Self::with_body(StatusCode::BAD_REQUEST, &body)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// Too much at once.
    pub(crate) fn busy(message: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message).retry_after(BUSY)
    }

    /// Something that only the log may know.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
    }

    /// What is wrong, in a sentence.
    pub(crate) fn sentence(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let detail = &self.body["details"][0];
        match detail.is_object() {
            true => format!("{} {}", text(&detail["field"]), text(&detail["message"])),
            false => text(&self.body["error"]),
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The answer.
    pub(crate) fn into_response(self) -> Response {
        let mut response = reply::json(self.status, &self.body);
        let headers = response.headers_mut();
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
        if let Some(allow) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"agentmon\""),
            );
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        (&error).into()
    }
}

impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full(_) => {
                tracing::error!(%error, "a request failed");
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "The disk is full")
            }
            StoreError::Busy(_) => Self::busy("The database is busy"),
            StoreError::ReadOnly { .. } => Self::busy("Another process writes to this database"),
            error => Self::internal(error),
        }
    }
}

impl From<IngestError> for ApiError {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Full => Self::busy("Too many events are waiting to be stored"),
            IngestError::Stopped => Self::busy("The server is stopping"),
            IngestError::Store(error) => (&*error).into(),
        }
    }
}

impl From<CoreError> for ApiError {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Store(error) => error.into(),
            CoreError::NotFound { .. } => Self::not_found("Session not found"),
            CoreError::Ambiguous { candidates, .. } => Self::with_body(
                StatusCode::CONFLICT,
                &serde_json::json!({ "error": "Several sessions have an id that begins so", "candidates": candidates }),
            ),
            error => Self::internal(&error),
        }
    }
}
