//! Which hooks agents are given, as pure functions: the text of a settings file in, the new text out. What the user
//! wrote stays as it is, to the byte, around what is added and taken away.

mod json;
mod settings;
mod toml;

use std::path::PathBuf;

use super::HookAgent;
use crate::source::Env;

/// Whose settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The user's, for all projects.
    User,
    /// One project's, which is the current folder.
    Project,
}

/// How a settings file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON with a `hooks` object.
    Hooks,
    /// Codex's `config.toml`, with its `notify` program.
    Notify,
}

/// A settings file of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Whose.
    pub agent: HookAgent,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// How it is written.
    pub format: Format,
}

/// Why a settings file is left alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// It does not parse.
    #[error("it does not parse: {0}")]
    Malformed(String),
    /// It has something else where hooks belong.
    #[error("{0} is not {1}")]
    Shape(String, &'static str),
    /// The place is taken.
    #[error(
        "`notify` runs another program ({0}) and can run only one: it is left in place. The hooks tell the same once they \
         are trusted (`/hooks` in Codex)"
    )]
    Taken(String),
}

/// A settings file, and whether hooks of agentmon stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookFile {
    /// The file. It need not exist.
    pub file: SettingsFile,
    /// Whether they do; why that cannot be said.
    pub is_installed: Result<bool, EditError>,
}

/// What a settings file holds of agentmon's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// Not all, or an older command.
    Partly,
    /// All, as it would be installed now.
    Installed,
    /// Another program has the only place there is.
    Taken,
}

/// What is said to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command<'a> {
    /// The program, as a full path.
    pub program: &'a str,
    /// The data folder, where it is not the one that a hook finds by itself.
    pub data_dir: Option<&'a str>,
}

impl Command<'_> {
    /// The words to run for an agent.
    fn words(&self, agent: HookAgent) -> Vec<String> {
        let mut words = vec![
            self.program.to_owned(),
            "hook".to_owned(),
            agent.as_str().to_owned(),
        ];
        if let Some(folder) = self.data_dir {
            words.extend(["--data-dir".to_owned(), folder.to_owned()]);
        }
        words
    }

    /// The same as a line for a shell.
    fn line(&self, agent: HookAgent) -> String {
        let words = self.words(agent);
        let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
        quoted.join(" ")
    }
}

/// A word as a POSIX shell takes it.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Whether a command line is agentmon's for an agent, wherever the program was and whatever folder it was told.
fn is_ours(line: &str, agent: HookAgent) -> bool {
    let call = format!("hook {}", agent.as_str());
    let Some(at) = line.find(&call) else {
        return false;
    };
    let end = line[at + call.len()..].chars().next();
    let program = line[..at].trim_end().trim_matches(['"', '\'']);
    let name = program.rsplit(['/', '\\']).next().unwrap_or_default();
    end.is_none_or(char::is_whitespace) && matches!(name, "agentmon" | "agentmon.exe")
}

impl SettingsFile {
    /// The files in which an agent's hooks are installed.
    #[must_use]
    pub fn of(agent: HookAgent, scope: Scope, env: &Env, folder: &std::path::Path) -> Vec<Self> {
        let home = |variable, below: &str| match env.var(variable) {
            Some(path) => env.expand(path),
            None => env.home.join(below),
        };
        let file = |path, format| Self {
            agent,
            path,
            format,
        };
        match (agent, scope) {
            (HookAgent::ClaudeCode, Scope::User) => {
                let folder = home("CLAUDE_CONFIG_DIR", ".claude");
                vec![file(folder.join("settings.json"), Format::Hooks)]
            }
            (HookAgent::ClaudeCode, Scope::Project) => {
                vec![file(folder.join(".claude/settings.json"), Format::Hooks)]
            }
            (HookAgent::Codex, Scope::User) => {
                let folder = home("CODEX_HOME", ".codex");
                vec![
                    file(folder.join("hooks.json"), Format::Hooks),
                    file(folder.join("config.toml"), Format::Notify),
                ]
            }
            (HookAgent::Codex, Scope::Project) => {
                vec![file(folder.join(".codex/hooks.json"), Format::Hooks)]
            }
            (HookAgent::Gemini, Scope::User) => {
                let folder = match env.var("GEMINI_CLI_HOME") {
                    Some(path) => env.expand(path),
                    None => env.home.clone(),
                };
                vec![file(folder.join(".gemini/settings.json"), Format::Hooks)]
            }
            (HookAgent::Gemini, Scope::Project) => {
                vec![file(folder.join(".gemini/settings.json"), Format::Hooks)]
            }
        }
    }

    /// Whether hooks of agentmon stand in the file's text, those of another version too.
    ///
    /// # Errors
    /// [`EditError`]: what the file says cannot be understood.
    pub fn has_ours(&self, text: &str) -> Result<bool, EditError> {
        Ok(self.uninstalled(text)? != text)
    }

    /// The file's text with agentmon's hooks in it.
    ///
    /// # Errors
    /// [`EditError`]: the file stays as it is.
    pub fn installed(&self, text: &str, command: &Command<'_>) -> Result<String, EditError> {
        match self.format {
            Format::Hooks => settings::install(text, self.agent, &command.line(self.agent)),
            Format::Notify => toml::install(text, self.agent, &command.words(self.agent)),
        }
    }

    /// The file's text without them.
    ///
    /// # Errors
    /// [`EditError`]: the file stays as it is.
    pub fn uninstalled(&self, text: &str) -> Result<String, EditError> {
        match self.format {
            Format::Hooks => settings::uninstall(text, self.agent),
            Format::Notify => toml::uninstall(text, self.agent),
        }
    }

    /// What of agentmon's is in the file.
    ///
    /// # Errors
    /// [`EditError::Malformed`], [`EditError::Shape`].
    pub fn standing(&self, text: &str, command: &Command<'_>) -> Result<Standing, EditError> {
        match self.installed(text, command) {
            Ok(installed) if installed == text => Ok(Standing::Installed),
            Ok(_) if self.uninstalled(text)? == text => Ok(Standing::Absent),
            Ok(_) => Ok(Standing::Partly),
            Err(EditError::Taken(_)) => Ok(Standing::Taken),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
