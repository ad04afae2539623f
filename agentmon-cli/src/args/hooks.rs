//! Arguments of `agentmon hook` and `agentmon hooks`.

use std::ffi::OsString;

use agentmon_core::hooks::HookAgent;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};

/// What an agent runs. It takes a way of its own, before anything is parsed: this is for help, and for whoever puts
/// global options first.
#[derive(Debug, Args)]
pub(crate) struct HookArgs {
    /// The agent (claude-code, codex, gemini) and whatever it adds
    #[arg(
        value_name = "AGENT",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) words: Vec<OsString>,
}

/// Hooks in agents' settings.
#[derive(Debug, Args)]
pub(crate) struct HooksArgs {
    #[command(subcommand)]
    pub(crate) command: HooksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HooksCommand {
    /// Let agents tell what they do: shows what would be written into their settings, and asks
    Install {
        #[command(flatten)]
        target: HooksTarget,
        #[command(flatten)]
        apply: HooksApply,
    },
    /// Take agentmon's hooks out of agents' settings again
    Uninstall {
        #[command(flatten)]
        target: HooksTarget,
        #[command(flatten)]
        apply: HooksApply,
    },
    /// Show which agents have the hooks
    Status {
        #[command(flatten)]
        target: HooksTarget,
    },
}

/// Whose settings.
#[derive(Debug, Args)]
pub(crate) struct HooksTarget {
    /// Agents: claude-code, codex, gemini; all of them if left out (`install`: those that are used here)
    #[arg(value_name = "AGENT", value_parser = agent())]
    pub(crate) agents: Vec<HookAgent>,
    /// The user's settings, or those of the project in the current folder
    #[arg(long, value_name = "SCOPE", default_value = "user")]
    scope: HooksScope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum HooksScope {
    User,
    Project,
}

impl HooksTarget {
    /// Whether the project's settings are meant.
    pub(crate) fn project_scope(&self) -> bool {
        self.scope == HooksScope::Project
    }
}

/// How it is done.
#[derive(Debug, Args)]
pub(crate) struct HooksApply {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Only show what would be written
    #[arg(long, conflicts_with = "yes")]
    pub(crate) print: bool,
}

fn agent() -> impl TypedValueParser<Value = HookAgent> {
    let names = HookAgent::ALL.map(HookAgent::as_str);
    PossibleValuesParser::new(names).try_map(|name| HookAgent::parse(&name).ok_or("no such agent"))
}
