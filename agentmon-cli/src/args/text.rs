//! What the user can type to the commands about text: search, transcripts, exports, imports.

use std::path::PathBuf;

use agentmon_core::model::EventKind;
use agentmon_core::query::SearchOrder;
use clap::{Args, ValueEnum};

use super::{Filter, Range, Whose, count, event_kind};

#[derive(Debug, Args)]
pub(crate) struct SearchArgs {
    /// Words that must all occur; "a phrase" in quotes, wor* for beginnings
    #[arg(required = true)]
    pub(crate) text: Vec<String>,
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Kinds of events
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = event_kind(), help_heading = "Filters")]
    pub(crate) kind: Vec<EventKind>,
    /// Order of hits
    #[arg(long, value_name = "ORDER", default_value = "newest")]
    pub(crate) order: HitOrder,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: usize,
    /// Search only what is indexed already
    #[arg(long)]
    pub(crate) no_wait: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) range: Range,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HitOrder {
    /// The latest first
    Newest,
    /// The most telling first; slower for very common words
    Best,
}

impl From<HitOrder> for SearchOrder {
    fn from(order: HitOrder) -> Self {
        match order {
            HitOrder::Newest => Self::Newest,
            HitOrder::Best => Self::Best,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct TranscriptArgs {
    /// The session's id, or a beginning of it
    pub(crate) id: String,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    pub(crate) markdown: bool,
    /// Print tools' input and output in full
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// What to write
    pub(crate) what: ExportWhat,
    /// How to write it
    #[arg(long, value_name = "FORMAT", default_value = "jsonl")]
    pub(crate) format: ExportFormat,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Only these sessions, by id or a beginning of it
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub(crate) session: Vec<String>,
    #[command(flatten)]
    pub(crate) range: Range,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportWhat {
    /// Prompts, answers and tool calls with their text, oldest first
    Events,
    /// Sessions with their state and cost
    Sessions,
    /// Model calls one by one, with tokens and cost
    Calls,
    /// Tokens and cost by day, session, model and project
    Usage,
    /// Sessions, calls and events: all that `import` takes in elsewhere
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with headings
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A copy of an agent's folder, any folder with transcripts in it, or one transcript
    pub(crate) path: PathBuf,
}
