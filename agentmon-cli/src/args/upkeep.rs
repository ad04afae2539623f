//! What the user can type to the commands that look after agentmon itself: sources, prices, database, settings, the demo.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder: a new one, an empty one, or an earlier demo, which is replaced [default: `demo` among agentmon's own files]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Keep the sessions going until Ctrl-C
    #[arg(long)]
    pub(crate) live: bool,
    /// Another seed leads to other names, numbers and histories
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = super::seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    /// Days of history
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(..=366))]
    pub(crate) days: u32,
}

#[derive(Debug, Args)]
pub(crate) struct SourcesArgs {
    /// List every problem with its file and place
    #[arg(long)]
    pub(crate) problems: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PricesArgs {
    #[command(subcommand)]
    pub(crate) command: Option<PricesCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PricesCommand {
    /// List the prices in use (the default)
    List {
        /// Only models whose name has this in it
        #[arg(value_name = "MODEL")]
        model: Option<String>,
        /// Print CSV
        #[arg(long, conflicts_with = "json")]
        csv: bool,
    },
    /// Look for models without a price and for prices that may be wrong
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    pub(crate) command: DbCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Show its size and what is in it
    Stats,
    /// Write a compact copy of it, also while it is in use
    Backup {
        /// The copy; must not exist
        file: PathBuf,
    },
    /// Give unused space back to the file system
    Vacuum,
    /// Check that it is sound and that its totals are the sums of its calls
    Check,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting
    Show {
        /// Also show where each value comes from
        #[arg(long)]
        origin: bool,
    },
    /// Print the path of the configuration file
    Path,
}
