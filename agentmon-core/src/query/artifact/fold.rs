//! Gathers what came out of a session from its calls, in any order.

use std::collections::HashMap;

use super::change::{self, resolved};
use super::output::{self, Made, clipped};
use super::{Artifacts, FileArtifact, FileFate, LineCounts, NotCounted, Output, OutputKind};
use crate::model::{AgentKind, EventStatus, FileDelta, FileOp, SessionKey, Timestamp};
use crate::query::transcript::{ToolType, command};

/// Files kept at most; a session that changed more is not told completely.
const MAX_FILES: usize = 10_000;
/// Results kept at most that are no files.
const MAX_OUTPUTS: usize = 1000;

/// What an agent answers when it applied a patch, where it tells a failure only by other words.
const APPLIED: &[(AgentKind, &str)] = &[(AgentKind::Codex, "Success. Updated")];

/// An event that may tell of a result.
#[derive(Debug, Clone, Copy)]
pub struct ToolRow<'a> {
    /// Its row.
    pub event: i64,
    /// When.
    pub at: Timestamp,
    /// The tool's name.
    pub tool: &'a str,
    /// The tool's input as it is stored.
    pub text: &'a str,
    /// Whether that was cut.
    pub truncated: bool,
    /// How it went, as far as the use itself tells.
    pub status: EventStatus,
}

/// What is known of the end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolAnswer {
    /// How the tool's result says it went, and its text.
    pub result: Option<(EventStatus, Box<str>)>,
    /// Whether the agent applied changes to files, and which.
    pub applied: Option<(EventStatus, Box<str>)>,
}

/// One file while its changes are gathered.
#[derive(Debug)]
struct File {
    first: (Timestamp, i64, FileOp),
    last: (Timestamp, i64, FileOp),
    session: usize,
    changes: u64,
    lines: LineCounts,
    renamed_from: Option<Box<str>>,
    /// Who changed it, when last and how often.
    by: Vec<(usize, (Timestamp, i64), u64)>,
}

/// Gathers what came out of a session and its subagents.
#[derive(Debug)]
pub struct ArtifactFold {
    /// The sessions, and the folder that relative paths of each are in.
    sessions: Vec<(SessionKey, Option<Box<str>>)>,
    files: HashMap<Box<str>, File>,
    outputs: Vec<Output>,
    not_counted: NotCounted,
    is_complete: bool,
}

impl ArtifactFold {
    /// Begins with the session itself.
    #[must_use]
    pub fn new(session: SessionKey, folder: Option<Box<str>>) -> Self {
        Self {
            sessions: vec![(session, folder)],
            files: HashMap::new(),
            outputs: Vec::new(),
            not_counted: NotCounted::default(),
            is_complete: true,
        }
    }

    /// What comes from now on is of this subagent.
    pub fn subagent(&mut self, session: SessionKey, folder: Option<Box<str>>) {
        let folder = folder.or_else(|| self.sessions[0].1.clone());
        self.sessions.push((session, folder));
    }

    /// Not everything was looked at.
    pub fn cut(&mut self) {
        self.is_complete = false;
    }

    /// Whether calls of the tool of that name can tell of a result.
    #[must_use]
    pub fn can_make(tool: &str) -> bool {
        matches!(
            ToolType::of(tool),
            ToolType::Edit | ToolType::Write | ToolType::Shell
        ) || output::makes(tool)
    }

    /// Whether pictures that this tool gives back are a result of the session: not where it only looked at a file.
    #[must_use]
    pub fn gives_images(tool: &str) -> bool {
        ToolType::of(tool) != ToolType::Read
    }

    /// Whether it matters how this call ended: most commands make nothing that can be told.
    #[must_use]
    pub fn wants_answer(row: &ToolRow<'_>) -> bool {
        match ToolType::of(row.tool) {
            ToolType::Shell => {
                let command = command(row.text);
                change::applied(&command).is_some() || output::may_make(&command)
            }
            _ => true,
        }
    }

    /// Whether this call itself tells of files: then what the agent applied in it belongs to the call.
    #[must_use]
    pub fn tells_files(row: &ToolRow<'_>) -> bool {
        match ToolType::of(row.tool) {
            ToolType::Edit | ToolType::Write => true,
            ToolType::Shell => change::applied(&command(row.text)).is_some(),
            _ => false,
        }
    }

