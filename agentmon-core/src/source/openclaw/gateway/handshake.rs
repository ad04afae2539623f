//! How a connection begins: the gateway's challenge, the one connect request that both protocols take, and what the
//! gateway makes of it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::device::{Claim, Identity};
use super::frame::{Payload, RpcError};
use crate::config::Secret;
use crate::model::{Span, Timestamp};
use crate::source::json::{self as raw, Raw};

/// Oldest and newest protocol that agentmon speaks.
pub const PROTOCOLS: [u64; 2] = [3, 4];

/// The client that agentmon says it is. Ids are a closed set; this one keeps a token's scopes without a device identity
/// on loopback, in both protocols.
const CLIENT: (&str, &str) = ("gateway-client", "backend");
const ROLE: &str = "operator";
/// What agentmon does: watch, chat, and answer what agents ask. The last scope is for that alone: gateways since 2026.7 show
/// a request for approval to administrators and to whoever started the run, nobody else, so that without it a run that waits would
/// seem to work, and one that agentmon started would be refused its commands.
const SCOPES: [&str; 4] = [
    "operator.read",
    "operator.write",
    "operator.approvals",
    "operator.admin",
];
/// Without the last two, commands that need a yes are refused in runs that agentmon starts.
const CAPABILITIES: [&str; 3] = ["tool-events", "approvals", "exec-approvals"];

/// How often a gateway gives a sign of life unless it says otherwise, and what it may say.
const TICK: Span = Span::from_secs(30);
const TICKS: [Span; 2] = [Span::from_secs(1), Span::from_mins(10)];

/// What lets agentmon in.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// The gateway's token.
    pub token: Option<Secret<String>>,
    /// The gateway's password.
    pub password: Option<Secret<String>>,
}

/// What the gateway wants answered first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    nonce: Box<str>,
    at: Timestamp,
}

/// What is known of a gateway once it has let agentmon in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The protocol that is spoken from here on: 3 or 4.
    pub protocol: u64,
    /// The gateway's version; `dev` for Clawdbot.
    pub version: Box<str>,
    /// Differs after every start of the gateway (protocol 4).
    pub boot: Option<Box<str>>,
    /// How long it has been running.
    pub uptime: Option<Span>,
    /// Its state folder, on its own machine.
    pub state_dir: Option<Box<str>>,
    /// The agent that is meant where none is named.
    pub default_agent: Option<Box<str>>,
    /// The scopes that were granted, where it says so.
    pub scopes: Option<Vec<String>>,
    /// How often it gives a sign of life.
    pub tick: Span,
}

/// Why a gateway did not let agentmon in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The token or password is wrong or missing.
    Credentials(Box<str>),
    /// It wants to know the device.
    DeviceRequired,
    /// An operator has to approve this device first.
    Pairing {
        /// The request to approve.
        request: Option<Box<str>>,
    },
    /// It speaks another protocol.
    Protocol {
        /// The one that it speaks.
        expected: Option<u64>,
    },
    /// It is busy starting or stopping.
    Busy {
        /// When to try again.
        retry_after: Option<Span>,
    },
    /// Anything else, in its words.
    Other(Box<str>),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawChallenge<'a> {
    #[serde(borrow)]
    nonce: Raw<'a>,
    #[serde(borrow)]
    ts: Raw<'a>,
}

impl Challenge {
    /// Reads the payload of `connect.challenge`.
    #[must_use]
    pub fn read(payload: Payload<'_>) -> Option<Self> {
        let body: RawChallenge<'_> = raw::object(payload.0)?;
        let nonce = raw::text(body.nonce).filter(|nonce| (1..=256).contains(&nonce.len()))?;
        Some(Self {
            nonce: (*nonce).into(),
            at: raw::time(body.ts)?,
        })
    }
}

