//! OpenClaw, and Clawdbot and Moltbot as it was called before: its state folder.
//!
//! `files` are what the versions up to 2026.7 keep there, `sqlite` the databases of the versions since. Both name the
//! same conversations in the same way, so that a folder which has both gives each fact once. `gateway` hears of the
//! same conversations from the program that runs them.

mod files;
pub mod gateway;
mod sqlite;
pub mod webhook;

pub use files::OpenClawFiles;
pub use sqlite::OpenClawSqlite;

use super::{Env, Root};

/// A session key in full and in lower case (`agent:<agent>:<rest>`), as gateways take it; `agent` is meant where it names
/// none.
#[must_use]
pub fn address(key: &str, agent: &str) -> String {
    files::names::address(key, agent)
}

/// Every folder that some version uses: a machine keeps `~/.clawdbot` beside `~/.openclaw` after the renaming, often as
/// a symbolic link.
fn roots(env: &Env) -> Vec<Root> {
    let mut roots = Vec::new();
    let mut add = |path, origin| roots.push(Root { path, origin });
    for name in ["OPENCLAW_STATE_DIR", "CLAWDBOT_STATE_DIR"] {
        if let Some(folder) = env.var(name) {
            add(env.expand(folder), name);
        }
    }
    let home = env
        .var("OPENCLAW_HOME")
        .map_or_else(|| env.home.clone(), |home| env.expand(home));
    add(home.join(".openclaw"), "default");
    if let Some(profile) = env.var("OPENCLAW_PROFILE") {
        add(
            home.join(format!(".openclaw-{profile}")),
            "OPENCLAW_PROFILE",
        );
    }
    for name in [".clawdbot", ".moltbot", ".moldbot"] {
        add(home.join(name), "legacy");
    }
    roots
}
