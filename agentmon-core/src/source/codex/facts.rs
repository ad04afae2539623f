//! What a rollout says about its session as a whole.

use serde::{Deserialize, Serialize};

use super::record::{Git, SessionMeta, Source, Subagent};
use super::text::{Text, part};
use crate::model::{
    AgentKind, PriceMode, Relation, SessionKey, SessionPatch, Timestamp, stamp, stamp_first,
};

/// What is remembered of the session between lines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Size of the context window in tokens.
    pub(super) window: Option<u64>,
    /// Tokens in it.
    pub(super) context: u64,
    /// How the provider now serves the thread.
    pub(super) mode: PriceMode,
    /// Whether the user's first prompt was seen.
    pub(super) titled: bool,
}

/// Writes what `session_meta` says into the session's patch. `at` is the line's time.
pub(super) fn describe(
    meta: &SessionMeta<'_>,
    source: Option<&Source>,
    at: Timestamp,
    patch: &mut SessionPatch,
) {
    let started = meta
        .timestamp
        .get()
        .and_then(Timestamp::parse)
        .unwrap_or(at);
    patch.touch(started);
    patch.propose_parent(parent(meta, source));
    if let Some(cwd) = meta.cwd.get() {
        stamp_first(&mut patch.cwd, started, cwd);
    }
    if let Some(branch) = part::<Git>(meta.git).and_then(|git| git.branch) {
        stamp(&mut patch.branch, at, &branch);
    }
    if let Some(version) = meta.cli_version.get() {
        stamp(&mut patch.version, at, version);
    }
    let client = match source {
        Some(Source::Client(client)) => Some(client.as_str()),
        Some(Source::Subagent { .. }) => Some("subagent"),
        None => meta.originator.get(),
    };
    if let Some(client) = client {
        stamp(&mut patch.entrypoint, at, client);
    }
    if let Some(role) = role(meta, source) {
        stamp(&mut patch.role, at, role);
    }
}

/// `fast` is the client's own name for priority processing.
pub(super) fn price_mode(tier: &Text<'_>) -> PriceMode {
    match tier.get() {
        Some("flex") => PriceMode::Flex,
        Some("priority" | "fast") => PriceMode::Priority,
        _ => PriceMode::Standard,
    }
}

/// What a child agent is for: its role, or its place in the tree (`/root/helper`), or its task, or its nickname.
fn role<'m>(meta: &'m SessionMeta<'_>, source: Option<&'m Source>) -> Option<&'m str> {
    let path_end = |path: &'m str| path.rsplit('/').next().filter(|name| !name.is_empty());
    let subagent = match source {
        Some(Source::Subagent { subagent }) => Some(subagent),
        _ => None,
    };
    let spawn = match subagent {
        Some(Subagent::Spawned { thread_spawn }) => Some(thread_spawn),
        _ => None,
    };
    let task = match subagent {
        Some(Subagent::Task(task) | Subagent::Other { other: task }) => Some(task.as_str()),
        _ => None,
    };
    let spawn_role = spawn.and_then(|spawn| spawn.agent_role.as_deref());
    let spawn_path = spawn.and_then(|spawn| spawn.agent_path.as_deref());
    let spawn_name = spawn.and_then(|spawn| spawn.agent_nickname.as_deref());
    meta.agent_role
        .get()
        .or(spawn_role)
        .or_else(|| meta.agent_path.get().or(spawn_path).and_then(path_end))
        .or(task)
        .or(meta.agent_nickname.get())
        .or(spawn_name)
}

/// The thread from which a thread comes. A child that inherits its parent's history is a child first.
fn parent(meta: &SessionMeta<'_>, source: Option<&Source>) -> Option<(SessionKey, Relation)> {
    let key = |id: &str| SessionKey::new(AgentKind::Codex, id);
    let spawned_by = match source {
        Some(Source::Subagent {
            subagent: Subagent::Spawned { thread_spawn },
        }) => thread_spawn.parent_thread_id.as_deref(),
        _ => None,
    };
    let spawned_by = spawned_by.or(meta.parent_thread_id.get());
    let spawned = spawned_by.map(|id| (key(id), Relation::Spawned));
    spawned.or_else(|| Some((key(meta.forked_from_id.get()?), Relation::Fork)))
}
