//! Searching the text of events: what a query means, what it found, and how much of the text is indexed.

use std::ops::Range;

use crate::model::{AgentKind, EventKind, EventStatus, SessionKey, Timestamp};

/// What is looked for, read from what people type: words that must all occur, `"phrases"` whose words must stand
/// together, and beginnings of words (`pars*`). Nothing else is special, so no text is a syntax error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchText {
    /// What must occur, all of it.
    pub terms: Vec<SearchTerm>,
}

/// A word or phrase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchTerm {
    /// Its text, with at least one letter or digit.
    pub text: String,
    /// Whether its last word is only the beginning of one.
    pub prefix: bool,
}

impl SearchText {
    /// Reads a query. It has no terms when there is no letter and no digit in it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut terms = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c| !separates(c)) {
            rest = &rest[start..];
            let (term, after) = if let Some(phrase) = rest.strip_prefix('"') {
                // A phrase without an end goes to the end.
                phrase.split_once('"').unwrap_or((phrase, ""))
            } else {
                let end = rest.find(|c| separates(c) || c == '"');
                rest.split_at(end.unwrap_or(rest.len()))
            };
            let (term, starred) = match term.strip_suffix('*') {
                Some(term) => (term, true),
                None => (term, false),
            };
            let (after, star_follows) = match after.strip_prefix('*') {
                Some(after) => (after, true),
                None => (after, false),
            };
            rest = after;
            if term.contains(char::is_alphanumeric) {
                terms.push(SearchTerm {
                    text: term.replace('\0', " "),
                    prefix: starred || star_follows,
                });
            }
        }
        Self { terms }
    }
}

impl From<&str> for SearchText {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

/// Whether a character stands between words. SQLite would take a NUL for the end of the text.
fn separates(c: char) -> bool {
    c.is_whitespace() || c == '\0'
}

/// In which order hits come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SearchOrder {
    /// The latest first.
    #[default]
    Newest,
    /// The most telling first (BM25). Where more than about 3,000 events match, of the newest alone.
    Best,
}

impl SearchOrder {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "newest",
            Self::Best => "best",
        }
    }
}

/// What to search for and where. An empty list lets everything through; the entries of one list are alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchFilter {
    /// What must occur in the text.
    pub text: SearchText,
    /// Sessions, by id or by a beginning of it.
    pub sessions: Vec<Box<str>>,
    /// Agents.
    pub agents: Vec<AgentKind>,
    /// Projects, by name or by folder.
    pub projects: Vec<Box<str>>,
    /// Kinds of events.
    pub kinds: Vec<EventKind>,
    /// Events at or after this time.
    pub since: Option<Timestamp>,
    /// Events before this time.
    pub until: Option<Timestamp>,
    /// Order of the hits.
    pub order: SearchOrder,
    /// At most this many; 0 means 20.
    pub limit: usize,
}

/// An event whose text matches.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The event's row.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The session.
    pub session: SessionKey,
    /// The session's title. Hostile input, like all text here.
    pub title: Option<Box<str>>,
    /// The name of the session's project.
    pub project: Option<Box<str>>,
    /// What kind of event.
    pub kind: EventKind,
    /// How it went.
    pub status: EventStatus,
    /// Tool name, for tool events.
    pub tool: Option<Box<str>>,
    /// The text around the matches.
    pub snippet: Snippet,
}

/// A part of a text with what matches in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The text, with `…` where it was cut.
    pub text: String,
    /// Where the matches are in it, in bytes, in order and apart from each other.
    pub matches: Vec<Range<usize>>,
}

impl Snippet {
    /// Stands before a match in [`Snippet::marked`] text.
    pub const BEGIN: char = '\u{2}';
    /// Stands behind a match in [`Snippet::marked`] text.
    pub const END: char = '\u{3}';

    /// Reads text in which matches stand between [`Snippet::BEGIN`] and [`Snippet::END`]. Stray marks are dropped.
    #[must_use]
    pub fn marked(marked: &str) -> Self {
        let mut snippet = Self::default();
        let mut begin = None;
        for c in marked.chars() {
            match c {
                Self::BEGIN => begin = Some(snippet.text.len()),
                Self::END => {
                    let end = snippet.text.len();
                    if let Some(begin) = begin.take().filter(|begin| *begin < end) {
                        snippet.matches.push(begin..end);
                    }
                }
                c => snippet.text.push(c),
            }
        }
        snippet
    }
}

/// How much of the transcripts' text is indexed. What is not cannot be found yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Files with text.
    pub files: u64,
    /// Those of them that are indexed to their end.
    pub files_indexed: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes that are indexed.
    pub bytes_indexed: u64,
}

impl IndexProgress {
    /// Whether everything is indexed that was seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.files_indexed == self.files
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchResults {
    /// The hits, in the order asked for.
    pub hits: Vec<SearchHit>,
    /// Whether there are more than the limit.
    pub more: bool,
    /// Best first, where very many events match: only those since then were ranked.
    pub ranked_since: Option<Timestamp>,
    /// How much of the text was searched.
    pub index: IndexProgress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_a_query() {
        let check = |text: &str, expected: &[(&str, bool)]| {
            let parsed = SearchText::parse(text);
            let terms: Vec<(&str, bool)> = parsed
                .terms
                .iter()
                .map(|term| (&*term.text, term.prefix))
                .collect();
            assert_eq!(terms, expected, "{text:?}");
        };
        check(
            "fix the parser",
            &[("fix", false), ("the", false), ("parser", false)],
        );
        check("\"fix the\" pars*", &[("fix the", false), ("pars", true)]);
        check("\"fix the pars\"*", &[("fix the pars", true)]);
        check("\"fix the pars*\"", &[("fix the pars", true)]);
        check("\"no end", &[("no end", false)]);
        check(
            "AND OR NOT",
            &[("AND", false), ("OR", false), ("NOT", false)],
        );
        check("a\"b\"c", &[("a", false), ("b", false), ("c", false)]);
        check(
            "text:(x) ^y -z",
            &[("text:(x)", false), ("^y", false), ("-z", false)],
        );
        check("a\0b", &[("a", false), ("b", false)]);
        check("\"a\0b\"", &[("a b", false)]);
        for nothing in ["", "  ", "\"", "\"\"", "*", "-> ** {} \"()\"", "\0"] {
            check(nothing, &[]);
        }
    }

    #[test]
    fn marks_become_ranges() {
        let snippet = Snippet::marked("…a \u{2}bé\u{3} c\u{3} \u{2}d");
        assert_eq!(snippet.text, "…a bé c d");
        assert_eq!(snippet.matches, vec![Range { start: 5, end: 8 }]);
        assert_eq!(&snippet.text[5..8], "bé");
    }
}
