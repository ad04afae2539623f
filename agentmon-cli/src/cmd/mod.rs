//! The commands, one file each. A command parses, calls one method of the core, chooses an exit code and renders.

mod artifacts;
mod budget;
mod chat;
mod config;
mod db;
mod demo;
mod doctor;
mod empty;
mod events;
mod explain;
mod export;
mod gateways;
pub(crate) mod hook;
mod hooks;
mod hooks_files;
mod import;

mod live;
mod prices;
mod quota;
mod search;
mod serve;
mod sessions;
mod show;
mod sources;
mod status;
mod statusline;
mod token;
mod tools;
mod top;
mod transcript;
mod usage;
mod watch;

use clap::CommandFactory;

use crate::args::{Cli, Command, Filter, PricesCommand, StatusArgs};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::{Format, Output};

/// Runs what was typed.
pub(crate) fn run(cli: Cli) -> Result<Exit, Error> {
    let command = cli.command.unwrap_or(Command::Status(StatusArgs {
        filter: Filter {
            agent: Vec::new(),
            model: Vec::new(),
            project: Vec::new(),
            host: Vec::new(),
        },
    }));
    let csv = match &command {
        Command::Sessions(args) => args.csv,
        Command::Usage(args) => args.csv,
        Command::Tools(args) => args.csv,
        Command::Events(args) => args.csv,
        Command::Search(args) => args.csv,
        Command::Sources(args) => args.csv,
        Command::Prices(args) => {
            matches!(args.command, Some(PricesCommand::List { csv: true, .. }))
        }
        _ => false,
    };
    let format = match (cli.global.json, csv) {
        (true, _) => Format::Json,
        (false, true) => Format::Csv,
        (false, false) => Format::Table,
    };
    let mut out = Output::new(format, cli.global.color);
    let week_start = match &command {
        Command::Usage(args) => args.week_start.map(Into::into),
        _ => None,
    };
    let context = || Context::new(&cli.global, week_start);
    let exit = match command {
        Command::Status(args) => status::run(&args, &context()?, &mut out),
        Command::Top(args) => top::run(&args, &context()?, &mut out),
        Command::Sessions(args) => sessions::run(&args, &context()?, &mut out),
        Command::Show(args) => show::run(&args, &context()?, &mut out),
        Command::Explain(args) => explain::run(&args, &context()?, &mut out),
        Command::Usage(args) => usage::run(&args, &context()?, &mut out),
        Command::Tools(args) => tools::run(&args, &context()?, &mut out),
        Command::Events(args) => events::run(&args, &context()?, &mut out),
        Command::Search(args) => search::run(&args, &context()?, &mut out),
        Command::Transcript(args) => transcript::run(&args, &context()?, &mut out),
        Command::Export(args) => export::run(&args, &context()?, &mut out),
        Command::Import(args) => import::run(&args, &context()?, &mut out),
        Command::Watch(args) => watch::run(&args, &context()?, &mut out),
        Command::Statusline => statusline::run(&context()?, &mut out),
        Command::Hook(args) => {
            hook::run(args.words.into_iter());
            Ok(Exit::Done)
        }
        Command::Hooks(args) => hooks::run(&args, &context()?, &mut out),
        Command::Sources(args) => sources::run(&args, &context()?, &mut out),
        Command::Prices(args) => prices::run(args, &context()?, &mut out),
        Command::Db(args) => db::run(args, &context()?, &mut out),
        Command::Config(args) => config::run(&args, context, &mut out),
        Command::Serve(args) => serve::run_server(&args, &context()?),
        Command::Token { command } => token::run(&command, &context()?, &mut out),
        Command::Gateways(args) => gateways::run(&args, &context()?, &mut out),
        Command::Chat(args) => chat::run(&args, &context()?, &mut out),
        Command::Demo(args) => demo::run(&args, &context()?, &mut out),
        Command::Doctor => doctor::run(context, &mut out),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "agentmon", out.raw());
            Ok(Exit::Done)
        }
        Command::Man => {
            clap_mangen::Man::new(Cli::command()).render(out.raw())?;
            Ok(Exit::Done)
        }
    }?;
    out.flush()?;
    Ok(exit)
}

/// The words of a filter as the core takes them.
fn words(words: &[String]) -> Vec<Box<str>> {
    words.iter().map(|word| word.as_str().into()).collect()
}
