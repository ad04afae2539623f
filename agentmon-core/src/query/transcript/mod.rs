//! A transcript as people read it: blocks, with each tool's result beside its use, whatever sources told of them.

mod tool;

use std::collections::HashMap;

pub use tool::{Diff, Hunk, Todo, TodoStatus, ToolType};
pub(super) use tool::{PATH, command, diff, first};

use super::event::{EventCursor, EventRow};
use crate::model::{EventKind, EventStatus, FactKey, SessionKey, Span, Timestamp};

/// The same words within this time are one prompt that several sources told of.
const SAME_PROMPT: Span = Span::from_secs(10);

/// Where a page of a transcript is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TranscriptPlace {
    /// At the end.
    #[default]
    Last,
    /// At the beginning.
    First,
    /// Just before a block.
    Before(EventCursor),
    /// Just after a block.
    After(EventCursor),
    /// With this event in its middle.
    Around(i64),
}

/// A page of a transcript, oldest block first.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptPage {
    /// The session.
    pub session: SessionKey,
    /// Its blocks.
    pub blocks: Vec<TranscriptBlock>,
    /// How many blocks there are in all; what several sources told of counts for each of them.
    pub total: u64,
    /// Where the page before ends, if there may be one.
    pub before: Option<EventCursor>,
    /// Where the page after begins.
    pub after: Option<EventCursor>,
}

/// One thing that was said or done.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscriptBlock {
    /// The event. Its text is hostile input.
    pub row: EventRow,
    /// What a tool was asked and gave back.
    pub tool: Option<ToolBlock>,
}

/// A tool's use. All text is hostile input.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolBlock {
    /// The tool's name.
    pub name: Box<str>,
    /// What kind of tool it is.
    pub kind: ToolType,
    /// The command, file, pattern, address or question: one line.
    pub title: Box<str>,
    /// Its input, where it is a JSON object and was kept whole.
    pub input: Option<serde_json::Value>,
    /// What came back, once it did.
    pub result: Option<ToolOutcome>,
    /// Images in the result. They stay in the agent's file.
    pub images: u32,
    /// What it changes in files.
    pub diff: Option<Diff>,
    /// The list that it sets.
    pub todos: Option<Vec<Todo>>,
}

/// What a tool gave back.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolOutcome {
    /// The event's row.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// How it went.
    pub status: EventStatus,
    /// The output. Hostile input.
    pub text: Box<str>,
    /// Whether it was cut.
    pub truncated: bool,
}

impl TranscriptBlock {
    /// Its place in the transcript.
    #[must_use]
    pub fn cursor(&self) -> EventCursor {
        EventCursor {
            at: self.row.at,
            id: self.row.id,
        }
    }
}

/// Joins `heads` (events in order) with the other events of their calls.
#[must_use]
pub fn blocks(
    heads: Vec<(EventRow, Option<FactKey>)>,
    others: Vec<(EventRow, FactKey)>,
) -> Vec<TranscriptBlock> {
    let mut by_call: HashMap<FactKey, Vec<EventRow>> = HashMap::new();
    for (row, call) in others {
        by_call.entry(call).or_default().push(row);
    }
    let mut blocks: Vec<TranscriptBlock> = Vec::with_capacity(heads.len());
    for (row, call) in heads {
        let others = call.and_then(|call| by_call.remove(&call));
        let block = block(row, others.unwrap_or_default());
        let told = blocks
            .iter()
            .rev()
            .take(3)
            .any(|known| repeats(known, &block));
        if !told {
            blocks.push(block);
        }
    }
    blocks
}

/// Whether `block` is a prompt that `known` told of already: hooks and transcripts both do.
fn repeats(known: &TranscriptBlock, block: &TranscriptBlock) -> bool {
    let is_prompt = |block: &TranscriptBlock| block.row.kind == EventKind::UserPrompt;
    is_prompt(known)
        && is_prompt(block)
        && block.row.at - known.row.at <= SAME_PROMPT
        && known.row.text.trim() == block.row.text.trim()
}

fn block(mut row: EventRow, others: Vec<EventRow>) -> TranscriptBlock {
    let is_result = |row: &EventRow| row.kind == EventKind::ToolResult;
    let is_tool = matches!(row.kind, EventKind::ToolUse | EventKind::PlanStep)
        && row.tool.is_some()
        || row.kind == EventKind::ToolUse;
    if !is_tool {
        return TranscriptBlock { row, tool: None };
    }
    let (results, uses): (Vec<EventRow>, Vec<EventRow>) = others.into_iter().partition(is_result);
    for other in uses {
        // What tells most: the input as the agent wrote it, else the longest text.
        let weight = |row: &EventRow| (tool::input(row).is_some(), row.text.len());
        if weight(&other) > weight(&row) {
            row.text = other.text;
            row.truncated = other.truncated;
        }
        row.tool = row.tool.or(other.tool);
        row.model = row.model.or(other.model);
        row.usage = row.usage.or(other.usage);
        row.cost = row.cost.or(other.cost);
    }
    for result in &results {
        row.duration_ms = row.duration_ms.or(result.duration_ms);
        if row.status == EventStatus::Success {
            row.status = result.status;
        }
    }
    let result = results.into_iter().max_by_key(|row| row.text.len());
    let result = result.map(|row| ToolOutcome {
        id: row.id,
        at: row.at,
        status: row.status,
        text: row.text,
        truncated: row.truncated,
    });
    let tool = tool::read(&row, result);
    TranscriptBlock {
        row,
        tool: Some(tool),
    }
}

#[cfg(test)]
mod tests;
