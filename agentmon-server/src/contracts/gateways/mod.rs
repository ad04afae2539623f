//! OpenClaw gateways: which there are, what they offer, and chats with their agents. Tokens go in and never come out.

mod chat;
mod manage;

use std::sync::Arc;

use agentmon_core::gateways::GatewayError;
use agentmon_core::source::openclaw::gateway::requests::RequestError;
use http::StatusCode;
use warp::Filter;

use crate::app::App;
use crate::error::ApiError;
use crate::http::Route;

/// All routes of this contract.
pub(crate) fn routes(app: &Arc<App>) -> Route {
    manage::routes(app).or(chat::routes(app)).unify().boxed()
}

impl From<GatewayError> for ApiError {
    fn from(error: GatewayError) -> Self {
        let status = match &error {
            GatewayError::Unknown(_) => StatusCode::NOT_FOUND,
            GatewayError::Configured(_) | GatewayError::TooMany(_) => StatusCode::CONFLICT,
            GatewayError::Address(_) | GatewayError::Invalid(_) => StatusCode::BAD_REQUEST,
            GatewayError::Request(RequestError::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            GatewayError::Request(RequestError::Refused(_)) => StatusCode::BAD_GATEWAY,
            GatewayError::Request(_) | GatewayError::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            GatewayError::Secrets(_) => return Self::internal(&error),
            GatewayError::Store(_) => match error {
                GatewayError::Store(error) => return error.into(),
                error => return Self::internal(&error),
            },
        };
        Self::new(status, error.to_string())
    }
}
