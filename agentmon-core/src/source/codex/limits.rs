//! `rate_limits` of a `token_count`: the plan's windows as the provider's response headers stated them.

use serde::Deserialize;

use super::text::Text;
use crate::model::{AgentKind, Batch, QuotaWindow, Span, Timestamp};

/// The limit's name where the client does not write one (before 0.9x).
const DEFAULT_LIMIT: &str = "codex";

#[derive(Debug, Deserialize)]
pub(super) struct RateLimits<'a> {
    #[serde(default, borrow)]
    limit_id: Text<'a>,
    primary: Option<Window>,
    secondary: Option<Window>,
    credits: Option<Credits>,
    #[serde(default, borrow)]
    plan_type: Text<'a>,
    #[serde(default, borrow)]
    rate_limit_reached_type: Text<'a>,
}

#[derive(Debug, Deserialize)]
struct Window {
    used_percent: f64,
    window_minutes: Option<u32>,
    /// Seconds since 1970.
    resets_at: Option<i64>,
    /// Clients before 0.5x.
    resets_in_seconds: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Credits {
    has_credits: Option<bool>,
    unlimited: Option<bool>,
}

impl Window {
    fn resets_at(&self, now: Timestamp) -> Option<Timestamp> {
        let at = self
            .resets_at
            .map(|seconds| Timestamp(seconds.saturating_mul(1000)));
        let after = self
            .resets_in_seconds
            .map(|seconds| now + Span(seconds.saturating_mul(1000)));
        at.or(after)
    }
}

impl RateLimits<'_> {
    /// Keeps the windows in `out`, the latest of each.
    pub(super) fn store(&self, at: Timestamp, out: &mut Batch) {
        let limit = self.limit_id.name().unwrap_or(DEFAULT_LIMIT);
        for (name, window) in [("primary", &self.primary), ("secondary", &self.secondary)] {
            let Some(window) = window else { continue };
            let known = out.quotas.iter_mut().find(|known| {
                known.agent == AgentKind::Codex && &*known.limit == limit && &*known.window == name
            });
            let plan = self.plan_type.name();
            match known {
                Some(known) if (known.at, known.used_percent) > (at, window.used_percent) => {}
                Some(known) => {
                    known.used_percent = window.used_percent;
                    known.window_minutes = window.window_minutes;
                    known.resets_at = window.resets_at(at);
                    known.at = at;
                    if known.plan.as_deref() != plan {
                        known.plan = plan.map(Into::into);
                    }
                }
                None => out.quotas.push(QuotaWindow {
                    agent: AgentKind::Codex,
                    limit: limit.into(),
                    window: name.into(),
                    used_percent: window.used_percent,
                    window_minutes: window.window_minutes,
                    resets_at: window.resets_at(at),
                    plan: plan.map(Into::into),
                    at,
                }),
            }
        }
    }

    /// Whether nothing is left, and if so until when. Bought credits go on where the plan ends.
    pub(super) fn exhausted(&self, at: Timestamp) -> Option<Option<Timestamp>> {
        let paid = self.credits.as_ref().is_some_and(|credits| {
            credits.has_credits == Some(true) || credits.unlimited == Some(true)
        });
        let full = [&self.primary, &self.secondary]
            .into_iter()
            .flatten()
            .filter(|window| window.used_percent >= 100.0);
        // All full windows must start afresh.
        let until = full.map(|window| window.resets_at(at)).max();
        match until {
            Some(until) if !paid => Some(until),
            _ => self
                .rate_limit_reached_type
                .get()
                .is_some()
                .then_some(until.flatten()),
        }
    }
}
