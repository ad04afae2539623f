//! What Claude Code tells its status line: among much else how far the plan's limits are used up.

use serde::Deserialize;

use crate::model::{AgentKind, Batch, QuotaWindow, Timestamp};

/// The windows of a plan, and their lengths in minutes.
const WINDOWS: [(&str, u32); 2] = [("five_hour", 300), ("seven_day", 10_080)];

#[derive(Deserialize)]
struct Statusline {
    rate_limits: Option<serde_json::Map<String, serde_json::Value>>,
}

/// The plan limits in a status line's input; `None` when it has none (plans without limits, other JSON).
///
/// `resets_at` is in seconds since 1970 or an RFC 3339 time; both occur.
#[must_use]
pub fn read(body: &[u8], now: Timestamp) -> Option<Batch> {
    let limits = serde_json::from_slice::<Statusline>(body)
        .ok()?
        .rate_limits?;
    let window = |(name, minutes): (&str, u32)| {
        let limit = limits.get(name)?;
        let used = limit
            .get("used_percentage")
            .or_else(|| limit.get("used_percent"))?;
        let resets_at = limit.get("resets_at").and_then(|at| match at.as_str() {
            Some(text) => Timestamp::parse(text),
            None => Some(Timestamp((at.as_f64()? * 1000.0) as i64)),
        });
        Some(QuotaWindow {
            agent: AgentKind::ClaudeCode,
            limit: name.into(),
            window: "primary".into(),
            used_percent: used.as_f64()?.clamp(0.0, 1000.0),
            window_minutes: Some(minutes),
            resets_at: resets_at.filter(|at| (Timestamp(0)..=Timestamp::MAX).contains(at)),
            plan: None,
            at: now,
        })
    };
    let mut batch = Batch::default();
    batch.quotas.extend(WINDOWS.into_iter().filter_map(window));
    (!batch.quotas.is_empty()).then_some(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_and_anything_else_is_none() {
        let body = br#"{"session_id":"x","rate_limits":{"five_hour":{"used_percentage":42.5,"resets_at":1795251882},
            "seven_day":{"used_percentage":7,"resets_at":"2026-11-25T00:00:00Z"},"other":{}}}"#;
        let batch = read(body, Timestamp(5)).unwrap();
        let told: Vec<_> = batch
            .quotas
            .iter()
            .map(|quota| {
                (
                    &*quota.limit,
                    quota.used_percent,
                    quota.resets_at.map(|at| at.0),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("five_hour", 42.5, Some(1_795_251_882_000)),
                ("seven_day", 7.0, Some(1_795_564_800_000))
            ]
        );
        for body in [
            "",
            "[]",
            "{}",
            r#"{"rate_limits":{}}"#,
            r#"{"rate_limits":{"five_hour":7}}"#,
        ] {
            assert!(read(body.as_bytes(), Timestamp(5)).is_none(), "{body}");
        }
    }
}
