//! Plan limits by provider.

use serde::Serialize;

use crate::model::AgentKind;
use crate::query::QuotaView;
use crate::wire::part::Time;

/// One provider's plan limits.
#[derive(Serialize)]
pub(super) struct Provider<'a> {
    provider: &'static str,
    agent_type: &'static str,
    status: &'static str,
    source: Option<&'static str>,
    updated_at: Option<Time>,
    account_label: Option<&'a str>,
    plan_type: Option<&'a str>,
    limit_id: Option<&'a str>,
    limit_name: Option<&'a str>,
    error_message: Option<&'a str>,
    primary: Option<Window>,
    secondary: Option<Window>,
    credits: Option<()>,
}

#[derive(Serialize)]
struct Window {
    used_percent: f64,
    remaining_percent: f64,
    resets_at: Option<Time>,
    window_minutes: Option<u32>,
}

impl From<&QuotaView> for Window {
    fn from(quota: &QuotaView) -> Self {
        // A window that has started afresh is empty as far as is known.
        let used = if quota.expired {
            0.0
        } else {
            quota.window.used_percent.clamp(0.0, 100.0)
        };
        Self {
            used_percent: used,
            remaining_percent: 100.0 - used,
            resets_at: quota.window.resets_at.filter(|_| !quota.expired).map(Time),
            window_minutes: quota.window.window_minutes,
        }
    }
}

/// Plan limits by provider.
#[must_use]
pub fn quotas(quotas: &[QuotaView]) -> impl Serialize + '_ {
    providers(quotas)
}

/// The providers that this contract names: of each the limit that was reported last, its windows by length.
pub(super) fn providers(quotas: &[QuotaView]) -> Vec<Provider<'_>> {
    let known = [
        ("claude", "claude_code", AgentKind::ClaudeCode, "statusline"),
        ("codex", "codex", AgentKind::Codex, "rollout"),
    ];
    let provider = |(provider, agent_type, agent, source)| {
        let of_agent = || quotas.iter().filter(|quota| quota.window.agent == agent);
        let latest = of_agent().max_by_key(|quota| quota.window.at);
        let mut windows: Vec<&QuotaView> = of_agent()
            .filter(|quota| {
                // Claude's windows are limits of their own; Codex has two windows of one limit.
                agent == AgentKind::ClaudeCode
                    || latest.is_some_and(|latest| latest.window.limit == quota.window.limit)
            })
            .collect();
        windows.sort_by_key(|quota| quota.window.window_minutes);
        let mut windows = windows.into_iter().map(Window::from);
        Provider {
            provider,
            agent_type,
            status: match latest {
                Some(_) => "available",
                None => "unavailable",
            },
            source: latest.map(|_| source),
            updated_at: latest.map(|latest| Time(latest.window.at)),
            account_label: None,
            plan_type: latest.and_then(|latest| latest.window.plan.as_deref()),
            limit_id: latest
                .map(|latest| &*latest.window.limit)
                .filter(|limit| !limit.is_empty() && agent != AgentKind::ClaudeCode),
            limit_name: None,
            error_message: None,
            primary: windows.next(),
            secondary: windows.next(),
            credits: None,
        }
    };
    known.into_iter().map(provider).collect()
}