    /// A call of a tool, with what is known of its end.
    pub fn tool(&mut self, row: &ToolRow<'_>, answer: &ToolAnswer) {
        let kind = ToolType::of(row.tool);
        let (status, text) = match &answer.result {
            Some((status, text)) => (Some(*status), &**text),
            None => (None, ""),
        };
        let is_well = status == Some(EventStatus::Success) && row.status == EventStatus::Success;
        let command = match kind {
            ToolType::Shell => command(row.text),
            _ => row.text.into(),
        };
        match kind {
            ToolType::Shell => {
                for made in output::of_command(&command, text, is_well) {
                    self.output(made, row.at, row.event, None);
                }
                if change::applied(&command).is_none() {
                    return;
                }
            }
            ToolType::Edit | ToolType::Write => {}
            _ => {
                let made = is_well.then(|| output::of_tool(row.tool, text)).flatten();
                made.into_iter()
                    .for_each(|made| self.output(made, row.at, row.event, Some(row.tool)));
                return;
            }
        }
        let own = change::of_tool(kind, row.tool, &command, row.truncated, text);
        let deltas = match &answer.applied {
            Some((EventStatus::Success, told)) => {
                let told = FileDelta::read(told);
                // What was applied counts; older records tell only which files that were.
                let is_bare = told.iter().all(|delta| delta.lines.is_none());
                if is_bare && !own.is_empty() {
                    own
                } else {
                    told
                }
            }
            Some(_) => {
                self.not_counted.failed += 1;
                return;
            }
            None if status.is_none() && row.status == EventStatus::Success => {
                self.not_counted.unanswered += 1;
                return;
            }
            None if !is_well || !self.confirms(row.tool, kind, text) => {
                self.not_counted.failed += 1;
                return;
            }
            None => own,
        };
        if deltas.is_empty() && !looks(kind, row) {
            self.not_counted.unnamed += 1;
        }
        self.changes(deltas, row.at, row.event);
    }

    /// Changes that the agent says it applied, outside of any call that is told too.
    pub fn applied(&mut self, at: Timestamp, event: i64, status: EventStatus, text: &str) {
        if status == EventStatus::Success {
            self.changes(FileDelta::read(text), at, event);
        } else {
            self.not_counted.failed += 1;
        }
    }

    /// A commit that a source itself tells of.
    pub fn commit(&mut self, at: Timestamp, event: i64, status: EventStatus, text: &str) {
        if status == EventStatus::Success {
            let made = Made {
                kind: OutputKind::Commit,
                title: Some(clipped(text)).filter(|title| !title.is_empty()),
                id: None,
                url: None,
            };
            self.output(made, at, event, None);
        }
    }

    /// Pictures in the result of a tool.
    pub fn images(&mut self, at: Timestamp, event: i64, tool: Option<&str>, count: u32) {
        let made = Made {
            kind: OutputKind::Images(count),
            title: None,
            id: None,
            url: None,
        };
        self.output(made, at, event, tool);
    }

    /// Everything, with at most `limit` files and as many other results.
    #[must_use]
    pub fn finish(self, limit: usize) -> Artifacts {
        let Self {
            sessions,
            files,
            mut outputs,
            not_counted,
            is_complete,
        } = self;
        let mut lines = LineCounts {
            added: 0,
            removed: 0,
            is_complete: true,
        };
        let mut files: Vec<(Box<str>, File)> = files.into_iter().collect();
        for (_, file) in &files {
            lines.add(file.lines.added, file.lines.removed);
            lines.is_complete &= file.lines.is_complete;
        }
        files.sort_by(|(a_path, a), (b_path, b)| {
            let place = |file: &File| (file.last.0, file.last.1);
            place(b).cmp(&place(a)).then_with(|| a_path.cmp(b_path))
        });
        let key = |index: usize| sessions[index].0.clone();
        let (files_total, outputs_total) = (files.len() as u64, outputs.len() as u64);
        outputs.sort_by_key(|output| std::cmp::Reverse((output.at, output.event)));
        outputs.truncate(limit);
        let file = |(path, mut file): (Box<str>, File)| {
            file.by.sort_by_key(|(_, last, _)| std::cmp::Reverse(*last));
            FileArtifact {
                path,
                fate: fate(file.first.2, file.last.2),
                renamed_from: file.renamed_from,
                changes: file.changes,
                lines: file.lines,
                first_at: file.first.0,
                last_at: file.last.0,
                event: file.last.1,
                session: key(file.session),
                by: file
                    .by
                    .iter()
                    .map(|(who, _, changes)| (key(*who), *changes))
                    .collect(),
            }
        };
        Artifacts {
            session: key(0),
            files: files.into_iter().take(limit).map(file).collect(),
            files_total,
            lines,
            outputs,
            outputs_total,
            not_counted,
            is_complete,
        }
    }

