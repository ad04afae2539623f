//! What the user can type, and nothing that follows from it.

mod gateways;
mod hooks;
mod text;
mod tools;
mod upkeep;
mod whose;

use std::path::PathBuf;

use agentmon_core::model::{AgentKind, EventKind, EventStatus};
use agentmon_core::query::{Order, ReportKind, WeekStart};
use agentmon_core::session::State;
use clap::builder::styling::{AnsiColor, Styles};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub(crate) use gateways::{ChatArgs, GatewaysArgs, GatewaysCommand, SecretArgs};
pub(crate) use hooks::{HookArgs, HooksArgs, HooksCommand, HooksTarget};
pub(crate) use text::{
    ExportArgs, ExportFormat, ExportWhat, ImportArgs, SearchArgs, TranscriptArgs,
};
pub(crate) use tools::ToolsArgs;
pub(crate) use upkeep::{
    ConfigArgs, ConfigCommand, DbArgs, DbCommand, DemoArgs, PricesArgs, PricesCommand, SourcesArgs,
};
pub(crate) use whose::Whose;

use crate::output::style::ColorChoice;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  an error
  2  wrong usage or configuration
  3  no such session, or an id that several sessions share
  4  a check found problems (doctor, db check, prices check)";

/// What every AI agent session on this machine is doing, why, and what it cost.
#[derive(Debug, Parser)]
#[command(name = "agentmon", version, styles = STYLES, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do; `status` if left out.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options that every command understands.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Print JSON with a versioned schema (see docs/cli.md)
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Time zone of days and shown times: an IANA name, `UTC` or `local`
    #[arg(long, value_name = "ZONE", global = true)]
    pub(crate) timezone: Option<String>,
    /// Folder of agentmon's own files
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) data_dir: Option<PathBuf>,
    /// Read everything anew and keep nothing: no file of agentmon's own is read or written
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
    /// Look at made-up agents at work instead of this machine's, and leave no trace
    #[arg(long, global = true)]
    pub(crate) demo: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,
    /// No progress bar, no warnings
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Commands, in the order in which people need them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Who needs you, who is working, what is stuck, and today's cost
    Status(StatusArgs),
    /// The board in the terminal, always up to date: keys lead to details, filters and groups
    Top(TopArgs),
    /// List sessions, the one active most lately first
    #[command(visible_alias = "ls")]
    Sessions(SessionsArgs),
    /// Show one session: timeline, tools, cost, children
    Show(ShowArgs),
    /// Show why a session is believed to be in its state
    Explain(ExplainArgs),
    /// Report tokens and cost by day, week, month, session, model, project or five-hour window
    Usage(UsageArgs),
    /// Show how often tools are used, how often they fail and how long they take
    Tools(ToolsArgs),
    /// List what happened: prompts, answers, tool calls, errors
    Events(EventsArgs),
    /// Find prompts, answers and tool calls by the words in them
    Search(SearchArgs),
    /// Print what was said in a session
    Transcript(TranscriptArgs),
    /// Write events, sessions or usage as JSON lines or CSV
    Export(ExportArgs),
    /// Read transcripts from a backup, an archive or another machine
    Import(ImportArgs),
    /// Print a line whenever a session changes
    Watch(WatchArgs),
    /// Turn Claude Code's statusline JSON on standard input into one line
    Statusline,
    /// Pass on what an agent's hook tells on standard input: agents run this, people do not
    Hook(HookArgs),
    /// Let agents tell what they do, at once: install, remove and show hooks
    Hooks(HooksArgs),
    /// Show where agents' files were looked for, what was found and what was skipped
    Sources(SourcesArgs),
    /// List or check the prices in use
    Prices(PricesArgs),
    /// Serve everything over HTTP: the API, live streams, a page for browsers
    Serve(agentmon_server::args::ServeArgs),
    /// Create, list and revoke tokens for the server
    Token {
        #[command(subcommand)]
        command: agentmon_server::args::TokenCommand,
    },
    /// Add, list, remove and test OpenClaw gateways
    Gateways(GatewaysArgs),
    /// Talk to an agent behind a gateway
    Chat(ChatArgs),
    /// Look after agentmon's database
    Db(DbArgs),
    /// Show the configuration and where each value comes from
    Config(ConfigArgs),
    /// Write a made-up home folder with agents in every state, to try things out
    Demo(DemoArgs),
    /// Check the whole installation and say what to do
    Doctor,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Which sessions or calls.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filter {
    /// Agents: claude_code, codex, gemini, opencode, openclaw, ...
    #[arg(long, value_name = "AGENT", value_delimiter = ',', value_parser = agent)]
    pub(crate) agent: Vec<AgentKind>,
    /// Models, by name or the beginning of one
    #[arg(long, value_name = "MODEL", value_delimiter = ',')]
    pub(crate) model: Vec<String>,
    /// Projects, by name or folder; `.` is the one you are in
    #[arg(long, value_name = "PROJECT", value_delimiter = ',')]
    pub(crate) project: Vec<String>,
    /// Machines that sessions run on, by name
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    pub(crate) host: Vec<String>,
}

