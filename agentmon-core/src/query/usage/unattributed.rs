//! The difference between what agents count themselves and what their calls add up to.

use super::{Unattributed, UsageData};
use crate::model::{NanoUsd, Usage};

/// Agents state costs as binary fractions of a dollar: what is below this is rounding.
const ROUNDING: NanoUsd = NanoUsd(1000);

/// What agents counted beyond the calls, the dearest first, of the sessions and models (by index) that pass.
pub(super) fn list(data: &UsageData, passes: impl Fn(usize, usize) -> bool) -> Vec<Unattributed> {
    let mut list: Vec<Unattributed> = data
        .reported
        .iter()
        .filter_map(|totals| {
            let (session, model) = (totals.session as usize, totals.model as usize);
            if !passes(session, model) {
                return None;
            }
            let (usage, cost) = beyond(
                (totals.reported, totals.reported_cost),
                (totals.counted, totals.counted_cost),
            )?;
            Some(Unattributed {
                session: data.sessions[session].report_as.clone(),
                model: data.models[model].clone(),
                usage,
                cost,
            })
        })
        .collect();
    list.sort_by(|a, b| (b.cost, &a.session, &a.model).cmp(&(a.cost, &b.session, &b.model)));
    list
}

/// What was reported beyond what was counted, if anything.
pub(in crate::query) fn beyond(
    (reported, reported_cost): (Usage, NanoUsd),
    (counted, counted_cost): (Usage, NanoUsd),
) -> Option<(Usage, NanoUsd)> {
    let usage = reported - without_lifetimes(counted);
    let cost = reported_cost - counted_cost;
    let cost = if cost > ROUNDING { cost } else { NanoUsd::ZERO };
    (!usage.is_zero() || cost != NanoUsd::ZERO).then_some((usage, cost))
}

/// Agents' own totals do not tell the lifetimes of caches apart.
fn without_lifetimes(usage: Usage) -> Usage {
    Usage {
        cache_creation_5m: usage.cache_creation(),
        cache_creation_1h: 0,
        ..usage
    }
}
