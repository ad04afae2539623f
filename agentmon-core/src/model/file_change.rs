//! Changes of files, and how the text of an event tells of them.

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOp {
    /// It is made.
    Created,
    /// It is written, and may have been there.
    Written,
    /// It is changed.
    Edited,
    /// It gets another name.
    Renamed,
    /// It is deleted.
    Deleted,
}

/// One change of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDelta {
    /// The file, as the tool names it. Hostile input.
    pub path: Box<str>,
    /// What is done.
    pub op: FileOp,
    /// The path before, for a file that gets another name.
    pub renamed_from: Option<Box<str>>,
    /// Lines added and removed, where that is told.
    pub lines: Option<(u64, u64)>,
}

impl FileDelta {
    /// Longest path that is taken for one, in bytes.
    pub const MAX_PATH: usize = 4096;

    /// A change of a file that keeps its name.
    #[must_use]
    pub fn new(path: &str, op: FileOp, lines: Option<(u64, u64)>) -> Self {
        Self {
            path: path.into(),
            op,
            renamed_from: None,
            lines,
        }
    }
}

/// Words for what is done, in the text of events.
const WORDS: [(FileOp, &str); 4] = [
    (FileOp::Created, "added"),
    (FileOp::Edited, "changed"),
    (FileOp::Renamed, "renamed"),
    (FileOp::Deleted, "deleted"),
];

impl FileDelta {
    /// A line of the text of a [`FileChange`](crate::model::EventKind::FileChange): the path, and behind a tab what was done and
    /// how many lines that was, as `added +3 -0`; a file with a new name has its old one behind another tab.
    #[must_use]
    pub fn line(&self) -> String {
        // A path is one word of one line, whatever is in it.
        let plain = |path: &str| path.replace(char::is_control, "\u{fffd}");
        let word = WORDS.iter().find(|(op, _)| *op == self.op);
        let word = word.map_or("changed", |(_, word)| *word);
        let lines = match self.lines {
            Some((added, removed)) => format!(" +{added} -{removed}"),
            None => String::new(),
        };
        let from = self.renamed_from.as_deref();
        let from = from.map(|from| format!("\t{}", plain(from)));
        let from = from.unwrap_or_default();
        format!("{}\t{word}{lines}{from}", plain(&self.path))
    }

    /// Reads the text of a [`FileChange`](crate::model::EventKind::FileChange); a line that is a path alone tells of an edit.
    #[must_use]
    pub fn read(text: &str) -> Vec<Self> {
        text.lines().filter_map(Self::read_line).collect()
    }

    fn read_line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t');
        let path = parts.next().unwrap_or_default().trim();
        let mut words = parts.next().unwrap_or_default().split(' ');
        let word = words.next().unwrap_or_default();
        let op = WORDS.iter().find(|(_, name)| *name == word);
        let mut number = |sign| words.next()?.strip_prefix(sign)?.parse().ok();
        let lines = number('+').and_then(|added| Some((added, number('-')?)));
        let delta = Self {
            renamed_from: parts.next().map(Into::into),
            ..Self::new(path, op.map_or(FileOp::Edited, |(op, _)| *op), lines)
        };
        (!path.is_empty() && path.len() <= Self::MAX_PATH).then_some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_back() {
        for delta in [
            FileDelta::new("/a b/c", FileOp::Created, Some((3, 0))),
            FileDelta::new("/a", FileOp::Edited, None),
            FileDelta {
                renamed_from: Some("/old".into()),
                ..FileDelta::new("/new", FileOp::Renamed, Some((1, 2)))
            },
        ] {
            assert_eq!(FileDelta::read(&delta.line()), [delta]);
        }
        let plain = |path| FileDelta::new(path, FileOp::Edited, None);
        assert_eq!(
            FileDelta::read("/a\n\n/b\tnonsense +x"),
            [plain("/a"), plain("/b")]
        );
        let odd = FileDelta::new("/a\n/b\tdeleted", FileOp::Edited, None);
        assert_eq!(FileDelta::read(&odd.line()).len(), 1);
    }
}
