//! Arguments of `agentmon hook`.

use std::ffi::OsString;

use clap::Args;

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
