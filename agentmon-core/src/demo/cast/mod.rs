//! Who is on stage: a session in every state, in made-up projects of a made-up shop.
//!
//! Times are seconds from the beginning of the demo. `again` goes on from the last act while the demo is live.

mod claude_code;
mod codex;
mod further;
mod openclaw;

use super::scene::{Act, Agent, Scene};

const OPUS: &str = "claude-opus-5-5";
const SONNET: &str = "claude-sonnet-5-5";
const HAIKU: &str = "claude-haiku-5-5";
const GPT: &str = "gpt-5.5";
const SOL: &str = "gpt-6-sol";
const GEMINI: &str = "gemini-3.1-pro-preview";

fn scene(
    name: &str,
    agent: Agent,
    model: &'static str,
    (project, branch): (&'static str, &'static str),
    title: &'static str,
    acts: &[(i64, Act)],
) -> Scene {
    Scene {
        name: name.to_owned(),
        agent,
        model,
        project,
        branch,
        title,
        context: 21_000,
        acts: acts.to_vec(),
        again: Vec::new(),
    }
}

impl Scene {
    /// What goes on while the demo is live.
    fn again(mut self, acts: &[(i64, Act)]) -> Self {
        self.again = acts.to_vec();
        self
    }

    /// How full the context is to begin with.
    fn context(mut self, tokens: u64) -> Self {
        self.context = tokens;
        self
    }
}

/// All scenes.
pub(super) fn scenes() -> Vec<Scene> {
    let mut scenes = claude_code::at_work();
    scenes.extend(claude_code::at_rest());
    scenes.extend(codex::scenes());
    scenes.extend(openclaw::scenes());
    scenes.extend(further::scenes());
    scenes
}
