//! `agentmon config`.

use agentmon_core::config::Config;
use agentmon_core::source::Env;
use agentmon_core::wire;

use crate::args::{ConfigArgs, ConfigCommand};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::style::Style;
use crate::output::table::{Cell, Layout, Table};
use crate::output::{Format, Output, text};

pub(super) fn run(
    args: &ConfigArgs,
    context: impl FnOnce() -> Result<Context, Error>,
    out: &mut Output,
) -> Result<Exit, Error> {
    match args.command {
        ConfigCommand::Show { origin } => show(&context()?.config, origin, out)?,
        ConfigCommand::Path => {
            // Where the file is must be told even if what it says is wrong.
            let config = Config::defaults(&Env::from_process());
            if out.format == Format::Json {
                out.json(&wire::config_path(&config))?;
            } else {
                out.line(text::line(&config.file.to_string_lossy()))?;
            }
        }
    }
    Ok(Exit::Done)
}

fn show(config: &Config, origin: bool, out: &mut Output) -> Result<(), Error> {
    if out.format == Format::Json {
        return Ok(out.json(&wire::config(config))?);
    }
    let mut table = Table::new(&[
        ("SETTING", Layout::Left),
        ("VALUE", Layout::Left),
        (if origin { "FROM" } else { "" }, Layout::Left),
    ]);
    for row in config.settings() {
        let from = if origin {
            row.origin.to_string()
        } else {
            String::new()
        };
        table.row(vec![
            row.key.into(),
            row.value.into(),
            Cell::styled(from, Style::Faint),
        ]);
    }
    out.table(&table, 0)?;
    if !config.file_exists {
        let file = config.file.display().to_string();
        out.line("")?;
        super::empty::hint(
            out,
            &format!("There is no configuration file; it would be {file}"),
        )?;
    }
    Ok(())
}
