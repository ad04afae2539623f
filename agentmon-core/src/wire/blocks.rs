//! `agentmon.blocks.v1`.

use serde::Serialize;
use serde_json::Value;

use super::event::write_cursor;
use super::part::{Time, Tokens, Usd};
use crate::query::{Diff, Hunk, Todo, ToolBlock, ToolOutcome, TranscriptBlock, TranscriptPage};

/// A page of a transcript.
#[must_use]
pub fn blocks(page: &TranscriptPage) -> impl Serialize + '_ {
    #[derive(Serialize)]
    struct Schema<'a> {
        schema: &'static str,
        session: String,
        #[serde(flatten)]
        page: Page<'a>,
    }
    Schema {
        schema: "agentmon.blocks.v1",
        session: page.session.to_string(),
        page: page.into(),
    }
}

/// Blocks and where they are in the transcript.
#[derive(Serialize)]
pub(super) struct Page<'a> {
    blocks: Vec<Line<'a>>,
    total: u64,
    before: Option<String>,
    after: Option<String>,
}

impl<'a> From<&'a TranscriptPage> for Page<'a> {
    fn from(page: &'a TranscriptPage) -> Self {
        Self {
            blocks: page.blocks.iter().map(Line::from).collect(),
            total: page.total,
            before: page.before.map(write_cursor),
            after: page.after.map(write_cursor),
        }
    }
}

/// One block.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    id: i64,
    at: Time,
    kind: &'static str,
    status: &'static str,
    text: &'a str,
    truncated: bool,
    model: Option<&'a str>,
    usage: Option<Tokens>,
    cost_usd: Option<Usd>,
    duration_ms: Option<u64>,
    tool: Option<Tool<'a>>,
}

impl<'a> From<&'a TranscriptBlock> for Line<'a> {
    fn from(TranscriptBlock { row, tool }: &'a TranscriptBlock) -> Self {
        Self {
            id: row.id,
            at: Time(row.at),
            kind: row.kind.as_str(),
            status: row.status.as_str(),
            text: &row.text,
            truncated: row.truncated,
            model: row.model.as_deref(),
            usage: row.usage.as_ref().map(Tokens::from),
            cost_usd: row.cost.map(Usd),
            duration_ms: row.duration_ms,
            tool: tool.as_ref().map(Tool::from),
        }
    }
}

#[derive(Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    input: Option<&'a Value>,
    result: Option<Outcome<'a>>,
    images: u32,
    diff: Option<Change<'a>>,
    todos: Option<Vec<Entry<'a>>>,
}

impl<'a> From<&'a ToolBlock> for Tool<'a> {
    fn from(tool: &'a ToolBlock) -> Self {
        let todos = tool.todos.as_ref();
        Self {
            name: &tool.name,
            kind: tool.kind.as_str(),
            title: &tool.title,
            input: tool.input.as_ref(),
            result: tool.result.as_ref().map(Outcome::from),
            images: tool.images,
            diff: tool.diff.as_ref().map(Change::from),
            todos: todos.map(|todos| todos.iter().map(Entry::from).collect()),
        }
    }
}

#[derive(Serialize)]
struct Outcome<'a> {
    id: i64,
    at: Time,
    status: &'static str,
    text: &'a str,
    truncated: bool,
}

impl<'a> From<&'a ToolOutcome> for Outcome<'a> {
    fn from(result: &'a ToolOutcome) -> Self {
        Self {
            id: result.id,
            at: Time(result.at),
            status: result.status.as_str(),
            text: &result.text,
            truncated: result.truncated,
        }
    }
}

#[derive(Serialize)]
struct Change<'a> {
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hunks: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<&'a str>,
}

#[derive(Serialize)]
struct Part<'a> {
    old: &'a str,
    new: &'a str,
}

impl<'a> From<&'a Diff> for Change<'a> {
    fn from(diff: &'a Diff) -> Self {
        let part = |hunk: &'a Hunk| Part {
            old: &hunk.old,
            new: &hunk.new,
        };
        match diff {
            Diff::Hunks { path, hunks } => Self {
                path: path.as_deref(),
                hunks: hunks.iter().map(part).collect(),
                patch: None,
            },
            Diff::Patch(patch) => Self {
                path: None,
                hunks: Vec::new(),
                patch: Some(patch),
            },
        }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    text: &'a str,
    status: &'static str,
}

impl<'a> From<&'a Todo> for Entry<'a> {
    fn from(todo: &'a Todo) -> Self {
        Self {
            text: &todo.text,
            status: todo.status.as_str(),
        }
    }
}
