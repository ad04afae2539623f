//! One session in detail: the agent's own count beside ours, and the evidence behind its state.

use super::usage::unattributed::beyond;
use super::{Explanation, ModelUsage, SessionView, Sums, Unattributed};
use crate::model::{ModelTotals, NanoUsd, SessionKey, Usage};
use crate::session::{EvidenceRef, Session, Transition};

/// What the agent itself counts, by model, and what of it no counted call accounts for.
#[must_use]
pub fn cross_check(
    key: &SessionKey,
    reported: &[ModelTotals],
    counted: &[ModelUsage],
) -> (Vec<ModelUsage>, Vec<Unattributed>) {
    let mut own = Vec::new();
    let mut unattributed = Vec::new();
    for totals in reported {
        let usage = Usage {
            input: totals.usage.input,
            cache_read: totals.usage.cache_read,
            cache_creation_5m: totals.usage.cache_creation,
            output: totals.usage.output,
            ..Usage::default()
        };
        let ours = counted.iter().find(|model| model.model == totals.model);
        let ours = ours.map_or((Usage::default(), NanoUsd::ZERO), |ours| {
            (ours.sums.usage, ours.sums.cost)
        });
        if let Some((usage, cost)) = beyond((usage, totals.cost), ours) {
            unattributed.push(Unattributed {
                session: key.clone(),
                model: totals.model.clone(),
                usage,
                cost,
            });
        }
        own.push(ModelUsage {
            model: totals.model.clone(),
            sums: Sums {
                usage,
                cost: totals.cost,
                ..Sums::default()
            },
        });
    }
    (own, unattributed)
}

/// Why `session` is in the state that `view` shows.
#[must_use]
pub fn explanation(
    view: SessionView,
    session: Option<&Session>,
    transitions: Vec<Transition>,
) -> Explanation {
    let evidence = session.map(Session::evidence).unwrap_or_default();
    Explanation {
        session: view,
        verdict: session
            .map(|session| session.verdict.clone())
            .unwrap_or_default(),
        evidence: evidence.iter().rev().map(EvidenceRef::of).collect(),
        transitions,
    }
}
