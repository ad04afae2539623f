//! Colour, where it is wanted.

use std::fmt;

use clap::ValueEnum;

/// When to use colour: on a terminal unless `NO_COLOR` is set or `TERM` is `dumb`, always, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    // No doc comments here: they would go into every help text.
    #[default]
    Auto,
    Always,
    Never,
}

/// What a piece of text stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    /// Ordinary text.
    #[default]
    Plain,
    /// Headings and what matters most.
    Strong,
    /// What can be overlooked.
    Faint,
    /// It needs the user.
    Alert,
    /// Something is wrong.
    Bad,
    /// All is well.
    Good,
    /// It is held up.
    Held,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Alert => "1;35",
            Self::Bad => "31",
            Self::Good => "32",
            Self::Held => "33",
        }
    }
}

/// Paints text, or does not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Palette {
    /// Whether colour is used.
    pub(crate) on: bool,
}

impl Palette {
    /// `text` in a style. `text` must be harmless already.
    pub(crate) fn paint(self, style: Style, text: impl fmt::Display) -> String {
        if self.on && style != Style::Plain {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        } else {
            text.to_string()
        }
    }
}
