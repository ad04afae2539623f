//! CSV for spreadsheets.

use std::io::{self, Write};

use super::text;

/// Writes headings and rows as CSV (RFC 4180, but `\n` at line ends).
///
/// Text is made harmless. A field that a spreadsheet would take for a formula gets a `'` in front, unless it is a
/// plain number.
pub(crate) fn write(
    out: &mut dyn Write,
    headings: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut lines = Rows::new(out);
    lines.headings(headings)?;
    for row in rows {
        lines.row(row)?;
    }
    lines.flush()
}

/// CSV that is written row by row.
pub(crate) struct Rows<'a> {
    writer: csv::Writer<&'a mut dyn Write>,
    is_new: bool,
}

impl<'a> Rows<'a> {
    /// Nothing is written yet.
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            writer: csv::Writer::from_writer(out),
            is_new: true,
        }
    }

    /// Whether the headings are still to be written.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Writes the names of the columns.
    pub(crate) fn headings(
        &mut self,
        names: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> io::Result<()> {
        self.is_new = false;
        self.writer.write_record(names).map_err(into_io)
    }

    /// Writes a row.
    pub(crate) fn row(&mut self, fields: impl IntoIterator<Item = String>) -> io::Result<()> {
        let fields = fields.into_iter().map(|field| harmless(&field));
        self.writer.write_record(fields).map_err(into_io)
    }

    /// Sends off what was written.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

/// The system's own error, so that a closed pipe is known as one.
fn into_io(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn harmless(field: &str) -> String {
    let line = text::line(field);
    let formula = line.starts_with(['=', '+', '-', '@']) && line.parse::<f64>().is_err();
    format!("{}{line}", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_disarmed() {
        let rows = [["=HYPERLINK(\"x\")", "-1.5", "a,\"b\"\nc"]]
            .map(|row| row.map(str::to_owned).to_vec());
        let mut out = Vec::new();
        write(&mut out, &["one", "two", "three"], rows).unwrap();
        let expected = "one,two,three\n\"'=HYPERLINK(\"\"x\"\")\",-1.5,\"a,\"\"b\"\" c\"\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
