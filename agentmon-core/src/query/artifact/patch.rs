//! Which files a patch changes, and how many lines: patches between `*** Begin Patch` and `*** End Patch`, and unified
//! ones (`diff -u`, `git diff`).

use crate::model::{FileDelta, FileOp};

/// Beyond this many pairs of lines, what differs is not looked at line by line.
const MAX_PAIRS: usize = 40_000;

/// Lines that are in `new` and not in `old`, and the other way round, in their order.
#[must_use]
pub fn line_counts(old: &str, new: &str) -> (u64, u64) {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let head = same(&mut old.iter().zip(&new));
    let (old, new) = (&old[head..], &new[head..]);
    let tail = same(&mut old.iter().rev().zip(new.iter().rev()));
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let kept = if old.len().saturating_mul(new.len()) > MAX_PAIRS {
        0
    } else {
        longest_common(old, new)
    };
    ((new.len() - kept) as u64, (old.len() - kept) as u64)
}

/// How many lines the longest common subsequence has.
fn longest_common(old: &[&str], new: &[&str]) -> usize {
    let mut row = vec![0_usize; new.len() + 1];
    for line in old {
        let mut diagonal = 0;
        for (column, other) in new.iter().enumerate() {
            let above = row[column + 1];
            row[column + 1] = if line == other {
                diagonal + 1
            } else {
                above.max(row[column])
            };
            diagonal = above;
        }
    }
    row[new.len()]
}

/// The files that a patch changes. `is_cut`: the end of the text is missing, so the last file's lines are too.
pub(super) fn files(text: &str, is_cut: bool) -> Vec<FileDelta> {
    let mut files = if text.contains("*** Begin Patch") {
        marked(text)
    } else {
        unified(text)
    };
    if let Some(last) = files.last_mut().filter(|_| is_cut) {
        last.lines = None;
    }
    files
}

fn marked(text: &str) -> Vec<FileDelta> {
    const HEADS: [(&str, FileOp); 3] = [
        ("*** Add File: ", FileOp::Created),
        ("*** Update File: ", FileOp::Edited),
        ("*** Delete File: ", FileOp::Deleted),
    ];
    let mut files: Vec<FileDelta> = Vec::new();
    for line in text.lines() {
        let head = HEADS
            .iter()
            .find_map(|(head, op)| Some((line.strip_prefix(head)?.trim(), *op)));
        if let Some((path, op)) = head {
            // How many lines a deleted file had is not told.
            let lines = (op != FileOp::Deleted).then_some((0, 0));
            files.push(FileDelta::new(path, op, lines));
        } else if let Some(to) = line.strip_prefix("*** Move to: ") {
            if let Some(file) = files.last_mut() {
                file.renamed_from = Some(std::mem::replace(&mut file.path, to.trim().into()));
                file.op = FileOp::Renamed;
            }
        } else {
            count(&mut files, line);
        }
    }
    files
}

fn unified(text: &str) -> Vec<FileDelta> {
    let mut files: Vec<FileDelta> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let heads = line
            .strip_prefix("--- ")
            .zip(lines.peek().and_then(|next| next.strip_prefix("+++ ")));
        let Some((old, new)) = heads else {
            count(&mut files, line);
            continue;
        };
        let (old, new) = (plain(old, "a/"), plain(new, "b/"));
        files.push(match (old, new) {
            ("/dev/null", new) => FileDelta::new(new, FileOp::Created, Some((0, 0))),
            (old, "/dev/null") => FileDelta::new(old, FileOp::Deleted, Some((0, 0))),
            (_, new) => FileDelta::new(new, FileOp::Edited, Some((0, 0))),
        });
        lines.next();
    }
    files
}

/// A path without git's prefix and the time that `diff` writes behind it.
fn plain<'a>(path: &'a str, prefix: &str) -> &'a str {
    let path = path.split('\t').next().unwrap_or(path).trim();
    path.strip_prefix(prefix).unwrap_or(path)
}

/// Counts a line of a patch for the file that it stands under.
fn count(files: &mut [FileDelta], line: &str) {
    let Some((added, removed)) = files.last_mut().and_then(|file| file.lines.as_mut()) else {
        return;
    };
    match line.as_bytes().first() {
        Some(b'+') => *added += 1,
        Some(b'-') => *removed += 1,
        _ => {}
    }
}
