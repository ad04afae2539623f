//! The present in a few figures.

use crate::model::NanoUsd;

use super::usage::{Block, Sums};

/// What is stored of one session, of today and of an agent's open five-hour window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Present {
    /// What the session cost, with its subagents; `None` when nothing is known of it.
    pub session_cost: Option<NanoUsd>,
    /// All usage of today.
    pub today: Sums,
    /// The window that is open now.
    pub block: Option<Block>,
}

impl Present {
    /// Adds what the client of the session has spent beyond what is stored: its own word is fresher.
    pub fn catch_up(&mut self, session_cost: NanoUsd) {
        let beyond = NanoUsd(
            session_cost
                .0
                .saturating_sub(self.session_cost.unwrap_or_default().0),
        );
        if beyond > NanoUsd::ZERO {
            self.session_cost = Some(session_cost);
            self.today.cost += beyond;
            if let Some(block) = &mut self.block {
                block.sums.cost += beyond;
            }
        }
    }
}
