//! The `agentmon-server` binary: `agentmon serve` on its own.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use agentmon_core::Monitor;
use agentmon_core::config::{Config, Overrides};
use agentmon_core::source::Env;
use agentmon_server::args::ServeArgs;
use agentmon_server::{announce, log_to_stderr, run};
use clap::Parser;

/// What every session of every AI agent on this machine is doing, over HTTP
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    /// Folder for agentmon's own files
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.serve.log_format);
    match serve(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to be told that this failed.
            let _ = writeln!(std::io::stderr(), "agentmon-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(cli: Cli) -> Result<(), Box<dyn std::error::Error>> {
    let env = Env::from_process();
    let flags = Overrides {
        data_dir: cli.data_dir,
        ..Overrides::default()
    };
    let config = Config::load(&env, &flags)?;
    let monitor = Monitor::builder().env(env.clone()).config(config).open()?;
    let options = cli.serve.options(monitor, &env);
    run(options, |server| announce(server, cli.serve.no_open))?;
    Ok(())
}
