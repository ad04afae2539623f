//! Creating, ending and restarting sessions. Requests are checked as the contract has it; what agentmon cannot do is told as an
//! error, never as a success: it starts no agents yet and ends none that it did not start.

use agentmon_core::session::State;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use warp::reply::Response;

use super::error::{invalid, refused};
use super::find;
use crate::error::ApiError;
use crate::http::call::Call;

/// The largest limit of tokens that may be asked for.
const MAX_TOKENS: u64 = 10_000_000;
/// Longest name, task, prompt, path or reason, in bytes.
const MAX_TEXT: usize = 256 * 1024;

/// How urgent a session is.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Priority {
    Low,
    Normal,
    High,
    Critical,
}

/// The fields of a request's body.
struct Fields(Map<String, Value>);

impl Fields {
    /// A body that must be an object; none at all counts as an empty one.
    fn read(call: &Call) -> Result<Self, ApiError> {
        let body = call.body()?;
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            _ => Err(invalid("body", "must be a JSON object")),
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = value.as_str().filter(|text| text.len() <= MAX_TEXT);
        let wrong = || invalid(name, "must be a string of reasonable length");
        text.map(Some).ok_or_else(wrong)
    }

    fn required(&self, name: &str) -> Result<&str, ApiError> {
        let text = self.text(name)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| invalid(name, "must be a non-empty string"))
    }

    fn flag(&self, name: &str) -> Result<(), ApiError> {
        match self.get(name) {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(_) => Err(invalid(name, "must be true or false")),
        }
    }

    fn priority(&self) -> Result<(), ApiError> {
        match self.get("priority").map(Priority::deserialize) {
            None | Some(Ok(_)) => Ok(()),
            Some(Err(_)) => {
                let message = "must be one of: low, normal, high, critical";
                Err(invalid("priority", message))
            }
        }
    }

    fn token_limit(&self, name: &str) -> Result<(), ApiError> {
        let Some(value) = self.get(name) else {
            return Ok(());
        };
        if matches!(value.as_u64(), Some(1..=MAX_TOKENS)) {
            return Ok(());
        }
        Err(refused(
            StatusCode::BAD_REQUEST,
            "INVALID_TOKEN_LIMIT",
            format!("{name} must be a whole number from 1 to {MAX_TOKENS}"),
            json!({ "maximum": MAX_TOKENS }),
        ))
    }
}

/// What agentmon cannot do.
fn not_supported(message: &str) -> ApiError {
    refused(
        StatusCode::NOT_IMPLEMENTED,
        "NOT_SUPPORTED",
        message,
        json!({}),
    )
}

/// Starts a session.
pub(super) async fn create(call: &Call) -> Result<Response, ApiError> {
    let fields = Fields::read(call)?;
    fields.required("name")?;
    fields.required("prompt")?;
    fields.text("taskDescription")?;
    fields.text("outputPath")?;
    fields.priority()?;
    fields.token_limit("tokensLimit")?;
    let is_duration = |value: &Value| value.as_f64().is_some_and(|ms| ms > 0.0);
    if !fields.get("expectedDuration").is_none_or(is_duration) {
        return Err(invalid(
            "expectedDuration",
            "must be milliseconds above zero",
        ));
    }
    if !fields.get("metadata").is_none_or(Value::is_object) {
        return Err(invalid("metadata", "must be an object"));
    }
    if let Some(parent) = fields.text("parentSession")? {
        find(&call.app, parent).await?;
    }
    Err(not_supported("This agentmon cannot start sessions"))
}

/// Ends a session.
pub(super) async fn kill(call: &Call, id: &str) -> Result<Response, ApiError> {
    let fields = Fields::read(call)?;
    fields.text("reason")?;
    fields.flag("force")?;
    let session = find(&call.app, id).await?;
    if session.state.is_over() {
        return Err(refused(
            StatusCode::CONFLICT,
            "SESSION_ALREADY_TERMINATED",
            "The session is over already",
            json!({ "state": session.state, "reason": session.reason.to_string() }),
        ));
    }
    Err(not_supported(
        "This agentmon did not start the session and cannot end it",
    ))
}

/// Starts a session again.
pub(super) async fn respawn(call: &Call, id: &str) -> Result<Response, ApiError> {
    let fields = Fields::read(call)?;
    fields.flag("resetProgress")?;
    fields.token_limit("newTokenLimit")?;
    fields.priority()?;
    fields.text("reason")?;
    let session = find(&call.app, id).await?;
    let may = matches!(
        session.state,
        State::Failed | State::Terminated | State::Stalled
    );
    if !may {
        return Err(refused(
            StatusCode::CONFLICT,
            "RESPAWN_NOT_ALLOWED",
            "Only a session that failed, stalled or was ended can be started again",
            json!({ "state": session.state, "reason": session.reason.to_string() }),
        ));
    }
    Err(not_supported(
        "This agentmon did not start the session and cannot start it again",
    ))
}
