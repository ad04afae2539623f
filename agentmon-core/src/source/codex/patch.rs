//! Which files a patch changed, as the client tells after it was applied:
//! `{"path": {"type": "add"|"update"|"delete", "content" | "unified_diff", "move_path"}}`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::text::{Text, part};
use crate::model::{FileDelta, FileOp};

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(default, borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(default, borrow)]
    content: Text<'a>,
    #[serde(default, borrow)]
    unified_diff: Text<'a>,
    #[serde(default, borrow)]
    move_path: Text<'a>,
}

/// The text of an event that tells of these changes; `None` where there are none to read.
pub(super) fn lines(changes: Option<&RawValue>) -> Option<String> {
    let changes: BTreeMap<String, &RawValue> = part(changes)?;
    let line = |(path, change): (&String, &&RawValue)| match part(Some(*change)) {
        Some(change) => delta(path, &change).line(),
        None => path.clone(),
    };
    let lines: Vec<String> = changes.iter().map(line).collect();
    Some(lines.join("\n"))
}

fn delta(path: &str, change: &Change<'_>) -> FileDelta {
    let content = change.content.get().map(|text| text.lines().count() as u64);
    let counted = change.unified_diff.get().map(counts);
    let (op, whole) = match change.kind.get() {
        Some("add") => (FileOp::Created, content.map(|lines| (lines, 0))),
        Some("delete") => (FileOp::Deleted, content.map(|lines| (0, lines))),
        _ => (FileOp::Edited, None),
    };
    let delta = FileDelta::new(path, op, whole.or(counted));
    match change.move_path.get() {
        Some(to) if to != path => FileDelta {
            path: to.into(),
            op: FileOp::Renamed,
            renamed_from: Some(path.into()),
            ..delta
        },
        _ => delta,
    }
}

/// Lines added and removed in the hunks of a difference.
fn counts(diff: &str) -> (u64, u64) {
    let hunks = diff.lines().skip_while(|line| !line.starts_with("@@"));
    hunks.fold((0, 0), |(added, removed), line| match line.as_bytes() {
        [b'+', ..] => (added + 1, removed),
        [b'-', ..] => (added, removed + 1),
        _ => (added, removed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_all_kinds_are_told() {
        let told = |json: &str| {
            let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
            lines(Some(&raw))
        };
        let changes = r#"{
            "/a": {"type": "add", "content": "1\n2\n"},
            "/b": {"type": "update", "unified_diff": "--- a\n+++ b\n@@ -1 +1,2 @@\n-x\n+y\n+z\n", "move_path": null},
            "/c": {"type": "delete", "content": "1\n"},
            "/d": {"type": "update", "unified_diff": "@@ -1 +1 @@\n-x\n+y\n", "move_path": "/e"},
            "/f": {"type": "add", "unified_diff": "@@ -0,0 +1 @@\n+1\n"},
            "/g": "odd",
            "/h": {"type": "update", "unified_diff": 7}
        }"#;
        let expected = "/a\tadded +2 -0\n/b\tchanged +2 -1\n/c\tdeleted +0 -1\n/e\trenamed +1 -1\t/d\n/f\tadded +1 -0\n/g\n/h\tchanged";
        assert_eq!(told(changes).as_deref(), Some(expected));
        assert_eq!(told("{}").as_deref(), Some(""));
        assert_eq!(told("[1]"), None);
    }
}
