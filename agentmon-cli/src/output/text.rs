//! Making text from agents safe to print.
//!
//! Titles, questions, file names and tool output are hostile: an escape sequence can rewrite the screen or the
//! clipboard, a bidirectional override can make one command look like another, an invisible character can hide text.
//! Nothing that comes from outside reaches a terminal without passing through here (or through the escaping of
//! [`super::json`]).

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character may change how others are shown, or is not shown itself.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, Arabic letter mark, Hangul and Khmer fillers, Mongolian selectors.
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            // Zero-width characters and direction marks (the joiner that emoji need is among them), line separators,
            // embeddings and overrides, isolates and deprecated format characters.
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
            // Tags: invisible copies of ASCII.
            | '\u{e0000}'..='\u{e0fff}')
}

/// One line of harmless text: white space is folded, what is unsafe becomes `�`.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    let harmless = |c: char| c == ' ' || !(c.is_whitespace() || is_unsafe(c));
    if text.chars().all(harmless) && !text.contains("  ") && text.trim().len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    for word in text
        .split(char::is_whitespace)
        .filter(|word| !word.is_empty())
    {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.extend(word.chars().map(replace));
    }
    Cow::Owned(clean)
}

/// Harmless text with its lines, without trailing white space.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.trim_end().lines().map(|line| {
        let expanded = line.trim_end().replace('\t', "    ");
        expanded.chars().map(replace).collect()
    })
}

fn replace(c: char) -> char {
    if is_unsafe(c) { '\u{fffd}' } else { c }
}

/// How many columns a text takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// A text cut to so many columns, with `…` in place of what is missing.
pub(crate) fn clip(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut clipped = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used + 1 > columns {
            break;
        }
        clipped.push(c);
    }
    if columns > 0 {
        clipped.push('…');
    }
    Cow::Owned(clipped)
}

/// A text cut to so many columns at its beginning, with `…` in place of what is missing.
pub(crate) fn clip_start(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns || columns == 0 {
        return clip(text, columns);
    }
    let mut used = 1;
    let kept = text.char_indices().rev().take_while(|(_, c)| {
        used += c.width().unwrap_or(0);
        used <= columns
    });
    let start = kept.last().map_or(text.len(), |(start, _)| start);
    Cow::Owned(format!("…{}", &text[start..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_harmful_is_left() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("  two\n\tlines \r\n", "two lines"),
            ("\u{1b}]52;c;ZXZpbA==\u{7}x", "�]52;c;ZXZpbA==�x"),
            ("\u{9b}2Jgone", "�2Jgone"),
            ("rm \u{202e}fr- /", "rm �fr- /"),
            ("a\u{200b}b\u{e0041}c\u{feff}", "a�b�c�"),
            ("naïve 日本語 🎉", "naïve 日本語 🎉"),
            ("a\u{2028}b", "a b"),
        ] {
            assert_eq!(line(text), expected, "{text:?}");
        }
        let kept: Vec<String> = lines("one\n\ttwo\u{1b}[2J  \n\n").collect();
        assert_eq!(kept, ["one", "    two�[2J"]);
    }

    #[test]
    fn clipping_counts_columns_not_characters() {
        assert_eq!(clip("日本語", 6), "日本語");
        assert_eq!(clip("日本語", 5), "日本…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("abc", 0), "");
        assert_eq!(clip_start("claude-opus-5-5", 9), "…opus-5-5");
        assert_eq!(clip_start("日本語", 4), "…語");
        assert_eq!(clip_start("abc", 0), "");
    }
}
