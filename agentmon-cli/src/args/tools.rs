//! What the user can type to `agentmon tools`.

use agentmon_core::model::AgentKind;
use clap::Args;

use super::{Range, agent, count};

#[derive(Debug, Args)]
pub(crate) struct ToolsArgs {
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
    /// At most so many, the most used
    #[arg(long, short = 'n', value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) range: Range,
}