/// Which time.
#[derive(Debug, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Range {
    /// From then on: 2026-11-20, 2026-11, today, yesterday, 7d, 36h, or a time
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Until then; a date is included
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    /// States
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state(), help_heading = "Filters")]
    pub(crate) state: Vec<State>,
    /// Only children of this session
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub(crate) parent: Option<String>,
    /// Also list subagents that are a part of another session
    #[arg(long, help_heading = "Filters")]
    pub(crate) subagents: bool,
    /// At most so many, 0 for all [default: 40 in a table, else all]
    #[arg(long, short = 'n', value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) filter: Filter,
    #[command(flatten)]
    pub(crate) range: Range,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The session's id, or a beginning of it
    pub(crate) id: String,
    /// Show what came out of it instead: files, commits, pull requests
    #[arg(long)]
    pub(crate) artifacts: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The session's id, or a beginning of it
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct UsageArgs {
    /// Which report
    #[arg(default_value = "daily")]
    pub(crate) report: Report,
    /// Dimensions of the rows, or `none`
    #[arg(long, value_name = "DIMENSION", value_delimiter = ',')]
    pub(crate) by: Option<Vec<Dimension>>,
    /// Only this session, by its id or a beginning of it
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub(crate) session: Vec<String>,
    /// Only the window that is open now (blocks)
    #[arg(long, help_heading = "Filters")]
    pub(crate) active: bool,
    /// Draw anew whenever something changes (blocks)
    #[arg(long, conflicts_with_all = ["json", "csv"])]
    pub(crate) live: bool,
    /// First day of a week
    #[arg(long, value_name = "DAY")]
    pub(crate) week_start: Option<Day>,
    /// Order of rows [default: asc by time; desc by cost]
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<Direction>,
    /// At most so many periods, sessions, models or projects: the latest, or the dearest
    #[arg(long, short = 'n', value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Show what caches saved
    #[arg(long)]
    pub(crate) cache: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) range: Range,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Report {
    /// By day
    Daily,
    /// By week, named by its first day
    Weekly,
    /// By month
    Monthly,
    /// By session
    #[value(alias = "sessions")]
    Session,
    /// By model
    #[value(alias = "model")]
    Models,
    /// By project
    #[value(alias = "project")]
    Projects,
    /// By five-hour window of each agent's plan
    Blocks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dimension {
    Agent,
    Model,
    Project,
    Host,
    Session,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Day {
    Monday,
    Sunday,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Direction {
    Asc,
    Desc,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    pub(crate) whose: Whose,
    /// Kinds
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = event_kind(), help_heading = "Filters")]
    pub(crate) kind: Vec<EventKind>,
    /// How it went
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = event_status(), help_heading = "Filters")]
    pub(crate) status: Vec<EventStatus>,
    /// Tools
    #[arg(
        long,
        value_name = "TOOL",
        value_delimiter = ',',
        help_heading = "Filters"
    )]
    pub(crate) tool: Vec<String>,
    /// Only events whose text has these words
    #[arg(long, value_name = "WORDS", help_heading = "Filters")]
    pub(crate) search: Option<String>,
    /// Order of events [default: the latest first]
    #[arg(
        long,
        value_name = "ORDER",
        default_value = "desc",
        hide_default_value = true
    )]
    pub(crate) order: Direction,
    /// At most so many
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = count, allow_negative_numbers = true)]
    pub(crate) limit: usize,
    /// Go on where a page ended: its `next`
    #[arg(long, value_name = "CURSOR")]
    pub(crate) after: Option<String>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
    #[command(flatten)]
    pub(crate) range: Range,
}

#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Only changes into these states
    #[arg(long, value_name = "STATE", value_delimiter = ',', value_parser = state(), help_heading = "Filters")]
    pub(crate) state: Vec<State>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    pub(crate) filter: Filter,
}

/// Reads an agent's name, also as people call it.
fn agent(name: &str) -> Result<AgentKind, String> {
    let name = name.trim().to_ascii_lowercase().replace('-', "_");
    if name.is_empty() {
        return Err("name one, such as claude_code".to_owned());
    }
    Ok(match &*name {
        "claude" => AgentKind::ClaudeCode,
        "gemini_cli" => AgentKind::Gemini,
        "clawdbot" | "moltbot" => AgentKind::OpenClaw,
        name => AgentKind::from(name),
    })
}

/// A word of a closed set: completions and error messages list it.
fn word<T, const N: usize>(
    names: [&'static str; N],
    parse: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T>
where
    T: Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(move |name| parse(&name).ok_or("not one of these"))
}

fn state() -> impl TypedValueParser<Value = State> {
    word(State::ALL.map(State::as_str), State::parse)
}

fn event_kind() -> impl TypedValueParser<Value = EventKind> {
    word(EventKind::ALL.map(EventKind::as_str), EventKind::parse)
}

/// How many.
fn count(text: &str) -> Result<usize, String> {
    let number = text.parse().map_err(|_| "give a whole number, such as 20");
    Ok(number?)
}

/// Where chance begins.
fn seed(text: &str) -> Result<u64, String> {
    let number = text.parse().map_err(|_| "give a whole number, such as 7");
    Ok(number?)
}

fn event_status() -> impl TypedValueParser<Value = EventStatus> {
    word(
        EventStatus::ALL.map(EventStatus::as_str),
        EventStatus::parse,
    )
}

impl From<Report> for ReportKind {
    fn from(report: Report) -> Self {
        match report {
            Report::Daily => Self::Daily,
            Report::Weekly => Self::Weekly,
            Report::Monthly => Self::Monthly,
            Report::Session => Self::Session,
            Report::Models => Self::Models,
            Report::Projects => Self::Projects,
            Report::Blocks => Self::Blocks,
        }
    }
}

impl From<Day> for WeekStart {
    fn from(day: Day) -> Self {
        match day {
            Day::Monday => Self::Monday,
            Day::Sunday => Self::Sunday,
        }
    }
}

impl From<Direction> for Order {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Asc => Self::Ascending,
            Direction::Desc => Self::Descending,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn agents_answer_to_their_common_names() {
        for (name, expected) in [
            ("claude", "claude_code"),
            ("Claude-Code", "claude_code"),
            ("clawdbot", "openclaw"),
            ("cursor", "cursor"),
        ] {
            assert_eq!(agent(name).unwrap().as_str(), expected);
        }
        assert!(agent(" ").is_err());
    }
}
