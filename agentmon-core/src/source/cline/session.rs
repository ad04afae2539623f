//! `<session id>.json`: what a session of the terminal client is and how it ended.

use serde::Deserialize;

use crate::model::{AgentKind, Batch, ProblemKind, SessionKey, Timestamp, TitleKind, stamp};
use crate::session::{Evidence, EvidenceSource, Signal};
use crate::source::json::{self, Raw};
use crate::source::record::Place;
use crate::source::{FileInfo, Parser, Want};

/// Parser of a session's description.
#[derive(Debug)]
pub(super) struct Session(SessionKey);

impl Session {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self(SessionKey::new(AgentKind::Cline, file.stem()))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Facts<'a> {
    #[serde(borrow)]
    source: Raw<'a>,
    #[serde(borrow)]
    started_at: Raw<'a>,
    #[serde(borrow)]
    ended_at: Raw<'a>,
    #[serde(borrow)]
    status: Raw<'a>,
    #[serde(borrow)]
    model: Raw<'a>,
    #[serde(borrow)]
    cwd: Raw<'a>,
    #[serde(borrow)]
    metadata: Raw<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    title: Raw<'a>,
}

impl Parser for Session {
    fn feed(&mut self, _: u64, bytes: &[u8], want: Want, _: Timestamp, out: &mut Batch) {
        let object = bytes.trim_ascii().starts_with(b"{");
        let facts: Option<Facts<'_>> = object.then(|| serde_json::from_slice(bytes).ok()).flatten();
        let Some(facts) = facts else {
            return out.problem(ProblemKind::Malformed, 0, "session");
        };
        let Some(at) = json::time(facts.started_at) else {
            return out.problem(ProblemKind::BadField, 0, "started_at");
        };
        let place = &mut Place {
            out,
            want,
            offset: 0,
        };
        let mut line = place.record(&self.0, "session", at);
        line.cwd(&json::text(facts.cwd).unwrap_or_default());
        let metadata: Metadata<'_> = json::object(facts.metadata).unwrap_or_default();
        let title = json::text(metadata.title).unwrap_or_default();
        line.title(TitleKind::Summary, &title);
        if want.accounting {
            let patch = line.patch();
            for (field, value) in [
                (&mut patch.entrypoint, facts.source),
                (&mut patch.model, facts.model),
            ] {
                if let Some(value) = json::text(value) {
                    stamp(field, at, &value);
                }
            }
        }
        let status = json::text(facts.status).unwrap_or_default();
        let Some(ended) = json::time(facts.ended_at).filter(|_| status != "running") else {
            return;
        };
        line.patch().touch(ended);
        let signal = match &*status {
            "failed" => Signal::TurnFailed {
                class: status.into(),
                message: None,
            },
            _ => Signal::SessionEnded {
                reason: status.into(),
            },
        };
        if want.evidence {
            let session = line.session;
            let evidence = Evidence {
                at: ended,
                source: EvidenceSource::Row,
                signal,
            };
            line.out.evidence(session, evidence);
        }
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
