//! Whose events a command is about.

use agentmon_core::model::{AgentKind, Timestamp};
use agentmon_core::query::RefreshOptions;
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
    /// What must be up to date to tell of their events since then.
    pub(crate) fn refresh(&self, since: Option<Timestamp>) -> RefreshOptions<'_> {
        RefreshOptions {
            since,
            content: true,
            content_of: match self.session.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            ..RefreshOptions::default()
        }
    }
}