/// The parameters of the connect request. Unknown ones would be refused, so that these are all.
#[must_use]
pub fn connect(
    challenge: &Challenge,
    credentials: &Credentials,
    device: Option<&Identity>,
) -> Value {
    let mut auth = serde_json::Map::new();
    let mut add = |name: &str, secret: &Option<Secret<String>>| {
        if let Some(secret) = secret {
            auth.insert(name.to_owned(), secret.expose().as_str().into());
        }
    };
    add("token", &credentials.token);
    add("password", &credentials.password);
    let mut params = json!({
        "minProtocol": PROTOCOLS[0],
        "maxProtocol": PROTOCOLS[1],
        "client": {
            "id": CLIENT.0,
            "displayName": "agentmon",
            "version": env!("CARGO_PKG_VERSION"),
            "platform": std::env::consts::OS,
            "mode": CLIENT.1,
        },
        "role": ROLE,
        "scopes": SCOPES,
        "caps": CAPABILITIES,
    });
    if let Some(device) = device {
        params["device"] = device.sign(&Claim {
            client: CLIENT,
            role: ROLE,
            scopes: &SCOPES,
            token: credentials
                .token
                .as_ref()
                .map_or("", |token| token.expose().as_str()),
            nonce: &challenge.nonce,
            at: challenge.at,
        });
    }
    if !auth.is_empty() {
        params["auth"] = auth.into();
    }
    params
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawHello<'a> {
    #[serde(borrow)]
    protocol: Raw<'a>,
    #[serde(borrow)]
    server: Raw<'a>,
    #[serde(borrow)]
    snapshot: Raw<'a>,
    #[serde(borrow)]
    auth: Raw<'a>,
    #[serde(borrow)]
    policy: Raw<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Parts<'a> {
    #[serde(borrow)]
    version: Raw<'a>,
    #[serde(borrow)]
    boot_id: Raw<'a>,
    #[serde(borrow)]
    uptime_ms: Raw<'a>,
    #[serde(borrow)]
    state_dir: Raw<'a>,
    #[serde(borrow)]
    session_defaults: Raw<'a>,
    #[serde(borrow)]
    default_agent_id: Raw<'a>,
    #[serde(borrow)]
    scopes: Raw<'a>,
    #[serde(borrow)]
    tick_interval_ms: Raw<'a>,
}

impl Hello {
    /// Reads `hello-ok`; `None` where it speaks a protocol that was not offered.
    #[must_use]
    pub fn read(payload: Payload<'_>) -> Option<Self> {
        let hello: RawHello<'_> = raw::object(payload.0)?;
        let part = |field| raw::object::<Parts<'_>>(field).unwrap_or_default();
        let (server, snapshot) = (part(hello.server), part(hello.snapshot));
        let owned = |field| raw::text(field).map(|text| Box::from(&*text));
        let millis =
            |field| raw::count(field).map(|millis| Span(millis.min(i64::MAX as u64) as i64));
        let protocol = raw::count(hello.protocol)?;
        let tick = millis(part(hello.policy).tick_interval_ms).unwrap_or(TICK);
        let auth = hello.auth.map(|auth| part(Some(auth)));
        (PROTOCOLS[0]..=PROTOCOLS[1])
            .contains(&protocol)
            .then(|| Self {
                protocol,
                version: owned(server.version).unwrap_or_else(|| "unknown".into()),
                boot: owned(server.boot_id),
                uptime: millis(snapshot.uptime_ms),
                state_dir: owned(snapshot.state_dir),
                default_agent: owned(part(snapshot.session_defaults).default_agent_id),
                scopes: auth
                    .filter(|auth| auth.scopes.is_some())
                    .map(|auth| raw::strings(auth.scopes)),
                tick: tick.clamp(TICKS[0], TICKS[1]),
            })
    }

    /// Whether a scope was granted. Older gateways do not say: then it is assumed.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| {
            scopes
                .iter()
                .any(|known| known == scope || known == "operator.admin")
        })
    }
}

