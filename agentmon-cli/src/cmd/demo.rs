//! `agentmon demo`: a made-up home folder to try things out.

use std::env;
use std::io;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use agentmon_core::demo::{Demo, DemoOptions, Process};
use agentmon_core::wire;

use crate::args::DemoArgs;
use crate::context::Context;
use crate::demo::Playing;
use crate::error::{Error, Exit};
use crate::output::{Format, Output, text};
use crate::stop;

/// Variables that lead agents' readers elsewhere.
const ELSEWHERE: [&str; 8] = [
    "CLAUDE_CONFIG_DIR",
    "CODEX_HOME",
    "OPENCLAW_STATE_DIR",
    "CLAWDBOT_STATE_DIR",
    "GEMINI_CLI_HOME",
    "COPILOT_HOME",
    "OPENCODE_DB",
    "XDG_DATA_HOME",
];
/// Variables that lead agentmon's own files out of the home folder.
const OWN: [&str; 3] = ["AGENTMON_DATA_DIR", "AGENTMON_CONFIG", "XDG_CONFIG_HOME"];

pub(super) fn run(args: &DemoArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| cx.config.data_dir.value.join("demo"));
    // Agents write absolute paths down.
    let folder = std::path::absolute(folder).map_err(Error::Demo)?;
    let options = DemoOptions {
        seed: args.seed,
        days: args.days,
        // Who writes it and goes cannot stand in for agents that stay.
        process: Process::own().filter(|_| args.live),
    };
    let demo = Demo::write(&folder, &options, cx.now).map_err(|error| {
        let place = format!("{}: {error}", folder.display());
        Error::Demo(io::Error::new(error.kind(), place))
    })?;
    match out.format {
        Format::Json => out.json_line(&wire::demo(&folder, args.live))?,
        _ => tell(&folder, args.live, out)?,
    }
    out.flush()?;
    if args.live {
        let (stop, stopped) = sync_channel(1);
        stop::on_stop(move |_| {
            let _ = stop.send(());
        })
        .map_err(Error::Demo)?;
        let _playing = Playing::start(Some(demo))?;
        // Nobody else can stop it, so an error means that it is stopped.
        let _ = stopped.recv();
    }
    Ok(Exit::Done)
}

fn tell(folder: &Path, live: bool, out: &mut Output) -> Result<(), Error> {
    let folder = text::line(&folder.to_string_lossy()).into_owned();
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    let mut command = String::new();
    let unset: Vec<&str> = ELSEWHERE.into_iter().filter(is_set).collect();
    if !unset.is_empty() {
        command.push_str("env");
        for name in unset {
            command.push_str(&format!(" -u {name}"));
        }
        command.push(' ');
    }
    command.push_str(&format!("HOME={}", quoted(&folder)));
    if OWN.iter().any(is_set) {
        command.push_str(&format!(
            " AGENTMON_DATA_DIR={}",
            quoted(&format!("{folder}/.agentmon"))
        ));
    }
    out.line(format!("A demo home is in {folder}. Look at it with"))?;
    out.line("")?;
    out.line(format!("    {command} agentmon"))?;
    out.line(format!("    {command} agentmon top"))?;
    out.line("")?;
    out.line(if live {
        "It goes on until Ctrl-C."
    } else {
        "It stands still: what is at work seems stalled after five minutes. With --live it goes on."
    })?;
    Ok(())
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
