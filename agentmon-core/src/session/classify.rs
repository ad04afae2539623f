//! The only place that decides a state.

use super::{Evidence, StatePolicy, Verdict};
use crate::model::{AgentKind, Timestamp};

/// What a session of `agent` with this evidence, in any order, is doing at `now`.
#[must_use]
pub fn classify(
    agent: &AgentKind,
    evidence: &[Evidence],
    now: Timestamp,
    policy: &StatePolicy,
) -> Verdict {
    let _ = (agent, evidence, now, policy);
    Verdict::default()
}
