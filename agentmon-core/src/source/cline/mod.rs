//! Cline, in a terminal and in an editor, and Roo Code, which began as a copy of the latter.
//!
//! The terminal client keeps a folder for each session (`session`), the extensions a folder for each task
//! (`task`). Both replace their files as a whole after every message.

mod messages;
mod session;
mod task;

use std::path::{Path, PathBuf};

use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root};
use crate::model::AgentKind;

/// The sessions of Cline in a terminal: `~/.cline/data/sessions/<session id>/`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClineSessions;

/// The tasks of Cline in an editor: `tasks/<task id>/ui_messages.json` in the extension's storage.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClineTasks;

/// The tasks of Roo Code.
#[derive(Debug, Clone, Copy, Default)]
pub struct RooCode;

impl FileFormat for ClineSessions {
    fn agent(&self) -> AgentKind {
        AgentKind::Cline
    }

    fn name(&self) -> &'static str {
        "cline"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let mut roots = Vec::new();
        for (name, below) in [("CLINE_DATA_DIR", ""), ("CLINE_DIR", "data")] {
            if let Some(folder) = env.var(name) {
                roots.push(Root {
                    path: env.expand(folder).join(below),
                    origin: name,
                });
            }
        }
        roots.push(Root {
            path: env.home.join(".cline/data"),
            origin: "default",
        });
        roots
    }

    fn enters(&self, relative: &Path) -> bool {
        relative.starts_with("sessions") && relative.components().count() <= 2
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let inside = relative.strip_prefix("sessions").ok()?;
        let folder = inside.parent()?.to_str().filter(|name| !name.is_empty())?;
        let name = inside.file_name()?.to_str()?;
        if name.ends_with(messages::SUFFIX) {
            Some(FileRole::Document)
        } else {
            (name.strip_suffix(".json") == Some(folder)).then_some(FileRole::Snapshot)
        }
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match file.role {
            FileRole::Snapshot => Box::new(session::Session::new(file)),
            _ => Box::new(messages::Messages::new(file)),
        }
    }

    fn resume(&self, file: &FileInfo, _: &[u8]) -> Option<Box<dyn Parser>> {
        Some(self.start(file))
    }
}

/// The extensions' names, which are those of their storage folders.
const CLINE: &str = "saoudrizwan.claude-dev";
const ROO_CODE: &str = "rooveterinaryinc.roo-cline";

/// Storage folders of an extension in the editors that run it.
fn storages(env: &Env, extension: &str) -> Vec<Root> {
    const EDITORS: [&str; 6] = [
        "Code",
        "Code - Insiders",
        "VSCodium",
        "Cursor",
        "Windsurf",
        "Trae",
    ];
    let config = env.var("XDG_CONFIG_HOME").map(|home| env.expand(home));
    let mut roots = Vec::new();
    let mut add = |path: PathBuf| {
        roots.push(Root {
            path: path.join("User/globalStorage").join(extension),
            origin: "default",
        });
    };
    for base in [
        config.unwrap_or_else(|| env.home.join(".config")),
        env.home.join("Library/Application Support"),
        env.home.join("AppData/Roaming"),
    ] {
        EDITORS.iter().for_each(|editor| add(base.join(editor)));
    }
    for server in [".vscode-server", ".cursor-server", ".windsurf-server"] {
        add(env.home.join(server).join("data"));
    }
    roots
}

fn enters_tasks(relative: &Path) -> bool {
    relative.starts_with("tasks") && relative.components().count() <= 2
}

fn task_role(relative: &Path) -> Option<FileRole> {
    let mut parts = relative.iter();
    let is_task = parts.next()? == "tasks" && parts.nth(1)? == "ui_messages.json";
    (is_task && parts.next().is_none()).then_some(FileRole::Document)
}

macro_rules! tasks {
    ($format:ty, $agent:expr, $name:literal, $extension:expr, $owns:expr) => {
        impl FileFormat for $format {
            fn agent(&self) -> AgentKind {
                $agent
            }

            fn name(&self) -> &'static str {
                $name
            }

            fn version(&self) -> u32 {
                1
            }

            fn roots(&self, env: &Env) -> Vec<Root> {
                storages(env, $extension)
            }

            fn enters(&self, relative: &Path) -> bool {
                enters_tasks(relative)
            }

            fn role(&self, relative: &Path) -> Option<FileRole> {
                task_role(relative)
            }

            fn owns(&self, folder: &Path) -> bool {
                $owns(folder.ends_with(ROO_CODE))
            }

            fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
                Box::new(task::Task::new(file, self.agent()))
            }

            fn resume(&self, file: &FileInfo, _: &[u8]) -> Option<Box<dyn Parser>> {
                Some(self.start(file))
            }
        }
    };
}

// A copy of tasks that does not say whose they are counts as Cline's.
tasks!(
    ClineTasks,
    AgentKind::Cline,
    "cline-tasks",
    CLINE,
    |roo: bool| !roo
);
tasks!(
    RooCode,
    AgentKind::RooCode,
    "roo-code",
    ROO_CODE,
    |roo: bool| roo
);
