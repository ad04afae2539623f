//! What one call changes in files: from a tool's input, or from what an agent says it applied.

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};

use super::patch;
use crate::model::{FileDelta, FileOp};
use crate::query::transcript::{Diff, PATH, ToolType, diff, first};

/// Beginnings of what tools answer when the file that they wrote was not there before.
const CREATED: &[&str] = &[
    // Claude Code.
    "File created successfully",
    // Gemini CLI and Qwen Code.
    "Successfully created and wrote to new file",
];

/// Commands of editors with several that change nothing.
const LOOKS: &[&str] = &["view", "undo_edit"];

/// What a call of an editing tool, or a patch in a command, changes; nothing where it is no such call or does not tell.
pub(super) fn of_tool(
    kind: ToolType,
    name: &str,
    text: &str,
    is_cut: bool,
    answer: &str,
) -> Vec<FileDelta> {
    if kind == ToolType::Shell {
        return applied(text).map_or_else(Vec::new, |patch| patch::files(patch, is_cut));
    }
    let fields = fields(text);
    if does(&fields, LOOKS) {
        return Vec::new();
    }
    let diff = diff(kind, &fields, text);
    if let Some(Diff::Patch(patch)) = &diff {
        return patch::files(patch, is_cut);
    }
    // Some sources tell the file alone.
    let alone = || (!text.starts_with('{') && !text.contains('\n')).then_some(text.trim());
    let path = first(&fields, PATH).or_else(alone);
    let Some(path) = path.filter(|path| !path.is_empty() && path.len() <= FileDelta::MAX_PATH)
    else {
        return Vec::new();
    };
    let creates = CREATED.iter().any(|words| answer.starts_with(words))
        || is_create(name)
        || does(&fields, &["create"]);
    let op = match kind {
        _ if creates => FileOp::Created,
        ToolType::Write => FileOp::Written,
        _ => FileOp::Edited,
    };
    // What stood in a file that is written anew is not told; nor how often, or in which cell, something was replaced.
    let is_set = |name: &str| fields.get(name).and_then(Value::as_bool) == Some(true);
    let is_vague = ["replace_all", "replaceAll", "allow_multiple"]
        .iter()
        .any(|name| is_set(name))
        || fields.contains_key("new_source");
    let lines = match diff {
        Some(Diff::Hunks { hunks, .. }) if !is_cut && op != FileOp::Written && !is_vague => {
            let counts = hunks
                .iter()
                .map(|hunk| patch::line_counts(&hunk.old, &hunk.new));
            Some(counts.fold((0, 0), |sum, lines| (sum.0 + lines.0, sum.1 + lines.1)))
        }
        _ => None,
    };
    vec![FileDelta::new(path, op, lines)]
}

/// Whether a call of an editor with several commands changes nothing.
pub(super) fn is_look(text: &str) -> bool {
    does(&fields(text), LOOKS)
}

/// Whether an editor's command is one of these.
fn does(fields: &Map<String, Value>, commands: &[&str]) -> bool {
    first(fields, &["command"]).is_some_and(|command| commands.contains(&command))
}

/// Whether a tool only makes files that are not there.
fn is_create(name: &str) -> bool {
    matches!(name, "create" | "Create" | "create_file" | "createFile")
}

/// The patch that a command applies: `apply_patch` with it as its argument or its input.
pub(super) fn applied(command: &str) -> Option<&str> {
    let start = command.find("*** Begin Patch")?;
    let before = command[..start].trim_start();
    let runs = before.rfind("apply_patch").is_some_and(|at| {
        let (before, after) = (&before[..at], &before[at + "apply_patch".len()..]);
        // In code, it is called or named.
        after.starts_with([' ', '\n', '\t']) && !before.ends_with(['.', '"', '\'', '/', '_'])
    });
    runs.then_some(&command[start..])
}

/// A tool's input; of one that was cut the fields that are whole.
pub(super) fn fields(text: &str) -> Map<String, Value> {
    struct Whole<'a>(&'a mut Map<String, Value>);
    impl<'de> Visitor<'de> for Whole<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                self.0.insert(key, map.next_value()?);
            }
            Ok(())
        }
    }
    let mut fields = Map::new();
    if text.starts_with('{') {
        let mut json = serde_json::Deserializer::from_str(text);
        // What could be read before an error is in `fields`.
        drop(json.deserialize_map(Whole(&mut fields)));
    }
    fields
}

/// The path made absolute by the folder that it is relative to, without `.` and `..`.
pub(super) fn resolved(folder: Option<&str>, path: &str) -> Box<str> {
    let is_windows = path.as_bytes().get(1) == Some(&b':') || path.contains('\\');
    let is_home = path.starts_with('~');
    if is_windows || is_home {
        return path.into();
    }
    let absolute = match folder {
        Some(folder) if !path.starts_with('/') && folder.starts_with('/') => {
            format!("{folder}/{path}")
        }
        _ => path.to_owned(),
    };
    let mut parts: Vec<&str> = Vec::new();
    let is_absolute = absolute.starts_with('/');
    for part in absolute.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let root = if is_absolute { "/" } else { "" };
    format!("{root}{}", parts.join("/")).into()
}
