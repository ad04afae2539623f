//! Five-hour windows, as Anthropic's and OpenAI's plans count them.
//!
//! A window opens at the full hour (UTC) of a call that no earlier window holds and closes five hours later. There is
//! no sign of it on disk but the calls themselves, and it belongs to the account: filters choose what is summed, never
//! where windows begin.

use super::{Block, Projection, Sums, UsageData};
use crate::model::{AgentKind, NanoUsd, Span, Timestamp};

const WINDOW: Span = Span::from_mins(5 * 60);
const HOUR: i64 = 3_600_000;

/// All windows of all agents by time, empty of sums, and for each cell the index of its window.
pub(super) fn windows(data: &UsageData) -> (Vec<Block>, Vec<u32>) {
    let agent_of = |cell: usize| -> Option<&AgentKind> {
        let session = data.cells[cell].session as usize;
        data.sessions.get(session).map(|session| &session.key.agent)
    };
    let mut order: Vec<usize> = (0..data.cells.len())
        .filter(|&cell| agent_of(cell).is_some())
        .collect();
    order.sort_by_key(|&cell| (agent_of(cell), data.cells[cell].first));

    let mut windows: Vec<Block> = Vec::new();
    let mut of_cell = vec![u32::MAX; data.cells.len()];
    for index in order {
        let (cell, Some(agent)) = (&data.cells[index], agent_of(index)) else {
            continue;
        };
        let open = windows
            .last_mut()
            .filter(|window| window.agent == *agent && cell.first < window.end);
        if let Some(window) = open {
            window.last = window.last.max(cell.last);
        } else {
            let start = Timestamp(cell.first.0.div_euclid(HOUR).saturating_mul(HOUR));
            windows.push(Block {
                agent: agent.clone(),
                start,
                end: start + WINDOW,
                first: cell.first,
                last: cell.last,
                sums: Sums::default(),
                projection: None,
            });
        }
        of_cell[index] = windows.len() as u32 - 1;
    }
    (windows, of_cell)
}

/// Where an open window leads if it goes on as it did since its first call; `None` for one that is over.
pub(super) fn project(window: &Block, now: Timestamp) -> Option<Projection> {
    if now < window.first || now >= window.end {
        return None;
    }
    // Less than a minute says nothing about speed yet.
    let elapsed_minutes = ((now - window.first).0 as f64 / 60_000.0).max(1.0);
    let remaining_minutes = (window.end - now).0 as f64 / 60_000.0;
    let tokens = window.sums.usage.total();
    let cost = window.sums.cost.0;
    let tokens_per_minute = tokens as f64 / elapsed_minutes;
    let cost_per_minute = cost as f64 / elapsed_minutes;
    Some(Projection {
        remaining_minutes: remaining_minutes.ceil() as u64,
        tokens_per_minute,
        cost_per_hour: NanoUsd((cost_per_minute * 60.0) as i64),
        tokens: tokens.saturating_add((tokens_per_minute * remaining_minutes) as u64),
        cost: NanoUsd(cost.saturating_add((cost_per_minute * remaining_minutes) as i64)),
    })
}
