//! Which agents have agentmon's hooks.

use std::fs;

use super::Monitor;
use crate::hooks::HookAgent;
use crate::hooks::install::{HookFile, Scope, SettingsFile};

impl Monitor {
    /// The user's settings files in which agents look for hooks, and whether agentmon's stand there. Reads them anew.
    #[must_use]
    pub fn hook_files(&self) -> Vec<HookFile> {
        let env = &self.inner.env;
        let files = HookAgent::ALL
            .iter()
            .flat_map(|agent| SettingsFile::of(*agent, Scope::User, env, &env.home));
        files
            .map(|file| {
                let text = fs::read_to_string(&file.path).unwrap_or_default();
                let is_installed = file.has_ours(&text);
                HookFile { file, is_installed }
            })
            .collect()
    }
}
