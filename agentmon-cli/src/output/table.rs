//! Tables for terminals: aligned columns without borders, cut to the terminal's width.

use std::io::{self, Write};

use super::style::{Palette, Style};
use super::text;

/// How a column is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Text that keeps its width as long as flexible text can give way.
    Left,
    /// Numbers.
    Right,
    /// Text that is cut when the terminal is too narrow, the widest of them first, not below 8 columns.
    Flexible,
    /// The same, but cut at its beginning: names that differ at their end.
    FlexibleEnd,
}

/// One field. Its text is made harmless when it is put in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A field in a style.
    pub(crate) fn styled(text: impl AsRef<str>, style: Style) -> Self {
        Self {
            text: text::line(text.as_ref()).into_owned(),
            style,
        }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::Plain)
    }
}

/// Rows under headings.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Layout)>,
    rows: Vec<Row>,
}

#[derive(Debug)]
enum Row {
    Cells(Vec<Cell>),
    /// A line of its own under a row.
    Note(Cell),
}

impl Row {
    fn cells(&self) -> &[Cell] {
        match self {
            Self::Cells(cells) => cells,
            Self::Note(_) => &[],
        }
    }
}

const GAP: usize = 2;
/// Flexible columns are cut down to this many columns first.
const LEAST: usize = 8;
/// When that is not enough, they and other text are cut down to this many.
const NARROW: usize = 4;
/// The width of a table whose reader is not a terminal: wide, but no wall of text. Programs read JSON or CSV.
const NO_TERMINAL: usize = 160;
/// How far a note stands in.
const NOTE: usize = 3;

impl Table {
    /// An empty table. Without any heading, none is shown.
    pub(crate) fn new(columns: &[(&'static str, Layout)]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; what is missing is empty.
    pub(crate) fn row(&mut self, row: Vec<Cell>) {
        self.rows.push(Row::Cells(row));
    }

    /// Adds a line of text under the last row.
    pub(crate) fn note(&mut self, note: Cell) {
        self.rows.push(Row::Note(note));
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How wide it wants to be, its flexible columns not cut.
    pub(crate) fn natural_width(&self) -> usize {
        let widths = self.widths();
        widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .map(|(heading, _)| text::width(heading))
            .collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row.cells()) {
                *width = (*width).max(text::width(&cell.text));
            }
        }
        widths
    }

    /// Takes columns from text until the table fits: from flexible fields first. Numbers are never cut.
    fn fit(&self, widths: &mut [usize], limit: usize) {
        let gaps = GAP * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(limit);
        for (only_flexible, least) in [(true, LEAST), (true, NARROW), (false, NARROW)] {
            let gives_way = |layout| match layout {
                Layout::Right => false,
                Layout::Left => !only_flexible,
                Layout::Flexible | Layout::FlexibleEnd => true,
            };
            while excess > 0 {
                let wide = (0..widths.len())
                    .filter(|&index| gives_way(self.columns[index].1) && widths[index] > least);
                let Some(widest) = wide.max_by_key(|&index| widths[index]) else {
                    break;
                };
                widths[widest] -= 1;
                excess -= 1;
            }
        }
    }

    /// Writes the table, each line behind `indent` spaces; `limit` is the terminal's width, if there is one.
    pub(crate) fn write(
        &self,
        out: &mut dyn Write,
        palette: Palette,
        indent: usize,
        limit: Option<usize>,
    ) -> io::Result<()> {
        let mut widths = self.widths();
        let limit = limit.unwrap_or(NO_TERMINAL);
        self.fit(&mut widths, limit.saturating_sub(indent));
        let headings = self.columns.iter().any(|(heading, _)| !heading.is_empty());
        let headings = headings.then(|| {
            let cell = |(heading, _): &(&'static str, Layout)| Cell::styled(heading, Style::Faint);
            Row::Cells(self.columns.iter().map(cell).collect())
        });
        for row in headings.iter().chain(&self.rows) {
            if let Row::Note(note) = row {
                let columns = limit.saturating_sub(indent + NOTE);
                let shown = text::clip(&note.text, columns);
                let space = " ".repeat(indent + NOTE);
                writeln!(out, "{space}{}", palette.paint(note.style, &*shown))?;
                continue;
            }
            let mut line = " ".repeat(indent);
            let mut pending = 0;
            for (index, cell) in row.cells().iter().enumerate().take(widths.len()) {
                let shown = match self.columns[index].1 {
                    Layout::FlexibleEnd => text::clip_start(&cell.text, widths[index]),
                    _ => text::clip(&cell.text, widths[index]),
                };
                let space = widths[index].saturating_sub(text::width(&shown));
                let (before, after) = match self.columns[index].1 {
                    Layout::Right => (space, 0),
                    _ => (0, space),
                };
                // Space is written only when something follows: lines do not end in blanks.
                if !shown.is_empty() {
                    line.push_str(&" ".repeat(pending + before));
                    line.push_str(&palette.paint(cell.style, &*shown));
                    pending = 0;
                } else {
                    pending += before;
                }
                pending += after + GAP;
            }
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(table: &Table, limit: Option<usize>) -> String {
        let mut out = Vec::new();
        table.write(&mut out, Palette::default(), 0, limit).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_align_and_flexible_ones_give_way() {
        let mut table = Table::new(&[
            ("ID", Layout::Left),
            ("TITLE", Layout::Flexible),
            ("COST", Layout::Right),
        ]);
        table.row(vec![
            "a1".into(),
            "Fix the 日本語 parser now".into(),
            "$1.00".into(),
        ]);
        table.row(vec!["b22".into(), Cell::default(), "$12.00".into()]);
        insta::assert_snapshot!(render(&table, None), @r"
        ID   TITLE                        COST
        a1   Fix the 日本語 parser now   $1.00
        b22                             $12.00
        ");
        insta::assert_snapshot!(render(&table, Some(30)), @r"
        ID   TITLE                COST
        a1   Fix the 日本語 p…   $1.00
        b22                     $12.00
        ");
        // Too narrow for anything: numbers are never cut, and of text a little is left.
        insta::assert_snapshot!(render(&table, Some(1)), @r"
        ID   TIT…    COST
        a1   Fix…   $1.00
        b22        $12.00
        ");
        let mut wide = Table::new(&[("", Layout::Flexible)]);
        wide.row(vec!["x".repeat(1000).into()]);
        assert_eq!(text::width(render(&wide, None).trim_end()), NO_TERMINAL);
    }

    #[test]
    fn colour_does_not_count_as_width() {
        let mut table = Table::new(&[("", Layout::Left), ("", Layout::Left)]);
        table.row(vec![Cell::styled("x\u{1b}[2J", Style::Bad), "y".into()]);
        let mut out = Vec::new();
        table
            .write(&mut out, Palette { on: true }, 1, None)
            .unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            " \u{1b}[31mx�[2J\u{1b}[0m  y\n"
        );
    }
}
