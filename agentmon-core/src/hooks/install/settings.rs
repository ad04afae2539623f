//! The `hooks` object of Claude Code, Codex and Gemini CLI: for each event a list of groups, each with a list of hooks.

use serde_json::{Value, json};

use super::json::{Kind, Node, read, write};
use super::{EditError, HookAgent, is_ours};

/// How long an agent waits for a hook at most, in seconds. `agentmon hook` takes a fifth of one.
const TIMEOUT_SECS: u64 = 5;

/// The events of Claude Code. Left out on purpose: `MessageDisplay`, which is told of every piece of text and waited for;
/// `WorktreeCreate`, which replaces the making of worktrees; `FileChanged` and others that say nothing of the session.
const CLAUDE_CODE: [&str; 19] = [
    "SessionStart",
    "SessionEnd",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PostToolUseFailure",
    "Notification",
    "Stop",
    "StopFailure",
    "SubagentStart",
    "SubagentStop",
    "PreCompact",
    "PostCompact",
    "Elicitation",
    "ElicitationResult",
    "CwdChanged",
    "TaskCreated",
    "TaskCompleted",
];

/// The events of Codex: all of them.
const CODEX: [&str; 12] = [
    "SessionStart",
    "SessionEnd",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "PreCompact",
    "PostCompact",
    "SubagentStart",
    "SubagentStop",
    "Stop",
    "Interrupt",
];

/// The events of Gemini CLI. Left out: those around the model, which carry the whole conversation with every piece of an
/// answer, and `PreCompress`, which fires before every request.
const GEMINI: [&str; 7] = [
    "SessionStart",
    "SessionEnd",
    "BeforeAgent",
    "AfterAgent",
    "BeforeTool",
    "AfterTool",
    "Notification",
];

fn events(agent: HookAgent) -> &'static [&'static str] {
    match agent {
        HookAgent::ClaudeCode => &CLAUDE_CODE,
        HookAgent::Codex => &CODEX,
        HookAgent::Gemini => &GEMINI,
    }
}

/// One group with agentmon's hook.
fn group(agent: HookAgent, line: &str) -> Value {
    // Gemini CLI counts milliseconds.
    let timeout = match agent {
        HookAgent::Gemini => TIMEOUT_SECS * 1000,
        HookAgent::ClaudeCode | HookAgent::Codex => TIMEOUT_SECS,
    };
    json!({"hooks": [{"type": "command", "command": line, "timeout": timeout}]})
}

pub(super) fn install(text: &str, agent: HookAgent, line: &str) -> Result<String, EditError> {
    let wanted = group(agent, line);
    // What a former agentmon put elsewhere goes first.
    let mut text = remove(text, agent, |event, found| {
        !(events(agent).contains(&event) && *found == wanted)
    })?;
    if text.trim().is_empty() {
        text = "{}\n".to_owned();
    }
    for event in events(agent) {
        let root = read(&text)?;
        let Some(hooks) = root.get("hooks") else {
            let value = write(&text, 1, &json!({*event: [wanted]}));
            text = root.with_part(&text, 0, &format!("\"hooks\": {value}"));
            continue;
        };
        let Some(groups) = hooks.get(event) else {
            let value = write(&text, 2, &json!([wanted]));
            text = hooks.with_part(&text, 1, &format!("\"{event}\": {value}"));
            continue;
        };
        let is_there = groups
            .items()
            .iter()
            .any(|item| item.value(&text) == wanted);
        if !is_there {
            let value = write(&text, 3, &wanted);
            text = groups.with_part(&text, 2, &value);
        }
    }
    Ok(text)
}

pub(super) fn uninstall(text: &str, agent: HookAgent) -> Result<String, EditError> {
    remove(text, agent, |_, _| true)
}

/// Takes out agentmon's hooks in groups for which `unwanted` says so, and what is empty then.
fn remove(
    text: &str,
    agent: HookAgent,
    unwanted: impl Fn(&str, &Value) -> bool,
) -> Result<String, EditError> {
    let mut text = text.to_owned();
    if text.trim().is_empty() {
        return Ok(text);
    }
    // Each step leaves a document that is read anew: places shift.
    while let Some(step) = step(&text, agent, &unwanted)? {
        text = step;
    }
    Ok(text)
}

/// The text without the first thing that is to go, if there is any.
fn step(
    text: &str,
    agent: HookAgent,
    unwanted: &impl Fn(&str, &Value) -> bool,
) -> Result<Option<String>, EditError> {
    let root = checked(text)?;
    let Some(hooks) = root.get("hooks") else {
        return Ok(None);
    };
    for (event_at, (event, _, groups)) in hooks.members().iter().enumerate() {
        for (group_at, group) in groups.items().iter().enumerate() {
            let list = group.get("hooks");
            let ours = list.and_then(|list| {
                let is_ours = |hook: &Node| {
                    let command = hook.get("command").map(|command| command.value(text));
                    command
                        .as_ref()
                        .and_then(Value::as_str)
                        .is_some_and(|line| is_ours(line, agent))
                };
                let at = list.items().iter().position(is_ours)?;
                Some((list, at))
            });
            let Some((list, at)) = ours else { continue };
            if !unwanted(event, &group.value(text)) {
                continue;
            }
            if list.items().len() > 1 {
                return Ok(Some(list.without_part(text, at)));
            }
            if groups.items().len() > 1 {
                return Ok(Some(groups.without_part(text, group_at)));
            }
            if hooks.members().len() > 1 {
                return Ok(Some(hooks.without_part(text, event_at)));
            }
            let at = root.members().iter().position(|(name, ..)| name == "hooks");
            return Ok(at.map(|at| root.without_part(text, at)));
        }
    }
    Ok(None)
}

/// A document with the shape that hooks need.
fn checked(text: &str) -> Result<Node, EditError> {
    let wrong = |what: &str, shape| Err(EditError::Shape(what.to_owned(), shape));
    let root = read(text)?;
    if !matches!(root.kind, Kind::Object(_)) {
        return wrong("the document", "an object");
    }
    let Some(hooks) = root.get("hooks") else {
        return Ok(root);
    };
    if !matches!(hooks.kind, Kind::Object(_)) {
        return wrong("`hooks`", "an object");
    }
    for (event, _, groups) in hooks.members() {
        if !matches!(groups.kind, Kind::Array(_)) {
            return wrong(&format!("`hooks.{event}`"), "a list");
        }
    }
    Ok(root)
}
