//! Everything that reaches the terminal: formats, colour, tables. No command prints in any other way.

pub(crate) mod csv;
pub(crate) mod human;
pub(crate) mod json;
pub(crate) mod progress;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;

use style::{ColorChoice, Palette};
use table::Table;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Standard output, buffered, with what is known about its reader.
#[derive(Debug)]
pub(crate) struct Output {
    out: BufWriter<StdoutLock<'static>>,
    /// How an answer is written.
    pub(crate) format: Format,
    /// Colour.
    pub(crate) palette: Palette,
    /// The terminal's width; `None` if the reader is not a terminal.
    pub(crate) width: Option<usize>,
}

impl Output {
    /// Standard output as the user wants it.
    pub(crate) fn new(format: Format, color: ColorChoice) -> Self {
        let stdout = io::stdout();
        let terminal = stdout.is_terminal();
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let on = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal
                    && !set("NO_COLOR")
                    && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        let size = || terminal_size::terminal_size_of(io::stdout());
        Self {
            out: BufWriter::with_capacity(64 * 1024, stdout.lock()),
            format,
            palette: Palette { on },
            width: terminal.then(|| size().map_or(80, |(width, _)| usize::from(width.0))),
        }
    }

    /// Writes a value as JSON: on one line, or spread out if a person reads it.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        json::write(&mut self.out, value, self.width.is_some())
    }

    /// Writes a value as one line of JSON and sends it off.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> io::Result<()> {
        json::write(&mut self.out, value, false)?;
        self.out.flush()
    }

    /// Writes CSV.
    pub(crate) fn csv(
        &mut self,
        headings: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> io::Result<()> {
        csv::write(&mut self.out, headings, rows)
    }

    /// Writes a table behind so many spaces.
    pub(crate) fn table(&mut self, table: &Table, indent: usize) -> io::Result<()> {
        table.write(&mut self.out, self.palette, indent, self.width)
    }

    /// Writes a line. It must be harmless already.
    pub(crate) fn line(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", line.as_ref())
    }

    /// For what agentmon itself generates: completion scripts, the manual page.
    pub(crate) fn raw(&mut self) -> &mut impl Write {
        &mut self.out
    }

    /// Begins a frame that takes the place of what is on the terminal. It is seen when it is sent off.
    pub(crate) fn frame(&mut self) -> io::Result<()> {
        let size = terminal_size::terminal_size_of(io::stdout());
        self.width = size.map(|(width, _)| usize::from(width.0)).or(self.width);
        write!(self.out, "\u{1b}[H\u{1b}[J")
    }

    /// Sends off what was written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
