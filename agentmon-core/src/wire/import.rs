//! `agentmon.import.v1`.

use serde::Serialize;

use crate::query::{ImportReport, ImportedFolder};

/// What an import found and did.
#[must_use]
pub fn import(report: &ImportReport) -> impl Serialize + '_ {
    let skipped = report.skipped.iter().map(|(path, reason)| Skipped {
        path: path.to_string_lossy().into(),
        reason,
    });
    Import {
        schema: "agentmon.import.v1",
        found: report.folders.iter().map(Folder::from).collect(),
        skipped: skipped.collect(),
        bytes_read: report.read.bytes_read,
        problems: report.read.problems,
        unreadable: report.read.unreadable,
        new_sessions: report.new_sessions,
        new_calls: report.new_calls,
        new_events: report.new_events,
    }
}

#[derive(Serialize)]
struct Import<'a> {
    schema: &'static str,
    found: Vec<Folder<'a>>,
    skipped: Vec<Skipped<'a>>,
    bytes_read: u64,
    problems: u64,
    unreadable: u64,
    new_sessions: u64,
    new_calls: u64,
    new_events: u64,
}

#[derive(Serialize)]
struct Folder<'a> {
    format: &'a str,
    agent: &'a str,
    path: String,
    files: u64,
    bytes: u64,
}

impl<'a> From<&'a ImportedFolder> for Folder<'a> {
    fn from(folder: &'a ImportedFolder) -> Self {
        Self {
            format: &folder.format,
            agent: folder.agent.as_str(),
            path: folder.path.to_string_lossy().into(),
            files: folder.files,
            bytes: folder.bytes,
        }
    }
}

#[derive(Serialize)]
struct Skipped<'a> {
    path: String,
    reason: &'a str,
}
