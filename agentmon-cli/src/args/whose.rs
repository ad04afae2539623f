//! Whose events a command is about.

use agentmon_core::model::AgentKind;
use clap::Args;

use super::agent;

#[derive(Debug, Args)]
pub(crate) struct Whose {
    /// Only these sessions, by id or a beginning of it
    #[arg(
        long,
        short,
        value_name = "ID",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub(crate) session: Vec<String>,
    /// Agents: claude_code, codex, gemini, opencode, openclaw, ...
    #[arg(long, value_name = "AGENT", value_delimiter = ',', value_parser = agent, help_heading = "Filters")]
    pub(crate) agent: Vec<AgentKind>,
    /// Projects, by name or folder; `.` is the one you are in
    #[arg(
        long,
        value_name = "PROJECT",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub(crate) project: Vec<String>,
}

impl Whose {
    /// The session, where it is a single one.
    pub(crate) fn only_session(&self) -> Option<&str> {
        match self.session.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}
