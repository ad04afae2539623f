//! The `agentmon` command: parses what was typed, asks the core, prints the answer.

mod args;
mod client;
mod cmd;
mod context;
mod demo;
mod error;
mod output;
mod stop;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use args::Cli;
use error::Exit;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "hook") {
        // An agent waits for this: see the module. Help is for people, and takes the way of all commands.
        let rest: Vec<_> = arguments.collect();
        if !rest.iter().any(|word| word == "--help" || word == "-h") {
            cmd::hook::run(rest.into_iter());
            return ExitCode::SUCCESS;
        }
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A closed pipe is no reason to fail.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    match cmd::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) if error.is_broken_pipe() => Exit::Done.into(),
        Err(error) => {
            let mut stderr = std::io::stderr().lock();
            for (index, line) in output::text::lines(&error.to_string()).enumerate() {
                let prefix = if index == 0 { "agentmon: " } else { "" };
                let _ = writeln!(stderr, "{prefix}{line}");
            }
            error.exit().into()
        }
    }
}