    /// Whether an answer that is no failure says that a patch was applied, where its agent has words for it.
    fn confirms(&self, tool: &str, kind: ToolType, answer: &str) -> bool {
        let agent = &self.sessions[self.sessions.len() - 1].0.agent;
        let is_patch = kind == ToolType::Shell || tool == "apply_patch";
        let words = APPLIED.iter().find(|(known, _)| is_patch && known == agent);
        words.is_none_or(|(_, words)| answer.contains(words))
    }

    fn changes(&mut self, deltas: Vec<FileDelta>, at: Timestamp, event: i64) {
        for delta in deltas {
            if let Some(from) = &delta.renamed_from {
                let gone = FileDelta::new(from, FileOp::Deleted, Some((0, 0)));
                self.change(gone, at, event);
            }
            self.change(delta, at, event);
        }
    }

    fn change(&mut self, delta: FileDelta, at: Timestamp, event: i64) {
        let who = self.sessions.len() - 1;
        let folder = self.sessions[who].1.as_deref();
        let path = resolved(folder, &delta.path);
        let renamed_from = delta.renamed_from.map(|from| resolved(folder, &from));
        if self.files.len() >= MAX_FILES && !self.files.contains_key(&path) {
            self.is_complete = false;
            return;
        }
        let place = (at, event, delta.op);
        let file = self.files.entry(path).or_insert_with(|| File {
            first: place,
            last: place,
            session: who,
            changes: 0,
            lines: LineCounts {
                added: 0,
                removed: 0,
                is_complete: true,
            },
            renamed_from: None,
            by: Vec::new(),
        });
        if (at, event) < (file.first.0, file.first.1) {
            file.first = place;
        }
        if (at, event) >= (file.last.0, file.last.1) {
            file.last = place;
            file.session = who;
        }
        file.changes += 1;
        file.renamed_from = file.renamed_from.take().or(renamed_from);
        match delta.lines {
            Some((added, removed)) => file.lines.add(added, removed),
            None => file.lines.is_complete = false,
        }
        match file.by.iter_mut().find(|(known, ..)| *known == who) {
            Some((_, last, changes)) => {
                *last = (*last).max((at, event));
                *changes += 1;
            }
            None => file.by.push((who, (at, event), 1)),
        }
    }

    fn output(&mut self, made: Made, at: Timestamp, event: i64, tool: Option<&str>) {
        let is_known =
            |known: &Output| known.kind == made.kind && known.id == made.id && made.id.is_some();
        if self.outputs.iter().any(is_known) {
            return;
        }
        if self.outputs.len() >= MAX_OUTPUTS {
            self.is_complete = false;
            return;
        }
        self.outputs.push(Output {
            kind: made.kind,
            at,
            event,
            session: self.sessions[self.sessions.len() - 1].0.clone(),
            title: made.title,
            id: made.id,
            url: made.url,
            tool: tool.map(Into::into),
        });
    }
}

/// Whether a call of an editor with several commands only looked.
fn looks(kind: ToolType, row: &ToolRow<'_>) -> bool {
    kind == ToolType::Edit && change::is_look(row.text)
}

/// What became of a file whose first and last change are these.
fn fate(first: FileOp, last: FileOp) -> FileFate {
    match (first, last) {
        (FileOp::Created, FileOp::Deleted) => FileFate::Temporary,
        (_, FileOp::Deleted) => FileFate::Deleted,
        (FileOp::Created, _) => FileFate::Created,
        (FileOp::Written, _) => FileFate::Written,
        (FileOp::Renamed, _) => FileFate::Renamed,
        (FileOp::Edited | FileOp::Deleted, _) => FileFate::Edited,
    }
}
