//! `agentmon.hooks.v1`.

use serde::Serialize;

use crate::hooks::install::HookFile;

/// In which settings files hooks of agentmon stand.
#[must_use]
pub fn hooks(files: &[HookFile]) -> impl Serialize {
    Hooks {
        schema: "agentmon.hooks.v1",
        files: files.iter().map(Line::from).collect(),
    }
}

#[derive(Serialize)]
struct Hooks {
    schema: &'static str,
    files: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    agent: &'static str,
    path: String,
    installed: Option<bool>,
    error: Option<String>,
}

impl From<&HookFile> for Line {
    fn from(HookFile { file, is_installed }: &HookFile) -> Self {
        Self {
            agent: file.agent.as_str(),
            path: file.path.display().to_string(),
            installed: is_installed.as_ref().ok().copied(),
            error: is_installed.as_ref().err().map(ToString::to_string),
        }
    }
}
