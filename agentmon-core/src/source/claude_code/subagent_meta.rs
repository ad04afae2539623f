//! `agent-<id>.meta.json` beside a subagent's transcript: what kind of agent it is and what it was asked.

use serde::Deserialize;

use super::session_key;
use crate::model::{Batch, ProblemKind, Relation, Timestamp, Title, TitleKind, stamp};
use crate::source::fields::mend;
use crate::source::{FileInfo, Parser, Want};

/// Parser of one meta file.
#[derive(Debug)]
pub(super) struct MetaParser {
    session: Option<Box<str>>,
    agent: Box<str>,
    modified: Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    agent_type: Option<String>,
    description: Option<String>,
}

impl MetaParser {
    pub(super) fn new(file: &FileInfo) -> Self {
        let relative = file.relative();
        // Only the current layout (`<session>/subagents/`) tells whose subagent it is.
        let session = relative
            .split_once("/subagents/")
            .and_then(|(folder, _)| folder.rsplit('/').next());
        let name = file
            .path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let agent = name
            .trim_start_matches("agent-")
            .trim_end_matches(".meta.json");
        Self {
            session: session.map(Into::into),
            agent: agent.into(),
            modified: file.modified,
        }
    }
}

impl Parser for MetaParser {
    fn feed(&mut self, _base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        let (true, Some(session)) = (want.accounting, &self.session) else {
            return;
        };
        let meta: Meta = match serde_json::from_slice(&mend(bytes)) {
            Ok(meta) => meta,
            Err(error) => {
                out.problem(ProblemKind::Malformed, 0, error.to_string());
                return;
            }
        };
        let index = out.session(&session_key(session, Some(&self.agent)));
        let patch = out.patch(index);
        patch.propose_parent(Some((session_key(session, None), Relation::Within)));
        if let Some(role) = meta.agent_type {
            stamp(&mut patch.role, self.modified, &role);
        }
        let title = meta
            .description
            .and_then(|text| Title::new(TitleKind::Agent, self.modified, &text));
        patch.propose_title(title);
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
