//! Where agentmon's own files are: the XDG base folders on Unix (macOS too, as command-line tools do), the user's
//! `AppData` on Windows.

use std::path::PathBuf;

use crate::source::Env;

/// The configuration file: what `AGENTMON_CONFIG` names, or `agentmon/agentmon.toml` in the configuration folder.
pub(super) fn config_file(env: &Env) -> PathBuf {
    match env.var("AGENTMON_CONFIG") {
        Some(path) => env.expand(path),
        None => base(env, "XDG_CONFIG_HOME", ".config", "APPDATA")
            .join("agentmon")
            .join("agentmon.toml"),
    }
}

/// The folder of agentmon's own files if none is set.
#[must_use]
pub fn data_dir(env: &Env) -> PathBuf {
    base(env, "XDG_DATA_HOME", ".local/share", "LOCALAPPDATA").join("agentmon")
}

fn base(env: &Env, xdg: &str, below_home: &str, windows: &str) -> PathBuf {
    let variable = if cfg!(windows) { windows } else { xdg };
    env.var(variable)
        .map(PathBuf::from)
        // The specification: a relative path is invalid and must be ignored.
        .filter(|path| path.is_absolute())
        .unwrap_or_else(|| env.home.join(below_home))
}
