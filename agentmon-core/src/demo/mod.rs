//! A home folder in which agents have worked for weeks, and are at work now, all of it made up.
//!
//! Everything is written in the agents' own formats, so that the ordinary sources read it: what can be seen of the demo
//! can be seen of a real machine. Written is only the folder given; the same seed and time give the same files. With
//! the feature `demo`.
//!
//! What happens is told once, whatever agent it is of (`scene`), by the `cast` and the `history`; a pen for each
//! agent writes it down. Some things leave no trace in files (a compaction while it runs, a queue): they are not here.

mod cast;
mod claude_code;
mod codex;
mod copilot;
mod files;
mod gemini;
mod history;
mod json;
mod openclaw;
mod opencode;
mod random;
mod scene;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use crate::model::{Span, Timestamp};
use crate::source::Env;
use crate::source::process::{ProcessTable, SystemProcesses, own_start};
use files::Home;
use scene::{Act, Agent, Pen, Scene};

/// A process that stands in for those of the demo's agents: as long as it lives, their sessions are open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in the operating system's own unit (see [`ProcessId`](crate::source::process::ProcessId)).
    pub start: u64,
    /// The machine and the process namespace in which `pid` counts.
    pub domain: String,
}

impl Process {
    /// This very process; `None` where the system does not tell when it started.
    #[must_use]
    pub fn own() -> Option<Self> {
        Some(Self {
            pid: std::process::id(),
            start: own_start()?,
            domain: SystemProcesses.domain().unwrap_or_default().to_owned(),
        })
    }
}

/// What a demo is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoOptions {
    /// Names, numbers and ids follow from it.
    pub seed: u64,
    /// How many days of history there are.
    pub days: u32,
    /// Who stands in for the agents' processes. Without one, nobody can tell whether they live.
    pub process: Option<Process>,
}

impl Default for DemoOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            days: 30,
            process: None,
        }
    }
}

/// A demo home, and what is still to happen in it.
#[derive(Debug)]
pub struct Demo {
    home: Home,
    root: PathBuf,
    parts: Vec<Part>,
}

/// A session on stage.
#[derive(Debug)]
struct Part {
    pen: Box<dyn Pen>,
    /// What is still to happen, the next last.
    ahead: Vec<(Timestamp, Act)>,
    again: Vec<(i64, Act)>,
    /// When the last act is or was.
    last: Timestamp,
}

impl Demo {
    /// Writes a demo home into `root`, as it is at `now`. An earlier demo there is replaced.
    ///
    /// # Errors
    /// When a file cannot be written, or something else is in `root`.
    pub fn write(root: &Path, options: &DemoOptions, now: Timestamp) -> io::Result<Self> {
        let mut home = Home::new(root, options.process.clone())?;
        let mut scenes = history::scenes(options.seed, options.days, now);
        let past = scenes.len();
        scenes.extend(cast::scenes());
        let mut parts = Vec::new();
        for (index, scene) in scenes.iter().enumerate() {
            let folder = format!("projects/{}", scene.project);
            home.repository(&folder, scene.branch)?;
            let pen = pen(scene, options.seed, index >= past, &mut home);
            parts.push(Part::new(scene, pen, now));
        }
        let mut demo = Self {
            home,
            root: root.to_owned(),
            parts,
        };
        for part in &mut demo.parts {
            part.play(now, &mut demo.home)?;
            part.rehearse();
        }
        // What is over has no more to say.
        demo.parts.retain(|part| !part.ahead.is_empty());
        Ok(demo)
    }

    /// The environment of somebody whose home this is.
    #[must_use]
    pub fn env(&self) -> Env {
        Env::at(&self.root)
    }

    /// Lets happen what is due by `now`, and tells when there is more.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn advance(&mut self, now: Timestamp) -> io::Result<Option<Timestamp>> {
        for part in &mut self.parts {
            while part.next() <= now {
                part.play(now, &mut self.home)?;
                part.rehearse();
            }
        }
        Ok(self.parts.iter().map(Part::next).min())
    }
}

impl Part {
    fn new(scene: &Scene, pen: Box<dyn Pen>, now: Timestamp) -> Self {
        let acts = scene.acts.iter().rev();
        let ahead: Vec<(Timestamp, Act)> = acts
            .map(|(seconds, act)| (now + Span::from_secs(*seconds), *act))
            .collect();
        Self {
            pen,
            last: ahead.first().map_or(now, |(at, _)| (*at).max(now)),
            ahead,
            again: scene.again.clone(),
        }
    }

    /// Writes down what happens until `now`.
    fn play(&mut self, now: Timestamp, home: &mut Home) -> io::Result<()> {
        while let Some((at, act)) = self.ahead.pop_if(|(at, _)| *at <= now) {
            self.pen.write(at, act, home)?;
        }
        Ok(())
    }

    /// When all has happened, begins once more with what happens again and again.
    fn rehearse(&mut self) {
        if !self.ahead.is_empty() {
            return;
        }
        for (seconds, act) in &self.again {
            self.last = self.last + Span::from_secs(*seconds);
            self.ahead.push((self.last, *act));
        }
        self.ahead.reverse();
    }

    /// When the next thing happens.
    fn next(&self) -> Timestamp {
        self.ahead.last().map_or(Timestamp::MAX, |(at, _)| *at)
    }
}

/// Who writes a scene down. `open`: the session may still be open in a client.
fn pen(scene: &Scene, seed: u64, open: bool, home: &mut Home) -> Box<dyn Pen> {
    match scene.agent {
        Agent::Claude | Agent::ClaudeJob | Agent::ClaudeSubagent { .. } => {
            Box::new(claude_code::ClaudePen::new(scene, seed, open, home))
        }
        Agent::Codex => Box::new(codex::CodexPen::new(scene, seed, home)),
        Agent::Gemini => Box::new(gemini::GeminiPen::new(scene, seed, home)),
        Agent::OpenCode => Box::new(opencode::OpenCodePen::new(scene, seed, home)),
        Agent::Copilot => Box::new(copilot::CopilotPen::new(scene, seed, home)),
        Agent::OpenClaw { .. } => Box::new(openclaw::OpenClawPen::new(scene, seed, home)),
    }
}
