//! What people read of a message: its text, without what OpenClaw wraps around it.

use std::borrow::Cow;

use super::entry::Block;
use crate::source::json::{self, Raw};

/// The text of a message's content, which is a string or a list of blocks.
pub(in crate::source::openclaw) fn content<'a>(raw: Raw<'a>) -> Cow<'a, str> {
    if let Some(text) = json::text(raw) {
        return text;
    }
    let mut joined = Cow::Borrowed("");
    for block in json::list::<Block<'_>>(raw) {
        let piece = match json::text(block.kind).as_deref() {
            Some("text") => json::text(block.text).unwrap_or_default(),
            Some("image") => Cow::Borrowed("[image]"),
            _ => continue,
        };
        if joined.is_empty() {
            joined = piece;
        } else {
            joined.to_mut().push('\n');
            joined.to_mut().push_str(&piece);
        }
    }
    joined
}

/// What the user wrote: Clawdbot ends the text of a prompt with a line `[message_id: ...]`.
pub(in crate::source::openclaw) fn prompt(text: &str) -> &str {
    match text.rsplit_once("\n[message_id: ") {
        Some((prompt, id)) if id.ends_with(']') && !id.contains('\n') => prompt,
        _ => text,
    }
}

/// The part of a prompt that makes a title: of a subagent its task, of a cron job its name.
pub(super) fn title(prompt: &str) -> &str {
    if prompt.starts_with("[Subagent Context]")
        && let Some((_, task)) = prompt
            .split_once("\n[Subagent Task]")
            .or_else(|| prompt.split_once("[Subagent Task]"))
    {
        let task = task.trim_start_matches([':', ' ', '\n']);
        return task.split("\n\n").next().unwrap_or(task);
    }
    if let Some(job) = prompt.strip_prefix("[cron:")
        && let Some((job, text)) = job.split_once(']')
    {
        return job.split_once(' ').map_or(text, |(_, name)| name);
    }
    prompt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_lose_what_the_gateway_wraps_around_them() {
        assert_eq!(prompt("Hello\n[message_id: run-1]"), "Hello");
        for whole in [
            "Hello [message_id: x]",
            "a\n[message_id: x]\nb",
            "a\n[message_id: x",
        ] {
            assert_eq!(prompt(whole), whole);
        }
        for (prompt, expected) in [
            ("Plain\n\nmore", "Plain\n\nmore"),
            (
                "[Subagent Context] a\n\n[Subagent Task]\n\nSum up\n\nBegin.",
                "Sum up",
            ),
            ("[Subagent Context] a [Subagent Task]: Sum up", "Sum up"),
            // The context speaks of the task.
            (
                "[Subagent Context] The [Subagent Task]; a\n\n[Subagent Task]\n\nSum up",
                "Sum up",
            ),
            ("[Subagent Context] only", "[Subagent Context] only"),
            (
                "[cron:9c06 Hourly check] Do it.\nCurrent time",
                "Hourly check",
            ),
            ("[cron:9c06] Do it.", " Do it."),
            ("[cron: broken", "[cron: broken"),
        ] {
            assert_eq!(title(prompt), expected);
        }
    }
}
