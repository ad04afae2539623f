//! `agentmon hooks`: gives agents the hooks that tell what they do, shows which have them, and takes them back.
//!
//! The only command that writes into agents' folders: it shows what it would change, and asks.

use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;

use agentmon_core::config::default_data_dir;
use agentmon_core::hooks::HookAgent;
use agentmon_core::hooks::install::{Command, EditError, Scope, SettingsFile, Standing};
use serde_json::json;
use similar::TextDiff;

use super::hooks_files::{Undo, read, write};
use crate::args::{HooksArgs, HooksCommand, HooksTarget};
use crate::context::Context;
use crate::error::{Error, Exit};
use crate::output::table::{Layout, Table};
use crate::output::{Format, Output, text};

/// A file that is to be changed.
struct Change {
    path: PathBuf,
    before: Option<String>,
    after: Option<String>,
}

pub(super) fn run(args: &HooksArgs, cx: &Context, out: &mut Output) -> Result<Exit, Error> {
    let program = std::env::current_exe()?;
    let program = program.to_string_lossy();
    let data_dir = &cx.config.data_dir.value;
    let own_folder = (*data_dir != default_data_dir(&cx.env)).then(|| data_dir.to_string_lossy());
    let command = Command {
        program: &program,
        data_dir: own_folder.as_deref(),
    };
    match &args.command {
        HooksCommand::Install { target, apply } => {
            let changes = install(target, &command, cx)?;
            finish(changes, apply.yes, apply.print, true, cx, out)
        }
        HooksCommand::Uninstall { target, apply } => {
            let changes = uninstall(target, cx)?;
            finish(changes, apply.yes, apply.print, false, cx, out)
        }
        HooksCommand::Status { target } => status(target, &command, cx, out),
    }
}

/// The settings files of the agents that are named, or of all.
fn files(target: &HooksTarget, cx: &Context) -> Result<Vec<SettingsFile>, Error> {
    let folder = std::env::current_dir()?;
    let scope = if target.project_scope() {
        Scope::Project
    } else {
        Scope::User
    };
    let agents = if target.agents.is_empty() {
        &HookAgent::ALL[..]
    } else {
        &target.agents
    };
    let files = agents.iter();
    Ok(files
        .flat_map(|agent| SettingsFile::of(*agent, scope, &cx.env, &folder))
        .collect())
}

fn install(
    target: &HooksTarget,
    command: &Command<'_>,
    cx: &Context,
) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for file in files(target, cx)? {
        // Who names no agent means those that are used here.
        let is_used = file.path.parent().is_some_and(std::path::Path::is_dir);
        if target.agents.is_empty() && !is_used {
            continue;
        }
        let before = read(&file.path)?;
        let old = before.as_deref().unwrap_or_default();
        match file.installed(old, command) {
            Ok(new) if new == old => {}
            Ok(new) => changes.push(Change {
                path: file.path,
                before,
                after: Some(new),
            }),
            Err(taken @ EditError::Taken(_)) => {
                cx.warn(&format!("{}: {taken}", file.path.display()));
            }
            Err(error) => return Err(refused(&file, &error)),
        }
    }
    Ok(changes)
}

fn uninstall(target: &HooksTarget, cx: &Context) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    for file in files(target, cx)? {
        let Some(old) = read(&file.path)? else {
            continue;
        };
        let undo = Undo::find(&cx.config.data_dir.value, &file.path);
        let after = match undo {
            // Nobody has touched it since.
            Some(undo) if undo.after == old => undo.before,
            _ => {
                let new = file
                    .uninstalled(&old)
                    .map_err(|error| refused(&file, &error))?;
                if new == old {
                    continue;
                }
                Some(new)
            }
        };
        changes.push(Change {
            path: file.path,
            before: Some(old),
            after,
        });
    }
    Ok(changes)
}

fn refused(file: &SettingsFile, error: &EditError) -> Error {
    Error::Settings(format!("{} is left as it is: {error}", file.path.display()))
}

