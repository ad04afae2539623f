//! Reads what operators are asked: a command that waits for a yes stands in no transcript until it was answered.

use serde::Deserialize;

use super::AGENT_DATABASE;
use super::database::{self, Approval};
use crate::model::{Batch, ProblemKind, SessionKey, Timestamp};
use crate::session::{Ask, Evidence, EvidenceSource, Signal};
use crate::source::json::{self, Raw};
use crate::source::line::detail;
use crate::source::openclaw::files::names;
use crate::source::{Database, DatabaseError, FileInfo, Parser, Request, Want};

/// Newest version of the schema that was seen.
const KNOWN_SCHEMA: i64 = 18;

/// Approvals that are read at a time: the latest.
const APPROVALS: i64 = 200;

/// Reader of the table of approvals.
#[derive(Debug)]
pub(super) struct Approvals {
    file: FileInfo,
    /// The version of the schema that was told.
    schema: i64,
    /// Approvals up to this time of change were told.
    told: Timestamp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Presentation<'a> {
    #[serde(borrow)]
    command_text: Raw<'a>,
    #[serde(borrow)]
    title: Raw<'a>,
}

impl Approvals {
    pub(super) fn new(file: &FileInfo) -> Self {
        Self {
            file: file.clone(),
            schema: 0,
            told: Timestamp(i64::MIN),
        }
    }

    pub(super) fn resume(file: &FileInfo, state: &[u8]) -> Option<Self> {
        let (numbers, rest) = state.as_chunks::<8>();
        let [schema, told] = numbers else {
            return None;
        };
        rest.is_empty().then(|| Self {
            schema: i64::from_le_bytes(*schema),
            told: Timestamp(i64::from_le_bytes(*told)),
            ..Self::new(file)
        })
    }

    /// The session that asked. The row names its key; which session that stood for, the agent's database knows.
    fn session(
        &self,
        database: &Database,
        approval: &Approval,
    ) -> Result<Option<SessionKey>, DatabaseError> {
        let address = approval.address.as_deref().unwrap_or_default();
        let stated = approval.agent.as_deref();
        let Some(agent) = names::agent_of(address).or(stated.filter(|agent| is_name(agent))) else {
            return Ok(None);
        };
        if let Some(session) = &approval.session {
            return Ok(Some(names::session_key(agent, session)));
        }
        let path = self
            .file
            .root
            .join("agents")
            .join(agent)
            .join(AGENT_DATABASE);
        if !database.attach_other(&path)? {
            return Ok(None);
        }
        let session = database::session_at(database, true, address, approval.created)?;
        Ok(session.map(|session| names::session_key(agent, &session)))
    }
}

fn is_name(agent: &str) -> bool {
    names::agent_of(&format!("agent:{agent}")) == Some(agent)
}

impl Parser for Approvals {
    /// A database is asked, not fed.
    fn feed(&mut self, _: u64, _: &[u8], _: Want, _: Timestamp, _: &mut Batch) {}

    fn query(
        &mut self,
        database: &Database,
        request: Request,
        out: &mut Batch,
    ) -> Result<bool, DatabaseError> {
        let version = database.user_version()?;
        let is_new = std::mem::replace(&mut self.schema, version) != version;
        if version > KNOWN_SCHEMA && is_new && request.want.accounting {
            let detail = format!("schema version {version} of the state database");
            out.problem(ProblemKind::UnknownVersion, 0, detail);
        }
        if !request.want.evidence || !database::has_approvals(database)? {
            return Ok(false);
        }
        for approval in database::approvals(database, self.told, APPROVALS)? {
            self.told = approval.updated;
            if !request.of(approval.updated).evidence {
                continue;
            }
            let Some(key) = self.session(database, &approval)? else {
                continue;
            };
            let session = out.session(&key);
            let source = EvidenceSource::Row;
            let shown: Presentation<'_> =
                serde_json::from_str(&approval.presentation).unwrap_or_default();
            let text = json::text(shown.command_text.or(shown.title)).unwrap_or_default();
            let signal = Signal::NeedsInput {
                ask: Ask::Permission {
                    tool: approval.tool.as_deref().map(Into::into),
                },
                detail: detail(&text),
                request: Some((&*approval.id).into()),
            };
            let at = approval.created;
            out.evidence(session, Evidence { at, source, signal });
            let ended = match approval.is_pending {
                true => (approval.expires <= request.now).then_some(approval.expires),
                false => Some(approval.updated),
            };
            if let Some(at) = ended {
                let signal = Signal::InputGiven {
                    request: Some((&*approval.id).into()),
                };
                out.evidence(session, Evidence { at, source, signal });
            }
        }
        Ok(false)
    }

    fn state(&self) -> Vec<u8> {
        [self.schema, self.told.0].map(i64::to_le_bytes).concat()
    }
}
