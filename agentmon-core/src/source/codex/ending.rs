//! How a thread stands at the end of its file, for sessions that are not read for evidence.

use serde::{Deserialize, Serialize};

use super::head::Kind;
use super::turn::TURN_ENDED;
use crate::model::Timestamp;
use crate::session::{Evidence, EvidenceSource, Signal};

/// The latest sign of what became of the thread: enough for the state of one that is not read for evidence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending(Option<(Timestamp, Signal)>);

impl Ending {
    pub(super) fn note(&mut self, at: Timestamp, signal: &Signal) {
        let telling = matches!(
            signal,
            Signal::SessionStarted { .. }
                | Signal::PromptSubmitted
                | Signal::TurnEnded { .. }
                | Signal::Interrupted
                | Signal::TurnFailed { .. }
                | Signal::Limited { .. }
                | Signal::SessionEnded { .. }
        );
        if telling {
            self.0 = Some((at, signal.clone()));
        }
    }

    /// How a turn without a frame stands, as far as the kinds of its lines tell.
    pub(super) fn outline(&mut self, at: Timestamp, kind: Kind) {
        let signal = match kind {
            Kind::UserMessage => Signal::PromptSubmitted,
            Kind::AgentMessage => TURN_ENDED,
            Kind::ToolCall | Kind::PlanCall | Kind::ToolOutput => Signal::ModelActive,
            _ => return,
        };
        self.0 = Some((at, signal));
    }

    pub(super) fn evidence(&self) -> Option<Evidence> {
        let (at, signal) = self.0.clone()?;
        Some(Evidence {
            at,
            source: EvidenceSource::Transcript,
            signal,
        })
    }
}
