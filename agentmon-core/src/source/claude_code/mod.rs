//! Claude Code: which of its files are read, and by which parser.
//!
//! `projects/**.jsonl` are transcripts ([`transcript`]), `sessions/<pid>.json` say what a running process does
//! ([`live`]), `jobs/<id>/state.json` describe background sessions ([`jobs`]), `agent-<id>.meta.json` name subagents
//! ([`subagent_meta`]). `sessions/*.key` are secrets: never opened.

pub mod content;
pub mod evidence;
pub mod hook;
pub(crate) mod identity;
mod images;
pub mod jobs;
pub mod line;
pub mod live;
pub mod statusline;
pub mod subagent_meta;
mod title;
pub mod transcript;

use std::path::Path;
use std::sync::Arc;

use super::image::{Image, ImageOwner};
use super::process::{ProcessTable, SystemProcesses};
use super::{Env, FileFormat, FileInfo, FileRole, Parser, Root, for_each_line};
use crate::model::{AgentKind, Batch, SessionKey, Timestamp};

/// Claude Code's configuration folder.
#[derive(Debug, Clone)]
pub struct ClaudeCode {
    processes: Arc<dyn ProcessTable>,
}

impl ClaudeCode {
    /// The format, asking `processes` whether the clients that wrote live files still run.
    #[must_use]
    pub fn new(processes: Arc<dyn ProcessTable>) -> Self {
        Self { processes }
    }
}

impl Default for ClaudeCode {
    fn default() -> Self {
        Self::new(Arc::new(SystemProcesses))
    }
}

impl FileFormat for ClaudeCode {
    fn agent(&self) -> AgentKind {
        AgentKind::ClaudeCode
    }

    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn version(&self) -> u32 {
        1
    }

    /// `CLAUDE_CONFIG_DIR` replaces the defaults, as it does for the client; a comma separates several folders, as
    /// other readers of these files have it.
    fn roots(&self, env: &Env) -> Vec<Root> {
        if let Some(list) = env.var("CLAUDE_CONFIG_DIR") {
            let folders = list
                .split(',')
                .map(str::trim)
                .filter(|folder| !folder.is_empty());
            return folders
                .map(|folder| Root {
                    path: env.expand(folder),
                    origin: "CLAUDE_CONFIG_DIR",
                })
                .collect();
        }
        [".claude", ".config/claude"]
            .into_iter()
            .map(|folder| Root {
                path: env.home.join(folder),
                origin: "default",
            })
            .collect()
    }

    fn enters(&self, relative: &Path) -> bool {
        let mut parts = relative.iter().filter_map(|part| part.to_str());
        match parts.next() {
            Some("projects") => !matches!(
                relative.file_name().and_then(|n| n.to_str()),
                Some("tool-results" | "memory")
            ),
            Some("jobs" | "sessions") => parts.count() <= 1,
            _ => false,
        }
    }

    fn role(&self, relative: &Path) -> Option<FileRole> {
        let name = relative.file_name()?.to_str()?;
        let extension = relative.extension()?.to_str()?;
        match (relative.iter().next()?.to_str()?, extension) {
            ("projects", "jsonl") => (name != "journal.jsonl").then_some(FileRole::Lines),
            ("projects", "json") => (name.starts_with("agent-") && name.ends_with(".meta.json"))
                .then_some(FileRole::Snapshot),
            ("sessions", "json") => live::is_live(relative).then_some(FileRole::Live),
            ("jobs", "json") => (name == "state.json").then_some(FileRole::Snapshot),
            _ => None,
        }
    }

    /// Lines with a `sessionId`, as all have but summaries and file snapshots, which may come first.
    fn recognises(&self, head: &[u8]) -> bool {
        let mut recognised = false;
        for_each_line(0, head, |_, line| {
            let is = |name: &[u8]| memchr::memmem::find(line, name).is_some();
            recognised |=
                line.first() == Some(&b'{') && is(b"\"sessionId\":\"") && is(b"\"type\":\"");
        });
        recognised
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        match file.relative().split('/').next() {
            Some("sessions") => Box::new(live::LiveParser::start(self.processes.clone())),
            Some("jobs") => Box::new(jobs::JobParser::start()),
            _ if file.role == FileRole::Snapshot => Box::new(subagent_meta::MetaParser::new(file)),
            _ => Box::new(transcript::Transcript::new(file)),
        }
    }

    fn resume(&self, file: &FileInfo, state: &[u8]) -> Option<Box<dyn Parser>> {
        match file.relative().split('/').next() {
            Some("sessions") => Some(Box::new(live::LiveParser::resume(
                state,
                self.processes.clone(),
            )?)),
            Some("jobs") => Some(Box::new(jobs::JobParser::resume(state)?)),
            _ if file.role == FileRole::Snapshot => Some(self.start(file)),
            _ => Some(Box::new(transcript::Transcript::resume(file, state)?)),
        }
    }

    fn removed(&self, file: &FileInfo, state: &[u8], now: Timestamp, out: &mut Batch) {
        if file.role == FileRole::Live {
            live::removed(file, state, now, &*self.processes, out);
        }
    }

    fn image_mark(&self) -> Option<&'static [u8]> {
        Some(b"\"image\"")
    }

    fn images(&self, _: &SessionKey, line: &[u8], owner: ImageOwner) -> Vec<Image> {
        images::images(line, owner)
    }
}

/// The key of a Claude Code session, or of a subagent inside it.
#[must_use]
pub fn session_key(session: &str, agent: Option<&str>) -> SessionKey {
    match agent {
        None => SessionKey::new(AgentKind::ClaudeCode, session),
        Some(agent) => SessionKey::new(AgentKind::ClaudeCode, format!("{session}/{agent}")),
    }
}
