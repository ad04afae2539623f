//! The databases of OpenClaw since 2026.8: `agents/<agent id>/agent/openclaw-agent.sqlite` with the rows and transcripts
//! of an agent ([`agent`]), and `state/openclaw.sqlite` with what operators are asked ([`approvals`]).
//!
//! Rows and transcripts are those of the files before, under another lid: the same parsers read them, so both give the
//! same sessions and facts. The vendor calls the tables private and changes them monthly; what is read is probed, and a
//! version that is newer than known is told, and read as far as its tables are there.
//!
//! `state/openclaw.sqlite` also holds keys. Nothing but the table of approvals is read there.

mod agent;
mod approvals;
mod database;

use std::path::Path;

use crate::model::AgentKind;
use crate::source::{Env, FileFormat, FileInfo, FileRole, Parser, Root};

/// Bumped when the parsers learn something.
const VERSION: u32 = 1;

/// Below the folder of an agent.
const AGENT_DATABASE: &str = "agent/openclaw-agent.sqlite";

/// The databases of OpenClaw since 2026.8.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenClawSqlite;

impl FileFormat for OpenClawSqlite {
    fn agent(&self) -> AgentKind {
        AgentKind::OpenClaw
    }

    fn name(&self) -> &'static str {
        "openclaw-sqlite"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        super::roots(env)
    }

    fn enters(&self, relative: &Path) -> bool {
        match parts(relative).as_deref() {
            Some([] | ["agents" | "state"] | ["agents", _]) => true,
            Some(["agents", _, folder]) => *folder == "agent",
            _ => false,
        }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        match parts(relative)?[..] {
            ["agents", _, "agent", "openclaw-agent.sqlite"] | ["state", "openclaw.sqlite"] => {
                Some(FileRole::Database)
            }
            _ => None,
        }
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match agent_of(file) {
            Some(name) => Box::new(agent::Agent::new(file, &name)),
            None => Box::new(approvals::Approvals::new(file)),
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(match agent_of(file) {
            Some(name) => Box::new(agent::Agent::resume(file, &name, state)?),
            None => Box::new(approvals::Approvals::resume(file, state)?),
        })
    }
}

/// The agent whose database this is.
fn agent_of(file: &FileInfo) -> Option<String> {
    let relative = file.relative();
    let agent = relative.strip_prefix("agents/")?.split('/').next()?;
    Some(agent.to_owned())
}

fn parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .map(|part| part.as_os_str().to_str())
        .collect()
}
