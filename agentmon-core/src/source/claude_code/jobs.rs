//! `jobs/<id>/state.json`, the state of a background session (`claude --bg`) -> evidence and facts.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::{
    AgentKind, Batch, ProblemKind, SessionKey, Stamped, Timestamp, Title, TitleKind, earliest,
    latest,
};
use crate::session::{Ask, Evidence, EvidenceSource, Signal};
use crate::source::fields::mend;
use crate::source::{Parser, Want};

/// The fields that mean something here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job<'a> {
    #[serde(borrow)]
    session_id: Cow<'a, str>,
    #[serde(borrow, default)]
    state: Option<Cow<'a, str>>,
    /// `blocked` while it waits for the user.
    #[serde(borrow, default)]
    tempo: Option<Cow<'a, str>>,
    /// What it waits for: `approve Bash: rm -rf build/`.
    #[serde(borrow, default)]
    needs: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    detail: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    intent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cwd: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cli_version: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    created_at: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    updated_at: Option<Cow<'a, str>>,
}

/// What was said before.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct Said {
    updated_at: Option<Timestamp>,
    blocked: bool,
}

/// Reads the state of one background session.
#[derive(Debug, Default)]
pub struct JobParser {
    said: Said,
}

impl JobParser {
    /// A parser for a file that was not read before.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }

    /// A parser that knows what it said before, or `None` when `state` is not of this version.
    #[must_use]
    pub fn resume(state: &[u8]) -> Option<Self> {
        let said = serde_json::from_slice(state).ok()?;
        Some(Self { said })
    }

    fn evidence(&mut self, job: &Job<'_>, at: Timestamp, out: &mut Batch) {
        if self.said.updated_at == Some(at) {
            return;
        }
        self.said.updated_at = Some(at);
        let was_blocked = std::mem::replace(
            &mut self.said.blocked,
            job.tempo.as_deref() == Some("blocked"),
        );
        let signal = match job.state.as_deref() {
            Some("done") => Signal::SessionEnded {
                reason: "job_done".into(),
            },
            Some("failed") => Signal::TurnFailed {
                class: "job_failed".into(),
                message: job.detail.as_deref().map(Into::into),
            },
            Some("stopped") => Signal::Terminated {
                reason: "stopped".into(),
            },
            _ if self.said.blocked => {
                let (ask, detail) = asked(job.needs.as_deref().unwrap_or_default());
                Signal::NeedsInput {
                    ask,
                    detail,
                    request: None,
                }
            }
            _ if was_blocked => Signal::InputGiven { request: None },
            // It says `working` also between turns.
            Some("working") | None => Signal::Activity,
            Some(_) => {
                out.problem(ProblemKind::UnknownType, 0, "job.state");
                Signal::Activity
            }
        };
        let session = out.session(&key(job));
        let source = EvidenceSource::Row;
        out.evidence(session, Evidence { at, source, signal });
    }
}

impl Parser for JobParser {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, now: Timestamp, out: &mut Batch) {
        let bytes = mend(bytes);
        let job: Job<'_> = match serde_json::from_slice(&bytes) {
            Ok(job) => job,
            Err(error) if error.is_eof() && self.said.updated_at.is_some() => return,
            Err(error) => {
                let kind = if error.is_data() {
                    ProblemKind::BadField
                } else {
                    ProblemKind::Malformed
                };
                out.problem(kind, base, "job");
                return;
            }
        };
        if job.session_id.is_empty() {
            out.problem(ProblemKind::BadField, base, "job.sessionId");
            return;
        }
        let time = |text: &Option<Cow<'_, str>>| text.as_deref().and_then(Timestamp::parse);
        let updated = time(&job.updated_at).unwrap_or(now);
        if want.evidence {
            self.evidence(&job, updated, out);
        }
        if want.accounting {
            let session = out.session(&key(&job));
            let patch = out.patch(session);
            patch.touch(updated);
            patch.touch(time(&job.created_at).unwrap_or(updated));
            let text = |value: Option<&str>| {
                let value = value.filter(|value| !value.is_empty())?;
                Some(Stamped {
                    at: updated,
                    value: value.into(),
                })
            };
            earliest(&mut patch.cwd, text(job.cwd.as_deref()));
            latest(&mut patch.version, text(job.cli_version.as_deref()));
            if let Some(intent) = job.intent.as_deref() {
                patch.propose_title(Title::new(TitleKind::FirstPrompt, updated, intent));
            }
        }
    }

    fn state(&self) -> Vec<u8> {
        serde_json::to_vec(&self.said).unwrap_or_default()
    }
}

fn key(job: &Job<'_>) -> SessionKey {
    SessionKey::new(AgentKind::ClaudeCode, &*job.session_id)
}

/// What `needs` asks for: `approve TOOL: WORDS`, or anything else in its own words.
fn asked(needs: &str) -> (Ask, Option<Box<str>>) {
    let words = |text: &str| (!text.is_empty()).then(|| text.into());
    match needs
        .strip_prefix("approve ")
        .map(|rest| rest.split_once(": ").unwrap_or((rest, "")))
    {
        Some(("ExitPlanMode", rest)) => (Ask::Plan, words(rest)),
        Some((tool, rest)) => {
            let tool = Some(tool.into());
            (Ask::Permission { tool }, words(rest))
        }
        None => (Ask::Question, words(needs)),
    }
}
