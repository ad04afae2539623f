//! Alerts posted to an address, signed so that the receiver knows who posts.

use std::time::Duration;

use agentmon_core::alert::{Alert, Webhook};
use agentmon_core::wire;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::redirect::Policy;
use sha2::Sha256;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Posts.
#[derive(Debug, Clone)]
pub(super) struct Poster(Option<reqwest::Client>);

impl Poster {
    pub(super) fn new() -> Self {
        // Another part of the process may have chosen already; either will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            // Where a redirect leads was not configured.
            .redirect(Policy::none())
            .user_agent(concat!("agentmon/", env!("CARGO_PKG_VERSION")))
            .build();
        if let Err(error) = &client {
            tracing::error!(%error, "webhooks cannot be called");
        }
        Self(client.ok())
    }

    /// Posts an alert. Answers other than 2xx are errors.
    pub(super) async fn post(&self, webhook: &Webhook, alert: &Alert) -> Result<(), String> {
        let Some(client) = &self.0 else {
            return Err("webhooks cannot be called here".to_owned());
        };
        let body = serde_json::to_vec(&wire::alert(alert)).map_err(|error| error.to_string())?;
        let at = alert.raised_at.0.div_euclid(1000).to_string();
        let mut request = client
            .post(webhook.url.expose())
            .header("content-type", "application/json")
            .header("x-agentmon-alert", alert.id)
            .header("x-agentmon-timestamp", &at);
        if let Some(secret) = &webhook.secret {
            let signature = signature(secret.expose().as_bytes(), &at, &body);
            request = request.header("x-agentmon-signature", signature);
        }
        // The address may hold a key: errors are told without it.
        let answer = request.body(body).send().await;
        let status = answer
            .map_err(|error| reason(&error.without_url()))?
            .status();
        match status.is_success() {
            true => Ok(()),
            false => Err(format!("the answer was {status}")),
        }
    }
}

fn reason(error: &reqwest::Error) -> String {
    match error {
        error if error.is_timeout() => "no answer within 10 s".to_owned(),
        error if error.is_connect() => "no connection".to_owned(),
        error => error.to_string(),
    }
}

/// `sha256=` and the HMAC-SHA256 of the time, a dot and the body, in hexadecimal.
fn signature(secret: &[u8], at: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        // Keys of any length are taken.
        return String::new();
    };
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(body);
    let bytes = mac.finalize().into_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_what_receivers_compute() {
        // printf '1.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            signature(b"key", "1", b"{}"),
            "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
        );
    }
}
