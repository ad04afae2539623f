//! What Claude Code hands to a statusline command on standard input, as of 2.1. Pure.
//!
//! Fields come and go with the account and the moment: everything but the session's id may be missing.

use serde::Deserialize;

use super::session_key;
use crate::model::{AgentKind, NanoUsd, QuotaWindow, SessionKey, Timestamp};

/// The present of one session, as its client tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusInput {
    /// The session.
    pub session: SessionKey,
    /// The model's name for people. Hostile input.
    pub model: Option<Box<str>>,
    /// Tokens in the context window.
    pub context_tokens: Option<u64>,
    /// The context window's size in tokens.
    pub context_window: Option<u64>,
    /// What the session cost since the client started, at the client's own prices.
    pub cost: Option<NanoUsd>,
    /// Plan limits; subscribers only.
    pub quotas: Vec<QuotaWindow>,
}

#[derive(Deserialize)]
struct Input {
    session_id: Box<str>,
    #[serde(default)]
    model: Option<Model>,
    #[serde(default)]
    cost: Option<Cost>,
    #[serde(default)]
    context_window: Option<ContextWindow>,
    #[serde(default)]
    rate_limits: Option<RateLimits>,
}

#[derive(Deserialize)]
struct Model {
    id: Option<Box<str>>,
    display_name: Option<Box<str>>,
}

#[derive(Deserialize)]
struct Cost {
    total_cost_usd: Option<f64>,
}

#[derive(Deserialize)]
struct ContextWindow {
    total_input_tokens: Option<u64>,
    context_window_size: Option<u64>,
    current_usage: Option<CurrentUsage>,
}

#[derive(Deserialize)]
struct CurrentUsage {
    input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct RateLimits {
    five_hour: Option<RateLimit>,
    seven_day: Option<RateLimit>,
}

#[derive(Deserialize)]
struct RateLimit {
    used_percentage: Option<f64>,
    resets_at: Option<Reset>,
}

/// Seconds since 1970, or RFC 3339.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reset {
    Seconds(f64),
    Text(Box<str>),
}

impl Reset {
    fn time(&self) -> Option<Timestamp> {
        match self {
            Self::Seconds(seconds) => Some(Timestamp((seconds * 1000.0) as i64)),
            Self::Text(text) => Timestamp::parse(text),
        }
    }
}

/// Reads the object. `now` dates the plan limits, which carry no time.
///
/// # Errors
/// What is wrong with the JSON.
pub fn parse(bytes: &[u8], now: Timestamp) -> Result<StatusInput, serde_json::Error> {
    let input: Input = serde_json::from_slice(bytes)?;
    let context = input.context_window;
    let context_tokens = context.as_ref().and_then(|context| {
        let current = context.current_usage.as_ref().map(|usage| {
            let parts = [
                usage.input_tokens,
                usage.cache_creation_input_tokens,
                usage.cache_read_input_tokens,
            ];
            let parts = parts.iter().flatten();
            parts.fold(0_u64, |sum, part| sum.saturating_add(*part))
        });
        current.or(context.total_input_tokens)
    });
    let mut quotas = Vec::new();
    if let Some(limits) = input.rate_limits {
        let windows = [
            ("five_hour", 300, limits.five_hour),
            ("seven_day", 10_080, limits.seven_day),
        ];
        for (window, minutes, limit) in windows {
            let used = limit.as_ref().and_then(|limit| limit.used_percentage);
            if let (Some(limit), Some(used_percent)) = (limit, used) {
                quotas.push(QuotaWindow {
                    agent: AgentKind::ClaudeCode,
                    limit: "".into(),
                    window: window.into(),
                    used_percent,
                    window_minutes: Some(minutes),
                    resets_at: limit.resets_at.and_then(|reset| reset.time()),
                    plan: None,
                    at: now,
                });
            }
        }
    }
    let model = input.model;
    Ok(StatusInput {
        session: session_key(&input.session_id, None),
        model: model.and_then(|model| model.display_name.or(model.id)),
        context_tokens,
        context_window: context.and_then(|context| context.context_window_size),
        cost: input
            .cost
            .and_then(|cost| NanoUsd::from_dollars(cost.total_cost_usd?)),
        quotas,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read_and_the_rest_is_unknown() {
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        let full = parse(
            br#"{"session_id":"s","model":{"id":"claude-opus-5-5","display_name":"Opus 5.5"},
            "cost":{"total_cost_usd":0.0156914},"context_window":{"total_input_tokens":17324,"context_window_size":1000000,
            "current_usage":{"input_tokens":11,"output_tokens":57,"cache_creation_input_tokens":2301,"cache_read_input_tokens":15012}},
            "rate_limits":{"five_hour":{"used_percentage":42.5,"resets_at":1795269600},
            "seven_day":{"used_percentage":10,"resets_at":"2026-11-24T00:00:00Z"}}}"#,
            now,
        )
        .unwrap();
        assert_eq!(full.session.to_string(), "claude_code:s");
        assert_eq!(full.model.as_deref(), Some("Opus 5.5"));
        assert_eq!(
            (full.context_tokens, full.context_window),
            (Some(17_324), Some(1_000_000))
        );
        assert_eq!(full.cost, Some(NanoUsd(15_691_400)));
        let [five, seven] = &full.quotas[..] else {
            panic!("{:?}", full.quotas);
        };
        assert_eq!((five.used_percent, five.window_minutes), (42.5, Some(300)));
        assert_eq!(
            five.resets_at.map(|at| at.to_string()).as_deref(),
            Some("2026-11-21T14:00:00.000Z")
        );
        assert_eq!(seven.resets_at, Timestamp::parse("2026-11-24T00:00:00Z"));

        let bare = parse(
            br#"{"session_id":"s","context_window":{"current_usage":null},"rate_limits":null}"#,
            now,
        )
        .unwrap();
        assert_eq!(
            (bare.cost, bare.context_tokens, bare.quotas.len()),
            (None, None, 0)
        );
        for wrong in ["", "[]", "{}", "{\"session_id\":3}", "\u{0}"] {
            assert!(parse(wrong.as_bytes(), now).is_err(), "{wrong:?}");
        }
    }
}
