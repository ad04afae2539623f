//! The HTTP client: asks for the list of sessions, again where that may help, and reads no more than it should.

use std::time::Duration;

use reqwest::header::{HeaderValue, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};

use super::Settings;
use crate::model::Timestamp;
use crate::source::remote::RemoteError;

/// The largest answer that is read, in bytes.
const MAX_BODY: usize = 32 << 20;
/// How long to wait before the second attempt; twice as long before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// How long to wait where the other side says too often and not for how long.
const DEFAULT_WAIT: Duration = Duration::from_secs(60);

pub(super) struct Client {
    http: reqwest::Client,
    list: Url,
    authorization: Option<HeaderValue>,
    attempts: u32,
}

impl Client {
    pub(super) fn new(settings: &Settings) -> Result<Self, RemoteError> {
        // Fails where somebody has chosen a provider already: then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(settings.timeout)
            // An address that moves is somebody else's, who is not to get the key.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("agentmon/", env!("CARGO_PKG_VERSION")))
            .build();
        let http = http.map_err(|error| RemoteError::Protocol(error.to_string()))?;
        let mut list = settings.url.clone();
        list.set_path(&format!("{}/sessions", list.path().trim_end_matches('/')));
        Ok(Self {
            http,
            list,
            authorization: settings.authorization()?,
            attempts: settings.attempts,
        })
    }

    /// The list of sessions, with the usage of those active at or after `since` where the other side is an agentmon.
    pub(super) async fn list(&self, since: Option<Timestamp>) -> Result<Vec<u8>, RemoteError> {
        let mut url = self.list.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("peer", "1");
            if let Some(since) = since {
                query.append_pair("usage_since", &since.to_string());
            }
        }
        let mut pause = FIRST_PAUSE;
        let mut left = self.attempts;
        loop {
            let error = match self.get(url.clone()).await {
                Err(error @ RemoteError::Unreachable(_)) if left > 0 => error,
                result => return result,
            };
            tracing::debug!(%error, "asking again");
            left -= 1;
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn get(&self, url: Url) -> Result<Vec<u8>, RemoteError> {
        let mut request = self.http.get(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(reqwest::header::AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(unreachable)?;
        check(&response)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_BODY {
                let message = format!("an answer of more than {} MiB", MAX_BODY >> 20);
                return Err(RemoteError::Protocol(message));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Settings {
    /// The header that names the key.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, RemoteError> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let mut value = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| RemoteError::Refused("OPENCLAW_API_KEY cannot be sent".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// The reason without the address, which may hold a secret.
fn unreachable(error: reqwest::Error) -> RemoteError {
    let error = error.without_url();
    let reason = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time".to_owned(),
        (_, true) => "no connection".to_owned(),
        _ => error.to_string(),
    };
    RemoteError::Unreachable(reason)
}

fn check(response: &Response) -> Result<(), RemoteError> {
    let status = response.status();
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(RemoteError::Refused(format!(
            "status {status}: is OPENCLAW_API_KEY right?"
        ))),
        StatusCode::TOO_MANY_REQUESTS => {
            let seconds = response
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let after = seconds.map_or(DEFAULT_WAIT, Duration::from_secs);
            Err(RemoteError::TooOften { after })
        }
        status if status.is_server_error() => {
            Err(RemoteError::Unreachable(format!("status {status}")))
        }
        status => Err(RemoteError::Protocol(format!("status {status}"))),
    }
}
