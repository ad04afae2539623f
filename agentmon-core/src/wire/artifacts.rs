//! `agentmon.artifacts.v1`.

use serde::Serialize;

use super::part::Time;
use crate::query::{Artifacts, FileArtifact, LineCounts, Output, OutputKind};

/// What came out of a session.
#[must_use]
pub fn artifacts(artifacts: &Artifacts) -> impl Serialize + '_ {
    let not_counted = artifacts.not_counted;
    Schema {
        schema: "agentmon.artifacts.v1",
        session: artifacts.session.to_string(),
        files: artifacts.files.iter().map(File::from).collect(),
        files_total: artifacts.files_total,
        lines: artifacts.lines.into(),
        outputs: artifacts.outputs.iter().map(Row::from).collect(),
        outputs_total: artifacts.outputs_total,
        not_counted: NotCounted {
            failed: not_counted.failed,
            unanswered: not_counted.unanswered,
            unnamed: not_counted.unnamed,
        },
        complete: artifacts.is_complete,
    }
}

#[derive(Serialize)]
struct Schema<'a> {
    schema: &'static str,
    session: String,
    files: Vec<File<'a>>,
    files_total: u64,
    lines: Lines,
    outputs: Vec<Row<'a>>,
    outputs_total: u64,
    not_counted: NotCounted,
    complete: bool,
}

#[derive(Serialize)]
struct NotCounted {
    failed: u64,
    unanswered: u64,
    unnamed: u64,
}

#[derive(Serialize)]
struct Lines {
    added: u64,
    removed: u64,
    complete: bool,
}

impl From<LineCounts> for Lines {
    fn from(lines: LineCounts) -> Self {
        Self {
            added: lines.added,
            removed: lines.removed,
            complete: lines.is_complete,
        }
    }
}

#[derive(Serialize)]
struct File<'a> {
    path: &'a str,
    change: &'static str,
    renamed_from: Option<&'a str>,
    changes: u64,
    lines: Lines,
    first_at: Time,
    last_at: Time,
    session: String,
    event: i64,
    by: Vec<Who>,
}

#[derive(Serialize)]
struct Who {
    session: String,
    changes: u64,
}

impl<'a> From<&'a FileArtifact> for File<'a> {
    fn from(file: &'a FileArtifact) -> Self {
        let who = file.by.iter().map(|(session, changes)| Who {
            session: session.to_string(),
            changes: *changes,
        });
        Self {
            path: &file.path,
            change: file.fate.as_str(),
            renamed_from: file.renamed_from.as_deref(),
            changes: file.changes,
            lines: file.lines.into(),
            first_at: Time(file.first_at),
            last_at: Time(file.last_at),
            session: file.session.to_string(),
            event: file.event,
            by: who.collect(),
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    kind: &'static str,
    at: Time,
    session: String,
    event: i64,
    title: Option<&'a str>,
    id: Option<&'a str>,
    url: Option<&'a str>,
    tool: Option<&'a str>,
    images: Option<u32>,
}

impl<'a> From<&'a Output> for Row<'a> {
    fn from(output: &'a Output) -> Self {
        Self {
            kind: output.kind.as_str(),
            at: Time(output.at),
            session: output.session.to_string(),
            event: output.event,
            title: output.title.as_deref(),
            id: output.id.as_deref(),
            url: output.url.as_deref(),
            tool: output.tool.as_deref(),
            images: match output.kind {
                OutputKind::Images(count) => Some(count),
                _ => None,
            },
        }
    }
}
