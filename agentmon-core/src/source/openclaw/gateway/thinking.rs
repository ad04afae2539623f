//! Takes a model's thinking out of what it says: some models write it between tags into the answer itself.
//!
//! `<think>`, `<thinking>` and `<antthinking>`, in any case, with or without attributes, nested in each other. What an
//! opening tag begins and nothing ends is thinking too: an answer that was cut short must not show it. A closing tag that
//! nothing opened is dropped alone.

const NAMES: [&str; 3] = ["think", "thinking", "antthinking"];

/// Longest tag that is waited for: one with attributes. What is longer is text.
const MAX_TAG: usize = 256;

/// Takes thinking out of a text that comes in pieces.
#[derive(Debug, Clone, Default)]
pub struct Thinking {
    depth: usize,
    /// The beginning of what may become a tag.
    held: String,
}

/// What stands at a `<`.
enum Tag {
    Open(usize),
    Close(usize),
    /// One that holds nothing.
    Empty(usize),
    /// No tag of ours.
    None,
    /// It may become one.
    Partial,
}

impl Thinking {
    /// Adds the part of `piece` that is to be shown to `out`.
    pub fn feed(&mut self, piece: &str, out: &mut String) {
        let mut text = std::mem::take(&mut self.held);
        text.push_str(piece);
        let mut rest = &*text;
        while let Some(at) = rest.find('<') {
            self.show(&rest[..at], out);
            rest = &rest[at..];
            let (depth, length) = match tag(rest) {
                Tag::Open(length) => (self.depth + 1, length),
                Tag::Close(length) => (self.depth.saturating_sub(1), length),
                Tag::Empty(length) => (self.depth, length),
                Tag::None => {
                    self.show("<", out);
                    (self.depth, 1)
                }
                Tag::Partial => {
                    self.held = rest.to_owned();
                    return;
                }
            };
            self.depth = depth;
            rest = &rest[length..];
        }
        self.show(rest, out);
    }

    /// Adds what was held back and is no tag after all.
    pub fn finish(&mut self, out: &mut String) {
        let held = std::mem::take(&mut self.held);
        self.show(&held, out);
    }

    fn show(&self, text: &str, out: &mut String) {
        if self.depth == 0 {
            out.push_str(text);
        }
    }
}

/// What stands at the beginning of `text`, which is a `<`.
fn tag(text: &str) -> Tag {
    let inner = &text[1..];
    let (closes, name) = match inner.strip_prefix('/') {
        Some(name) => (true, name),
        None => (false, inner),
    };
    let end = name.find(|c: char| !c.is_ascii_alphabetic());
    let word = name[..end.unwrap_or(name.len())].to_ascii_lowercase();
    let Some(end) = end else {
        let may_become = NAMES.iter().any(|known| known.starts_with(&word));
        return if may_become { Tag::Partial } else { Tag::None };
    };
    if !NAMES.contains(&&*word) || !name[end..].starts_with(['>', ' ', '\n', '\t', '/']) {
        return Tag::None;
    }
    let close = name[end..].find('>').map(|at| end + at);
    let length = close.map_or(text.len(), |close| text.len() - name.len() + close + 1);
    match close {
        _ if length >= MAX_TAG => Tag::None,
        None => Tag::Partial,
        Some(_) if closes => Tag::Close(length),
        Some(close) if name[..close].ends_with('/') => Tag::Empty(length),
        Some(_) => Tag::Open(length),
    }
}

/// A whole text without its thinking and the blank lines around that.
#[must_use]
pub fn strip(text: &str) -> String {
    if !text.contains('<') {
        return text.to_owned();
    }
    let (mut thinking, mut out) = (Thinking::default(), String::new());
    thinking.feed(text, &mut out);
    thinking.finish(&mut out);
    match out.len() == text.len() {
        true => out,
        false => out.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinking_is_taken_out_however_it_is_cut() {
        for (text, shown) in [
            ("plain", "plain"),
            ("a < b and c > d", "a < b and c > d"),
            ("<think>x</think>Yes.", "Yes."),
            ("<thinking>\nx\n</thinking>\n\nYes.", "\n\nYes."),
            ("A <antthinking>x</antthinking>B", "A B"),
            ("<THINK>x</Think>Yes", "Yes"),
            ("<think reason=\"a > b\">x</think>Yes", "Yes"),
            ("<think>a<think>b</think>c</think>Yes", "Yes"),
            ("<think>a<thinking>b</thinking>c</think>Yes", "Yes"),
            ("Yes<think>cut sho", "Yes"),
            ("Yes<think", "Yes<think"),
            ("lost</think>Yes", "lostYes"),
            ("<thinker>kept</thinker>", "<thinker>kept</thinker>"),
            ("<think/>Yes", "Yes"),
            ("<think>a<think/>b</think>Yes", "Yes"),
            ("a <", "a <"),
            ("日本<think>語</think>!", "日本!"),
            ("<<think>x</think>y", "<y"),
        ] {
            // `reason="a > b"`: an attribute's `>` ends the tag; its rest is thinking all the same.
            let cuts: Vec<usize> = (0..=text.len())
                .filter(|&at| text.is_char_boundary(at))
                .collect();
            for &first in &cuts {
                for &second in cuts.iter().filter(|&&at| at >= first) {
                    let (mut thinking, mut out) = (Thinking::default(), String::new());
                    for piece in [&text[..first], &text[first..second], &text[second..]] {
                        thinking.feed(piece, &mut out);
                    }
                    thinking.finish(&mut out);
                    assert_eq!(out, shown, "{text:?} cut at {first} and {second}");
                }
            }
        }
        assert_eq!(strip("<thinking>\nx\n</thinking>\n\nYes."), "Yes.");
        assert_eq!(strip(" plain "), " plain ");
        assert_eq!(strip(&"<think".repeat(50_000)).len(), 300_000);
        assert_eq!(strip(&"<think>".repeat(50_000)), "");
    }
}
