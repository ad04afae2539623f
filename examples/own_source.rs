//! Adds an agent that agentmon does not know: `cargo run --example own_source`.
//!
//! The agent "scribe" appends to `~/.scribe/<session>.jsonl`:
//! `{"at":"2026-11-20T12:00:00Z","id":"c1","ask":"Fix it","model":"gpt-5.5","input":900,"output":80}`.

use std::path::Path;

use agentmon_core::model::{
    AgentKind, Batch, CallSource, FactKey, ModelCall, PriceMode, ProblemKind, SessionKey,
    Timestamp, Title, TitleKind, Usage,
};
use agentmon_core::query::{RefreshOptions, SessionFilter};
use agentmon_core::session::{Evidence, EvidenceSource, Signal};
use agentmon_core::source::{
    Env, FileFormat, FileInfo, FileRole, Parser, Root, Want, for_each_line, formats,
};
use agentmon_core::{Error, Monitor};
use serde::Deserialize;

/// Which files are read, and by whom.
#[derive(Debug)]
struct Scribe;

impl FileFormat for Scribe {
    fn agent(&self) -> AgentKind {
        AgentKind::from("scribe")
    }

    fn name(&self) -> &'static str {
        "scribe"
    }

    fn version(&self) -> u32 {
        1
    }

    fn roots(&self, env: &Env) -> Vec<Root> {
        let path = env.home.join(".scribe");
        vec![Root {
            path,
            origin: "default",
        }]
    }

    fn enters(&self, _folder: &Path) -> bool {
        false
    }

    fn role(&self, file: &Path) -> Option<FileRole> {
        (file.extension()? == "jsonl").then_some(FileRole::Lines)
    }

    fn start(&self, file: &FileInfo) -> Box<dyn Parser> {
        let session = SessionKey::new(self.agent(), file.stem());
        Box::new(Reader {
            session,
            born: file.born,
        })
    }

    /// Nothing needs to be remembered between two pieces of a file.
    fn resume(&self, file: &FileInfo, _state: &[u8]) -> Option<Box<dyn Parser>> {
        Some(self.start(file))
    }
}

#[derive(Debug)]
struct Reader {
    session: SessionKey,
    born: Timestamp,
}

/// One answered request.
#[derive(Deserialize)]
struct Line {
    at: String,
    id: String,
    ask: String,
    model: String,
    input: u64,
    output: u64,
}

impl Parser for Reader {
    fn feed(&mut self, base: u64, bytes: &[u8], want: Want, _now: Timestamp, out: &mut Batch) {
        for_each_line(base, bytes, |offset, line| {
            let Ok(line) = serde_json::from_slice::<Line>(line) else {
                return out.problem(ProblemKind::Malformed, offset, "line");
            };
            let Some(at) = Timestamp::parse(&line.at) else {
                return out.problem(ProblemKind::BadField, offset, "at");
            };
            let session = out.session(&self.session);
            if want.accounting {
                out.touch(session, at);
                let title = Title::new(TitleKind::FirstPrompt, at, &line.ask);
                out.patch(session).propose_title(title);
                let model = out.model(&line.model);
                out.calls.push(ModelCall {
                    // The same call, wherever it is seen again, is counted once.
                    fact: FactKey::new("scribe.call", &[line.id.as_bytes()]),
                    at,
                    session,
                    model,
                    usage: Usage {
                        input: line.input,
                        output: line.output,
                        ..Usage::default()
                    },
                    mode: PriceMode::Standard,
                    web_searches: 0,
                    reported: None,
                    credit: self.born.0,
                    source: CallSource::Transcript,
                });
            }
            if want.evidence {
                // A source says what it saw. What that means for the state is not its business.
                let signal = Signal::TurnEnded {
                    background: 0,
                    scheduled: None,
                };
                let source = EvidenceSource::Transcript;
                out.evidence(session, Evidence { at, source, signal });
            }
        });
    }

    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}

fn main() -> Result<(), Error> {
    let mut all = formats();
    all.push(Box::new(Scribe));
    let monitor = Monitor::builder().formats(all).in_memory().open()?;
    monitor.refresh(&RefreshOptions {
        want_state: true,
        ..RefreshOptions::default()
    })?;
    let filter = SessionFilter {
        agents: vec![Scribe.agent()],
        ..SessionFilter::default()
    };
    for session in monitor.sessions(&filter)?.sessions {
        println!("{} {} {}", session.key, session.state, session.sums.cost);
    }
    Ok(())
}