/// Shows the changes and, if the user agrees, makes them.
fn finish(
    changes: Vec<Change>,
    yes: bool,
    print: bool,
    installing: bool,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    if changes.is_empty() {
        let nothing = if installing {
            "Nothing to do: the hooks are installed."
        } else {
            "Nothing to do: there are no hooks of agentmon."
        };
        out.line(nothing)?;
        return Ok(Exit::Done);
    }
    for change in &changes {
        show(change, out)?;
    }
    if print {
        return Ok(Exit::Done);
    }
    out.flush()?;
    if !yes && !agreed()? {
        out.line("Nothing was changed.")?;
        return Ok(Exit::Done);
    }
    let data_dir = &cx.config.data_dir.value;
    for change in changes {
        write(
            &change.path,
            change.before.as_deref(),
            change.after.as_deref(),
        )?;
        match (installing, &change.after) {
            (true, Some(after)) => Undo::keep(data_dir, &change.path, change.before, after)?,
            _ => Undo::forget(data_dir, &change.path),
        }
        out.line(format!(
            "Wrote {}",
            text::line(&change.path.to_string_lossy())
        ))?;
    }
    if installing {
        out.line("Agents that run already read their settings at the next start. Codex asks to trust new hooks: `/hooks`.")?;
    }
    Ok(Exit::Done)
}

fn show(change: &Change, out: &mut Output) -> Result<(), Error> {
    let path = change.path.display().to_string();
    let name = |text: &Option<String>| match text {
        Some(_) => path.clone(),
        None => "/dev/null".to_owned(),
    };
    let [before, after] = [&change.before, &change.after];
    let diff = TextDiff::from_lines(
        before.as_deref().unwrap_or_default(),
        after.as_deref().unwrap_or_default(),
    );
    let (old, new) = (name(before), name(after));
    let unified = diff.unified_diff().header(&old, &new).to_string();
    for line in unified.lines() {
        out.line(text::line(line))?;
    }
    Ok(())
}

/// Asks the user.
fn agreed() -> Result<bool, Error> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(Error::Usage(
            "nobody can be asked here: say --yes to write this, or --print to see it only"
                .to_owned(),
        ));
    }
    let mut stderr = std::io::stderr();
    write!(stderr, "Write this? [y/N] ")?;
    stderr.flush()?;
    let mut line = String::new();
    stdin.lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

fn status(
    target: &HooksTarget,
    command: &Command<'_>,
    cx: &Context,
    out: &mut Output,
) -> Result<Exit, Error> {
    let mut rows = Vec::new();
    for file in files(target, cx)? {
        let text = read(&file.path)?;
        let standing = match file.standing(text.as_deref().unwrap_or_default(), command) {
            Ok(Standing::Absent) => "not installed".to_owned(),
            Ok(Standing::Partly) => "outdated: install again".to_owned(),
            Ok(Standing::Installed) => "installed".to_owned(),
            Ok(Standing::Taken) => "another program has notify".to_owned(),
            Err(error) => format!("unusable: {error}"),
        };
        rows.push((file, standing));
    }
    if out.format == Format::Json {
        let files: Vec<_> = rows
            .iter()
            .map(|(file, standing)| {
                json!({
                    "agent": file.agent.as_str(),
                    "path": file.path,
                    "status": standing,
                })
            })
            .collect();
        out.json(&json!({"schema": "agentmon.hooks/1", "files": files}))?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        ("AGENT", Layout::Left),
        ("FILE", Layout::Left),
        ("HOOKS", Layout::Left),
    ]);
    for (file, standing) in rows {
        let path = file.path.to_string_lossy();
        table.row(vec![
            file.agent.as_str().to_owned().into(),
            text::line(&path).into_owned().into(),
            text::line(&standing).into_owned().into(),
        ]);
    }
    out.table(&table, 0)?;
    Ok(Exit::Done)
}