impl Refusal {
    /// What a refused connect request means. Older gateways state the reason in the sentence alone.
    #[must_use]
    pub fn of(error: &RpcError) -> Self {
        let reason = error.reason.as_deref().unwrap_or_default();
        let message = error.message.to_ascii_lowercase();
        if reason == "PAIRING_REQUIRED" || message.contains("pairing required") {
            let request = error.pairing.clone();
            return Self::Pairing { request };
        }
        if reason.contains("DEVICE_IDENTITY_REQUIRED")
            || message.contains("device identity required")
        {
            return Self::DeviceRequired;
        }
        if reason == "PROTOCOL_MISMATCH" || message.contains("protocol mismatch") {
            let expected = error.expected_protocol;
            return Self::Protocol { expected };
        }
        if reason.starts_with("AUTH_") || message.starts_with("unauthorized") {
            return Self::Credentials(error.to_string().into());
        }
        if &*error.code == "UNAVAILABLE" {
            let retry_after = error.retry_after;
            return Self::Busy { retry_after };
        }
        Self::Other(error.to_string().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::openclaw::gateway::frame::{Incoming, read};

    fn answer(json: &Value) -> Result<Hello, Refusal> {
        let text = json.to_string();
        match read(text.as_bytes()) {
            Some(Incoming::Answer { outcome, .. }) => outcome
                .map(|payload| Hello::read(payload).unwrap())
                .map_err(|error| Refusal::of(&error)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_request_serves_both_protocols_and_shows_no_secret_but_to_the_gateway() {
        let challenge = Challenge {
            nonce: "n".into(),
            at: Timestamp(5),
        };
        let secret = |text: &str| Some(Secret::new(text.to_owned()));
        let credentials = Credentials {
            token: secret("t0p"),
            password: secret("pw"),
        };
        let params = connect(&challenge, &credentials, None);
        assert_eq!(
            (&params["minProtocol"], &params["maxProtocol"]),
            (&json!(3), &json!(4))
        );
        assert_eq!(params["auth"], json!({"token": "t0p", "password": "pw"}));
        assert!(params.get("device").is_none());
        let params = connect(
            &challenge,
            &Credentials::default(),
            Some(&Identity::new(&[7; 32])),
        );
        assert!(params.get("auth").is_none());
        assert_eq!(params["device"]["signedAt"], 5);
        assert!(!format!("{credentials:?}").contains("t0p"));
    }

    #[test]
    fn refusals_of_both_protocols_are_told_apart() {
        let refuse = |code: &str, message: &str, details: Value| {
            let error = json!({"code": code, "message": message, "details": details});
            answer(&json!({"type": "res", "id": "1", "ok": false, "error": error})).unwrap_err()
        };
        let mismatch = "unauthorized: gateway token mismatch (provide gateway auth token)";
        for details in [json!({"code": "AUTH_TOKEN_MISMATCH"}), Value::Null] {
            let refusal = refuse("INVALID_REQUEST", mismatch, details);
            assert_eq!(refusal, Refusal::Credentials(mismatch.into()));
        }
        let device = refuse("NOT_PAIRED", "device identity required", Value::Null);
        assert_eq!(device, Refusal::DeviceRequired);
        let pairing = refuse(
            "NOT_PAIRED",
            "pairing required",
            json!({"requestId": "r-1"}),
        );
        assert_eq!(
            pairing,
            Refusal::Pairing {
                request: Some("r-1".into())
            }
        );
        let protocol = refuse(
            "INVALID_REQUEST",
            "protocol mismatch",
            json!({"expectedProtocol": 5}),
        );
        assert_eq!(protocol, Refusal::Protocol { expected: Some(5) });
        let busy = refuse(
            "UNAVAILABLE",
            "starting",
            json!({"reason": "startup-sidecars", "retryAfterMs": 700}),
        );
        assert_eq!(
            busy,
            Refusal::Busy {
                retry_after: Some(Span(700))
            }
        );
        let other = refuse("INVALID_REQUEST", "invalid connect params", Value::Null);
        assert_eq!(other, Refusal::Other("invalid connect params".into()));
    }
}
