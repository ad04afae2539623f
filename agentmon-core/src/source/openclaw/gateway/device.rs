//! The device identity: an Ed25519 key by which a gateway knows this agentmon again. The key is made and kept elsewhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::model::Timestamp;

/// A device's key.
#[derive(Clone)]
pub struct Identity {
    key: SigningKey,
    id: Box<str>,
}

/// What a signature vouches for besides the device itself, as it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The client's id and mode.
    pub client: (&'a str, &'a str),
    /// The role asked for.
    pub role: &'a str,
    /// The scopes asked for, in the order in which they are sent.
    pub scopes: &'a [&'a str],
    /// The token that is sent; empty without one.
    pub token: &'a str,
    /// The challenge.
    pub nonce: &'a str,
    /// The challenge's time, which the signature takes over: clocks differ.
    pub at: Timestamp,
}

impl Identity {
    /// The identity of a secret of 32 random bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(secret);
        let digest = Sha256::digest(key.verifying_key().as_bytes());
        let id: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { key, id: id.into() }
    }

    /// The id under which gateways keep this device: the hex SHA-256 of the public key.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The `device` of a connect request.
    ///
    /// The signed text is of version 2, which gateways of both protocols take.
    #[must_use]
    pub fn sign(&self, claim: &Claim<'_>) -> Value {
        let text = signed_text(&self.id, claim);
        let signature = self.key.sign(text.as_bytes());
        json!({
            "id": self.id,
            "publicKey": URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes()),
            "signature": URL_SAFE_NO_PAD.encode(signature.to_bytes()),
            "signedAt": claim.at.0,
            "nonce": claim.nonce,
        })
    }
}

fn signed_text(device: &str, claim: &Claim<'_>) -> String {
    let Claim {
        client: (client, mode),
        role,
        scopes,
        token,
        nonce,
        at,
    } = claim;
    let scopes = scopes.join(",");
    format!(
        "v2|{device}|{client}|{mode}|{role}|{scopes}|{}|{token}|{nonce}",
        at.0
    )
}

/// Never shows the key (I10).
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded connect requests that real gateways accepted.
    const VECTORS: &str =
        include_str!("../../../../tests/fixtures/openclaw/device-auth-vectors.json");

    #[test]
    fn signatures_are_those_that_gateways_accepted() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let secret: [u8; 32] = std::array::from_fn(|index| index as u8);
        let identity = Identity::new(&secret);
        assert_eq!(vectors["device_id"], identity.id());
        let accepted = vectors["accepted"].as_array().unwrap();
        let mut checked = 0;
        for vector in accepted {
            let (text, params) = (
                vector["signed_text"].as_str().unwrap(),
                &vector["connect_params"],
            );
            let of = |value: &Value, key: &str| value[key].as_str().unwrap().to_owned();
            // Version 3 signs two more fields, which agentmon does not use: only the key is compared.
            let device = &params["device"];
            assert_eq!(device["publicKey"], vectors["public_key_base64url"]);
            let signature = identity.key.sign(text.as_bytes());
            assert_eq!(
                device["signature"],
                URL_SAFE_NO_PAD.encode(signature.to_bytes()),
                "{text}"
            );
            if !text.starts_with("v2|") {
                continue;
            }
            checked += 1;
            let scopes: Vec<&str> = params["scopes"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let signed = identity.sign(&Claim {
                client: (&of(&params["client"], "id"), &of(&params["client"], "mode")),
                role: "operator",
                scopes: &scopes,
                token: &of(&params["auth"], "token"),
                nonce: &of(device, "nonce"),
                at: Timestamp(device["signedAt"].as_i64().unwrap()),
            });
            assert_eq!(&signed, device);
        }
        assert!(checked > 0);
        assert!(!format!("{identity:?}").contains("key:"));
    }
}
