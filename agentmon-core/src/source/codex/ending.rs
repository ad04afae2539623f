//! How a thread stands at the end of its file, for sessions that are not read for evidence.

use serde::{Deserialize, Serialize};

use super::head::Kind;
use super::turn::TURN_ENDED;
use crate::model::Timestamp;
use crate::session::{Ask, Evidence, EvidenceSource, Signal};

/// The latest sign of what became of the thread. Told at the end of the file where it was not told as evidence: enough
/// for the state of a thread that is not read for evidence, or whose turn began before the part that is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Ending(Option<Sign>);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Sign {
    at: Timestamp,
    signal: Signal,
    told: bool,
}

impl Ending {
    /// Remembers a signal if it tells how the thread stands. `told`: it is evidence already.
    pub(super) fn note(&mut self, at: Timestamp, signal: &Signal, told: bool) {
        let telling = matches!(
            signal,
            Signal::SessionStarted { .. }
                | Signal::PromptSubmitted
                | Signal::NeedsInput { ask: Ask::Plan, .. }
                | Signal::TurnEnded { .. }
                | Signal::Interrupted
                | Signal::TurnFailed { .. }
                | Signal::Limited { .. }
                | Signal::SessionEnded { .. }
        );
        if telling {
            let signal = signal.clone();
            self.0 = Some(Sign { at, signal, told });
        }
    }

    /// How a turn without a frame stands, as far as the kinds of its lines tell.
    pub(super) fn outline(&mut self, at: Timestamp, kind: Kind) {
        let signal = match kind {
            Kind::UserMessage => Signal::PromptSubmitted,
            Kind::Message => TURN_ENDED,
            Kind::AgentMessage | Kind::ToolCall | Kind::PlanCall | Kind::ToolOutput => {
                Signal::ModelActive
            }
            _ => return,
        };
        let told = false;
        self.0 = Some(Sign { at, signal, told });
    }

    /// What is still to be told.
    pub(super) fn evidence(&self) -> Option<Evidence> {
        let sign = self.0.as_ref().filter(|sign| !sign.told)?;
        Some(Evidence {
            at: sign.at,
            source: EvidenceSource::Transcript,
            signal: sign.signal.clone(),
        })
    }
}
