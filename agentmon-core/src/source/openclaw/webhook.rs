//! Sessions of Clawdbot and OpenClaw pushed to a webhook: what the dashboard API calls a session, with the word for what
//! happened to it.
//!
//! Documented only (the dashboard's own design): no sender was recorded. So both the dashboard's names of fields and those
//! of `sessions.json` are understood, for one session or several.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::files::names;
use crate::model::{
    Batch, ModelTotals, NanoUsd, Problem, ProblemKind, SessionKey, Stamped, Timestamp, Usage,
    latest, stamp,
};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::json::{self, Raw};

/// Most sessions in one message.
const MAX_SESSIONS: usize = 1000;
/// The agent of sessions whose key names none.
const DEFAULT_AGENT: &str = "main";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow, alias = "type")]
    event: Raw<'a>,
    #[serde(borrow, alias = "data", alias = "payload")]
    session: Raw<'a>,
    #[serde(borrow)]
    sessions: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Session<'a> {
    #[serde(borrow, alias = "sessionId")]
    id: Raw<'a>,
    #[serde(borrow, alias = "key")]
    session_key: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    context_tokens: Raw<'a>,
    #[serde(borrow)]
    input_tokens: Raw<'a>,
    #[serde(borrow)]
    output_tokens: Raw<'a>,
    #[serde(borrow)]
    start_time: Raw<'a>,
    #[serde(borrow, alias = "updatedAt")]
    last_activity: Raw<'a>,
    #[serde(borrow)]
    end_time: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow, alias = "abortedLastRun")]
    aborted: Raw<'a>,
}

/// Reads what was pushed at `now`. Returns how many sessions it speaks of.
///
/// # Errors
/// It is no message, or one of its sessions has no id.
pub fn parse(body: &[u8], now: Timestamp, out: &mut Batch) -> Result<usize, Problem> {
    let problem = |kind, detail: &str| Problem {
        kind,
        offset: 0,
        detail: detail.into(),
    };
    let raw: &RawValue = serde_json::from_slice(body)
        .map_err(|_| problem(ProblemKind::Malformed, "it is not JSON"))?;
    let message: Message<'_> = json::object(Some(raw))
        .ok_or_else(|| problem(ProblemKind::BadField, "it is not an object"))?;
    let mut sessions = json::elements(message.sessions);
    sessions.extend(message.session);
    if sessions.is_empty() || sessions.len() > MAX_SESSIONS {
        return Err(problem(ProblemKind::BadField, "session"));
    }
    let event = json::text(message.event).unwrap_or_default();
    for raw in &sessions {
        let session: Session<'_> =
            json::object(Some(raw)).ok_or_else(|| problem(ProblemKind::BadField, "session"))?;
        session
            .report(&event, now, out)
            .ok_or_else(|| problem(ProblemKind::BadField, "session.id"))?;
    }
    Ok(sessions.len())
}

impl Session<'_> {
    /// Adds what is said; `None` when it is not said of whom.
    fn report(&self, event: &str, now: Timestamp, out: &mut Batch) -> Option<()> {
        let id = json::text(self.id).filter(|id| !id.is_empty())?;
        let address = json::text(self.session_key)
            .filter(|key| !key.is_empty())
            .map(|key| names::address(&key, DEFAULT_AGENT));
        let agent = address.as_deref().and_then(names::agent_of);
        let key: SessionKey = names::session_key(agent.unwrap_or(DEFAULT_AGENT), &id);
        let past = |raw| json::time(raw).filter(|at| *at <= now);
        let at = past(self.last_activity).unwrap_or(now);
        let session = out.session(&key);
        let patch = out.patch(session);
        patch.touch(past(self.start_time).unwrap_or(at));
        patch.touch(at);
        if let Some(address) = &address {
            stamp(&mut patch.address, at, address);
        }
        let model = json::text(self.model);
        if let Some(model) = &model {
            stamp(&mut patch.model, at, model);
        }
        if let Some(tokens) = json::count(self.context_tokens).filter(|tokens| *tokens > 0) {
            let value = (tokens, None);
            latest(&mut patch.context, Some(Stamped { at, value }));
        }
        // Sums of the sender's own: shown beside what transcripts tell, never added to it.
        let input = json::count(self.input_tokens).unwrap_or_default();
        let output = json::count(self.output_tokens).unwrap_or_default();
        if input.saturating_add(output) > 0 {
            let usage = Usage {
                input,
                output,
                ..Usage::default()
            };
            let totals = ModelTotals {
                model: model.as_deref().unwrap_or("unknown").into(),
                usage: usage.into(),
                cost: NanoUsd::ZERO,
            };
            let value = vec![totals];
            latest(&mut patch.reported, Some(Stamped { at, value }));
        }
        let ended = past(self.end_time).unwrap_or(at);
        let is_over = json::text(self.status).as_deref() == Some("completed")
            || event.ends_with("completed")
            || event.ends_with("ended");
        let (at, signal) = if json::flag(self.aborted) == Some(true) {
            (ended, Signal::Aborted)
        } else if is_over {
            let reason = "webhook".into();
            (ended, Signal::SessionEnded { reason })
        } else if event.ends_with("started") {
            let how = "webhook".into();
            (at, Signal::SessionStarted { how })
        } else {
            (at, Signal::Activity)
        };
        let source = EvidenceSource::Gateway;
        out.evidence(session, Evidence { at, source, signal });
        Some(())
    }
}
