//! `agentmon.statusline.v1`.

use serde::Serialize;

use super::part::Usd;
use super::status::Quota;
use super::usage::Window;
use crate::query::Present;
use crate::source::claude_code::statusline::StatusInput;

/// What a client says of itself, and what is known of today.
#[must_use]
pub fn statusline<'a>(input: &'a StatusInput, present: Option<&'a Present>) -> impl Serialize + 'a {
    let cost = present.and_then(|present| present.session_cost);
    let block = present.and_then(|present| present.block.as_ref());
    Line {
        schema: "agentmon.statusline.v1",
        session: input.session.to_string(),
        model: input.model.as_deref(),
        context_tokens: input.context_tokens,
        context_window: input.context_window,
        session_cost_usd: cost.or(input.cost).map(Usd),
        today_cost_usd: present.map(|present| Usd(present.today.cost)),
        block: block.map(Window::from),
        quotas: input.quotas.iter().map(Quota::fresh).collect(),
    }
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    session: String,
    model: Option<&'a str>,
    context_tokens: Option<u64>,
    context_window: Option<u64>,
    session_cost_usd: Option<Usd>,
    today_cost_usd: Option<Usd>,
    block: Option<Window<'a>>,
    quotas: Vec<Quota<'a>>,
}
