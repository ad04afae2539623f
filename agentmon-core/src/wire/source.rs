//! `agentmon.sources.v1`.

use serde::Serialize;

use super::part::Time;
use crate::query::{RootState, SourceReport};

/// What was looked for, found and skipped.
#[must_use]
pub fn sources(reports: &[SourceReport]) -> impl Serialize + '_ {
    Sources {
        schema: "agentmon.sources.v1",
        sources: reports.iter().map(Source::from).collect(),
    }
}

#[derive(Serialize)]
struct Sources<'a> {
    schema: &'static str,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    format: &'a str,
    agent: &'a str,
    root: String,
    origin: &'a str,
    state: &'static str,
    error: Option<&'a str>,
    files: u64,
    bytes: u64,
    sessions: u64,
    newest_at: Option<Time>,
    problems: Vec<Problem<'a>>,
}

#[derive(Serialize)]
struct Problem<'a> {
    kind: &'static str,
    file: String,
    offset: u64,
    detail: &'a str,
    count: u64,
}

impl<'a> From<&'a SourceReport> for Source<'a> {
    fn from(report: &'a SourceReport) -> Self {
        Self {
            format: &report.format,
            agent: report.agent.as_str(),
            root: report.root.display().to_string(),
            origin: &report.origin,
            state: report.state.as_str(),
            error: match &report.state {
                RootState::Unreadable(message) => Some(message),
                _ => None,
            },
            files: report.files,
            bytes: report.bytes,
            sessions: report.sessions,
            newest_at: report.newest.map(Time),
            problems: report
                .problems
                .iter()
                .map(|problem| Problem {
                    kind: problem.kind.as_str(),
                    file: problem.file.display().to_string(),
                    offset: problem.offset,
                    detail: &problem.detail,
                    count: problem.count,
                })
                .collect(),
        }
    }
}
